"""A17, R16: what a carrier says of a parcel is a fact of its order, or nothing but a line of the customer's story."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.domain.vietnam_time import stamp
from tests.support.shop import PHONE, Shop


def carrier_says(shop: Shop, event: str, number: int, **properties: Any) -> None:
    message = {"event": event, "messageId": f"c{number}", "timestamp": stamp(shop.now)}
    answer = shop.call("POST", "/v1/track", {**message, "properties": {"order_id": "HD1", **properties}})
    assert answer.status == 200, answer.json
    shop.stack.drain()


def view(shop: Shop) -> dict[str, Any]:
    found: dict[str, Any] = shop.call("POST", "/v1/customers/search", {"phone": PHONE}).json
    return found


def order(shop: Shop) -> dict[str, Any]:
    ((body,),) = shop.stack.store.db.execute("SELECT body FROM items WHERE pk = 'ORDER#HD1'").fetchall()
    state: dict[str, Any] = json.loads(body)
    return state


def test_r16_a_cod_order_is_kept_when_the_carriers_own_word_says_it_was_delivered(shop: Shop):
    shop.sell("HD1", payment="cod")
    carrier_says(shop, "Shipment Updated", 1, carrier="GHN", status="delivering")
    assert view(shop)["metrics"]["revenue"] == 0
    carrier_says(shop, "Shipment Updated", 2, carrier="GHN", status="delivered")
    assert view(shop)["metrics"]["revenue"] == 500_000


def test_a17_how_to_follow_the_parcel_is_known_with_the_order(shop: Shop):
    shop.sell("HD1", payment="cod")
    carrier_says(shop, "Order Shipped", 1, carrier="Viettel Post", tracking_code="VTP1", expected_on="2026-11-24")
    carrier_says(shop, "Out For Delivery", 2)
    assert {"shipped", "out_for_delivery"} <= order(shop)["facts"].keys()
    known = {"carrier": "Viettel Post", "tracking_code": "VTP1", "expected_on": "2026-11-24"}
    assert known.items() <= order(shop)["content"].items()


@pytest.mark.parametrize("status", ["cancel", "lost", "a word of next year"])
def test_r16_a_word_that_says_nothing_of_the_order_stands_on_its_customers_timeline(shop: Shop, status: str):
    shop.sell("HD1", payment="cod", days_ago=1)
    facts = order(shop)["facts"]
    carrier_says(shop, "Shipment Updated", 1, carrier="GHN", status=status)
    assert order(shop)["facts"] == facts
    told = shop.call("GET", f"/v1/customers/{view(shop)['customer_id']}/timeline").json["items"][0]
    assert (told["name"], told["stage"]) == ("Shipment Updated", "delivery")


def test_r16_a_parcel_heard_of_before_its_order_waits_for_it(shop: Shop):
    carrier_says(shop, "Shipment Updated", 1, carrier="GHTK", status=5)
    shop.sell("HD1", payment="cod")
    assert view(shop)["metrics"]["revenue"] == 500_000
