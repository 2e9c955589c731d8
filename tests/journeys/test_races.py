"""Journeys with two hands at once, killed half-way, or poisoned: each step once, a goal wins, nobody is lost (X1, X5).

The competitor or the death comes at every operation of the table in turn, one run for each, so nothing is left to luck.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.timers_schedule import PARTITIONS
from shared.domain.errors import Busy
from shared.domain.vietnam_time import moment, stamp
from shared.ports import Put
from shared.repositories import table_keys
from shared.runtime import wiring
from shared.runtime.factories.channels import dispatcher
from shared.runtime.factories.journeys import journeys
from shared.use_cases.journeys import advance
from shared.use_cases.run_timers import Timers
from tests.support.engine import raise_again
from tests.support.journeys import Guest, Shop
from tests.support.races import Killed, Watched, raising

MOST_POINTS = 60


def no_campaigns() -> Any:
    pytest.fail("there is no campaign here")


@contextmanager
def process(shop: Shop, table: Any) -> Iterator[None]:
    """A process of its own over this table, which knows nothing yet."""
    token = wiring.install(replace(shop.stack.outside, table=table))
    try:
        yield
    finally:
        wiring.uninstall(token)


def tick(shop: Shop, table: Any = None) -> None:
    """The minute tick, without the sender that works after it."""
    with process(shop, table or shop.stack.table):
        timers = Timers(journeys(shop.now), shop.stack.outside.messages, no_campaigns, no_campaigns, raise_again)
        timers.run(PARTITIONS, clock=lambda: shop.now, seconds=45)


def wake(shop: Shop, table: Any = None) -> None:
    """Let the runs of everybody who is inside go on, whether their time has come or not."""
    with process(shop, table or shop.stack.table):
        for item in shop.items("OJ"):
            advance.wake(journeys(shop.now), item["pk"].removeprefix("C#"))


def send(shop: Shop, table: Any = None) -> None:
    """Dispatch whatever waits to go out."""
    with process(shop, table or shop.stack.table):
        for message in shop.messages():
            dispatcher().dispatch(message["message_id"])


def left_cart() -> tuple[Shop, Guest]:
    """A shop at the minute when a cart is to be reminded of, before anybody looked."""
    shop = Shop()
    lan = shop.guest(chat=True)
    shop.cart(lan, "áo linen")
    shop.stack.clock.set(shop.now + timedelta(minutes=60))
    return shop, lan


def about_to_send() -> tuple[Shop, Guest]:
    """The same a moment later: the reminder is planned and on its way to its sender."""
    shop, lan = left_cart()
    wake(shop)
    assert [m["status"] for m in shop.of("abandoned_cart")] == ["planned"]
    return shop, lan


def everywhere(
    prepare: Callable[[], tuple[Shop, Guest]],
    work: Callable[..., None],
    *,
    competitor: Callable[[Shop, Guest], None] = lambda _shop, _guest: None,
    failure: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Shop, Guest]]:
    """Do `work` once for each of its operations, with the competitor before it or the failure after it."""
    for point in range(MOST_POINTS):
        shop, guest = prepare()
        with shop:
            table = Watched(
                shop.stack.table, at=point, before=lambda s=shop, g=guest: competitor(s, g), after=failure
            )  # fmt: skip
            with suppress(Killed, Busy):
                work(shop, table)
            if table.operations <= point:
                assert point > 3, "nothing was ever interrupted"
                return
            yield shop, guest
    raise AssertionError("more points than expected")


def one_reminder(shop: Shop) -> None:
    (message,) = shop.of("abandoned_cart")
    assert message["status"] in ("sent", "delivered")
    assert len(shop.got("abandoned_cart")) == len(shop.taken("abandoned_cart")) == 1


def through(shop: Shop, journey: str, **ended: int) -> None:
    """Everybody has left a journey, and the figures say so."""
    assert shop.counts(journey) == {"entered": 1, **{f"ended {why}": n for why, n in ended.items()}}
    assert shop.stack.table.query(table_keys.INSIDE + journey).items == []


# ---- two at once ----


@pytest.mark.parametrize("work", [wake, tick])
def test_two_that_wake_the_same_customer_do_each_step_once(work: Callable[..., None]) -> None:
    for shop, lan in everywhere(left_cart, work, competitor=lambda shop, _: wake(shop)):
        shop.later(days=5)
        one_reminder(shop)
        through(shop, "abandoned_cart", done=1)
        assert shop.ends(lan, "abandoned_cart") == [("abandoned_cart", "done")]


def bought_while(shop: Shop, lan: Guest) -> bool:
    """What an order at that moment led to: whether the reminder went out; it never does after the goal."""
    at = next(moment(one["at"]) for one in shop.entries(lan) if one.get("type") == "journey")
    got = shop.taken("abandoned_cart")
    assert len(got) <= 1
    for message in shop.of("abandoned_cart"):
        assert moment(message["created_at"]) <= at
        if not got:
            assert (message["status"], message["reason"]) == ("suppressed", "goal_reached")
    shop.later(days=5)
    assert shop.taken("abandoned_cart") == got
    assert shop.ends(lan, "abandoned_cart") == [("abandoned_cart", "goal")]
    through(shop, "abandoned_cart", goal=1)
    return bool(got)


def buys(shop: Shop, lan: Guest) -> None:
    shop.order(lan)


def test_a2_an_order_at_the_very_moment_the_reminder_is_planned_wins() -> None:
    outcomes = {bought_while(shop, lan) for shop, lan in everywhere(left_cart, wake, competitor=buys)}
    assert outcomes == {False}


def test_a2_an_order_while_the_reminder_is_being_sent_is_before_it_or_after_it() -> None:
    outcomes = {bought_while(shop, lan) for shop, lan in everywhere(about_to_send, send, competitor=buys)}
    assert outcomes == {False, True}


@pytest.mark.parametrize("mode", ["error", "rate_limit", "timeout"])
def test_a2_what_was_going_out_when_the_order_came_is_not_tried_again(mode: str) -> None:
    """The provider has trouble, so the reminder would go a little later, or by another channel."""

    def failing() -> tuple[Shop, Guest]:
        shop, lan = about_to_send()
        shop.stack.providers.set_fault("zalo", mode, 1.0)
        return shop, lan

    def buys_and_all_is_well(shop: Shop, lan: Guest) -> None:
        if any(m["status"] == "sending" for m in shop.of("abandoned_cart")):
            shop.order(lan)

    met = 0
    for shop, lan in everywhere(failing, send, competitor=buys_and_all_is_well):
        shop.stack.providers.set_fault("zalo", "off", 0.0)
        if shop.ends(lan, "abandoned_cart"):
            met += 1
            before = shop.taken("abandoned_cart")
            shop.later(days=5)
            assert shop.taken("abandoned_cart") == before
            assert {m["status"] for m in shop.of("abandoned_cart")} <= {"suppressed", "unknown"}
    assert met > 0


def test_a13_what_nobody_opened_goes_to_no_other_channel_after_the_goal(shop: Shop) -> None:
    lan, minh = shop.guest(chat=True), shop.guest(chat=True)
    shop.order(lan, "HD1", channel="store")
    shop.order(minh, "HD2", channel="store")
    shop.until(12, days=30)
    sent = {guest: shop.of("winback_30", guest)[0] for guest in (lan, minh)}
    assert {m["status"] for m in sent.values()} == {"delivered"}
    shop.order(lan, "HD3", channel="store")
    shop.later(days=4)

    assert len(shop.taken("winback_30", lan)) == 1
    assert len(shop.taken("winback_30", minh)) > 1
    assert shop.shows(sent[lan])[0] == "delivered"


def test_r17_a_channel_that_fails_does_not_make_us_forget_that_an_earlier_one_delivered(shop: Shop) -> None:
    """Email delivered and unread, Zalo refused: the person still had this week's advertisement."""
    lan = shop.guest()
    shop.order(lan, "HD1", channel="store")
    shop.stack.providers.set_fault("zns", "error", 1.0)
    shop.until(12, days=30)
    (message,) = shop.of("winback_30", lan)
    assert [one.channel for one in shop.got("winback_30", lan)] == ["email"]
    shop.later(days=3)
    assert any(line[3] == "zns" for line in shop.message(message["message_id"])["log"])

    other = shop.plan(lan.id, "marketing", "another", channels=("email",))
    shop.stack.drain()
    assert shop.message(other)["reason"] == "own_cap"


