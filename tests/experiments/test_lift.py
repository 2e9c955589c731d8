"""X11, K16, R26: what a journey earned, against the people held out of it."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from shared.domain.experiments.intervals import Sample, newcombe, student_quantile, welch
from shared.domain.experiments.lift import Arm, Verdict, judged, lift

BASKET = 13.0  # the logarithm of a median basket of 440,000 VND


def an_arm(rng: np.random.Generator, people: int, rate: float, sigma: float = 1.0, bigger: float = 1.0) -> Arm:
    """People of whom few buy, and some of those a lot."""
    baskets = bigger * rng.lognormal(BASKET, sigma, rng.binomial(people, rate))
    return Arm(people, len(baskets), float(baskets.sum()), float((baskets**2).sum()) / 1e6)


def sold(people: int, buyers: int, each: float) -> Arm:
    return Arm(people, buyers, buyers * each, buyers * each**2 / 1e6)


# ---- what may be said ----


def test_x11_without_a_holdout_there_is_no_merit():
    for nobody in (None, Arm(0, 0, 0, 0)):
        told = lift(sold(10_000, 900, 500_000), nobody)

        assert told.verdict == told.conversion.verdict == Verdict.NO_HOLDOUT
        assert told.money.estimate is told.conversion.estimate is told.earned is None


def test_r26_small_numbers_say_that_there_is_not_enough_data():
    told = lift(sold(1900, 60, 500_000), sold(100, 0, 500_000))

    assert told.verdict == told.conversion.verdict == Verdict.NOT_ENOUGH_DATA
    assert told.money.estimate is told.earned is None


def test_r26_whether_there_is_enough_does_not_depend_on_who_was_lucky():
    """Were it asked of the hold-out's own conversions, unlucky hold-outs would drop out and the rest look too good."""
    unlucky, lucky = lift(sold(4000, 400, 1e5), sold(400, 20, 1e5)), lift(sold(4000, 370, 1e5), sold(400, 50, 1e5))

    assert Verdict.NOT_ENOUGH_DATA not in (unlucky.conversion.verdict, lucky.conversion.verdict)


def test_r26_an_interval_that_holds_nothing_and_the_double_is_not_enough_data():
    whale = Arm(1000, 40, 40e6, 40e6 + 900e6)
    told = lift(Arm(1000, 45, 45e6, 45e6 + 900e6), whale)

    assert told.conversion.verdict == Verdict.NO_EFFECT_SHOWN
    assert told.money.verdict == Verdict.NOT_ENOUGH_DATA


@pytest.mark.parametrize(
    ("buyers", "verdict"), [(1200, Verdict.WORKS), (905, Verdict.NO_EFFECT_SHOWN), (600, Verdict.HARMS)]
)
def test_x11_a_journey_works_harms_or_shows_no_effect(buyers: int, verdict: Verdict):
    told = lift(sold(9000, buyers, 500_000), sold(1000, 100, 500_000))

    assert told.verdict == told.conversion.verdict == verdict


def test_r26_what_was_earned_is_the_lift_of_everybody_treated_less_the_cost():
    told = lift(sold(9000, 1200, 500_000), sold(1000, 100, 500_000), cost=20_000_000)

    assert told.money.estimate is not None
    assert told.earned is not None
    assert told.earned[0] == pytest.approx(9000 * told.money.estimate.lift - 20_000_000)
    assert told.earned[0] == pytest.approx(130_000_000)
    assert told.earned[1] < told.earned[0] < told.earned[2]


def test_r26_more_sales_that_cost_more_than_they_brought_are_no_success():
    told = lift(sold(9000, 1200, 500_000), sold(1000, 100, 500_000), cost=600_000_000)

    assert told.conversion.verdict == told.money.verdict == Verdict.WORKS
    assert told.verdict == Verdict.HARMS


def test_r26_margin_below_cost_is_compared_too():
    told = lift(Arm(9000, 900, -9e6, 9e4), Arm(1000, 100, 5e6, 2e5))

    assert told.verdict == Verdict.HARMS


def test_x11_reports_show_points_of_conversion_and_whole_dong():
    told = judged(sold(9000, 1200, 500_000), sold(400, 40, 500_000) + sold(600, 60, 500_000))

    assert (told["verdict"], told["lift"], told["revenue_lift"]) == ("works", 3.33, 16_667)
    assert told["incremental_revenue"] == 150_000_000
    assert told["lift_ci"][0] < 3.33 < told["lift_ci"][1]
    assert told["incremental_revenue_ci"][0] < 150_000_000 < told["incremental_revenue_ci"][1]


