"""Days and moments: UTC at rest, the shop's local day for every rule that says "day".

Vietnam has kept +07:00 without daylight saving since 1975 and no date before 1990 is accepted, so the offset is a
constant.
"""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache

VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
DAY = timedelta(days=1)


# One batch converts the same few moments again and again.
@lru_cache(maxsize=1024)
def stamp(moment: datetime) -> str:
    """UTC, milliseconds, always 24 characters, so that text order is time order: 2026-11-21T05:00:00.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


@lru_cache(maxsize=1024)
def moment(text: str) -> datetime:
    """The aware UTC moment of an RFC 3339 text; raises ValueError when it is none or has no offset."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError("has no time zone")
    _keep_in_calendar(parsed)
    return parsed.astimezone(UTC)


def read_day(text: str) -> date:
    """The day of a text such as 2026-11-21; raises ValueError when it is none."""
    day = date.fromisoformat(text)
    _keep_in_calendar(day)
    return day


def _keep_in_calendar(day: date) -> None:
    if not MINYEAR < day.year < MAXYEAR:
        # At the ends of the calendar an offset leads out of it.
        raise ValueError("is out of range")


@lru_cache(maxsize=1024)
def local_day(when: datetime) -> date:
    """The shop's calendar day of a moment."""
    return when.astimezone(VIETNAM).date()


@lru_cache(maxsize=1024)
def day_start(day: date) -> datetime:
    """The moment a local day begins, in UTC."""
    return datetime.combine(day, time(), VIETNAM).astimezone(UTC)