# ---- killed ----


def test_x1_a_tick_that_dies_anywhere_is_made_good_by_the_next_ones() -> None:
    for shop, _ in everywhere(left_cart, tick, failure=raising(Killed())):
        shop.later(days=5)
        one_reminder(shop)
        through(shop, "abandoned_cart", done=1)


def test_x1_a_tick_whose_table_is_busy_anywhere_is_made_good_by_the_next_ones() -> None:
    for shop, _ in everywhere(left_cart, tick, failure=raising(Busy("lost"))):
        shop.later(days=5)
        one_reminder(shop)
        through(shop, "abandoned_cart", done=1)


def test_x1_a_sender_that_dies_anywhere_sends_a_reminder_once_or_never() -> None:
    fates = []
    for shop, _ in everywhere(about_to_send, send, failure=raising(Killed())):
        shop.later(days=5)
        (message,) = shop.of("abandoned_cart")
        assert len(shop.taken("abandoned_cart")) <= 1
        assert "due_at" not in message
        through(shop, "abandoned_cart", done=1)
        fates.append(message["status"])
    assert set(fates) <= {"sent", "delivered", "unknown"}


# ---- poison ----


def break_item(shop: Shop, guest: Guest, how: Callable[[dict[str, Any]], None]) -> None:
    item = shop.stack.table.get(table_keys.journeys_of(guest.id))
    assert item is not None
    how(item)
    shop.stack.table.write(Put(item))


