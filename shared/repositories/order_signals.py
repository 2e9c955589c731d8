"""The signals that an order's facts send to journeys, each once, when it becomes true (A4, A17, R3, R16)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from shared.domain.common.money import vnd
from shared.domain.common.outgoing_values import is_plain
from shared.domain.customers.salutation import products_named
from shared.domain.journeys.engine import Signal
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.orders.order import OrderRow, OrderState, in_effect
from shared.domain.vietnam_time import local_day, moment
from shared.repositories.products import Products

LINES = 20
_GONE = ("cancelled", "returned", "delivery_failed")
# A fact of the carrier, its signal, and the facts after which it is outdated.
_CARRIER = (
    ("shipped", "Order Shipped", ("out_for_delivery", "delivered", "failed", "returned", "cancelled")),
    ("out_for_delivery", "Out For Delivery", ("delivered", "failed", "returned", "cancelled")),
    ("delivered", "Order Delivered", ("returned", "cancelled")),
    ("failed", "Delivery Failed", ("delivered", "returned", "cancelled")),
    ("returned", "Returned To Sender", ("cancelled",)),
    ("cancelled", "Order Cancelled", ()),
)


class CustomerSignal(NamedTuple):
    """A signal to the journeys of a customer; `history` marks a backfilled event, which starts no journey (R1)."""

    customer_id: str
    signal: Signal
    history: bool


def signals_of(order: OrderState | None, row: OrderRow | None, rules: SendingRules, products: Products) -> list[Signal]:
    """All signals that hold for an order now; those that did not hold before are the ones to send.

    Exchanges and return invoices are no purchases, and a walk-in's order has no customer to signal (R3). The catalogue
    knows the categories that tills leave out; backfilled orders send no message and need no texts.
    """
    if order is None or row is None or not order.get("home") or row.total <= 0 or order["content"].get("exchange_of"):
        return []
    facts, properties = in_effect(order), _properties(order, row, rules, products)
    signals = [
        Signal(name, facts[kind], properties | _parcel(order, facts[kind], rules))
        for kind, name, later in _CARRIER
        if kind in facts and not any(other in facts for other in later)
    ]
    if refunds := facts.get("refunded"):
        signals.append(Signal("Order Refunded", max(refund[0] for refund in refunds.values()), properties))
    if row.status in _GONE:
        return signals
    signals.append(Signal("Order Completed", row.placed_at, properties))
    got_at = row.placed_at if properties["in_store"] else facts.get("delivered")
    if got_at:
        on = local_day(moment(got_at)).isoformat()
        signals.append(Signal("Goods Received", got_at, properties | {"received_on": on}))
    return signals


def _properties(order: OrderState, row: OrderRow, rules: SendingRules, products: Products) -> dict[str, Any]:
    content = order["content"]
    lines: list[dict[str, Any]] = content.get("lines", [])
    if not order["backfill"]:
        known = products.load(line.get("sku", "") for line in lines if "category" not in line)
        lines = [
            {**line, "category": known[line["sku"]].category} if line.get("sku") in known else line for line in lines
        ]
    payment = content.get("payment", "")
    return {
        "order_id": row.order_id,
        "order_code": content.get("number", row.order_id),
        "total": row.total,
        "channel": content.get("channel", ""),
        "store": content.get("store", ""),
        "payment": payment,
        "paid_by": rules.payment_words.get(payment, rules.payment_words["other"]),
        "coupon": content.get("coupon", ""),
        # Where its messages go, and whose word they rest on.
        "placed_with": order.get("placed_with", []),
        "sender_key": order.get("key", ""),
        "in_store": content.get("channel", "") in rules.store_channels,
        "ordered_on": row.day.isoformat(),
        "bought_on": row.placed_at,
        "sku": next((line["sku"] for line in lines if "sku" in line), ""),
        "skus": [line["sku"] for line in lines[:LINES] if "sku" in line],
        "product": products_named(lines, rules.sensitive_categories),
        "items": _items(lines, rules.sensitive_categories),
        # Only with a place to look it up is it called an invoice (R20).
        **{name: content[name] for name in ("invoice_url",) if name in content},
    }


def _parcel(order: OrderState, at: str, rules: SendingRules) -> dict[str, Any]:
    content, day = order["content"], local_day(moment(at))
    names = ("carrier", "tracking_code", "tracking_url", "expected_on")
    parcel = {name: content[name] for name in names if name in content}
    until = day + timedelta(days=rules.exchange_days)
    return parcel | {"delivered_on": day.isoformat(), "exchange_until": until.isoformat()}


def _items(lines: list[dict[str, Any]], sensitive: tuple[str, ...]) -> str:
    """The lines of a receipt; a phone is shared in families, so nothing of a sensitive category is named (R6)."""
    shown = [
        f"{line['quantity']} × {line['name']} – {vnd(line['price'] * line['quantity'])}"
        for line in lines[:LINES]
        if is_plain(str(line.get("name", "")))
        and "name" in line
        and "price" in line
        and str(line.get("category", "")).casefold() not in sensitive
    ]
    return "\n".join(shown)
