"""The lift of a journey against its hold-out: conversion and revenue a head, with 95 % intervals (X11, K16, R26).

Customers count by the arm they were assigned to, whatever they received. A figure is a journey's merit only where its
hold-out says so; small numbers say that they are too small.
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import Any, Literal, NamedTuple

Verdict = Literal["no_holdout", "not_enough_data", "no_effect_shown", "works", "harms"]

# Below these an interval says nothing: customers in the smaller arm, and purchases in both together.
LEAST_CUSTOMERS, LEAST_PURCHASES = 50, 10
_Z = NormalDist().inv_cdf(0.975)


class Arm(NamedTuple):
    """Customers of one arm, how many bought, their revenue in VND, and its squares in thousands of VND squared."""

    entered: int = 0
    bought: int = 0
    revenue: int = 0
    squares: int = 0

    def __add__(self, other: object) -> Arm:
        if not isinstance(other, Arm):
            return NotImplemented
        return Arm(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


class Interval(NamedTuple):
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


def conversion_lift(live: Arm, holdout: Arm) -> Interval:
    """The difference of the shares who bought, in percentage points.

    The interval is that of Agresti and Caffo (2000, The American Statistician 54:280-288), which keeps its promise for
    small numbers and shares near 0: a success and a failure are added to each arm.
    """
    points = 100 * (live.bought / live.entered - holdout.bought / holdout.entered)
    p, q = ((arm.bought + 1) / (arm.entered + 2) for arm in (live, holdout))
    spread = _Z * sqrt(p * (1 - p) / (live.entered + 2) + q * (1 - q) / (holdout.entered + 2))
    return Interval(points, 100 * (p - q - spread), 100 * (p - q + spread))


def revenue_lift(live: Arm, holdout: Arm) -> Interval:
    """The difference of the revenue a head, in VND, with Welch's interval for means of unequal variances."""
    means, variances = [], []
    for arm in (live, holdout):
        mean = arm.revenue / arm.entered
        # Squares come in thousands of VND, so that their sums fit a number of the table.
        spread = max(0.0, arm.squares * 1_000_000 - arm.entered * mean * mean)
        means.append(mean)
        variances.append(spread / max(1, arm.entered - 1) / arm.entered)
    half = _Z * sqrt(sum(variances))
    difference = means[0] - means[1]
    return Interval(difference, difference - half, difference + half)


def judged(live: Arm, holdout: Arm) -> dict[str, Any]:
    """`{verdict, lift, lift_ci, revenue_lift, revenue_lift_ci, incremental_revenue}`; null where nothing can be said.

    `lift` is in percentage points of conversion, `revenue_lift` in VND a head, `incremental_revenue` the latter for
    all who were taken in. Without enough data the figures are withheld, not only the verdict.
    """
    verdict = _verdict(live, holdout)
    found: dict[str, Any] = dict.fromkeys(
        ("lift", "lift_ci", "revenue_lift", "revenue_lift_ci", "incremental_revenue", "incremental_revenue_ci")
    )
    if verdict not in ("no_holdout", "not_enough_data"):
        conversion, revenue = conversion_lift(live, holdout), revenue_lift(live, holdout)
        found["lift"] = round(conversion.value, 2)
        found["lift_ci"] = [round(conversion.low, 2), round(conversion.high, 2)]
        found["revenue_lift"] = round(revenue.value)
        found["revenue_lift_ci"] = [round(revenue.low), round(revenue.high)]
        found["incremental_revenue"] = round(revenue.value * live.entered)
        found["incremental_revenue_ci"] = [round(bound * live.entered) for bound in revenue[1:]]
    return {"verdict": verdict, **found}


def _verdict(live: Arm, holdout: Arm) -> Verdict:
    if holdout.entered == 0:
        return "no_holdout"
    if min(live.entered, holdout.entered) < LEAST_CUSTOMERS or live.bought + holdout.bought < LEAST_PURCHASES:
        return "not_enough_data"
    _, low, high = conversion_lift(live, holdout)
    return "works" if low > 0 else "harms" if high < 0 else "no_effect_shown"
