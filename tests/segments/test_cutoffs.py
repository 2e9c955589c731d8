"""G2, G3: the VIP line and the RFM quintiles come from the shop's own base."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.segments.thresholds import FEWEST, Base, compute, nearest_rank
from shared.runtime.playbook.rules import rules
from tests.support.max_examples import max_examples

RULES = rules()
FIRST = RULES.first_cutoffs


def base(*customers):
    found = Base()
    for spend, visits, largest in customers:
        found.add(spend, visits, largest)
    return found


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (1, 1), (20, 1), (21, 2), (40, 2), (95, 5), (100, 5)])
def test_nearest_rank_is_the_smallest_value_that_enough_do_not_exceed(percent, value):
    assert nearest_rank([1, 2, 3, 4, 5], percent) == value


def test_a_base_too_small_to_say_anything_keeps_the_figures_and_says_so():
    after = compute(base(*[(10**9, 9, 10**9)] * (FEWEST - 1)), FIRST, RULES)
    assert after.version == FIRST.version + 1
    assert after.customers == FEWEST - 1
    assert (after.vip_spend, after.order_p95, after.spend) == (FIRST.vip_spend, FIRST.order_p95, FIRST.spend)


def test_of_a_hundred_different_customers_the_top_five_are_above_the_vip_line():
    after = compute(base(*[(n * 1_000_000, n, n * 1000) for n in range(1, 101)]), FIRST, RULES)
    assert [n for n in range(1, 101) if n * 1_000_000 >= after.vip_spend] == [96, 97, 98, 99, 100]
    assert after.order_p95 == 95_000
    assert after.customers == 100


def test_quintiles_part_a_hundred_customers_into_five_times_twenty():
    after = compute(base(*[(n, n, n) for n in range(1, 101)]), FIRST, RULES)
    scores = [1 + sum(n >= low for low in after.spend) for n in range(1, 101)]
    assert [scores.count(score) for score in (1, 2, 3, 4, 5)] == [20] * 5
    assert after.visits == after.spend


def test_who_bought_nothing_in_the_window_is_no_part_of_the_base():
    assert base((0, 0, 5_000_000)).spend == []


def test_when_everybody_spends_the_same_nobody_is_a_vip():
    after = compute(base(*[(1_000_000, 3, 500_000)] * 50), FIRST, RULES)
    assert after.vip_spend > 1_000_000


amount = st.integers(-1_000_000, 50_000_000)


@max_examples(100)
@given(st.lists(st.tuples(amount, st.integers(1, 60), amount), min_size=FEWEST, max_size=120))
def test_no_more_than_the_top_share_is_above_the_line_and_bounds_ascend(customers):
    after = compute(base(*customers), FIRST, RULES)
    above = sum(spend >= after.vip_spend for spend, _, _ in customers)
    assert 100 * above <= RULES.value.vip_top_share_percent * len(customers)
    assert list(after.spend) == sorted(after.spend)
    assert list(after.visits) == sorted(after.visits)
    assert after.vip_spend >= 1
    assert after.version == FIRST.version + 1