def version_gone(item: dict[str, Any]) -> None:
    for run in item["runs"].values():
        run["version"] = "0" * 12


def no_step(item: dict[str, Any]) -> None:
    for run in item["runs"].values():
        del run["step"]


@pytest.mark.parametrize("broken", [version_gone, no_step])
def test_a_run_that_cannot_go_on_holds_up_nobody_is_reported_and_is_not_lost(
    shop: Shop, broken: Callable[[dict[str, Any]], None]
) -> None:
    lan, minh = shop.guest(chat=True), shop.guest(chat=True)
    shop.cart(lan, "áo linen")
    shop.cart(minh, "áo linen")
    whole = shop.stack.table.get(table_keys.journeys_of(lan.id))
    break_item(shop, lan, broken)

    report = shop.stack.advance(shop.now + timedelta(minutes=62))
    assert report["failed"] == {}
    assert len(shop.got("abandoned_cart", minh)) == 1
    assert shop.got("abandoned_cart", lan) == []
    put_off = shop.stack.table.get(table_keys.journeys_of(lan.id))
    assert put_off is not None
    assert timedelta() < moment(put_off["due_at"]) - shop.now <= timedelta(minutes=15)
    assert put_off["failed_wakes"] == 1

    # Whoever mends it finds everything as it was.
    assert whole is not None
    shop.stack.table.write(Put({**whole, "due_at": stamp(shop.now)}))
    shop.later(minutes=2)
    assert len(shop.got("abandoned_cart", lan)) == 1


def test_a_run_that_can_never_go_on_ends_with_one_dead_letter_and_one_task(shop: Shop) -> None:
    lan = shop.guest(chat=True)
    shop.cart(lan, "áo linen")
    break_item(shop, lan, no_step)

    shop.stack.advance(shop.now + timedelta(days=6))

    given_up = shop.stack.table.get(table_keys.journeys_of(lan.id))
    assert given_up is not None
    assert "due_at" not in given_up
    (letter,) = [json.loads(one["body"]) for one in shop.stack.queue_state()["events-dlq"]["messages"]]
    assert letter["due"] == list(table_keys.journeys_of(lan.id))
    tasks = shop.call("GET", "/v1/tasks")["items"]
    assert len([task for task in tasks if task["title"] == "Hồ sơ khách bị lỗi"]) == 1


def test_news_of_who_is_in_a_journey_nobody_knows_any_more_is_taken_in_all_the_same(shop: Shop) -> None:
    """The journey is broken, the order is not: figures and thanks go on, and the tick says what is wrong."""
    lan = shop.guest(chat=True)
    shop.cart(lan, "áo linen")
    break_item(shop, lan, version_gone)
    shop.order(lan)

    assert shop.call("GET", f"/v1/customers/{lan.id}")["metrics"]["orders"] == 1
    assert shop.stack.queue_state()["events-dlq"]["visible"] == 0
    report = shop.stack.advance(shop.now + timedelta(minutes=5))
    assert report["failed"] == {}
    broken = shop.stack.table.get(table_keys.journeys_of(lan.id))
    assert broken is not None
    assert broken["failed_wakes"] == 1
    assert shop.got("order", lan) != []
