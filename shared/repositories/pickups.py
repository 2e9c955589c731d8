"""Orders waiting for pickup: a list per store, kept up with the order's facts (R24)."""

from __future__ import annotations

from datetime import timedelta

from shared.domain.orders.order import OrderRow, OrderState
from shared.domain.vietnam_time import moment
from shared.ports import Item, Key
from shared.repositories import table_keys
from shared.repositories.unit_of_work import UnitOfWork

# After this an order counts as forgotten by the till.
WAITS_AT_MOST = timedelta(days=30)
OPEN = ("placed", "awaiting_delivery", "partly_refunded")


def update_pickup_list(
    uow: UnitOfWork, order_id: str, listed: Key | None, order: OrderState, row: OrderRow | None
) -> None:
    """Keep an order in the list of its store while it waits there; `listed` is its key there before its last fact."""
    place = waits_at(order_id, order, row)
    if listed and listed != place:
        uow.delete(listed)
    if place and row:
        entry: Item = {"order_id": order_id, "number": order["content"].get("number", order_id)}
        if home := order.get("home"):
            entry["customer_id"] = home
        uow.mark(place, {**entry, "ttl": int((moment(row.placed_at) + WAITS_AT_MOST).timestamp())})


def waits_at(order_id: str, order: OrderState | None, row: OrderRow | None) -> Key | None:
    """The key of an order in the pick-up lists, or None when it does not wait to be picked up."""
    content = order["content"] if order else {}
    if not order or not row or order["backfill"] or not (content.get("pickup") and content.get("store")):
        return None
    return table_keys.pickup(content["store"], order_id) if row.status in OPEN else None
