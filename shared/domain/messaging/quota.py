"""Who gets what is left of a provider's daily quota: the advertisements that promise the most, and orders before all
(R12).

The day so far says how many more will ask; what is left says which share of them can be served; the margins seen today
say from which margin on that share begins. Margins are kept in classes half an octave wide, so that a day's demand is
a handful of counters that any number of senders add to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

# Before that much of a day has passed, its demand is judged as if this much had.
LEAST_SEEN = timedelta(minutes=15)


@dataclass(frozen=True)
class Quota:
    """What is known of a channel's quota today: what is left (None: nobody has said), and the demand so far by class
    of margin, the message that asks now included."""

    left: int | None
    asked: Mapping[int, int]


def margin_class(margin: int) -> int:
    """The class of an expected margin in VND: 0 for none, then two classes for each doubling."""
    if margin < 2:
        return max(0, margin)
    octave = margin.bit_length() - 1
    return 2 * octave + (margin >> (octave - 1) & 1)


def may_spend(margin: int, quota: Quota, kept: int, elapsed: timedelta, remaining: timedelta) -> bool:
    """Whether a message with this expected margin is among the best that the rest of the day's quota allows.

    `kept` messages are left for orders and service. `elapsed` and `remaining` are the parts of today's advertising
    hours. Without a word from the provider there is nothing to be thrifty with.
    """
    if quota.left is None:
        return True
    return quota.left > kept and margin_class(margin) >= threshold(quota, quota.left - kept, elapsed, remaining)


def threshold(quota: Quota, spendable: int, elapsed: timedelta, remaining: timedelta) -> int:
    """The lowest class of margin that is served: the classes above it and itself hold the share that can be."""
    asked = sum(quota.asked.values())
    to_come = asked * (remaining / max(elapsed, LEAST_SEEN))
    if to_come <= spendable:
        return 0
    served = asked * spendable / to_come
    counted = 0
    for name in sorted(quota.asked, reverse=True):
        counted += quota.asked[name]
        if counted >= served:
            return name
    return 0
