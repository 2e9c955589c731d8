"""What somebody states, read field by field with every mistake named: bodies, traits, birthdays and consent."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import InvalidOperation
from typing import Any

from shared.domain.customers.profile import TRAITS
from shared.domain.errors import FieldError, Invalid
from shared.domain.messaging.channel_errors import CONSENT_CHANNELS, PURPOSES
from shared.domain.vietnam_time import local_day, moment, stamp

# One event is taken in by one transaction, which has room for so many statements.
MAX_CONSENTS = 40

GENDERS = {"female": "female", "f": "female", "nữ": "female", "nu": "female",
           "male": "male", "m": "male", "nam": "male", "other": "other", "khác": "other"}  # fmt: skip

# A clock may be a little ahead of ours.
TOLERANCE = timedelta(minutes=5)
OLDEST = date(1990, 1, 1)
_NO_TIME = "must be an RFC 3339 time such as 2026-11-21T09:30:00+07:00"


@dataclass
class Reader:
    """Collects every wrong field of one message, so that the sender hears of all of them at once."""

    prefix: str
    errors: list[FieldError] = field(default_factory=list)

    def wrong(self, name: str, reason: str) -> None:
        self.errors.append(FieldError(f"{self.prefix}{name}", reason))

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
            self.wrong(path + name, f"must have at most {limit} characters")
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


def fields(body: Any, known: Collection[str], what: str) -> Reader:
    """A reader of a body that has these fields; raises Invalid where it is no object."""
    if not isinstance(body, dict):
        raise Invalid([FieldError("body", "must be an object")])
    read = Reader("")
    for name in sorted(body.keys() - set(known)):
        read.wrong(name, f"is not a field of {what}")
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


_IDENTITY_TRAITS = frozenset(("phone", "email", "loyalty_id", "zalo_user_id", "messenger_psid", "external"))
_NAME_TRAITS = frozenset(("name", "firstName", "first_name", "lastName", "last_name"))


def read_traits(read: Reader, values: dict[str, Any], path: str, today: date) -> dict[str, Any]:
    """Traits of one object, checked; unknown ones become attributes."""
    traits: dict[str, Any] = {}
    if not values:
        return traits
    name = read.text(values, "name", path) or " ".join(
        part
        for part in (
            read.text(values, "last_name", path) or read.text(values, "lastName", path),
            read.text(values, "first_name", path) or read.text(values, "firstName", path),
        )
        if part
    )
    # A dash in the till's name field is no name, and must not replace one.
    if any(letter.isalpha() for letter in name):
        traits["name"] = " ".join(name.split())
    for field_name in ("city", "home_store"):
        if text := read.text(values, field_name, path, 120):
            traits[field_name] = text
    if (raw := values.get("birthday")) is not None and raw != "":
        with read.reading(path + "birthday"):
            traits["birthday"] = birthday(raw, today)
    if (raw := values.get("gender")) is not None and raw != "":
        gender = GENDERS.get(str(raw).strip().lower())
        if gender is None:
            read.wrong(path + "gender", "must be female, male or other")
        else:
            traits["gender"] = gender
    for key, raw in values.items():
        if key in _IDENTITY_TRAITS or key in _NAME_TRAITS or key in TRAITS or raw is None:
            continue
        if key == "attributes" and isinstance(raw, dict):
            traits |= {f"@{k}"[:80]: plain(v) for k, v in raw.items() if v is not None}
        else:
            traits[f"@{key}"[:80]] = plain(raw)
    return traits


def plain(value: Any) -> Any:
    """A free value as the table can hold it: texts, whole numbers and flags as they are, all else as JSON text."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)[:1000]
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) < 10**15):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return json.dumps(value, ensure_ascii=False)[:2000]


def birthday(raw: Any, today: date) -> str:
    """A birthday as a plain date (ISO text, or an ISO time whose date counts); raises ValueError."""
    if not isinstance(raw, str):
        raise ValueError("must be a date such as 1990-05-21")
    try:
        day = date.fromisoformat(raw[:10] if raw[10:11] in ("T", " ") else raw)
    except ValueError:
        raise ValueError("must be a date such as 1990-05-21") from None
    if not date(1900, 1, 1) <= day <= today:
        raise ValueError("must lie between 1900 and today")
    return day.isoformat()


def read_consent(
    read: Reader, raw: Any, path: str, said_at: datetime, now: datetime, source: str
) -> list[dict[str, Any]]:
    """Consent statements `{channel, purpose, granted, at?, proof?}`; `at` defaults to the moment of the message."""
    if not isinstance(raw, list):
        read.wrong(path, "must be a list")
        return []
    if len(raw) > MAX_CONSENTS:
        read.wrong(path, f"may have at most {MAX_CONSENTS} statements")
        return []
    said: list[dict[str, Any]] = []
    for number, statement in enumerate(raw):
        here = f"{path}[{number}]"
        if not isinstance(statement, dict):
            read.wrong(here, "must be an object")
            continue
        for unknown in sorted(statement.keys() - {"channel", "purpose", "granted", "at", "proof"}):
            read.wrong(f"{here}.{unknown}", "is not a field of a consent")
        if statement.get("channel") not in CONSENT_CHANNELS:
            read.wrong(f"{here}.channel", f"must be one of {', '.join(CONSENT_CHANNELS)}")
        if statement.get("purpose") not in PURPOSES:
            read.wrong(f"{here}.purpose", f"must be one of {', '.join(PURPOSES)}")
        if not isinstance(statement.get("granted"), bool):
            read.wrong(f"{here}.granted", "must be true or false")
        when: datetime | None = said_at
        if statement.get("at") is not None:
            when = parse_moment(read, f"{here}.at", statement["at"])
            if when and when > now + TOLERANCE:
                read.wrong(f"{here}.at", "is in the future")
        proof = statement.get("proof")
        said.append(
            {
                "channel": statement.get("channel"),
                "purpose": statement.get("purpose"),
                "granted": statement.get("granted"),
                "at": stamp(when or said_at),
                "source": source,
            }
            | ({"proof": plain(proof)} if proof is not None else {})
        )
    return said