@pytest.mark.parametrize(("holdout", "verdict"), [(Arm(), "no_holdout"), (Arm(900, 5, 5e6, 5e6), "not_enough_data")])
def test_r26_reports_withhold_figures_with_the_verdict(holdout: Arm, verdict: str):
    told = judged(sold(9000, 90, 500_000), holdout)

    assert told.pop("verdict") == verdict
    assert set(told.values()) == {None}


# ---- the intervals ----


def test_newcombe_gives_the_published_examples():
    """Newcombe (1998), table II, method 10: 56/70 - 48/80 and 9/10 - 3/10."""
    one = newcombe(Sample(70, 56), Sample(80, 48))
    other = newcombe(Sample(10, 9), Sample(10, 3))

    assert (one.low, one.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert (other.low, other.high) == pytest.approx((0.1705, 0.8090), abs=5e-5)


def test_welch_agrees_with_scipy():
    a, b = [3.1, 4.7, 8.0, 2.2, 9.9, 4.0, 5.5, 6.1], [1.0, 2.5, 2.0, 7.5, 3.5, 2.2]
    ours = welch(
        statistics.mean(a) - statistics.mean(b), statistics.variance(a) / len(a), len(a),
        statistics.variance(b) / len(b), len(b),
    )  # fmt: skip
    theirs = stats.ttest_ind(a, b, equal_var=False)

    assert ours.p == pytest.approx(theirs.pvalue, abs=5e-4)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval()), abs=5e-3)


@pytest.mark.parametrize(("freedom", "off"), [(5, 0.007), (29, 0.0001), (400, 1e-5)])
def test_students_t_is_as_near_as_it_says(freedom: int, off: float):
    assert student_quantile(1.959963985, freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=off)


ARMS = st.tuples(st.integers(2, 5000), st.floats(0, 1)).map(lambda drawn: (drawn[0], round(drawn[0] * drawn[1])))


@given(ARMS, ARMS)
def test_p_is_below_five_percent_exactly_where_the_interval_leaves_out_zero(a: tuple[int, int], b: tuple[int, int]):
    told = newcombe(Sample(*a), Sample(*b))
    swapped = newcombe(Sample(*b), Sample(*a))

    assert -1 - 1e-9 <= told.low <= told.lift <= told.high <= 1 + 1e-9
    assert (swapped.low, swapped.high) == pytest.approx((-told.high, -told.low), abs=1e-9)
    if min(abs(told.low), abs(told.high)) > 1e-9:
        assert (told.p < 0.05) == (not told.low <= 0 <= told.high)


# ---- show 4: many seeds ----


def covered(people: int, share: float, rate: float, sigma: float, effect: float, seeds: int) -> tuple[float, float]:
    """In what share of seeds the intervals hold the true lift, in conversion and in money."""
    held = round(people * share)
    true = rate * effect
    money = float(np.exp(BASKET + sigma**2 / 2)) * true
    conversion_held = money_held = 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        told = lift(an_arm(rng, people - held, rate + true, sigma), an_arm(rng, held, rate, sigma))
        assert told.conversion.estimate is not None
        conversion_held += told.conversion.estimate.low <= true <= told.conversion.estimate.high
        # Where money has no figure, its interval holds zero and more than the double.
        money_held += told.money.estimate is None or told.money.estimate.low <= money <= told.money.estimate.high
    return conversion_held / seeds, money_held / seeds


@pytest.mark.parametrize("effect", [0.0, 0.3], ids=["no effect", "30 % more buyers"])
@pytest.mark.parametrize(
    ("people", "share", "rate"),
    [(20_000, 0.1, 0.03), (40_000, 0.05, 0.03), (10_000, 0.2, 0.03), (3000, 0.2, 0.1), (100_000, 0.1, 0.03)],
)
def test_x11_the_interval_holds_the_truth_in_93_to_97_of_100_journeys(
    people: int, share: float, rate: float, effect: float
):
    conversion, money = covered(people, share, rate, 0.8, effect, 400)

    assert 0.93 <= conversion <= 0.97
    assert 0.93 <= money <= 0.97


def test_x11_a_small_holdout_with_uneven_baskets_does_not_make_merit_of_nothing():
    """Welch's interval alone would say "works" of one journey without effect in ten."""
    works = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        works += lift(an_arm(rng, 22_800, 0.03), an_arm(rng, 1200, 0.03)).verdict == Verdict.WORKS

    assert works <= 0.03 * 400
