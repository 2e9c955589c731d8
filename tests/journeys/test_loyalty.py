"""Friends of customers, customers who read nothing any more, and restraint where several journeys want one person
(A22, A23, G12, R17)."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from shared.domain.catalogue.product import Product
from shared.domain.vietnam_time import VIETNAM, moment
from tests.support.journey_customers import buys, silent
from tests.support.journeys import Guest, Shop


def asked(shop: Shop, guest: Guest, template: str = "nps_survey", run: str = "1") -> dict[str, object]:
    """A survey that reached somebody."""
    variables = {} if template == "nps_survey" else {"order_code": "DH1"}
    message_id = shop.plan(guest.id, "service", run, journey="nps", template=template, variables=variables)
    shop.later(minutes=1)
    return shop.message(message_id)


@pytest.mark.parametrize(("score", "codes"), [(10, 1), (9, 1), (8, 0), (0, 0)])
def test_a23_who_would_recommend_us_gets_a_code_for_a_friend(shop: Shop, score: int, codes: int) -> None:
    """«giới thiệu truyền miệng»: the friend has another number, and redeems it all the same."""
    guest, friend = shop.guest(), shop.guest()
    shop.answer(asked(shop, guest), score)
    shop.until(10, 1, days=1)
    messages = shop.of("referral", guest)
    assert len(messages) == codes
    for message in messages:
        code = message["variables"]["voucher"]
        shop.call("POST", f"/v1/vouchers/{code}/redeem", {"phone": friend.phone, "store": "Quận 1", "order_id": "HD-1",
                                                          "total": 400_000})  # fmt: skip
        assert shop.ends(guest, "referral") == [("referral", "goal")]
        shop.later(days=8)
        [thanks] = shop.of("referral_thanks", guest)
        assert thanks["variables"]["voucher"].startswith("GT-")
        assert shop.shows(thanks)[0] == "delivered"
    shop.later(days=90)
    shop.answer(asked(shop, guest, run="2"), score)
    shop.later(days=3)
    assert len(shop.of("referral", guest)) == codes  # once in half a year


def test_a23_a_loyal_customer_who_rates_us_five_gets_one_too(shop: Shop) -> None:
    """«chương trình marketing từ khách hàng trung thành»"""
    vip, new = shop.guest(), shop.guest()
    buys(shop, vip, 5, total=9_000_000)
    for guest in (vip, new):
        shop.answer(asked(shop, guest, "survey_day7"), 5)
    shop.until(10, 1, days=1)
    assert [message["template"] for message in shop.of("referral_vip", vip)] == ["referral"]
    assert not shop.of("referral_vip", new)


def test_g12_a22_who_reads_nothing_gets_other_content_and_loyal_ones_a_call(shop: Shop) -> None:
    """«nhóm khách ít tương tác … nội dung tái kích hoạt», «cảnh báo tự động: Khi có dấu hiệu giảm tương tác»"""
    loyal, regular, lapsed, reader = (shop.guest() for _ in range(4))

    def looks(guest: Guest) -> None:
        shop.tell("Product Viewed", guest, sku="AO-LINEN", name="Áo linen", category="Áo", price=450_000)

    for guest in (loyal, regular, lapsed, reader):
        looks(guest)
    buys(shop, lapsed)
    shop.later(days=45)
    buys(shop, regular)
    buys(shop, reader)
    buys(shop, loyal, 5)
    shop.later(days=10)
    looks(reader)
    shop.until(23, 59, days=4)  # the fifty-ninth day since they looked
    assert not any("low_engagement" in shop.tags(guest) for guest in (loyal, regular, reader))
    shop.until(9, 59, days=1)
    assert not shop.of("reactivation")
    shop.until(10, 5)
    assert [("low_engagement" in shop.tags(guest)) for guest in (loyal, regular, reader)] == [True, True, False]
    [message] = shop.of("reactivation", regular)
    decided = moment(message["created_at"]).astimezone(VIETNAM)
    assert (message["template"], f"{decided:%H:%M}") == ("reactivation", "10:00")
    [alarm] = shop.tasks(loyal, "reactivation")
    assert (alarm["kind"], alarm["role"]) == ("alarm", "store_manager")
    assert not shop.tasks(regular, "reactivation")
    assert not shop.of("reactivation", lapsed)  # the win-back's
    assert not shop.of("reactivation", reader)  # gives signs: neither content nor alarm
    assert not shop.tasks(reader, "reactivation")
    shop.later(days=90)
    assert len(shop.of("reactivation", regular)) == 1  # once in half a year
    [got] = shop.got("reactivation", regular)  # after the week that the advertisement before it takes (R17)
    assert got.at - decided < timedelta(days=7)


def adverts(shop: Shop, guest: Guest) -> list[dict[str, object]]:
    """The advertisements that went out to somebody, in the order they went."""
    found = [m for m in shop.messages() if m["customer_id"] == guest.id and m["purpose"] == "marketing"]
    return sorted((m for m in found if any(line[1] == "sent" for line in m["log"])), key=shop.local)


def test_r17_of_several_that_wait_for_the_same_week_the_most_important_goes(shop: Shop) -> None:
    """«journeys ranked by priority»: the win-back (30) before the successor of an old filter (48)."""
    shop.sell(
        Product(sku="LOI-1", name="Lõi lọc RO-1", lifespan_days=74, replaced_by="LOI-2"),
        Product(sku="LOI-2", name="Lõi lọc RO-2", url="https://nhamay.example/sp/loi-2"),
    )
    guest = shop.guest()
    buys(shop, guest, products=[{"sku": "LOI-1", "name": "Lõi lọc RO-1", "quantity": 1, "price": 500_000}])
    shop.until(12, 0, days=54)
    shop.plan(guest.id, "marketing", journey="campaign")
    shop.later(minutes=1)
    silent(shop, 6)
    waiting = [*shop.of("replacement", guest), *shop.of("winback_60", guest)]
    assert {shop.shows(message) for message in waiting} == {("deferred", "own_cap")}
    silent(shop, 10)
    assert [m["journey"] for m in adverts(shop, guest)][:3] == ["winback_30", "campaign", "winback_60"]
    assert {shop.shows(message) for message in shop.of("replacement", guest)} == {
        ("expired", "too_late_after_own_cap"),
    }  # fmt: skip


def test_r17_with_every_journey_live_nobody_gets_two_advertisements_in_a_week(shop: Shop) -> None:
    """«Marketing at most once a week per person over all channels»: half a year of somebody everything happens to."""
    shop.sell(
        Product(sku="RO-1", name="Máy lọc nước", url="https://nhamay.example/sp/ro", maintain_every_days=30,
                warranty_days=60, repurchase_days=29, lifespan_days=75, replaced_by="RO-2", complements=("RO-2",)),
        Product(sku="RO-2", name="Máy lọc nước mới", url="https://nhamay.example/sp/ro-2"),
    )  # fmt: skip
    guest = shop.guest(chat=True, traits={"birthday": "1990-05-02", "attributes": {
        "points": 900, "points_expire_on": "2026-06-01"}})  # fmt: skip
    shop.tell("Signed Up", guest, channel="website")
    shop.tell("Trial Started", guest, sku="RO-1", product="Máy lọc nước", ends_on="2026-03-05")
    shop.cart(guest, "ro-1", "ro-2")
    shop.later(days=1)
    line = {"sku": "RO-1", "name": "Máy lọc nước", "quantity": 1, "price": 9_000_000}
    buys(shop, guest, 5, total=9_000_000, products=[line])
    shop.answer(asked(shop, guest), 10)
    for _ in range(6):
        shop.later(days=30)
        shop.says(guest, "còn màu khác không shop, giá bao nhiêu ạ")
        shop.cart(guest, "ro-2")
    went = adverts(shop, guest)
    times = [shop.local(message) for message in went]
    assert all(later - sooner >= timedelta(days=7) for sooner, later in itertools.pairwise(times))
    assert {"first_visit", "birthday", "winback_60", "winback_90"} & {m["journey"] for m in went}
    assert len({m["journey"] for m in went}) >= 5, [(m["journey"], f"{shop.local(m):%d/%m}") for m in went]
    shop.all_have_ended_with_words()
