"""G11: BG/NBD against the paper's worked example, against plain integration, and against common sense."""

from __future__ import annotations

import math
from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.domain.common.playbook_rules import BgNbdRules
from shared.domain.segments.churn import (
    expected_purchases,
    half_life_day,
    p_alive,
    p_purchase,
    value_at_risk,
    weeks_between,
)
from shared.runtime.playbook.rules import rules
from tests.support.max_examples import max_examples

CDNOW = rules().bg_nbd

shapes = st.builds(
    BgNbdRules,
    r=st.floats(0.05, 3),
    alpha=st.floats(0.5, 30),
    a=st.floats(0.05, 3),
    b=st.floats(0.2, 6),
    source=st.just("drawn"),
)


@st.composite
def histories(draw):
    """x repeat visits, t_x weeks to the last of them, T weeks to now."""
    t = draw(st.floats(0.2, 150))
    return draw(st.integers(1, 40)), draw(st.floats(0, 1)) * t, t


def hyp2f1(a, b, c, z):
    """The Gaussian hypergeometric function by its series, as in the authors' spreadsheet."""
    term = total = 1.0
    for j in range(1, 5000):
        term *= (a + j - 1) * (b + j - 1) / ((c + j - 1) * j) * z
        total += term
        if term < 1e-15 * total:
            return total
    raise ArithmeticError("the series did not converge")


def test_the_parameters_are_the_published_ones():
    assert (CDNOW.r, CDNOW.alpha, CDNOW.a, CDNOW.b) == (0.243, 4.414, 0.793, 2.426)


def test_the_papers_customer_is_probably_alive():
    # x = 2, t_x = 30.43, T = 38.86: the first customer of the authors' spreadsheet.
    assert p_alive(CDNOW, 2, 30.43, 38.86) == pytest.approx(0.7266, abs=5e-5)


def test_the_papers_expected_purchases_follow_from_the_same_parameters():
    # Equation (10) of the paper for that customer and 39 weeks: 1.226, with P(alive) as its denominator.
    x, t_x, t, weeks = 2, 30.43, 38.86, 39
    p = CDNOW
    series = hyp2f1(p.r + x, p.b + x, p.a + p.b + x - 1, weeks / (p.alpha + t + weeks))
    first = (p.a + p.b + x - 1) / (p.a - 1)
    growth = 1 - ((p.alpha + t) / (p.alpha + t + weeks)) ** (p.r + x) * series
    assert first * growth * p_alive(p, x, t_x, t) == pytest.approx(1.226, abs=5e-4)


@max_examples(100)
@given(shapes, histories())
def test_p_alive_is_the_share_of_the_likelihood_of_those_still_there(p, history):
    x, t_x, t = history

    def beta(a, b):
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

    alive = beta(p.a, p.b + x) - (p.r + x) * math.log(p.alpha + t)
    gone = beta(p.a + 1, p.b + x - 1) - (p.r + x) * math.log(p.alpha + t_x)
    assert p_alive(p, x, t_x, t) == pytest.approx(1 / (1 + math.exp(gone - alive)), rel=1e-9, abs=1e-12)


@max_examples(40)
@given(shapes, histories(), st.floats(0.1, 60))
def test_the_chance_of_a_purchase_is_one_minus_the_rates_laplace_transform(p, history, weeks):
    x, t_x, t = history
    shape, rate = p.r + x, p.alpha + t
    # E[exp(-lambda * weeks)] over the gamma of those alive, by the midpoint rule over its quantile-like range.
    top, steps = (shape + 12 * math.sqrt(shape) + 12) / rate, 20_000
    silent = 0.0
    for n in range(steps):
        rate_of_one = (n + 0.5) * top / steps
        density = (shape - 1) * math.log(rate_of_one) + shape * math.log(rate) - rate * rate_of_one - math.lgamma(shape)
        silent += math.exp(density - rate_of_one * weeks) * top / steps
    assert p_purchase(p, x, t_x, t, weeks) == pytest.approx(p_alive(p, x, t_x, t) * (1 - silent), abs=5e-3)


