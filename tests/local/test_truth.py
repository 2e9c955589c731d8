"""What the time machine's customers truly are: the laws by which they buy, what messages do to them, and what is known
of them in the end. Pure, and without a house (X6, X11)."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import pytest

from infra.local.measuring.truth import (
    BANDS,
    DROP_OUT,
    RATE_MEAN,
    SPEND_P,
    SPEND_Q,
    SPEND_SCALE,
    TASTES,
    Effects,
    Life,
    Order,
    drawn,
    journey_truth,
)

FIRST = date(2026, 6, 1)


def population(number: int, age: int = 30) -> list[Life]:
    random = Random(11)
    return [Life(drawn(random, age)) for _ in range(number)]


def live(lives: list[Life], days: int, first: date = FIRST, seed: int = 5) -> None:
    luck = Random(seed)
    for number in range(days):
        for life in lives:
            if life.shops(first + timedelta(days=number), luck.random()):
                life.buys(Order(first + timedelta(days=number), 100_000))


def test_x6_rates_amounts_and_drop_outs_come_from_their_distributions():
    truths = [life.truth for life in population(20_000)]
    assert sum(truth.rate for truth in truths) / 20_000 == pytest.approx(RATE_MEAN, rel=0.03)
    a, b = DROP_OUT
    assert sum(truth.drop_out for truth in truths) / 20_000 == pytest.approx(a / (a + b), rel=0.03)
    assert sum(truth.spend for truth in truths) / 20_000 == pytest.approx(
        SPEND_P * SPEND_SCALE / (SPEND_Q - 1), rel=0.03
    )
    truth, random = truths[0], Random(1)
    assert sum(truth.amount(random) for _ in range(5_000)) / 5_000 == pytest.approx(truth.spend, rel=0.03)


def test_x11_p_alive_and_expected_purchases_are_true_on_average():
    lives = population(6_000)
    live(lives, 120)
    sure = [life for life in lives if life.p_alive < 1]
    assert sum(life.lost_on is None for life in lives) == pytest.approx(sum(life.p_alive for life in lives), rel=0.01)
    for low, high in ((0, 0.5), (0.5, 0.9), (0.9, 1)):
        some = [life for life in sure if low <= life.p_alive < high]
        assert sum(life.lost_on is None for life in some) / len(some) == pytest.approx(
            sum(life.p_alive for life in some) / len(some), abs=0.04
        )
    expected, before = sum(life.expected(60) for life in lives), sum(len(life.orders) for life in lives)
    live(lives, 60, FIRST + timedelta(days=120), seed=6)
    assert sum(len(life.orders) for life in lives) - before == pytest.approx(expected, rel=0.04)


def test_x11_p_alive_is_that_of_bg_nbd():
    life = population(1)[0]
    for day in (FIRST, FIRST + timedelta(days=9)):
        life.buys(Order(day, 100_000))
    for number in range(30):
        life.shops(FIRST + timedelta(days=10 + number), 1.0)
    p, quiet = life.truth.drop_out, (1 - life.truth.chance()) ** 30
    # Fader, Hardie and Lee 2005: 1 / (1 + p / (1 - p) * exp(rate * (T - t_x))) for somebody whose rate and p are known.
    assert life.p_alive == pytest.approx(1 / (1 + p / (1 - p) / quiet))


def test_x6_the_very_first_purchase_is_no_reason_to_leave():
    life = population(1)[0]
    life.buys(Order(FIRST, 100_000))
    assert life.p_alive == 1
    assert life.lost_on is None


def test_x23_without_an_effect_both_arms_are_truly_equal_and_nobody_buys_otherwise():
    treated, others = population(300), population(300)
    for life in treated:
        for number in range(8):
            life.reads("birthday", FIRST, Effects(0), Random(number))
    live(treated, 60)
    live(others, 60)
    assert [life.orders for life in treated] == [life.orders for life in others]
    truth = journey_truth("birthday", Effects(0), 300, 20, treated)
    assert truth.conversion_with == truth.conversion_without > 0
    assert truth.revenue_with == truth.revenue_without > 0


def test_x23_an_effect_raises_the_purchases_of_the_treated_alone_for_as_long_as_it_lasts():
    effects = Effects(0, {"birthday": 1.0}, days=10)
    lives, others = population(4_000), population(4_000)
    treated = lives[::2]
    for life in treated:
        life.reads("birthday", FIRST - timedelta(days=1), effects, Random("calm"))
    lost = sum(life.lost_on is not None for life in treated)
    truth = journey_truth("birthday", effects, len(treated), 0, lives)
    assert truth.treated == len(treated)
    live(lives, 10)
    live(others, 10)
    assert [life.orders for life in lives[1::2]] == [life.orders for life in others[1::2]]
    with_it = sum(bool(life.orders) for life in treated) / len(treated)
    without = sum(bool(life.orders) for life in others[::2]) / len(treated)
    assert with_it == pytest.approx(truth.conversion_with, abs=0.025 + lost / len(treated))
    assert without == pytest.approx(truth.conversion_without, abs=0.025)
    assert with_it - without > 0.1
    assert all(life.lift(FIRST + timedelta(days=9)) == 1.0 for life in treated)
    assert all(life.lift(FIRST + timedelta(days=10)) == 0.0 for life in treated)


def test_x23_effects_of_journeys_add_up_and_a_journeys_own_messages_prolong_each_other():
    life, effects = population(1)[0], Effects(0.5, {"birthday": 0.1}, days=10)
    for number, journey in enumerate(("winback_30", "birthday", "winback_30")):
        life.reads(journey, FIRST + timedelta(days=number), effects, Random(1))
    assert life.lift(FIRST + timedelta(days=5)) == pytest.approx(0.6)
    assert life.lift(FIRST + timedelta(days=12)) == pytest.approx(0.5)


@pytest.mark.parametrize("effect", [0.0, 0.4])
def test_x6_more_than_they_like_annoys_and_loses_only_where_messages_work_at_all(effect: float):
    calm, flooded, random = population(500), population(500), Random(2)
    for number in range(12):
        for life in flooded:
            life.reads("campaign", FIRST + timedelta(days=number), Effects(effect), random)
    for life in calm:
        for month in range(12):
            life.reads("campaign", FIRST + timedelta(days=40 * month), Effects(effect), random)
    stopped, sometimes = [sum(bool(life.stopped) for life in lives) for lives in (flooded, calm)]
    assert stopped > 450
    assert sometimes == sum(bool(life.stopped) for life in calm if life.truth.likes == 0) < 150
    assert (sum(life.lost_on is not None for life in flooded) > 300) == (effect > 0)
    assert all(life.p_alive == 1 for life in flooded) == (effect == 0)


def test_u9_the_young_answer_where_they_chat_and_others_sms_and_calls_at_their_hour():
    assert max(TASTES["young"], key=TASTES["young"].__getitem__) == "zalo"
    for age, band in ((20, "young"), (40, "middle"), (70, "older")):
        truth = population(1, age)[0].truth
        assert truth.band == band
        assert age >= BANDS[truth.band]
        assert truth.answers("sms_care", truth.hour) == truth.answers("sms_ad", truth.hour) > 0
        assert truth.answers("call", truth.hour) > truth.answers("call", truth.hour - 5) > 0
        assert truth.answers("pigeon", truth.hour) == 0
    for band in ("middle", "older"):
        assert min(TASTES[band]["sms"], TASTES[band]["call"]) > max(
            chance for channel, chance in TASTES[band].items() if channel not in ("sms", "call")
        )
