"""The day on which somebody lapses is told once, whoever looks at them before the wake of that day (W3, X4)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.repositories import table_keys
from tests.support.journey_customers import buys
from tests.support.journeys import Guest, Shop


def looks(shop: Shop, guest: Guest) -> None:
    shop.tell("Product Viewed", guest, sku="AO", name="áo linen")


def is_synchronised(shop: Shop, guest: Guest) -> None:
    shop.call("PUT", "/v1/customers", {"identities": {"phone": guest.phone}, "traits": {"home_store": "Q1"}})


def writes(shop: Shop, guest: Guest) -> None:
    shop.says(guest, "chào shop")


def label(shop: Shop, guest: Guest) -> str:
    return str((shop.stack.table.get(table_keys.profile(guest.id)) or {})["labels"][0])


@pytest.mark.parametrize("happens", [looks, is_synchronised, writes])
def test_w3_who_is_seen_in_the_night_before_the_wake_is_won_back_all_the_same(
    shop: Shop, happens: Callable[[Shop, Guest], None]
) -> None:
    seen, left_alone = shop.guest(chat=True), shop.guest(chat=True)
    for guest in (seen, left_alone):
        buys(shop, guest)
    shop.until(0, 0, days=30)
    happens(shop, seen)
    happens(shop, seen)
    assert label(shop, seen) == "lapsed_30"
    shop.until(9)

    assert all("winback_30" in shop.inside(guest) for guest in (seen, left_alone))
    assert shop.counts("winback_30")["entered"] == 2
    assert "slipped_from" not in (shop.stack.table.get(table_keys.profile(seen.id)) or {})


def test_w3_who_buys_in_the_night_before_the_wake_has_not_lapsed(shop: Shop) -> None:
    guest = shop.guest()
    buys(shop, guest)
    shop.until(0, 0, days=30)
    looks(shop, guest)
    shop.order(guest, "DH-NIGHT")
    shop.until(9)

    assert label(shop, guest) == "active"
    assert shop.counts("winback_30") == {}
