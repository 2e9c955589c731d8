"""How a provider's error codes are written down: one row per code, read by eye, with what to do and until when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Literal, NamedTuple

from shared.domain.sending import ChannelError, TroubleKind
from shared.domain.vietnam_time import VIETNAM

Until = Literal["", "next_minute", "morning", "next_day", "next_month"]

# The night of Zalo ends at 06:00; five minutes later clocks agree and the first rush is over.
MORNING = time(6, 5)


class Trouble(NamedTuple):
    """What one error code means to us."""

    kind: TroubleKind
    reason: str
    until: Until = ""


def channel_error(table: Mapping[int, Trouble], code: int, now: datetime) -> ChannelError:
    """The error behind a code; an unknown one needs a human, because a loop over it would never end."""
    trouble = table.get(code) or Trouble("misconfigured", "an error code that is not in our table")
    return ChannelError(trouble.kind, str(code), trouble.reason, until(trouble.until, now))


def until(when: Until, now: datetime) -> datetime | None:
    """The first moment of the next minute, morning, day or month, by the wall clock of Vietnam."""
    local = now.astimezone(VIETNAM)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if when == "next_minute":
        return local.replace(second=0, microsecond=0).astimezone(now.tzinfo) + timedelta(minutes=1)
    if when == "morning":
        morning = datetime.combine(local.date(), MORNING, VIETNAM)
        return (morning if local < morning else morning + timedelta(days=1)).astimezone(now.tzinfo)
    if when == "next_day":
        return (midnight + timedelta(days=1)).astimezone(now.tzinfo)
    if when == "next_month":
        return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1).astimezone(now.tzinfo)
    return None
