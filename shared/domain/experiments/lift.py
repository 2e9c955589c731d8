"""What a journey or campaign earned, against the people who were held out of it (X11, K16, R26).

People count by assignment: whoever was drawn for an arm belongs to it, whether or not a message reached them. Without
a control group there is no merit, and with too few people no figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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


@dataclass(frozen=True)
class Arm:
    """Everybody drawn for one arm, and how many of them converted, that is bought. `money` is revenue or margin in VND,
    summed over the people, and `money_squares` the sum over people of the square of each one's total, so not of each
    order's."""

    people: int
    converted: int
    money: float
    money_squares: float

    @property
    def rate(self) -> float:
        return self.converted / self.people if self.people else 0.0

    @property
    def mean(self) -> float:
        return self.money / self.people if self.people else 0.0

    @property
    def squared_error(self) -> float:
        """The squared standard error of the mean; needs two people."""
        return max(0.0, self.money_squares - self.money * self.mean) / (self.people - 1) / self.people


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
    if control is None or not control.people:
        nothing = Measured(Verdict.NO_HOLDOUT)
        return Lift(nothing, nothing, None)
    if not _enough(treated, control):
        nothing = Measured(Verdict.NOT_ENOUGH_DATA)
        return Lift(nothing, nothing, None)
    people = treated.people + control.people
    conversion = _judged(
        newcombe(Sample(treated.people, treated.converted), Sample(control.people, control.converted)),
        (treated.converted + control.converted) / people,
    )
    money = _judged(
        _money(treated, control),
        (treated.money + control.money) / people,
    )
    earned = None
    if money.estimate:
        head = money.estimate
        low, middle, high = (each * treated.people - cost for each in (head.low, head.lift, head.high))
        earned = (middle, low, high)
    return Lift(conversion, money, earned)


def _enough(treated: Arm, control: Arm) -> bool:
    """Whether both arms may expect `CONVERSIONS_NEEDED` people to convert, and as many not to."""
    rate = (treated.converted + control.converted) / (treated.people + control.people)
    return min(treated.people, control.people) * min(rate, 1 - rate) >= CONVERSIONS_NEEDED


def _money(treated: Arm, control: Arm) -> Estimate:
    """The difference in money per head.

    Welch's interval takes each arm's spread from the arm itself. Where a few dozen people bought, a hold-out that got
    no big basket has a low mean and a small spread at once, and the interval finds merit two to six times too often. So
    both arms inform the spread of baskets, and Newcombe's interval stands on that; with many buyers in both arms the
    two intervals are the same. Money that is negative in sum (margin below cost) leaves only Welch's.
    """
    arms = (treated, control)
    if min(arm.money for arm in arms) > 0:
        pool = BUYERS_BORROWED / sum(arm.converted for arm in arms)
        money, squares = (
            pool * sum(values) for values in zip(*((a.money, a.money_squares) for a in arms), strict=True)
        )
        one, other = (
            Sample(arm.people, arm.money, money_unit(arm.money + money, arm.money_squares + squares)) for arm in arms
        )
        if max(one.mean / one.unit, other.mean / other.unit) < 1:
            return newcombe(one, other)
    return welch(
        treated.mean - control.mean, treated.squared_error, treated.people, control.squared_error, control.people
    )


def _judged(estimate: Estimate, mean: float) -> Measured:
    if estimate.low > 0:
        return Measured(Verdict.WORKS, estimate)
    if estimate.high < 0:
        return Measured(Verdict.HARMS, estimate)
    if estimate.high - estimate.low > 2 * WIDEST * abs(mean):
        return Measured(Verdict.NOT_ENOUGH_DATA)
    return Measured(Verdict.NO_EFFECT_SHOWN, estimate)
