"""E-commerce events on the wire: what an order or a cart event says, as a fact with a natural key.

Names and shapes follow Segment's "Ecommerce V2" specification; the delivery events and some properties are ours.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from shared.domain.common.field_reader import TOLERANCE, Reader, parse_moment
from shared.domain.common.money import vnd_of
from shared.domain.common.playbook_rules import CarrierRules, Rules
from shared.domain.orders.order import FactKind, OrderFact
from shared.domain.vietnam_time import local_day, stamp

ORDER_EVENTS: dict[str, FactKind] = {
    "Order Completed": "placed",
    "Order Updated": "updated",
    "Order Refunded": "refunded",
    "Order Cancelled": "cancelled",
    "Order Shipped": "shipped",
    "Out For Delivery": "out_for_delivery",
    "Order Delivered": "delivered",
    "Delivery Failed": "failed",
    "Returned To Sender": "returned",
    # Its effect on the order follows from the carrier's status word in it.
    "Shipment Updated": "tracked",
}
PARCEL_FACTS: tuple[FactKind, ...] = ("shipped", "out_for_delivery", "delivered", "failed", "returned", "tracked")
CART_EVENTS = ("Cart Updated", "Product Added", "Product Removed", "Checkout Started")


def decimal(raw: Any) -> Decimal:
    """A number, or a text that is one, exactly; raises ValueError."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise ValueError("must be a number")
    try:
        number = Decimal(str(raw).strip())
    except InvalidOperation:
        raise ValueError("must be a number") from None
    # Its digits before the point are looked at first: comparing 1e999999999 would overflow.
    if not number.is_finite() or number.adjusted() > 15:
        raise ValueError("is too large")
    return number


def money(raw: Any, rate: int = 1) -> int:
    """An amount as whole VND: a number or a text, times `rate`; raises ValueError.

    A text of đồng is read as the import reads a cell: 250.000 are a quarter of a million.
    """
    amount = Decimal(vnd_of(raw)) if rate == 1 and isinstance(raw, str) else decimal(raw) * rate
    if abs(amount) > 10**15:
        raise ValueError("is too large")
    if rate == 1 and amount != amount.to_integral_value():
        raise ValueError("must be a whole number of VND")
    return int(amount.to_integral_value(ROUND_HALF_UP))


def _rate(read: Reader, properties: dict[str, Any], rules: Rules) -> int:
    currency = (read.text(properties, "currency", "properties.", 3) or "VND").upper()
    if currency == "VND":
        return 1
    rate = rules.orders.currency_to_vnd.get(currency)
    if rate is None:
        read.wrong("properties.currency", f"must be VND or one of {', '.join(rules.orders.currency_to_vnd)}")
    return rate or 1


def _lines(read: Reader, properties: dict[str, Any], rate: int) -> list[dict[str, Any]]:
    products = properties.get("products")
    if products is None:
        return []
    if not isinstance(products, list):
        read.wrong("properties.products", "must be a list")
        return []
    lines: list[dict[str, Any]] = []
    for number, product in enumerate(products):
        here = f"properties.products[{number}]"
        if not isinstance(product, dict):
            read.wrong(here, "must be an object")
            continue
        line: dict[str, Any] = {"quantity": 1}
        if sku := read.text(product, "sku", here + ".", 80) or read.text(product, "product_id", here + ".", 80):
            line["sku"] = sku
        for name in ("name", "category", "variant", "size"):
            if text := read.text(product, name, here + ".", 120):
                line[name] = text
        if (raw := product.get("price")) is not None:
            with read.reading(here + ".price"):
                line["price"] = money(raw, rate)
        if (raw := product.get("quantity")) is not None:
            with read.reading(here + ".quantity"):
                line |= _quantity(raw, line.get("price"))
        lines.append(line)
    return lines


def _quantity(raw: Any, price: int | None) -> dict[str, Any]:
    """How many pieces; what is sold by weight or length is one piece at what it cost, with its measure beside it."""
    measure = decimal(raw)
    if measure == measure.to_integral_value():
        return {"quantity": int(measure)}
    sold: dict[str, Any] = {"quantity": 1, "measure": str(measure)}
    return sold if price is None else sold | {"price": int((price * measure).to_integral_value(ROUND_HALF_UP))}


def order_id(read: Reader, properties: dict[str, Any], owner: str, name: str = "order_id") -> str:
    """The order's natural key: its number, behind the system that gave it.

    That is the key's own system (`owner`), else the one that the event names, if any (R36).
    """
    number = read.text(properties, name, "properties.", 100)
    system = read.text(properties, "system", "properties.", 40)
    if owner and system not in ("", owner):
        read.wrong("properties.system", f"is not {owner}, whose orders this key brings")
    system = owner or system
    return f"{system}:{number}" if number and system else number


