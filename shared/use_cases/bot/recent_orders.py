"""A customer's recent orders as the bot presents them: state, carrier, tracking (R5, R6)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from shared.domain.common.outgoing_values import is_code, is_plain, neutral
from shared.domain.customers.profile import Profile
from shared.domain.customers.salutation import products_named
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.messaging.tracked_links import leads_to
from shared.domain.orders.order import in_effect
from shared.domain.vietnam_time import local_day, moment
from shared.ports import Item
from shared.repositories import table_keys
from shared.repositories.products import Products
from shared.repositories.unit_of_work import UnitOfWork

MOST = 10
# The first of these facts that is present gives the state.
_STATES = (
    ("cancelled", "cancelled"), ("returned", "returned"), ("refunded", "refunded"), ("delivered", "delivered"),
    ("failed", "delivery_failed"), ("out_for_delivery", "out_for_delivery"), ("shipped", "shipped"),
)  # fmt: skip
_DAYS = ("shipped", "delivered", "cancelled")


def recent_orders(
    uow: UnitOfWork, members: list[Profile], rules: SendingRules, products: Products, link_hosts: Collection[str]
) -> list[dict[str, Any]]:
    """The latest orders of a customer, the latest first, each as {order_id, code, state, placed_at, placed_on, total,
    product, product_en} with what is known of {channel, store, payment, carrier, tracking_code, tracking_url,
    expected_on, shipped_on, delivered_on, cancelled_on, exchange_until}. Days are local, totals VND.

    `state`: placed, shipped, out_for_delivery, delivered, in_store, delivery_failed, returned, refunded, cancelled.
    A tracking URL whose host is neither the shop's nor a carrier's is left out.
    """
    low, high = table_keys.ORDER_ROWS
    rows = [row for m in members for row in uow.collection(table_keys.profile(m["customer_id"]).pk, low, high)]
    rows = sorted((row for row in rows if row["total"] > 0), key=lambda row: row["placed_at"], reverse=True)[:MOST]
    keys = [table_keys.order(row["order_id"]) for row in rows]
    uow.load(keys)
    orders = [(row, order) for row, key in zip(rows, keys, strict=True) if (order := uow.get(key))]
    skus = (line.get("sku", "") for _, order in orders for line in order["content"].get("lines", []))
    known = products.load(skus)
    found = []
    for row, order in orders:
        lines = [
            {**line, "category": known[line["sku"]].category}
            if "category" not in line and line.get("sku") in known
            else line
            for line in order["content"].get("lines", [])
        ]
        named = {
            "product": products_named(lines, rules.sensitive_categories),
            "product_en": products_named(lines, rules.sensitive_categories, "en"),
        }
        found.append(_order(row, order, rules, link_hosts) | named)
    return found


def _order(row: Item, order: Item, rules: SendingRules, link_hosts: Collection[str]) -> dict[str, Any]:
    content, facts = order["content"], in_effect(order)
    code = str(content.get("number", row["order_id"]))
    shown = {
        "order_id": row["order_id"],
        "code": code if is_code(code) else neutral("code", "vi"),
        "state": _state(order, rules),
        "placed_at": row["placed_at"],
        "placed_on": row["day"],
        "total": row["total"],
    }
    names = ("channel", "store", "payment", "carrier", "tracking_code", "tracking_url", "expected_on")
    shown |= {name: content[name] for name in names if content.get(name)}
    for name in ("carrier", "tracking_code", "store"):
        if name in shown and not is_plain(shown[name]):
            del shown[name]
    if not leads_to(shown.get("tracking_url", ""), link_hosts):
        shown.pop("tracking_url", None)
    shown |= {f"{fact}_on": local_day(moment(facts[fact])).isoformat() for fact in _DAYS if fact in facts}
    received = shown["placed_on"] if shown["state"] == "in_store" else shown.get("delivered_on")
    if received:
        until = local_day(moment(facts["delivered"])) if "delivered" in facts else local_day(moment(row["placed_at"]))
        shown["exchange_until"] = (until + timedelta(days=rules.exchange_days)).isoformat()
    return shown


def _state(order: Item, rules: SendingRules) -> str:
    facts = in_effect(order)
    state = next((state for fact, state in _STATES if fact in facts), "placed")
    in_store = order["content"].get("channel", "") in rules.store_channels
    return "in_store" if state == "placed" and in_store else state
