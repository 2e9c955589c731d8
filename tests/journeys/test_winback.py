"""Win-back at 30, 60 and 90 days of silence, in HUB's three phases: Pre-Sales, Sales, Post-Sales (N10, W3–W11)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from infra.local.measuring.synthetic_shop import phone
from shared.domain.messaging.policy import in_holdout
from shared.domain.vietnam_time import moment
from tests.support.journey_customers import buys, deals, reads, silent
from tests.support.journeys import Guest, Shop


def test_w3_thirty_sixty_ninety_days_each_say_more_than_the_last(shop: Shop) -> None:
    """«30 ngày … 60 ngày … 90 ngày»: a word; an offer; an offer for 48 hours. Who moves on leaves the run before."""
    guest = shop.guest()
    buys(shop, guest)
    silent(shop, 30)
    [word] = shop.of("winback_30", guest)
    assert shop.local(word).strftime("%H:%M") == "09:30"
    assert "voucher" not in word["variables"]
    silent(shop, 30)
    [offer] = shop.of("winback_60", guest)
    assert offer["variables"]["voucher"].startswith("QL-")
    assert shop.ends(guest, "winback_30") == [("winback_30", "silent_for_longer")]
    silent(shop, 30)
    [strong] = shop.of("winback_90", guest)
    assert strong["variables"]["voucher"].startswith("QL-") != offer["variables"]["voucher"]
    assert ("winback_60", "silent_for_longer") in shop.ends(guest)
    assert {message["journey"] for message in shop.of("winback_90", guest)} == {"winback_90"}


def test_w7_opened_and_not_bought_is_a_call_after_one_day(shop: Shop) -> None:
    """«Sau khi mở email, khách chưa mua → gọi điện sau 1 ngày»"""
    guest = shop.guest()
    buys(shop, guest)
    silent(shop, 60)
    [message] = shop.of("winback_60", guest)
    assert not shop.tasks(guest)
    reads(shop, message)
    opened_at = shop.now
    assert shop.inside(guest)["winback_60"]["deal"] == "contacted"
    shop.later(hours=23)
    assert not shop.tasks(guest)
    shop.later(hours=2)
    [task] = shop.tasks(guest, "winback_60")
    assert timedelta(hours=23) < moment(task["at"]) - opened_at <= timedelta(days=1)
    assert (task["kind"], task["offer"]) == ("call", message["variables"]["voucher"])
    assert "60 ngày" not in task["title"]
    assert message["variables"]["voucher"] in task["reason"]


def test_w8_not_closed_is_reminded_after_two_days_called_again_and_nurtured(shop: Shop) -> None:
    """«gửi tin nhắc sau 2 ngày → call out lại → … tiếp tục nuôi dưỡng»; one advertisement a week all the same (R17)."""
    guest = shop.guest()
    buys(shop, guest)
    silent(shop, 60)
    [message] = shop.of("winback_60", guest)
    first = shop.local(message)
    reads(shop, message)
    shop.later(days=1, minutes=5)
    [call] = shop.tasks(guest, "winback_60")
    shop.finish(call, "no_answer")
    assert shop.inside(guest)["winback_60"]["deal"] == "contacted"
    shop.until(9, 1, days=3)
    _, reminder = shop.of("winback_60", guest)
    assert (reminder["step"], reminder["template"]) == ("reminder", "winback_reminder")
    assert reminder["variables"]["voucher"] == message["variables"]["voucher"]
    assert shop.shows(reminder) == ("deferred", "own_cap")  # two days later by the deal, a week later by R17
    shop.until(9, 1, days=2)
    [again] = shop.tasks(guest, "winback_60")
    assert again["step"] == "call_again"
    shop.finish(again, "no_answer")
    shop.until(9, 40, days=2)
    assert timedelta(days=7) <= shop.local(shop.of("winback_60", guest)[1]) - first < timedelta(days=7, hours=1)
    assert shop.inside(guest)["winback_60"]["deal"] == "nurturing"
    shop.until(9, 40, days=8)
    nurture = shop.of("winback_60", guest)[-1]
    assert (nurture["step"], nurture["template"], "voucher" in nurture["variables"]) == (
        "nurture", "winback_nurture", False,
    )  # fmt: skip


def test_w9_deal_and_order_change_by_themselves(shop: Shop) -> None:
    """«Hệ thống tự thay đổi trạng thái deal/order sau mỗi lần tương tác»"""
    guest = shop.guest()
    buys(shop, guest)
    silent(shop, 60)
    stood = [shop.inside(guest)["winback_60"]["deal"]]
    [message] = shop.of("winback_60", guest)
    reads(shop, message)
    stood.append(shop.inside(guest)["winback_60"]["deal"])
    shop.later(days=1, minutes=5)
    [call] = shop.tasks(guest, "winback_60")
    shop.finish(call, "reached")
    stood.append(shop.inside(guest)["winback_60"]["deal"])
    shop.order(guest, "DH-60", 800_000, coupon=message["variables"]["voucher"])
    assert stood == ["open", "contacted", "offered"]
    assert shop.ends(guest, "winback_60") == [("winback_60", "goal")]
    assert deals(shop, guest, "winback_60") == ["won"]
    thanks = shop.of("order", guest)[-1]
    assert thanks["template"] == "order_thanks"  # Post-Sales (N10)
    shop.until(12, days=20)
    assert len(shop.of("winback_60", guest)) == 1
    assert not shop.tasks(guest, "winback_60")


def test_w9_a_refusal_on_the_phone_loses_the_deal_and_asks_no_more(shop: Shop) -> None:
    """«lặp lại kịch bản theo phản hồi thực tế»: who says no is not asked again (W11)."""
    guest = shop.guest()
    buys(shop, guest)
    silent(shop, 60)
    reads(shop, shop.of("winback_60", guest)[0])
    shop.later(days=1, minutes=5)
    shop.finish(shop.tasks(guest, "winback_60")[0], "refused", note="Đã mua chỗ khác")
    assert shop.ends(guest, "winback_60") == [("winback_60", "lost")]
    assert deals(shop, guest, "winback_60") == ["lost"]
    shop.until(12, days=14)
    assert len(shop.of("winback_60", guest)) == 1
    assert not shop.tasks(guest, "winback_60")


def test_w5_the_offer_of_ninety_days_ends_after_48_hours_and_no_reminder_speaks_of_it(shop: Shop) -> None:
    """«chỉ trong 48h!»; what is left of the flow promises nothing that is over (R14)."""
    guest = shop.guest()
    buys(shop, guest)
    silent(shop, 90)
    [message] = shop.of("winback_90", guest)
    run = shop.inside(guest)["winback_90"]
    assert moment(run["vars"]["offer_ends"]) - shop.local(message) <= timedelta(hours=48)
    assert moment(message["send_before"]) < moment(run["vars"]["offer_ends"])
    shop.later(days=1, minutes=5)
    [call] = shop.tasks(guest, "winback_90")  # not read, called all the same: the last chance
    assert (call["role"], call["offer"]) == ("store_staff", message["variables"]["voucher"])
    assert moment(call["due_at"]) < moment(run["vars"]["offer_ends"])
    shop.finish(call, "no_answer")
    shop.until(9, 40, days=8)
    later = shop.of("winback_90", guest)[1:]
    assert [message["template"] for message in later] == ["winback_nurture"]
    assert [task["step"] for task in shop.tasks(guest, "winback_90")] == ["call_again"]


def test_w6_a_call_goes_with_the_messages_and_a_vips_call_is_the_managers(shop: Shop) -> None:
    """«Gọi điện, kết hợp bắn ZNS/SMS/Email tự động»"""
    guest = shop.guest()
    buys(shop, guest, 5, total=9_000_000)
    silent(shop, 30)
    [message] = shop.of("winback_30", guest)
    reads(shop, message)
    shop.later(days=1, minutes=5)
    [call] = shop.tasks(guest, "winback_30")
    assert (call["kind"], call["role"]) == ("call", "store_manager")
    assert "VIP" in call["title"]
    assert "5 đơn" in call["reason"]


def test_w11_every_lapse_begins_anew(shop: Shop) -> None:
    """«lặp lại kịch bản theo phản hồi thực tế»: bought again and silent again is a new run."""
    guest = shop.guest()
    buys(shop, guest)
    silent(shop, 31)
    buys(shop, guest, 1)
    assert shop.ends(guest, "winback_30") == [("winback_30", "goal")]
    silent(shop, 30)
    first, second = shop.of("winback_30", guest)
    assert first["run"] != second["run"]
    assert shop.local(second) - shop.local(first) == timedelta(days=31)


def test_r2_who_refuses_parcels_is_given_no_voucher_and_promised_none(shop: Shop) -> None:
    """«bom hàng»: two refused parcels, and the way back is a word without a code."""
    guest = shop.guest()
    buys(shop, guest)
    for order_id in ("COD-1", "COD-2"):
        shop.order(guest, order_id, payment="cod")
        shop.parcel("Delivery Failed", order_id)
        shop.parcel("Returned To Sender", order_id)
    assert "cod_risk" in shop.call("GET", f"/v1/customers/{guest.id}")["segments"]["tags"]
    silent(shop, 91)
    sent = [message for journey in ("winback_60", "winback_90") for message in shop.of(journey, guest)]
    assert sent
    assert all("voucher" not in message["variables"] for message in sent)
    assert not [item for item in shop.items("E#%") if item["name"] == "Voucher Issued"]


def test_x17_nobody_is_pushed_into_thirty_days_by_tet_and_nothing_promotional_is_sent_in_it(
    opened: Callable[..., Shop],
) -> None:
    """«Promotions rest from 28 Chạp to mùng 6 Tết» and no day of it counts against anyone (R15)."""
    shop = opened(datetime(2026, 1, 24, 3, 0, tzinfo=UTC))  # mùng 6 Chạp; 28 Chạp is 15 February, mùng 6 is the 22nd
    guest = shop.guest()
    buys(shop, guest)
    silent(shop, 30)  # by the calendar; eight of these days were Tết
    assert not shop.of("winback_30", guest)
    silent(shop, 8)
    [message] = shop.of("winback_30", guest)
    assert f"{shop.local(message):%d/%m %H:%M}" == "03/03 09:30"


def test_x17_a_win_back_that_would_go_out_during_tet_expires_instead(opened: Callable[..., Shop]) -> None:
    """What waits for its week into the rest is told why it never went; nobody is called in it either (R14, R15)."""
    shop = opened(datetime(2025, 12, 14, 3, 0, tzinfo=UTC))
    guest = shop.guest()
    buys(shop, guest)
    silent(shop, 60)  # 12 February, three days before the rest
    [message] = shop.of("winback_60", guest)
    reads(shop, message)
    shop.later(days=1, minutes=5)
    shop.finish(shop.tasks(guest, "winback_60")[0], "no_answer")
    shop.until(9, 1, days=10)  # 23 February, mùng 7
    reminder = shop.of("winback_60", guest)[1]
    assert shop.shows(reminder) == ("expired", "too_late_after_season")
    assert "15/02" <= f"{moment(reminder['created_at']):%d/%m}" <= "22/02"
    assert [f"{moment(task['at']):%d/%m}" for task in shop.tasks(guest, "winback_60")] == []
    shop.until(9, 1, days=5)
    assert [task["step"] for task in shop.tasks(guest, "winback_60")] == ["call_again"]


def test_r10_r26_nobody_is_called_to_be_sold_something_who_refused_it_or_is_held_out(shop: Shop) -> None:
    """«Gọi điện» (W6) follows what messages keep to: no advertising call without asking, none in the hold-out."""
    refuses = shop.guest(consent=False)
    held = next(
        guest
        for number in range(500, 700)
        if in_holdout((guest := Guest(shop.customer(number), phone(number), "")).id, "*", shop.rules.holdout_percent)
        and not in_holdout(guest.id, "winback_90", 10)
    )
    for guest in (refuses, held):
        buys(shop, guest)
    silent(shop, 95)
    for guest, why in ((refuses, "refused_by_customer"), (held, "holdout")):
        assert {shop.shows(message) for message in shop.of("winback_90", guest)} == {("suppressed", why)}
        assert not shop.tasks(guest)
    assert not [e for e in shop.items("E#%") if e["name"] == "Voucher Issued" and e["pk"] == f"C#{held.id}"]
