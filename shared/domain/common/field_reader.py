"""Request bodies, read field by field with every mistake named."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import InvalidOperation
from typing import Any

from shared.domain.common.validation_text import no_such_field
from shared.domain.errors import FieldError, Invalid
from shared.domain.vietnam_time import local_day, moment

# A clock may be a little ahead of ours.
TOLERANCE = timedelta(minutes=5)
OLDEST = date(1990, 1, 1)
_NO_TIME = "must be an RFC 3339 time such as 2026-11-21T09:30:00+07:00"


@dataclass
class Reader:
    """Collects every wrong field of one message, so that the sender learns of all of them at once."""

    errors: list[FieldError] = field(default_factory=list)

    def wrong(self, name: str, reason: str) -> None:
        self.errors.append(FieldError(name, reason))

    def only(self, source: Mapping[str, Any], known: Collection[str], path: str = "") -> None:
        """Names every field of an object that is not known."""
        for name in sorted(source.keys() - set(known)):
            self.wrong(path + name, no_such_field(name, known))

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        try:
            yield
        except (ValueError, InvalidOperation) as error:
            self.wrong(name, str(error) if isinstance(error, ValueError) else "is not a number")

    def text(self, source: dict[str, Any], name: str, path: str = "", limit: int = 256) -> str:
        """A text or whole number as text, NFC, trimmed; "" when absent."""
        raw = source.get(name)
        if raw is None or raw == "":
            return ""
        if isinstance(raw, bool) or not isinstance(raw, str | int):
            self.wrong(path + name, "must be a text")
            return ""
        value = unicodedata.normalize("NFC", str(raw)).strip()
        if len(value) > limit:
            self.wrong(path + name, f"must be at most {limit} characters long")
            return ""
        return value

    def mapping(self, source: dict[str, Any], name: str, path: str = "") -> dict[str, Any]:
        raw = source.get(name)
        if raw is None:
            return {}
        if not isinstance(raw, dict):
            self.wrong(path + name, "must be an object")
            return {}
        return raw

    def flag(self, source: dict[str, Any], name: str, path: str = "") -> bool:
        raw = source.get(name, False)
        if not isinstance(raw, bool):
            self.wrong(path + name, "must be true or false")
            return False
        return raw


def fields(body: Any, known: Collection[str]) -> Reader:
    """A reader of a body that has these fields; raises Invalid where it is no object."""
    if not isinstance(body, dict):
        raise Invalid([FieldError("body", "must be an object")])
    read = Reader()
    read.only(body, known)
    return read


def done(read: Reader) -> None:
    """Raises Invalid naming every wrong field, if there is one."""
    if read.errors:
        raise Invalid(read.errors)


def parse_moment(read: Reader, name: str, raw: Any) -> datetime | None:
    if not isinstance(raw, str):
        read.wrong(name, _NO_TIME)
        return None
    try:
        at = moment(raw)
    except ValueError as error:
        read.wrong(name, str(error) if str(error) in ("has no time zone", "is out of range") else _NO_TIME)
        return None
    if local_day(at) < OLDEST:
        read.wrong(name, "is before 1990")
        return None
    return at


def plain(value: Any) -> Any:
    """A free value as the table can hold it: texts, whole numbers and flags as they are, all else as JSON text."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)[:1000]
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) < 10**15):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return json.dumps(value, ensure_ascii=False)[:2000]
