"""What tills type where a name belongs, and which store calls a customer who named none."""

from __future__ import annotations

from datetime import timedelta

from tests.support.shop import NOW, PHONE, Shop


def _buy(shop: Shop, number: str, at, **more):
    sale = {"order_id": number, "total": 500_000, "store": "Thủ Đức", **more}
    message = {"event": "Order Completed", "userId": PHONE, "timestamp": at.isoformat(), "properties": sale}
    assert shop.call("POST", "/v1/track", {**message, "messageId": number}).status == 200
    shop.stack.drain()


def test_r6_a_dash_in_the_name_field_replaces_no_name(shop: Shop):
    for name in ("Nguyễn Thị Lan", "—", "..."):
        body = {"identities": {"phone": PHONE}, "traits": {"name": name}}
        assert shop.call("PUT", "/v1/customers", body).status in (200, 201)

    assert shop.call("POST", "/v1/customers/search", {"phone": PHONE}).json["traits"]["name"] == "Nguyễn Thị Lan"


def test_w1_who_named_no_home_store_is_called_by_one_they_bought_in(shop: Shop):
    _buy(shop, "HD1", NOW - timedelta(days=25))

    shop.stack.advance(NOW + timedelta(days=10))

    (listed,) = shop.call("GET", "/v1/churn-risk").json["items"]
    assert listed["store"] == "Thủ Đức"


def test_r4_a_bar_in_a_cashier_s_name_keeps_the_day_s_totals_apart(shop: Shop):
    _buy(shop, "HD1", NOW - timedelta(days=1), cashier="Lan|ca 2", channel="store")

    days = shop.stack.table.query("DAY#2026-11-20").items
    assert [item["sk"].split("|") for item in days] == [["Thủ Đức", "store", "Lan/ca 2"]]
