"""What the bot is told of a customer's orders: where each stands, from all that is known, and nothing sensitive."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.catalogue.product import Product
from shared.repositories import table_keys
from shared.repositories.products import Products
from shared.repositories.profiles import load_members
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime import wiring
from shared.runtime.factories.bot import orders
from tests.support.bot import Chats

SHIRT = {"sku": "A1", "name": "Áo sơ mi", "category": "áo", "price": 500_000}


def told(chats: Chats) -> list[dict[str, Any]]:
    outside = chats.stack.outside
    token = wiring.install(outside)
    try:
        uow = UnitOfWork(chats.stack.table)
        lead = uow.get(table_keys.profile(chats.lan))
        assert lead is not None
        return [dict(order) for order in orders(chats.now)(uow, load_members(uow, lead))]
    finally:
        wiring.uninstall(token)


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ((), "placed"),
        (("Order Shipped",), "shipped"),
        (("Order Shipped", "Out For Delivery"), "out_for_delivery"),
        (("Order Shipped", "Out For Delivery", "Delivery Failed"), "delivery_failed"),
        (("Order Delivered",), "delivered"),
        (("Order Delivered", "Returned To Sender"), "returned"),
        (("Order Cancelled",), "cancelled"),
    ],
)
def test_the_facts_of_an_order_say_where_it_stands(chats: Chats, facts: tuple[str, ...], state: str):
    chats.buys(products=[SHIRT], payment="cod")
    for fact in reversed(facts):  # they come as they come
        chats.carrier_says(fact)

    (order,) = told(chats)
    assert (order["state"], order["code"], order["placed_on"]) == (state, "HD1", "2026-11-23")
    assert order["product"] == "Áo sơ mi"
    assert ("exchange_until" in order) == (state in ("delivered", "returned"))


def test_what_was_bought_in_a_store_is_nothing_to_wait_for(chats: Chats):
    chats.sell("HD1", "0901234567", channel="store", store="Quận 1", products=[SHIRT])

    (order,) = told(chats)
    assert (order["state"], order["store"], order["exchange_until"]) == ("in_store", "Quận 1", "2026-12-01")


def test_the_latest_orders_come_first_and_returns_are_none(chats: Chats):
    for number in range(12):
        chats.sell(f"HD{number}", "0901234567", days_ago=number, channel="website", products=[SHIRT])
    chats.sell("TH1", "0901234567", channel="website", total=-200_000)

    assert [order["order_id"] for order in told(chats)] == [f"HD{number}" for number in range(10)]


def test_r6_the_catalogue_knows_what_is_sensitive_where_the_till_does_not_say(chats: Chats):
    product = Product(sku="U1", name="Bộ đồ ren", category="đồ lót")
    Products(chats.stack.table, chats.stack.outside.memory, chats.now - timedelta(hours=1)).put([product])
    chats.buys(products=[{"sku": "U1", "name": "Bộ đồ ren", "price": 500_000}])

    (order,) = told(chats)
    assert (order["product"], order["product_en"]) == ("sản phẩm đã mua", "your purchase")
