"""U8: the better variant is found, kept, and not found where there is none."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from shared.domain.experiments.bandit import thompson
from shared.domain.experiments.sequential import Tally, decide, difference
from shared.domain.experiments.variants import Standing, judged
from shared.domain.journeys.definition import Journey
from shared.domain.journeys.engine import enter
from shared.runtime.factories import journeys as runtime_journeys
from tests.support.journey_playbooks import OwnPlaybook, playbook  # noqa: F401
from tests.support.journeys import Shop, shop  # noqa: F401

DAYS = 90


def looked_at_daily(rates: dict[str, float], a_day: int, seed: int) -> str | None:
    """The first winner that `DAYS` daily looks find, with `a_day` new people shared out equally by chance."""
    rng = np.random.default_rng(seed)
    people = rng.multinomial(a_day, [1 / len(rates)] * len(rates), DAYS)
    reached = rng.binomial(people, list(rates.values()))
    for entered, goals in zip(people.cumsum(axis=0), reached.cumsum(axis=0), strict=True):
        tallies = {name: Tally(int(n), int(k)) for name, n, k in zip(rates, entered, goals, strict=True)}
        if winner := decide(tallies):
            return winner
    return None


@pytest.mark.parametrize("a_day", [20, 100, 1000])
@pytest.mark.parametrize("rates", [[0.03] * 2, [0.1] * 2, [0.03] * 3, [0.4] * 2])
def test_u8_ninety_daily_looks_find_a_winner_among_equals_in_less_than_5_of_100(rates: list[float], a_day: int):
    variants = {f"way_{n}": rate for n, rate in enumerate(rates)}
    alarms = sum(looked_at_daily(variants, a_day, seed) is not None for seed in range(400))

    assert alarms < 0.05 * 400


def test_u8_the_better_variant_is_found():
    found = Counter(looked_at_daily({"good": 0.10, "plain": 0.07}, 200, seed) for seed in range(100))

    assert found["good"] >= 95
    assert found["plain"] == 0


def test_u8_of_three_the_best_has_to_beat_both_others():
    first = {"a": Tally(5000, 600), "b": Tally(5000, 590), "c": Tally(5000, 300)}

    assert decide(first) is None
    assert decide({**first, "b": Tally(5000, 400)}) == "a"


@pytest.mark.parametrize(
    "tallies",
    [{}, {"a": Tally(5000, 4000)}, {"a": Tally(0, 0), "b": Tally(0, 0)}, {"a": Tally(12, 12), "b": Tally(12, 0)},
     {"a": Tally(500, 15), "b": Tally(500, 0)}, {"a": Tally(5000, 5000), "b": Tally(5000, 5000)}],
)  # fmt: skip
def test_u8_too_little_is_no_winner(tallies: dict[str, Tally]):
    assert decide(tallies) is None


def test_u8_the_interval_of_all_looks_is_wider_than_that_of_one():
    interval = difference(Tally(5000, 550), Tally(5000, 500))

    assert interval is not None
    one_look = 1.96 * (2 * 0.105 * 0.895 / 5000) ** 0.5
    assert 1.2 * one_look < (interval[1] - interval[0]) / 2 < 2.5 * one_look


def test_u8_a_winner_stays_when_its_luck_ends():
    standing = judged(Standing(), {"a": Tally(5000, 600), "b": Tally(5000, 400)})
    later = judged(standing, {"a": Tally(9000, 700), "b": Tally(5000, 400)})

    assert standing.winner == later.winner == "a"
    assert later.tallies["a"] == Tally(9000, 700)


# ---- Thompson sampling ----


def test_u8_thompson_sampling_gives_the_better_variant_ever_more_people():
    rng = random.Random(7)
    rates, got = {"good": 0.12, "plain": 0.06}, []
    tallies = dict.fromkeys(rates, Tally(0, 0))
    for _ in range(3000):
        name = thompson(tallies, rng.random)
        entered, reached = tallies[name]
        tallies[name] = Tally(entered + 1, reached + (rng.random() < rates[name]))
        got.append(name)

    assert Counter(got[-1000:])["good"] > 900
    assert Counter(got[:300])["plain"] > 30


def test_u8_thompson_sampling_draws_each_variant_with_the_chance_that_it_is_best():
    tallies = {"a": Tally(100, 10), "b": Tally(100, 14), "c": Tally(20, 2)}
    rng = random.Random(3)
    got = Counter(thompson(tallies, rng.random) for _ in range(6000))
    draws = np.random.default_rng(3).beta([11, 15, 3], [91, 87, 19], (200_000, 3)).argmax(axis=1)

    for place, name in enumerate("abc"):
        assert got[name] / 6000 == pytest.approx((draws == place).mean(), abs=0.02)


# ---- in a journey ----


def journey(**more: object) -> Journey:
    return Journey.model_validate(
        {"id": "ways", "title": "Thử", "aim": "Thử", "trigger": {"event": "Cart Updated"}, "ends_after": "5d",
         "variants": {"long_text": 1, "short": 3}, "steps": [{"id": "over", "end": "done"}],
         "goal": {"event": "Order Completed", "within": "3d"}, **more}
    )  # fmt: skip


KNOWN = Standing({"short": Tally(5000, 400), "long_text": Tally(5000, 600)}, "long_text")


def shares(of: Journey, standing: Standing, people: int = 2000) -> Counter[str]:
    return Counter(
        enter(of, "1", "2026-03-01T02:00:00.000Z", {}, holdout=False, customer_id=f"c{n}", standing=standing)["variant"]
        for n in range(people)
    )


def test_u8_everybody_new_gets_the_winner():
    assert shares(journey(choose="winner"), KNOWN) == {"long_text": 2000}


@pytest.mark.parametrize("standing", [Standing(), Standing(KNOWN.tallies), Standing(winner="of an older version")])
def test_u8_without_a_winner_the_weights_decide(standing: Standing):
    assert shares(journey(choose="winner"), standing) == shares(journey(), Standing())


def test_u8_a_fixed_split_stays_as_it_is_whatever_is_known():
    assert 0.70 < shares(journey(), KNOWN)["short"] / 2000 < 0.80


def test_u8_thompson_sampling_needs_no_dice_and_gives_a_person_the_same_again():
    close = Standing({"short": Tally(100, 10), "long_text": Tally(100, 12)})
    got = shares(journey(choose="thompson"), close, 500)

    assert got == shares(journey(choose="thompson"), close, 500)
    assert 50 < got["short"] < got["long_text"]
    assert shares(journey(choose="thompson"), KNOWN, 500)["long_text"] == 500


def test_u8_a_journey_that_does_not_choose_keeps_its_version():
    assert journey().version == journey(choose="fixed").version != journey(choose="winner").version


WAYS = """\
id: ways
title: Thử
aim: Khách thấy được chăm sóc
trigger: {event: Order Completed, key: event.order_id}
goal: {event: Coupon Redeemed, within: 20d}
ends_after: 60d
variants: {short: 1, long_text: 1}
choose: winner
steps:
  - {id: way, branch: [{when: {fact: run.variant, is: short}, go: brief}, {go: pause}]}
  - {id: pause, wait: {for: 3d}}
  - {id: brief, wait: {for: 10d}}
"""


def test_u8_who_enters_a_live_journey_gets_the_winner_of_its_version(
    shop: Shop,  # noqa: F811
    playbook: OwnPlaybook,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
):
    version = playbook.write("ways", WAYS)
    context = runtime_journeys.journeys
    won = {("ways", version): Standing(winner="long_text"), ("ways", "of before"): Standing(winner="short")}
    first = entering(shop, 12)
    monkeypatch.setattr(runtime_journeys, "journeys", lambda now: replace(context(now), standings=won))

    assert set(first) == {"short", "long_text"}
    assert set(entering(shop, 12)) == {"long_text"}


def entering(shop: Shop, people: int) -> list[str]:  # noqa: F811
    guests = [shop.guest() for _ in range(people)]
    for guest in guests:
        shop.order(guest, f"order of {guest.id}")
    return [shop.inside(guest)["ways"]["variant"] for guest in guests]
