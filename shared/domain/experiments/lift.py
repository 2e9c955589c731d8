"""What a journey or campaign earned, against the people who were held out of it (X11, K16, R26).

People count by assignment: whoever was drawn for an arm belongs to it, whether or not a message reached them. Without
a control group there is no merit, and with too few people no figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from shared.domain.experiments.intervals import Estimate, Sample, money_unit, newcombe, welch

# In each arm, at the rate of both together, so that whether there is enough does not depend on who was lucky. The
# intervals of skewed money keep their level from here on (docs/experiments.md has the figures).
CONVERSIONS_NEEDED = 30
# How many buyers of both arms together stand beside an arm's own, where it is asked how unequal baskets are: a small
# hold-out without a big basket would believe there are none, and call the others' big baskets a merit.
BUYERS_BORROWED = 50
# Half an interval, in shares of the mean of both arms. An interval that holds both nothing and twice as much says
# nothing.
WIDEST = 1.0


class Verdict(StrEnum):
    """What may be said. `not_enough_data` is shown as *chưa đủ dữ liệu*."""

    NO_HOLDOUT = "no_holdout"
    NOT_ENOUGH_DATA = "not_enough_data"
    NO_EFFECT_SHOWN = "no_effect_shown"
    WORKS = "works"
    HARMS = "harms"


class Arm(NamedTuple):
    """Everybody drawn for one arm: how many, how many of them bought, their revenue or margin in VND, and the sum over
    people (not orders) of the square of each one's total, in thousands of VND squared so that it fits a number of the
    table."""

    entered: int = 0
    bought: int = 0
    revenue: float = 0
    squares: float = 0

    def __add__(self, other: object) -> Arm:
        if not isinstance(other, Arm):
            return NotImplemented
        return Arm(
            self.entered + other.entered,
            self.bought + other.bought,
            self.revenue + other.revenue,
            self.squares + other.squares,
        )

    @property
    def mean(self) -> float:
        return self.revenue / self.entered

    @property
    def money_squares(self) -> float:
        """In VND squared."""
        return self.squares * 1_000_000

    @property
    def squared_error(self) -> float:
        """The squared standard error of the mean; needs two people."""
        return max(0.0, self.money_squares - self.revenue * self.mean) / (self.entered - 1) / self.entered


@dataclass(frozen=True)
class Measured:
    """One measure: what may be said of it, and the estimate where anything may."""

    verdict: Verdict
    estimate: Estimate | None = None


@dataclass(frozen=True)
class Lift:
    """A journey against its hold-out. `conversion` is in shares of people, `money` in VND per head.

    earned  (estimate, low, high) in VND: the lift in money of everybody treated, less the cost of the arm;
            None where the money allows no figure
    """

    conversion: Measured
    money: Measured
    earned: tuple[float, float, float] | None

    @property
    def verdict(self) -> Verdict:
        """The headline: what is left of the money when the cost is paid (R26)."""
        if self.earned is None:
            return self.money.verdict
        _, low, high = self.earned
        return Verdict.WORKS if low > 0 else Verdict.HARMS if high < 0 else Verdict.NO_EFFECT_SHOWN


def lift(treated: Arm, control: Arm | None, *, cost: float = 0) -> Lift:
    """What `treated` gained over `control`.

    `cost` is what treating this arm cost in VND (messages, vouchers, staff minutes) where `money` is not already net of
    it; it is taken as known exactly.
    """
    if control is None or not control.entered:
        nothing = Measured(Verdict.NO_HOLDOUT)
        return Lift(nothing, nothing, None)
    if not _enough(treated, control):
        nothing = Measured(Verdict.NOT_ENOUGH_DATA)
        return Lift(nothing, nothing, None)
    people = treated.entered + control.entered
    conversion = _judged(
        newcombe(Sample(treated.entered, treated.bought), Sample(control.entered, control.bought)),
        (treated.bought + control.bought) / people,
    )
    money = _judged(
        _money(treated, control),
        (treated.revenue + control.revenue) / people,
    )
    earned = None
    if money.estimate:
        head = money.estimate
        low, middle, high = (each * treated.entered - cost for each in (head.low, head.lift, head.high))
        earned = (middle, low, high)
    return Lift(conversion, money, earned)


def _enough(treated: Arm, control: Arm) -> bool:
    """Whether both arms may expect `CONVERSIONS_NEEDED` people to convert, and as many not to."""
    rate = (treated.bought + control.bought) / (treated.entered + control.entered)
    return min(treated.entered, control.entered) * min(rate, 1 - rate) >= CONVERSIONS_NEEDED


def _money(treated: Arm, control: Arm) -> Estimate:
    """The difference in money per head.

    Welch's interval takes each arm's spread from the arm itself. Where a few dozen people bought, a hold-out that got
    no big basket has a low mean and a small spread at once, and the interval finds merit two to six times too often. So
    both arms inform the spread of baskets, and Newcombe's interval stands on that; with many buyers in both arms the
    two intervals are the same. Money that is negative in sum (margin below cost) leaves only Welch's.
    """
    arms = (treated, control)
    if min(arm.revenue for arm in arms) > 0:
        pool = BUYERS_BORROWED / sum(arm.bought for arm in arms)
        money, squares = (
            pool * sum(values) for values in zip(*((a.revenue, a.money_squares) for a in arms), strict=True)
        )
        one, other = (
            Sample(arm.entered, arm.revenue, money_unit(arm.revenue + money, arm.money_squares + squares))
            for arm in arms
        )
        if max(one.mean / one.unit, other.mean / other.unit) < 1:
            return newcombe(one, other)
    return welch(
        treated.mean - control.mean, treated.squared_error, treated.entered, control.squared_error, control.entered
    )


def _judged(estimate: Estimate, mean: float) -> Measured:
    if estimate.low > 0:
        return Measured(Verdict.WORKS, estimate)
    if estimate.high < 0:
        return Measured(Verdict.HARMS, estimate)
    if estimate.high - estimate.low > 2 * WIDEST * abs(mean):
        return Measured(Verdict.NOT_ENOUGH_DATA)
    return Measured(Verdict.NO_EFFECT_SHOWN, estimate)


def judged(live: Arm, holdout: Arm) -> dict[str, Any]:
    """A journey against its hold-out as reports show it; null where nothing can be said.

    verdict              of the conversion
    lift                 in percentage points of conversion
    revenue_lift         in VND a head
    incremental_revenue  the latter for all who were taken in
    …_ci                 95 % intervals
    """
    told = lift(live, holdout)
    found: dict[str, Any] = dict.fromkeys(
        ("lift", "lift_ci", "revenue_lift", "revenue_lift_ci", "incremental_revenue", "incremental_revenue_ci")
    )
    if conversion := told.conversion.estimate:
        found["lift"] = round(100 * conversion.lift, 2)
        found["lift_ci"] = [round(100 * conversion.low, 2), round(100 * conversion.high, 2)]
    if (money := told.money.estimate) and told.earned:
        found["revenue_lift"] = round(money.lift)
        found["revenue_lift_ci"] = [round(money.low), round(money.high)]
        found["incremental_revenue"] = round(told.earned[0])
        found["incremental_revenue_ci"] = [round(bound) for bound in told.earned[1:]]
    return {"verdict": told.conversion.verdict.value, **found}
