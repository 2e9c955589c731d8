"""Win-back at 30, 60 and 90 days of silence, in HUB's three phases: Pre-Sales, Sales, Post-Sales (N10, W3–W11)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from infra.local.measuring.synthetic_shop import phone
from shared.domain.messaging.policy import in_holdout
from shared.domain.vietnam_time import local_day, moment
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
    assert not shop.of("winback_60", guest)
    silent(shop, 30)
    [offer] = shop.of("winback_60", guest)
    assert shop.ends(guest, "winback_30") == [("winback_30", "silent_for_longer")]
    assert not shop.of("winback_90", guest)
    silent(shop, 30)
    [strong] = shop.of("winback_90", guest)
    assert ("winback_60", "silent_for_longer") in shop.ends(guest)
    assert [shop.local(one) - shop.local(word) for one in (offer, strong)] == [timedelta(days=30), timedelta(days=60)]

    # What each of them gives: nothing yet; 15 % for two weeks; 25 %, of a code of its own, for two days.
    assert offer["variables"]["voucher"] != strong["variables"]["voucher"]
    assert (offer["variables"]["gift"], strong["variables"]["gift"]) == (
        "giảm 15 %, tối đa 200.000 ₫", "giảm 25 %, tối đa 400.000 ₫",
    )  # fmt: skip
    # And what the customer reads: by name, each text another one, richer than the one before.
    texts = [shop.got(journey, guest)[0].text for journey in ("winback_30", "winback_60", "winback_90")]
    assert all("Lan" in text for text in texts)
    assert ["mẫu mới" in text for text in texts] == [True, False, False]
    assert ["Quản lý cửa hàng sẽ tự đọc" in text for text in texts] == [False, False, True]
    assert [offer["variables"]["voucher"] in text for text in texts] == [False, True, False]
    assert [strong["variables"]["voucher"] in text for text in texts] == [False, False, True]


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
    called = local_day(shop.now)
    assert shop.inside(guest)["winback_60"]["deal"] == "contacted"
    shop.until(8, 59, days=2)
    assert len(shop.of("winback_60", guest)) == 1  # nobody is pressed before two days are over
    shop.until(9, 1, days=1)
    _, reminder = shop.of("winback_60", guest)
    assert local_day(moment(reminder["created_at"])) - called == timedelta(days=3)  # two whole days, then at nine
    assert (reminder["step"], reminder["template"]) == ("reminder", "winback_reminder")
    assert reminder["variables"]["voucher"] == message["variables"]["voucher"]
    assert shop.shows(reminder) == ("deferred", "own_cap")  # two days later by the deal, a week later by R17
    shop.until(8, 59, days=2)
    assert not shop.tasks(guest, "winback_60")
    shop.until(9, 1, days=1)
    [again] = shop.tasks(guest, "winback_60")
    assert (again["step"], again["kind"]) == ("call_again", "call")
    shop.finish(again, "no_answer")
    shop.until(9, 40, days=1)
    assert timedelta(days=7) <= shop.local(shop.of("winback_60", guest)[1]) - first < timedelta(days=7, hours=1)
    assert shop.inside(guest)["winback_60"]["deal"] == "nurturing"
    assert message["variables"]["voucher"] in shop.got("winback_60", guest)[1].text
    shop.until(9, 40, days=8)
    _, _, nurture = shop.of("winback_60", guest)
    assert (nurture["step"], nurture["template"], "voucher" in nurture["variables"]) == (
        "nurture", "winback_nurture", False,
    )  # fmt: skip
    assert "mẫu mới" in shop.got("winback_60", guest)[2].text
    assert not shop.ends(guest, "winback_60")


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
    """«lặp lại kịch bản theo phản hồi thực tế»: who says no is not asked again (W11), who did not answer is."""
    refuses, misses = shop.guest(), shop.guest()
    for guest in (refuses, misses):
        buys(shop, guest)
    silent(shop, 60)
    for guest in (refuses, misses):
        reads(shop, shop.of("winback_60", guest)[0])
    shop.later(days=1, minutes=5)
    assert [shop.inside(guest)["winback_60"]["deal"] for guest in (refuses, misses)] == ["contacted", "contacted"]
    before = {message["message_id"] for message in shop.messages()}
    shop.finish(shop.tasks(refuses, "winback_60")[0], "refused", note="Đã mua chỗ khác")
    shop.finish(shop.tasks(misses, "winback_60")[0], "no_answer")
    assert shop.ends(refuses, "winback_60") == [("winback_60", "lost")]
    assert deals(shop, refuses, "winback_60") == ["lost"]
    assert not shop.ends(misses, "winback_60")
    assert shop.inside(misses)["winback_60"]["deal"] == "contacted"

    shop.until(12, days=14)
    assert not shop.tasks(refuses, "winback_60")
    assert [task["step"] for task in shop.tasks(misses, "winback_60")] == ["call_again"]
    asked = [message for message in shop.messages() if message["message_id"] not in before]
    assert [message["step"] for message in asked if message["customer_id"] == misses.id] == ["reminder"]
    assert not [message for message in asked if message["customer_id"] == refuses.id]


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


def test_w11_every_lapse_begins_anew_and_goes_on_by_what_the_customer_did(shop: Shop) -> None:
    """«lặp lại kịch bản theo phản hồi thực tế»: who came back gets it again, called only when the message was read;
    who never answered is not told the same again but moves on to the next scenario."""
    returns, stays_away = shop.guest(), shop.guest()
    for guest in (returns, stays_away):
        buys(shop, guest)
    silent(shop, 30)
    reads(shop, shop.of("winback_30", returns)[0])
    shop.later(days=1, minutes=5)
    assert [task["step"] for task in shop.tasks(returns, "winback_30")] == ["call"]  # read, not bought: called
    assert not shop.tasks(stays_away)
    shop.finish(shop.tasks(returns, "winback_30")[0], "reached")
    buys(shop, returns, 1)
    assert shop.ends(returns, "winback_30") == [("winback_30", "goal")]
    assert deals(shop, returns, "winback_30") == ["won"]
    bought = local_day(shop.now)

    silent(shop, 30)
    first, second = shop.of("winback_30", returns)
    assert first["run"] != second["run"]
    assert shop.local(second).date() - bought == timedelta(days=30)
    assert shop.inside(returns)["winback_30"]["deal"] == "open"  # a deal of its own
    assert len(shop.of("winback_30", stays_away)) == len(shop.of("winback_60", stays_away)) == 1
    assert shop.ends(stays_away, "winback_30") == [("winback_30", "silent_for_longer")]
    shop.later(days=12)
    assert not shop.tasks(returns, "winback_30")  # not read this time


def test_g14_each_loop_of_a_scenario_ends_with_the_customer_classified_anew(shop: Shop) -> None:
    """«phân loại khách rõ ràng hơn»: after the loop of sixty days its buyer, its refuser and its silent one stand in
    different segments, by themselves, and the next scenario begins for the silent one."""
    buyer, silent_one = shop.guest(), shop.guest()
    for guest in (buyer, silent_one):
        buys(shop, guest)

    def classes(guest: Guest) -> tuple[str, str, bool]:
        found = shop.call("GET", f"/v1/customers/{guest.id}")["segments"]
        return found["lifecycle"], found["value"], "at_risk" in found["tags"]

    silent(shop, 60)
    assert classes(buyer) == classes(silent_one) == ("lapsed_60", "regular", True)
    [message] = shop.of("winback_60", buyer)
    for _ in range(2):
        shop.later(days=1)
        shop.order(buyer, f"DH-{shop.now:%d}", 900_000, channel="store", coupon=message["variables"]["voucher"])
    silent(shop, 28)
    assert shop.ends(buyer, "winback_60") == [("winback_60", "goal")]
    assert classes(buyer) == ("active", "loyal", False)
    assert shop.ends(silent_one, "winback_60") == [("winback_60", "silent_for_longer")]
    assert classes(silent_one) == ("lapsed_90", "regular", True)
    assert set(shop.inside(silent_one)) >= {"winback_90"}
    assert "winback_90" not in shop.inside(buyer)

    silent(shop, 95)
    assert shop.ends(silent_one, "winback_90") == [("winback_90", "silent")]
    assert classes(silent_one) == ("lost", "regular", False)


def test_g13_each_segment_has_its_own_schedule_content_and_channel(shop: Shop) -> None:
    """«lịch chăm sóc, nội dung và kênh giao tiếp khác nhau»: what one silence means by value and by its length."""
    once, regular, vip, longer = (shop.guest() for _ in range(4))
    buys(shop, longer)
    silent(shop, 30)
    buys(shop, once, 1)
    buys(shop, regular)
    buys(shop, vip, 5, total=9_000_000)
    silent(shop, 30)
    care: dict[str, tuple[object, ...]] = {}
    for name, guest, journey in (("once", once, "winback_30"), ("regular", regular, "winback_30"),
                                 ("vip", vip, "winback_30"), ("longer", longer, "winback_60")):  # fmt: skip
        [message] = shop.of(journey, guest)
        reads(shop, message)
        care[name] = (message["template"], "voucher" in message["variables"])
    shop.later(days=1, hours=2)
    for name, guest in (("once", once), ("regular", regular), ("vip", vip), ("longer", longer)):
        tasks = [task for task in shop.tasks(guest) if task["journey"].startswith("winback")]
        care[name] += tuple((task["kind"], task["role"], task.get("offer", "")[:3]) for task in tasks)

    assert care == {
        "once": ("winback_30", False),  # a message is all
        "regular": ("winback_30", False, ("call", "store_staff", "")),
        "vip": ("winback_30", False, ("call", "store_manager", "")),
        "longer": ("winback_60", True, ("call", "store_staff", "QL-")),
    }


def test_n10_one_customer_goes_through_pre_sales_sales_and_post_sales(shop: Shop) -> None:
    """«3 giai đoạn: Pre-Sales, Sales, Post-Sales»: messages, then a call and its reminder, then thanks and a survey."""
    guest = shop.guest()
    buys(shop, guest)
    silent(shop, 60)
    # Pre-Sales: a message with the offer, by e-mail, ZNS or SMS, and nobody calls yet.
    [offer] = shop.of("winback_60", guest)
    assert {one.channel for one, _ in shop.taken("winback_60", guest)} <= {"email", "zns", "sms_care"}
    assert (shop.inside(guest)["winback_60"]["deal"], shop.tasks(guest)) == ("open", [])
    # Sales: read, so a person calls, and promises what the message promised.
    reads(shop, offer)
    shop.later(days=1, minutes=5)
    [call] = shop.tasks(guest, "winback_60")
    assert (call["kind"], call["offer"]) == ("call", offer["variables"]["voucher"])
    shop.finish(call, "reached")
    assert shop.inside(guest)["winback_60"]["deal"] == "offered"
    # Post-Sales: the order wins the deal, is thanked for and followed up, and selling stops.
    before = {message["message_id"] for message in shop.messages()}
    shop.order(guest, "DH-60", 800_000, channel="store", coupon=offer["variables"]["voucher"])
    assert (shop.ends(guest, "winback_60"), deals(shop, guest, "winback_60")) == ([("winback_60", "goal")], ["won"])
    shop.later(days=8)
    after = [message for message in shop.messages() if message["message_id"] not in before]
    steps = [(one["journey"], one["purpose"]) for one in sorted(after, key=lambda one: one["created_at"])]
    assert steps == [("order", "transactional"), ("post_purchase", "service"), ("post_purchase", "service")]
    assert not shop.tasks(guest, "winback_60")
    shown = shop.call("GET", "/v1/journeys/winback_60")
    assert (shown["entered"], shown["results"]) == (1, {"goal": 1})


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
