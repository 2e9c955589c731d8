"""Birthdays, points about to expire, VIPs, and what somebody new gets (A3, A19, A20, R8, R14, R15)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.support.journey_customers import buys, days_until
from tests.support.journeys import Guest, Shop


def born(shop: Shop, day: str, **more: object) -> Guest:
    return shop.guest(traits={"birthday": day, "attributes": more} if more else {"birthday": day})


def test_a3_the_birthday_voucher_comes_at_nine_and_is_good_for_14_days(shop: Shop) -> None:
    """«Sinh nhật: Gửi voucher tự động thay vì … lọc file Excel mỗi sáng»"""
    guest = born(shop, "1990-03-05")
    shop.until(8, 59, days=3)
    assert not shop.of("birthday", guest)
    shop.until(9, 1)
    [message] = shop.of("birthday", guest)
    assert f"{shop.local(message):%d/%m %H:%M}" == "05/03 09:00"
    assert message["variables"]["valid_until"] == "2026-03-19"
    code = message["variables"]["voucher"]
    assert shop.call("GET", f"/v1/vouchers/{code}")["valid_until"] == "2026-03-19T17:00:00.000Z"
    shop.order(guest, "DH-SN", 600_000, coupon=code)
    assert shop.ends(guest, "birthday") == [("birthday", "goal")]


@pytest.mark.parametrize(
    ("birthday", "more", "comes"),
    [
        ("2000-02-29", {}, "28/02"),
        ("1988-01-01", {}, ""),
        ("1988-01-01", {"birthday_confirmed": True}, "01/01"),
        ("1990-02-10", {"birthday_calendar": "lunar"}, "03/03"),
    ],
    ids=["a3_29_february_is_the_28th", "r15_1_january_is_a_placeholder", "r15_unless_confirmed", "x17_lunar_birthday"],
)
def test_a3_which_day_is_the_birthday(
    opened: Callable[..., Shop], birthday: str, more: dict[str, object], comes: str
) -> None:
    """«Sinh nhật»: 15 tháng Giêng for who keeps the lunar calendar."""
    shop = opened(datetime(2026, 12, 30, 3, 0, tzinfo=UTC) if birthday == "1988-01-01" else
                  datetime(2026, 2, 25, 3, 0, tzinfo=UTC))  # fmt: skip
    guest = born(shop, birthday, **more)
    shop.later(days=9)
    assert [f"{shop.local(message):%d/%m}" for message in shop.of("birthday", guest)] == [comes] * bool(comes)


def test_r14_a_birthday_wish_ends_with_the_day(shop: Shop) -> None:
    """«expired», also when everything stood still all day: no wish on the morning after, and no voucher for nobody."""
    guest = born(shop, "1990-03-05")
    shop.until(4, 0, days=3)
    shop.stack.clock.set(shop.at(10, days=1))
    shop.later(minutes=2)
    assert shop.ends(guest, "birthday") == [("birthday", "expired")]
    assert not shop.of("birthday", guest)
    assert not [e for e in shop.items("E#%") if e["name"] == "Voucher Issued"]


def test_r14_a_birthday_message_that_waits_all_day_expires_with_a_reason(shop: Shop) -> None:
    guest = born(shop, "1990-03-05")
    buys(shop, guest)
    shop.plan(guest.id, "marketing", journey="campaign")
    shop.until(9, 1, days=3)
    [message] = shop.of("birthday", guest)
    assert shop.shows(message) == ("expired", "too_late_after_own_cap")


def test_a19_a_vip_who_gets_no_advertising_is_wished_well_all_the_same(shop: Shop) -> None:
    """«lời chúc cá nhân hóa»; whoever got the present was wished well with it and is not written to twice."""
    quiet = shop.guest(traits={"birthday": "1990-03-09"}, consent=False)
    glad = shop.guest(traits={"birthday": "1990-03-09"})
    for guest in (quiet, glad):
        buys(shop, guest, 5, total=9_000_000)
    shop.until(12, days=7)
    assert [(m["template"], m["purpose"], shop.shows(m)[0]) for m in shop.of("birthday", quiet)] == [
        ("birthday_voucher", "marketing", "suppressed"),
        ("vip_wishes", "service", "delivered"),
    ]
    assert [m["template"] for m in shop.of("birthday", glad)] == ["birthday_voucher"]


def test_x17_a_vips_birthday_in_tet_is_wished_and_sells_nothing(opened: Callable[..., Shop]) -> None:
    """«lời chúc cá nhân hóa»: promotions rest, so the present expires with its reason and the wish goes alone (R15)."""
    shop = opened(datetime(2026, 1, 26, 3, 0, tzinfo=UTC))
    guest = born(shop, "1985-02-19")
    buys(shop, guest, 5, total=9_000_000)
    shop.until(12, 0, days=days_until(shop, 2, 19, 2026))
    present, wish = shop.of("birthday", guest)
    assert shop.shows(present) == ("expired", "too_late_after_season")
    assert (wish["template"], f"{shop.local(wish):%d/%m %H:%M}") == ("vip_wishes", "19/02 11:00")


def test_a19_a_new_vip_gets_an_invitation_with_a_private_offer_the_next_morning(shop: Shop) -> None:
    """«ưu đãi riêng … mời tham gia chương trình VIP»"""
    guest = shop.guest()
    buys(shop, guest, 1)
    shop.later(days=1)
    shop.order(guest, "DH-LON", 30_000_000, channel="store")
    assert shop.inside(guest)["vip_welcome"]["vars"]["to"] == "vip"
    shop.until(9, 1, days=1)
    [message] = shop.of("vip_welcome", guest)
    assert message["variables"]["voucher"].startswith("VP-")
    assert shop.shows(message)[0] == "delivered"


def test_a19_vips_are_wished_a_happy_new_year_and_nobody_else(opened: Callable[..., Shop]) -> None:
    """«lời chúc cá nhân hóa»: a wish sells nothing, so it goes out on the first day of Tết (X17)."""
    shop = opened(datetime(2026, 1, 26, 3, 0, tzinfo=UTC))
    vip, regular = shop.guest(), shop.guest()
    buys(shop, vip, 5, total=9_000_000)
    buys(shop, regular, 5, total=300_000)
    shop.until(9, 1, days=days_until(shop, 2, 17, 2026))
    [wish] = shop.of("vip_wishes", vip)
    assert (wish["variables"]["occasion"], f"{shop.local(wish):%d/%m %H:%M}") == ("năm mới", "17/02 09:00")
    assert not shop.of("vip_wishes", regular)


@pytest.mark.parametrize("news", ["Signed Up", "Followed"])
def test_a20_somebody_new_gets_a_coupon_for_the_first_visit(shop: Shop, news: str) -> None:
    """«coupon cho khách lần đầu»; the till takes it once, and the journey has reached its goal."""

    def arrives(who: Guest) -> None:
        if news == "Followed":
            shop.providers.zalo.follow(who.chat)
            shop.stack.drain()
        else:
            shop.tell(news, who, channel="zalo")

    guest, known = shop.guest(chat=True), shop.guest(chat=True)
    buys(shop, known, 1)
    shop.later(minutes=15)
    assert not shop.of("first_visit")  # who only writes is given nothing yet
    for who in (guest, known):
        arrives(who)
    shop.later(minutes=15)
    [message] = shop.of("first_visit", guest)
    assert not shop.of("first_visit", known)
    assert news in {str(entry.get("name")).title() for entry in shop.entries(known)}  # heard of, all the same
    code = message["variables"]["voucher"]
    assert code in shop.got("first_visit", guest)[0].text
    shop.call("POST", f"/v1/vouchers/{code}/redeem", {"phone": guest.phone, "store": "Quận 1", "order_id": "HD-1",
                                                      "total": 400_000})  # fmt: skip
    assert shop.ends(guest, "first_visit") == [("first_visit", "goal")]
    stranger = shop.guest(chat=True)
    arrives(stranger)
    for _ in range(2):
        shop.later(days=31)  # the coupon is over, and still no order
        arrives(stranger)
        arrives(guest)
    shop.later(days=1)
    assert [len(shop.of("first_visit", who)) for who in (guest, stranger)] == [1, 1]


def test_a20_who_tries_something_out_gets_its_guide_and_then_a_call(shop: Shop) -> None:
    """«demo sản phẩm kèm hướng dẫn dùng thử»"""
    guest, buyer = shop.guest(), shop.guest()
    for who in (guest, buyer):
        shop.tell("Trial Started", who, sku="NG-2L", product="Nước giặt hữu cơ",
                  guide_url="https://nhamay.example/huong-dan", ends_on="2026-03-09")  # fmt: skip
    [guide] = shop.of("trial_guide", guest)
    assert (guide["template"], guide["purpose"], shop.shows(guide)[0]) == ("trial_guide", "service", "sent")
    shop.order(buyer, "DH-THU", 200_000)
    shop.until(9, 1, days=7)
    [call] = shop.tasks(guest, "trial_guide")
    assert (call["kind"], call["role"]) == ("call", "sales")
    assert "Nước giặt hữu cơ" in call["reason"]
    assert call["offer"].startswith("DT-")
    assert not shop.tasks(buyer, "trial_guide")
    assert shop.ends(buyer, "trial_guide") == [("trial_guide", "goal")]


def test_r8_points_are_spoken_of_30_and_7_days_before_they_expire(shop: Shop) -> None:
    """«tích điểm» (A20): while there is time to use them."""
    guest = shop.guest(traits={"attributes": {"points": 1200, "points_expire_on": "2026-04-10"}})
    shop.later(days=40)
    notices = shop.of("points_expiring", guest)
    assert [f"{shop.local(message):%d/%m %H:%M}" for message in notices] == ["11/03 09:00", "03/04 09:00"]
    assert notices[0]["variables"] == {
        "points": "1200", "expires_on": "2026-04-10", "points_url": "https://nhamay.example/diem",
    }  # fmt: skip