def read_order(
    read: Reader,
    kind: FactKind,
    event_name: str,
    properties: dict[str, Any],
    message_id: str,
    at: datetime,
    now: datetime,
    context: dict[str, Any],
    rules: Rules,
    owner: str,
    stores: Collection[str],
) -> OrderFact | None:
    """The order fact of an event. `owner` is the system of the sender's key and `stores` its stores, empty for all."""
    own = order_id(read, properties, owner)
    if not own:
        read.wrong("properties.order_id", "is needed")
        return None
    # An invoice that names the order it belongs to is a fact of that order: one sale, counted once (R3).
    order = order_id(read, properties, owner, "invoice_of") or own
    rate = _rate(read, properties, rules)
    content: dict[str, Any] = {}
    amount: int | None = None
    stated = next((n for n in ("total", "revenue", "value") if properties.get(n) is not None), None)
    if stated:
        with read.reading(f"properties.{stated}"):
            amount = money(properties[stated], rate)
    lines = _lines(read, properties, rate)
    if kind in ("placed", "updated"):
        if amount is None and lines and all("price" in line for line in lines) and not read.errors:
            with read.reading("properties.products"):
                amount = money(sum(line["price"] * line["quantity"] for line in lines))
        if amount is not None:
            content["total"] = amount
        elif kind == "placed" and not read.errors:
            read.wrong("properties.total", f"is needed for {event_name}")
        if lines:
            content["lines"] = lines
        if (raw := properties.get("discount")) is not None:
            with read.reading("properties.discount"):
                content["discount"] = max(0, money(raw, rate))
        for name in ("coupon", "payment", "store", "channel", "cashier"):
            if text := read.text(properties, name, "properties.", 80):
                content[name] = text.lower() if name == "payment" else text
        if stores and content.get("store") not in stores:
            read.wrong("properties.store", f"must be one of the key's stores: {', '.join(sorted(stores))}")
        if isinstance(pickup := properties.get("pickup"), bool):
            content["pickup"] = pickup
        elif pickup is not None:
            read.wrong("properties.pickup", "must be true or false")
        if (owner or properties.get("system")) and order == own:
            content["number"] = own.partition(":")[2]  # as the customer knows it
        _address(read, properties, "invoice_url", content)
        if other := order_id(read, properties, owner, "exchange_of"):
            content["exchange_of"] = other
        if (raw := properties.get("placed_at")) is not None:
            placed = parse_moment(read, "properties.placed_at", raw)
            if placed and placed > now + TOLERANCE:
                read.wrong("properties.placed_at", "is in the future")
            elif placed:
                content["placed_at"] = stamp(placed)
    if kind in PARCEL_FACTS:
        content, parcel_status = _parcel(read, properties, rules, status=kind == "tracked")
        kind = parcel_status or kind
    key: str = kind
    if kind == "refunded":
        key = read.text(properties, "refund_id", "properties.", 100) or message_id or stamp(at)
        amount = abs(amount) if amount is not None else None
        if amount is None and lines and all("price" in line for line in lines):
            amount = sum(line["price"] * line["quantity"] for line in lines)
    return OrderFact(
        order=order,
        kind=kind,
        at=stamp(at),
        key=key,
        amount=amount if kind == "refunded" else None,
        lines=lines if kind == "refunded" and amount is None else [],
        content=content,
        backfill=context.get("backfill") is True,
    )


def _parcel(
    read: Reader, properties: dict[str, Any], rules: Rules, *, status: bool
) -> tuple[dict[str, Any], FactKind | None]:
    """Who carries the parcel, how to follow it and when to expect it; and what the carrier's own status says of the
    order, None where it is not asked for or says nothing."""
    content: dict[str, Any] = {}
    parcel_status: FactKind | None = None
    name = read.text(properties, "carrier", "properties.", 80)
    carrier = _carrier(name, rules) if name else None
    if name:
        content["carrier"] = carrier.name if carrier else name
    if status:
        word = read.text(properties, "status", "properties.", 80)
        if not word:
            read.wrong("properties.status", "is needed")
        if carrier:
            parcel_status = carrier.statuses.get(word.casefold())
        else:
            known = ", ".join(carrier.name for carrier in rules.carriers.values())
            read.wrong("properties.carrier", f"must be one of {known}; others have Order Shipped, Order Delivered …")
    if code := read.text(properties, "tracking_code", "properties.", 80):
        content["tracking_code"] = code
    _address(read, properties, "tracking_url", content)
    if (raw := properties.get("expected_on")) not in (None, ""):
        if isinstance(raw, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", raw):
            with read.reading("properties.expected_on"):
                content["expected_on"] = date.fromisoformat(raw).isoformat()
        elif moment := parse_moment(read, "properties.expected_on", raw):
            content["expected_on"] = local_day(moment).isoformat()
    return content, parcel_status


def _address(read: Reader, properties: dict[str, Any], name: str, content: dict[str, Any]) -> None:
    """Where to follow the parcel or to look the invoice up, into the content."""
    if url := read.text(properties, name, "properties.", 500):
        if re.fullmatch(r"https?://[^\s<>\"]+", url):
            content[name] = url
        else:
            read.wrong(f"properties.{name}", "must be an address such as https://carrier.example/ABC123")


def _carrier(name: str, rules: Rules) -> CarrierRules | None:
    """The carrier that is meant, by its code or any of its names, however spaced and cased."""
    spelled = _plain(name)
    for code, carrier in rules.carriers.items():
        if spelled in {_plain(way) for way in (code, carrier.name, *carrier.also)}:
            return carrier
    return None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFC", name).casefold())


def read_cart(read: Reader, name: str, properties: dict[str, Any], rules: Rules) -> dict[str, Any]:
    """What a cart event says: all lines (Cart Updated, Checkout Started) or one (Product Added, Product Removed)."""
    rate = _rate(read, properties, rules)
    whole = name in ("Cart Updated", "Checkout Started")
    lines = _lines(read, properties if whole else {"products": [properties]}, rate)
    cart: dict[str, Any] = {"event": name, "lines": lines}
    if cart_id := read.text(properties, "cart_id", "properties.", 100):
        cart["cart_id"] = cart_id
    return cart
