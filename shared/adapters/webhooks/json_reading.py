"""Reading what providers post to us: JSON from strangers, so nothing is taken for granted."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.domain.errors import FieldError, Invalid
from shared.domain.vietnam_time import moment, stamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# 2000-01-01 and 2100-01-01: news from outside of this range has a broken clock or another unit.
_FIRST_MS = 946_684_800_000
_LAST_MS = 4_102_444_800_000


def load(raw: bytes) -> dict[str, Any]:
    """The JSON object of a body; raises Invalid."""
    try:
        # Fractions become text: items and events know no floats.
        payload = json.loads(raw, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise Invalid([FieldError("", "is not a JSON object")], "The callback cannot be read.")
    return payload


def inner(value: Any, *path: str) -> Any:
    """What stands at a path of keys, or None."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def text(value: Any, *path: str) -> str:
    """The text or whole number at a path as text, else ""; lone surrogates, which no store takes, become "?"."""
    found = inner(value, *path)
    if isinstance(found, str):
        return found.encode("utf-8", "replace").decode()
    return str(found) if isinstance(found, int) and not isinstance(found, bool) else ""


def objects(value: Any, *path: str) -> list[dict[str, Any]]:
    """The objects of a list at a path; whatever else stands there is left out."""
    found = inner(value, *path)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def millis(value: Any, *path: str) -> str | None:
    """The stamp of milliseconds since 1970 at a path (a number or its text), or None."""
    found = inner(value, *path)
    if isinstance(found, bool) or not isinstance(found, int | str):
        return None
    digits = str(found).strip()
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 14:
        return None
    number = int(digits)
    return stamp(_EPOCH + timedelta(milliseconds=number)) if _FIRST_MS <= number <= _LAST_MS else None


def rfc3339(value: Any, *path: str) -> str | None:
    """The stamp of an RFC 3339 text at a path, or None."""
    try:
        return stamp(moment(text(value, *path)))
    except ValueError:
        return None


def plain(value: Any, depth: int = 4) -> Any:
    """A copy that an item can hold: no floats, no deep nests, no lone surrogates."""
    if isinstance(value, dict) and depth:
        return {text(key) or "_": plain(entry, depth - 1) for key, entry in value.items()}
    if isinstance(value, list) and depth:
        return [plain(entry, depth - 1) for entry in value]
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bool) or value is None or isinstance(value, int):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return text(str(value))
