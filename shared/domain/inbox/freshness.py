"""Whether a provider speaks of now: signatures do not expire, so news counts only within a window around its time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from shared.domain.inbox.provider_event import Incoming
from shared.domain.vietnam_time import stamp


class Window(NamedTuple):
    """How long after its time a provider's call is still taken, and how far a provider's clock may be ahead of ours."""

    past: timedelta
    ahead: timedelta


# Providers' clocks are right to the second; an hour forgives a wrong one, and what is ahead counts as told now.
AHEAD = timedelta(hours=1)
# Longer than any chat provider repeats a call, with a long weekend for what a proxy of the shop's held back.
DAYS_OF_GRACE = timedelta(days=4)
# Zalo gives up after an hour by its own words and after 12 hours by others'.
ZALO = Window(DAYS_OF_GRACE, AHEAD)
# Meta gives up after 36 hours.
MESSENGER = Window(DAYS_OF_GRACE, AHEAD)
# EventBridge and SNS give up within a day, but what they gave up lies in a dead-letter queue for 14 days, and is posted
# again by hand from there.
AWS = Window(timedelta(days=15), AHEAD)
# The gateway's documents name five tries and no pauses. They write the hour as "hh", which may be that of a 12-hour
# clock: just after midnight such a time is 12 hours ahead, and a refusal of adverts must not be lost by that.
SHORT_CODE = Window(DAYS_OF_GRACE, timedelta(hours=13))

# What stops messages counts even where it names an impossible time, such as a complaint by a mail provider's own clock.
_STOPS = frozenset(("bounced", "complained", "opted_out", "unfollowed"))


def is_of_now(at: str | None, now: datetime, window: Window) -> bool:
    """Whether a stamp is within the window; None, an unreadable time, is not."""
    return at is not None and stamp(now - window.past) <= at <= stamp(now + window.ahead)


def settled(news: Incoming, now: datetime, window: Window) -> Incoming | None:
    """News of a call that is of now, with a time that is not ahead of our clock; None where its own time is long gone,
    or far ahead. What the provider said then stays in `stated`."""
    if not is_of_now(news.at, now, window) and news.kind not in _STOPS:
        # An edited comment bears the moment it was first written.
        return news if news.detail.get("edited") and news.at < stamp(now) else None
    if is_of_now(news.at, now, window) and news.at <= stamp(now):
        return news
    return news.model_copy(update={"at": stamp(now), "stated": news.at})
