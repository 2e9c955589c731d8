"""Reminders that follow from what somebody bought, and appointments (A15, A16, R9, T11)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.domain.catalogue.product import Product
from shared.domain.vietnam_time import stamp
from tests.support.journey_customers import sent
from tests.support.journeys import Guest, Shop

FILTER = Product(
    sku="RO-1", name="Máy lọc nước RO", category="Gia dụng", price=5_000_000, url="https://nhamay.example/sp/ro-1",
    maintain_every_days=90, warranty_days=365,
)  # fmt: skip
SOAP = Product(
    sku="NG-2L", name="Nước giặt 2 lít", category="Nhà cửa", price=180_000, url="https://nhamay.example/sp/ng-2l",
    repurchase_days=45,
)  # fmt: skip
CORE = Product(sku="LOI-1", name="Lõi lọc RO-1", category="Gia dụng", lifespan_days=180, replaced_by="LOI-2")
NEW_CORE = Product(sku="LOI-2", name="Lõi lọc RO-2", category="Gia dụng", url="https://nhamay.example/sp/loi-2")


def test_a15_filters_are_changed_every_quarter_and_not_after_they_came_back(shop: Shop) -> None:
    """«thời gian bảo trì hoặc thay lõi định kỳ»: a week before each round is over."""
    shop.sell(FILTER)
    guest, other = shop.guest(), shop.guest()
    shop.order(guest, "DH-RO", 5_000_000, channel="store", sku="RO-1")
    shop.order(other, "DH-RO-2", 5_000_000, channel="store", sku="RO-1")
    shop.later(days=100)
    shop.tell("Order Refunded", other, order_id="DH-RO-2", total=5_000_000)
    shop.later(days=175)
    assert sent(shop, guest, "maintenance") == [
        ("reminder", "24/05 09:00"), ("reminder~2", "22/08 09:00"), ("reminder~3", "20/11 09:00"),
    ]  # fmt: skip
    assert [m["variables"]["due_on"] for m in shop.of("maintenance", guest)] == [
        "2026-05-31", "2026-08-29", "2026-11-27",
    ]  # fmt: skip
    assert len(shop.of("maintenance", other)) == 1
    assert shop.ends(other, "maintenance") == [("maintenance", "goods_returned")]


def test_a15_the_end_of_a_warranty_is_told_while_it_lasts(shop: Shop) -> None:
    """«thời gian bảo trì»; a warranty of a week is not worth a message on the day of the purchase."""
    shop.sell(Product(sku="DEN", name="Đèn bàn", warranty_days=60), Product(sku="DEP", name="Dép", warranty_days=7))
    lamp, shoes = shop.guest(), shop.guest()
    shop.order(lamp, "DH-DEN", channel="store", sku="DEN")
    shop.order(shoes, "DH-DEP", channel="store", sku="DEP")
    shop.later(days=70)
    [notice] = shop.of("warranty", lamp)
    assert notice["variables"] == {"product": "Đèn bàn", "ends_on": "2026-05-01"}
    assert sent(shop, lamp, "warranty") == [("notice", "17/04 09:00")]
    assert not shop.of("warranty", shoes)
    assert shop.counts("warranty") == {"entered": 2, "ended done": 1, "ended too_short": 1}


def test_a16_what_runs_out_is_suggested_again_unless_it_was_bought_again(shop: Shop) -> None:
    """«gợi ý mua lại định kỳ»"""
    shop.sell(SOAP)
    guest, keen = shop.guest(), shop.guest()
    for who in (guest, keen):
        shop.order(who, f"DH-{who.phone}", 180_000, channel="store", sku="NG-2L")
    shop.later(days=30)
    other = {"sku": "KHAC", "name": "Khăn tắm", "quantity": 1, "price": 90_000}
    soap = {"sku": "NG-2L", "name": "Nước giặt 2 lít", "quantity": 1, "price": 180_000}
    shop.order(keen, "DH-LAI", 270_000, products=[other, soap])
    shop.until(9, 1, days=12)
    assert sent(shop, guest, "repurchase") == [("reminder", "13/04 09:00")]
    assert shop.of("repurchase", guest)[0]["variables"]["product_url"] == SOAP.url
    assert not shop.of("repurchase", keen)
    assert shop.ends(keen, "repurchase") == [("repurchase", "goal")]


def test_a16_what_takes_the_place_of_something_old_is_told_when_it_has_had_its_day(shop: Shop) -> None:
    """«thông báo sản phẩm thay thế»; the successor may come into the catalogue long after the purchase."""
    shop.sell(CORE)
    guest = shop.guest()
    shop.order(guest, "DH-LOI", 300_000, channel="store", sku="LOI-1")
    shop.later(days=100)
    shop.sell(NEW_CORE)
    shop.later(days=70)
    [notice] = shop.of("replacement", guest)
    assert notice["variables"] == {
        "product": "Lõi lọc RO-1", "replacement": "Lõi lọc RO-2", "replacement_url": NEW_CORE.url,
    }  # fmt: skip


def test_r6_nothing_sensitive_is_spoken_of_again(shop: Shop) -> None:
    shop.sell(SOAP.model_copy(update={"category": "sức khoẻ"}))
    guest = shop.guest()
    shop.order(guest, "DH-SK", 180_000, channel="store", sku="NG-2L")
    shop.later(days=60)
    assert not shop.of("repurchase", guest)


def booked(shop: Shop, guest: Guest, hours: float, appointment_id: str = "H1", **more: Any) -> None:
    starts = stamp(shop.now + timedelta(hours=hours))
    shop.tell("Appointment Booked", guest, appointment_id=appointment_id, starts_at=starts, service="chỉnh sửa áo dài",
              store="Cửa hàng Nguyễn Trãi", store_address="12 Nguyễn Trãi, Quận 1", **more)  # fmt: skip


def test_a15_t11_an_appointment_is_spoken_of_a_day_and_two_hours_before(shop: Shop) -> None:
    """«nhắc lịch hẹn, lịch tái khám»: at 15:00 on Thursday; a second one at half past eight is told of inside hours."""
    guest, early = shop.guest(), shop.guest()
    booked(shop, guest, 77)
    booked(shop, early, 70.5)
    shop.later(days=5)
    assert sent(shop, guest, "appointment") == [("tomorrow", "04/03 15:00"), ("soon", "05/03 13:00")]
    assert sent(shop, early, "appointment") == [("tomorrow", "04/03 08:30")]
    assert shop.shows(shop.of("appointment", early)[1]) == ("expired", "too_late_after_quiet_hours")


def test_a15_t11_a_cancelled_appointment_is_not_spoken_of(shop: Shop) -> None:
    """«lên lịch hẹn với khách»: and only the one that was cancelled."""
    guest = shop.guest()
    booked(shop, guest, 77, "H1")
    booked(shop, guest, 101, "H2")
    shop.later(hours=1)
    shop.tell("Appointment Cancelled", guest, appointment_id="H1")
    shop.later(days=5)
    assert sent(shop, guest, "appointment") == [("tomorrow", "05/03 15:00"), ("soon", "06/03 13:00")]
    assert ("appointment", "cancelled") in shop.ends(guest)


def test_a15_t11_a_moved_appointment_is_booked_again_and_told_at_its_new_hour(shop: Shop) -> None:
    """«lên lịch hẹn với khách»: moved to Saturday at 21:00, and to this very evening, both after the first reminder."""
    guest, late = shop.guest(), shop.guest()
    booked(shop, guest, 77)
    booked(shop, late, 77)
    shop.later(hours=54)
    assert len(shop.of("appointment", guest)) == 1
    booked(shop, guest, 77)
    shop.later(hours=1)
    booked(shop, late, 5)
    shop.later(days=5)
    assert sent(shop, guest, "appointment") == [
        ("tomorrow", "04/03 15:00"), ("tomorrow~2", "07/03 08:00"), ("soon", "07/03 19:00"),
    ]  # fmt: skip
    assert sent(shop, late, "appointment") == [("tomorrow", "04/03 15:00"), ("soon", "04/03 20:00")]
