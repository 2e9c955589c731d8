"""Which variant won, by a rule that may be looked at every day and at every hour (U8).

A confidence sequence: with probability 1 - alpha it holds the true difference at all looks together, so looking often
finds no winner that is none. It is the mixture sequential probability ratio test with a normal mixture, as Johari,
Koomen, Pekelis and Walsh have it for two proportions (Operations Research 70, 2022, 1806-1821), which is the asymptotic
confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (Annals of Statistics 52, 2024, 2613-2640).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log, sqrt
from typing import NamedTuple

ALPHA = 0.05
# The standard deviation of the mixture, in shares of the rate of both variants: where differences between two texts
# lie, so where the sequence is narrowest. Another value costs time and no error.
USUAL_EFFECT = 0.2
# The theory is asymptotic, so each variant first has to have so many goals, and so many who did not reach it, at the
# rate of both.
GOALS_NEEDED = 20


class Tally(NamedTuple):
    """People who entered with a variant and whose time for the goal is over, and how many of them reached it."""

    entered: int
    reached: int


def difference(one: Tally, other: Tally, alpha: float = ALPHA) -> tuple[float, float] | None:
    """The always-valid interval of `one`'s rate less `other`'s; None before there is enough."""
    entered = one.entered + other.entered
    rate = (one.reached + other.reached) / entered if entered else 0.0
    if min(one.entered, other.entered) * min(rate, 1 - rate) < GOALS_NEEDED:
        return None
    # The variance at the common rate: at the boundary, where the decision falls, the rates are close, and a variant
    # that was unlucky early does not look surer than it is.
    variance = rate * (1 - rate) * (1 / one.entered + 1 / other.entered)
    mixture = (USUAL_EFFECT * rate) ** 2
    half = sqrt(variance * (variance + mixture) / mixture * log((variance + mixture) / (variance * alpha**2)))
    lift = one.reached / one.entered - other.reached / other.entered
    return lift - half, lift + half


def decide(variants: Mapping[str, Tally], alpha: float = ALPHA) -> str | None:
    """The variant that is better than every other one, or None as long as that is open.

    A wrong winner has to beat the best one, which it meets in one of `len(variants) - 1` comparisons; alpha is shared
    among those. Needs people who were shared out by fixed weights: a bandit's counts are no fair sample.
    """
    for name, tally in sorted(variants.items()):
        intervals = [
            difference(tally, other, alpha / (len(variants) - 1)) for rival, other in variants.items() if rival != name
        ]
        if intervals and all(interval is not None and interval[0] > 0 for interval in intervals):
            return name
    return None