@max_examples(200)
@given(shapes, histories(), st.floats(0.1, 50), st.floats(0.1, 60))
def test_silence_never_makes_anybody_more_alive_and_more_time_never_less_likely(p, history, silence, weeks):
    x, t_x, t = history
    assert 0 <= p_alive(p, x, t_x, t + silence) <= p_alive(p, x, t_x, t) <= 1
    assert p_purchase(p, x, t_x, t, weeks) <= p_purchase(p, x, t_x, t, weeks + 1) <= p_alive(p, x, t_x, t)


@max_examples(100)
@given(shapes, histories())
def test_a_more_recent_visit_makes_more_alive(p, history):
    x, t_x, t = history
    assert p_alive(p, x, t, t) >= p_alive(p, x, t_x, t)


def test_one_time_buyers_are_alive_by_the_model_whatever_happens():
    assert p_alive(CDNOW, 0, 0, 500) == 1
    assert half_life_day(CDNOW, date(2026, 1, 1), date(2026, 1, 1), 0) is None


# ---- the personal boundary ----


@max_examples(200)
@given(shapes, st.integers(1, 40), st.integers(0, 700))
def test_p_alive_is_above_one_half_the_day_before_the_boundary_and_at_most_one_half_on_it(p, x, span):
    first = date(2025, 1, 1)
    last = first + timedelta(days=span)
    half = half_life_day(p, first, last, x)
    assume(half is not None)

    def alive(day):
        return p_alive(p, x, weeks_between(first, last), weeks_between(first, day))

    assert alive(half) <= 0.5 + 1e-9
    assert half > last
    if half > last + timedelta(days=1):
        assert alive(half - timedelta(days=1)) > 0.5 - 1e-9


@max_examples(100)
@given(shapes, st.integers(1, 40), st.floats(0, 100))
def test_p_alive_is_exactly_one_half_at_the_closed_form(p, x, t_x):
    t = (p.alpha + t_x) * ((p.b + x - 1) / p.a) ** (1 / (p.r + x)) - p.alpha
    assume(t < 1e6)
    assert p_alive(p, x, t_x, t) == pytest.approx(0.5, abs=1e-9)


def test_x23_a_frequent_buyer_is_late_long_before_a_rare_one():
    first, last = date(2025, 1, 1), date(2025, 12, 1)
    monthly = half_life_day(CDNOW, first, last, 24)
    rare = half_life_day(CDNOW, first, last, 2)
    assert (monthly - last).days < 90 < (rare - last).days


def test_a_boundary_nobody_lives_to_see_is_no_boundary():
    immortal = BgNbdRules(r=0.01, alpha=50, a=0.0001, b=20, source="degenerate")
    assert half_life_day(immortal, date(2025, 1, 1), date(2025, 6, 1), 1) is None


def test_value_at_risk_is_a_share_of_the_years_spend_that_grows_with_silence():
    values = [value_at_risk(CDNOW, 5, 20, 20 + silent, 10_000_000) for silent in (0, 5, 10, 30, 100)]
    assert values == sorted(values)
    assert 0 < values[0] < values[-1] <= 10_000_000
    assert value_at_risk(CDNOW, 5, 20, 30, 0) == 0


def test_g8_the_papers_example_of_a_customer_s_coming_purchases():
    assert expected_purchases(CDNOW, 2, 30.43, 38.86, 39) == pytest.approx(1.226, abs=5e-4)


@pytest.mark.parametrize(("x", "t_x", "t"), [(0, 0, 1), (0, 0, 70), (3, 10, 12), (25, 50, 52), (5, 1, 104)])
@pytest.mark.parametrize("weeks", [1, 30 / 7, 52])
def test_g8_coming_purchases_are_those_of_the_library_that_has_the_function(x, t_x, t, weeks):
    from shared.analytics.bg_nbd import BgNbd, Summary

    model = BgNbd(CDNOW.r, CDNOW.alpha, CDNOW.a, CDNOW.b, 0)
    import numpy as np

    seen = Summary(*(np.array([float(one)]) for one in (x, t_x, t)))
    assert expected_purchases(CDNOW, x, t_x, t, weeks) == pytest.approx(model.expected(seen, weeks)[0], rel=1e-7)
