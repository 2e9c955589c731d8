"""Exponential back-off: how long to wait before the next try, with jitter so that not all callers come back at once."""

from __future__ import annotations

from datetime import timedelta

_DOUBLINGS = 10  # 2 ** 10 of any first pause is beyond every ceiling


def exponential(first: timedelta, longest: timedelta, tries: int) -> timedelta:
    """The pause after `tries` failed tries (0: none yet): `first`, doubled per try, at most `longest`."""
    doubled: timedelta = first * 2 ** min(tries, _DOUBLINGS)
    return min(longest, doubled)


def equal_jitter(pause: timedelta, chance: float) -> timedelta:
    """Between half of a pause and all of it; `chance` is between 0 and 1. For rows that come due again."""
    return pause * (0.5 + chance / 2)


def full_jitter(pause: timedelta, chance: float) -> timedelta:
    """Between nothing and all of a pause; `chance` is between 0 and 1. For callers that collided over an item.

    Source: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
    """
    return pause * chance
