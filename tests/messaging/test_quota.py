"""A short quota goes to the advertisements that promise the most, and never to what is kept for orders (R12)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random

import pytest

from shared.domain.messaging.quota import Quota, margin_class, may_spend

DAY = timedelta(hours=12)
KEPT = 200


def test_a_class_of_margin_is_half_an_octave():
    assert [margin_class(margin) for margin in (-5, 0, 1, 2, 3, 4, 5, 6, 7, 8)] == [0, 0, 1, 2, 3, 4, 4, 5, 5, 6]
    classes = [margin_class(margin) for margin in range(1, 100_000)]
    assert classes == sorted(classes)


@pytest.mark.parametrize("left", [None, 10_000])
def test_where_the_quota_is_enough_or_unknown_everything_may_go(left):
    assert may_spend(0, Quota(left, {0: 50, 30: 50}), KEPT, DAY / 2, DAY / 2)


@pytest.mark.parametrize("left", [0, KEPT - 1, KEPT])
def test_what_is_kept_for_orders_is_not_touched_by_the_best_advertisement(left):
    assert not may_spend(10_000_000, Quota(left, {46: 1}), KEPT, DAY / 2, DAY / 2)


def test_of_equal_promises_whoever_comes_first_is_served():
    assert may_spend(0, Quota(KEPT + 1, {0: 1000}), KEPT, DAY / 2, DAY / 2)


def test_a_day_with_too_little_quota_brings_nearly_what_hindsight_would_and_far_more_than_first_come_first_served():
    random = Random(7)
    margins = [int(random.lognormvariate(10, 1.2)) for _ in range(3000)]
    spendable, asked, spent = 400, Counter(), []
    for number, margin in enumerate(margins):
        passed = DAY * number / len(margins)
        asked[margin_class(margin)] += 1
        left = KEPT + spendable - len(spent)
        if may_spend(margin, Quota(left, asked), KEPT, passed, DAY - passed):
            spent.append(margin)

    assert spendable * 0.9 <= len(spent) <= spendable
    assert sum(spent) > 0.85 * sum(sorted(margins)[-spendable:])
    assert sum(spent) > 2.5 * sum(margins[:spendable])
