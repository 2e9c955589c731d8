"""How a provider's error codes are written down: one row per code, read by eye, with what to do and until when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Literal, NamedTuple

from shared.domain.messaging.channel_errors import ChannelError, TroubleKind
from shared.domain.vietnam_time import VIETNAM

Until = Literal["", "next_minute", "morning", "next_day", "next_month"]


class Hours(NamedTuple):
    """When waiting ends, by the wall clock of Vietnam.

    `morning`: a night that ends at 06:00, and five minutes for clocks to agree and the first rush to pass. `new_day`:
    when the provider counts a quota afresh; where none was found in its words, midnight is a guess and a setting.
    """

    morning: time = time(6, 5)
    new_day: time = time(0, 0)


DEFAULT_HOURS = Hours()


class Trouble(NamedTuple):
    """What one error code means to us."""

    kind: TroubleKind
    reason: str
    until: Until = ""


def channel_error(table: Mapping[int, Trouble], code: int, now: datetime, hours: Hours = DEFAULT_HOURS) -> ChannelError:
    """The error behind a code; an unknown one needs a human, because a loop over it would never end."""
    trouble = table.get(code) or Trouble("misconfigured", "an error code that is not in our table")
    return ChannelError(trouble.kind, str(code), trouble.reason, until(trouble.until, now, hours))


def until(when: Until, now: datetime, hours: Hours = DEFAULT_HOURS) -> datetime | None:
    """The first moment of the next minute, morning, day or month, in UTC."""
    local = now.astimezone(VIETNAM)
    if when == "next_minute":
        found = local.replace(second=0, microsecond=0) + timedelta(minutes=1)
    elif when == "morning":
        found = _next(local, hours.morning)
    elif when == "next_day":
        found = _next(local, hours.new_day)
    elif when == "next_month":
        found = _next(local, hours.new_day)
        while found.day != 1:
            found += timedelta(days=1)
    else:
        return None
    return found.astimezone(UTC)


def _next(local: datetime, at: time) -> datetime:
    today = datetime.combine(local.date(), at, VIETNAM)
    return today if local < today else today + timedelta(days=1)
