"""Carts that were left behind, on the page and in the chat (A2, R14, R19, X15)."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from random import Random

import pytest

from shared.adapters.local.fault_injection import FaultInjection
from tests.support.journeys import MONDAY


def minutes_after(shop, message):
    return (message.at - MONDAY).total_seconds() / 60


def minute(number):
    return MONDAY + timedelta(minutes=number)


# ---- the cart of the page ----


def test_a2_a_cart_is_reminded_of_an_hour_after_its_last_change(shop):
    """«Hành vi: bỏ quên giỏ hàng → tự động gửi Zalo/SMS nhắc nhở sau 1 giờ»."""
    lan = shop.guest(chat=True)
    shop.cart(lan, "áo linen")
    shop.later(minutes=25)
    shop.cart(lan, "áo linen", "khăn lụa")
    shop.later(minutes=59)
    assert shop.of("abandoned_cart") == []
    shop.later(minutes=4)

    (reminder,) = shop.got("abandoned_cart", lan)
    assert 60 <= minutes_after(shop, reminder) - 25 <= 62
    assert reminder.channel == "zalo"
    assert "áo linen" in reminder.text
    shop.later(days=3)
    assert len(shop.got("abandoned_cart")) == 1
    assert shop.ends(lan, "abandoned_cart") == [("abandoned_cart", "done")]


def test_a2_r11_a_reminder_is_never_an_advertising_sms_and_goes_by_mail_where_no_chat_is_open(shop):
    lan, minh = shop.guest(), shop.guest(mail=False)
    shop.cart(lan, "áo linen")
    shop.cart(minh, "áo linen")
    shop.later(hours=13)

    assert [one.channel for one in shop.got("abandoned_cart", lan)] == ["email"]
    assert "áo linen" not in shop.got("abandoned_cart", lan)[0].detail.get("subject", "")
    (reminder,) = shop.of("abandoned_cart", minh)
    assert "sms_ad" not in reminder["channels"]
    assert shop.got("abandoned_cart", minh) == []
    assert shop.shows(reminder)[0] in ("suppressed", "sent", "delivered")


@pytest.mark.parametrize("event", ["Product Added", "Checkout Started", "Cart Updated"])
def test_a2_every_kind_of_cart_event_counts(shop, event):
    lan = shop.guest()
    line = {"sku": "AO", "name": "áo linen", "quantity": 1, "price": 450_000}
    shop.tell(event, lan, **(line if event == "Product Added" else {"products": [line]}))
    shop.later(minutes=62)

    assert len(shop.got("abandoned_cart", lan)) == 1


def test_a2_an_order_in_minute_59_cancels_the_reminder(shop):
    lan = shop.guest()
    shop.cart(lan, "áo linen")
    shop.later(minutes=59)
    shop.order(lan)
    shop.later(days=4)

    assert shop.of("abandoned_cart") == []
    assert shop.ends(lan, "abandoned_cart") == [("abandoned_cart", "goal")]
    assert shop.counts("abandoned_cart") == {"entered": 1, "ended goal": 1}


def test_x15_an_offline_order_of_minute_30_that_comes_in_minute_90_counts_as_bought_and_nothing_more_is_sent(shop):
    lan = shop.guest()
    shop.cart(lan, "áo linen")
    shop.later(minutes=62)
    assert len(shop.got("abandoned_cart")) == 1
    shop.later(minutes=28)
    shop.order(lan, at=minute(30), channel="store")
    shop.later(days=5)

    assert len(shop.got("abandoned_cart")) == 1
    assert shop.counts("abandoned_cart") == {"entered": 1, "ended goal": 1}
    (ended,) = [e for e in shop.entries(lan) if e.get("journey") == "abandoned_cart" and e["type"] == "journey"]
    assert (ended["why"], ended["goal_at"]) == ("goal", "2026-03-02T03:30:00.000Z")


def test_x15_a_reminder_that_waits_for_the_morning_is_taken_back_when_the_till_reports_late(opened):
    shop = opened(MONDAY + timedelta(hours=12, minutes=30))  # 22:30
    lan = shop.guest()
    shop.cart(lan, "áo linen")
    shop.until(1, 0, days=1)
    (waits,) = shop.of("abandoned_cart")
    assert shop.shows(waits) == ("deferred", "quiet_hours")
    shop.order(lan, at=shop.at(22, 50, days=-1), channel="store")
    shop.until(23)

    assert shop.got("abandoned_cart") == []
    assert shop.shows(waits) == ("suppressed", "goal_reached")


def test_a2_who_clears_the_cart_is_left_alone(shop):
    lan = shop.guest()
    shop.cart(lan, "áo linen")
    shop.later(minutes=40)
    shop.cart(lan)
    shop.later(days=4)

    assert shop.of("abandoned_cart") == []
    assert shop.ends(lan, "abandoned_cart") == [("abandoned_cart", "cart_cleared")]


def test_x15_that_a_cart_was_cleared_may_be_told_late_and_out_of_order(shop):
    lan, minh, ha = shop.guest(), shop.guest(), shop.guest()
    shop.later(minutes=40)
    # Told before what it cleared.
    shop.cart(lan, at=minute(30))
    shop.cart(lan, "áo linen", at=minute(10))
    # Told late, but before the hour is over.
    shop.cart(minh, "áo linen", at=minute(10))
    shop.later(minutes=25)
    shop.cart(minh, at=minute(30))
    # Put in by one event, taken out by an older one that comes after it: what lies there now counts.
    shop.cart(ha, "áo linen", at=minute(60))
    shop.tell("Product Removed", ha, at=minute(64), sku="ÁO LINEN", quantity=1, name="áo linen")
    shop.later(days=4)

    assert shop.of("abandoned_cart") == []


def test_x15_a_cart_that_is_told_after_the_order_it_became_reminds_nobody(shop):
    lan = shop.guest()
    shop.later(minutes=40)
    shop.order(lan, at=minute(20))
    shop.cart(lan, "áo linen", at=minute(5))
    shop.later(days=1)

    assert shop.of("abandoned_cart") == []
    assert shop.counts("abandoned_cart") == {}


FILL, CLEAR, ORDER = "fill", "clear", "order"


@pytest.mark.parametrize(
    ("story", "reminded"),
    [
        ([(FILL, 0), (FILL, 20), (ORDER, 30)], False),
        ([(FILL, 0), (ORDER, 10), (FILL, 20)], True),
        ([(FILL, 0), (CLEAR, 10), (FILL, 20)], True),
        ([(FILL, 0), (FILL, 10), (CLEAR, 20)], False),
        ([(FILL, 0), (CLEAR, 10), (ORDER, 20)], False),
    ],
)
def test_x15_whatever_the_order_of_arrival_the_same_story_ends_the_same_way(shop, story, reminded):
    shop.later(minutes=35)
    people = {told: shop.guest() for told in permutations(story)}
    for told, guest in people.items():
        for what, number in told:
            if what == ORDER:
                shop.order(guest, f"DH-{guest.phone}", at=minute(number))
            else:
                shop.cart(guest, *(["áo linen"] if what == FILL else []), at=minute(number))
    shop.later(minutes=55)

    for told, guest in people.items():
        due = max(number for what, number in story if what == FILL) + 60
        at = [minutes_after(shop, one) for one in shop.got("abandoned_cart", guest)]
        assert [due <= moment <= due + 2 for moment in at] == [True] * reminded, told


@pytest.mark.parametrize(
    ("left_at", "sent_at"),
    [
        ((19, 20), "20:20"),  # the last minutes of the evening
        ((19, 29), "20:29"),
        ((19, 31), "08:00"),  # due at 20:31, when advertisements rest
        ((19, 55), "08:00"),
        ((22, 0), "08:00"),  # due at 23:00, and twelve hours are enough for the morning
        ((23, 0), "08:00"),
        ((6, 30), "08:00"),
        ((7, 1), "08:01"),
    ],
)
def test_r14_a_reminder_keeps_to_the_day_and_waits_for_the_morning(opened, left_at, sent_at):
    shop = opened(MONDAY + timedelta(hours=-10))  # midnight
    shop.until(*left_at)
    lan = shop.guest()
    shop.cart(lan, "áo linen")
    shop.later(hours=14)

    (reminder,) = shop.got("abandoned_cart", lan)
    assert f"{shop.local(reminder):%H:%M}" == sent_at


def test_r14_a_reminder_that_could_go_only_after_twelve_hours_expires(opened):
    """At 23:00 it waits for the morning; where the morning comes too late, it says so and stays."""
    shop = opened(MONDAY + timedelta(hours=-10))
    lan = shop.guest()
    shop.until(9)
    shop.plan(lan.id, "marketing", "another advertisement", channels=("email",))
    shop.later(minutes=5)
    shop.cart(lan, "áo linen")
    shop.until(23)

    (reminder,) = shop.of("abandoned_cart")
    assert shop.shows(reminder) == ("expired", "too_late_after_own_cap")
    assert shop.got("abandoned_cart") == []


def test_a2_a_cart_that_changes_while_its_reminder_waits_for_the_morning_waits_an_hour_more(opened):
    shop = opened(MONDAY + timedelta(hours=12))  # 22:00
    lan, minh = shop.guest(), shop.guest()
    shop.cart(lan, "áo linen")
    shop.cart(minh, "áo linen")
    shop.until(7, 30, days=1)
    shop.cart(lan, "khăn lụa")
    shop.until(9)
    shop.cart(minh, "khăn lụa")
    shop.later(days=3)

    (reminder,) = shop.got("abandoned_cart", lan)
    assert f"{shop.local(reminder):%H:%M}" == "08:30"
    assert "khăn lụa" in reminder.text.lower()
    assert "áo linen" not in reminder.text.lower()
    first, _ = shop.of("abandoned_cart", lan)
    assert shop.shows(first) == ("suppressed", "journey_over")
    (early,) = shop.got("abandoned_cart", minh)
    assert f"{shop.local(early):%H:%M}" == "08:00"
    assert len(shop.of("abandoned_cart", minh)) == 1, "who was reminded is not reminded again"


def test_a2_who_takes_no_advertisements_gets_none(shop):
    lan = shop.guest(consent=False)
    shop.cart(lan, "áo linen")
    shop.later(hours=3)

    (reminder,) = shop.of("abandoned_cart")
    assert shop.shows(reminder)[0] == "suppressed"


def test_r6_a_cart_of_what_is_nobodys_business_is_not_named(shop):
    lan = shop.guest()
    line = {"sku": "DL1", "name": "Áo lót ren", "quantity": 1, "price": 300_000, "category": "Đồ lót"}
    shop.tell("Cart Updated", lan, products=[line])
    shop.later(hours=2)

    (reminder,) = shop.got("abandoned_cart", lan)
    assert "ren" not in reminder.text


@pytest.mark.parametrize("seed", [1, 2])
def test_x1_a_cart_is_reminded_of_once_where_everything_comes_twice_and_in_any_order(opened, seed):
    shop = opened(faults=FaultInjection(Random(seed), busy=0.02, repeats=0.9))
    lan, minh = shop.guest(), shop.guest()
    shop.later(minutes=55)
    for number in (0, 20, 40):
        shop.cart(lan, "áo linen", at=minute(number), message_id=f"lan-{number}")
        shop.cart(minh, "áo linen", at=minute(number), message_id=f"minh-{number}")
    shop.order(minh, at=minute(50))
    shop.cart(lan, "áo linen", at=minute(20), message_id="lan-20")
    shop.later(days=4)

    (reminder,) = shop.got("abandoned_cart")
    assert 100 <= minutes_after(shop, reminder) <= 118  # a claim that was lost comes back after a quarter of an hour
    assert shop.counts("abandoned_cart") == {"entered": 2, "ended goal": 1, "ended done": 1}


# ---- the cart of the chat ----


@pytest.mark.parametrize("channel", ["zalo", "messenger"])
def test_r19_who_asked_in_a_chat_and_did_not_buy_is_asked_back_once_in_that_chat(shop, channel):
    """Giỏ hàng thật là cuộc trò chuyện: hỏi giá, hỏi size, chưa đặt, cửa sổ còn mở → nhắc."""
    lan = shop.guest(chat=True)
    shop.says(lan, "áo này còn size M không shop?", channel)
    shop.later(hours=1)
    shop.says(lan, "giá bao nhiêu vậy ạ", channel)
    shop.later(hours=2, minutes=59)
    assert shop.of("chat_cart") == []
    shop.later(days=4)

    (reminder,) = shop.got("chat_cart", lan)
    assert reminder.channel == channel
    assert 240 <= minutes_after(shop, reminder) <= 243
    assert "price" not in reminder.text


def test_r19_an_order_meanwhile_ends_it(shop):
    lan = shop.guest(chat=True)
    shop.says(lan, "còn size M không shop?")
    shop.later(hours=2)
    shop.order(lan)
    shop.later(days=4)

    assert shop.of("chat_cart") == []
    assert shop.ends(lan, "chat_cart") == [("chat_cart", "goal")]


def test_r13_a_question_of_the_evening_is_taken_up_in_the_morning_while_the_window_is_open(opened):
    shop = opened(MONDAY + timedelta(hours=10))  # 20:00
    lan = shop.guest(chat=True)
    shop.says(lan, "giá bao nhiêu vậy shop", "messenger")
    shop.later(days=2)

    (reminder,) = shop.got("chat_cart", lan)
    assert f"{shop.local(reminder):%H:%M}" == "08:00"
    assert reminder.channel == "messenger"


def test_r19_what_is_no_question_of_a_buyer_starts_nothing(shop):
    lan = shop.guest(chat=True)
    for text in ("đơn của mình tới đâu rồi shop", "áo bị rách, đổi giúp mình", "cảm ơn shop nhiều"):
        shop.says(lan, text)
    shop.later(days=1)

    assert shop.of("chat_cart") == []
    assert shop.counts("chat_cart") == {}
