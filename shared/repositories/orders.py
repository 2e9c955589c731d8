"""Orders and the order rows of a customer: stored form, maturing COD orders, day totals."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from shared.domain.common.stored_item import without
from shared.domain.customers.profile import Profile
from shared.domain.orders.order import OrderRow, OrderState, lines_shown, read
from shared.ports import Item, Key
from shared.repositories import table_keys, ticket_revenue
from shared.repositories.co_purchase import basket, recount
from shared.repositories.profiles import RulesToday
from shared.repositories.unit_of_work import UnitOfWork

# Orders matured in one transaction: each brings the order, its row and a day's totals, beside the customer's own items;
# fewer where the counts of their goods fill it.
MATURED_AT_ONCE = 25


def find_order(uow: UnitOfWork, order_id: str) -> OrderState | None:
    return cast(OrderState | None, uow.get(table_keys.order(order_id)))


def row_item(row: OrderRow, content: dict[str, Any], lines: list[dict[str, Any]]) -> Item:
    """An order row as the table holds it."""
    body: Item = {**row._asdict(), "day": row.day.isoformat(), "matures": row.matures and row.matures.isoformat()}
    body |= {name: content[name] for name in ("store", "channel") if name in content}
    if lines:
        body["lines"] = lines
    return body


def row_of(item: Item) -> OrderRow:
    values = {name: item[name] for name in OrderRow._fields}
    values["day"] = date.fromisoformat(item["day"])
    values["matures"] = date.fromisoformat(item["matures"]) if item["matures"] else None
    return OrderRow(**values)


def rows_of(uow: UnitOfWork, members: list[Profile], rules_today: RulesToday) -> list[OrderRow]:
    """All order rows of a customer; COD orders that matured since are brought to today."""
    low, high = table_keys.ORDER_ROWS
    rows = [
        row_of(item)
        for member in members
        for item in uow.collection(table_keys.profile(member["customer_id"]).pk, low, high)
    ]
    ripe = [row for row in rows if row.matures and row.matures <= rules_today.today][:MATURED_AT_ONCE]
    uow.load(table_keys.order(row.order_id) for row in ripe)
    matured: dict[str, OrderRow | None] = {}
    for row in ripe:
        if uow.full:
            break
        matured[row.order_id] = mature(uow, row.order_id, rules_today)
    return [matured.get(row.order_id) or row for row in rows]


def mature(uow: UnitOfWork, order_id: str, rules_today: RulesToday) -> OrderRow | None:
    """Bring a COD order without word from the carrier to today: in its row and in the shop's totals (R2)."""
    order = find_order(uow, order_id)
    days = rules_today.rules.orders.cod_matures_days
    before = read(order_id, order, date.fromisoformat(order["as_of"]), days) if order else None
    row = read(order_id, order, rules_today.today, days) if order else None
    if order is None or before is None or row is None:
        return None
    content = order["content"]
    kept = without(order, "due", "due_at")
    ticket_revenue.matured(uow, kept, row)
    uow.put(table_keys.order(order_id), {**kept, "as_of": rules_today.today.isoformat()})
    if order["row"]:
        home, placed_at = order["row"]
        uow.mark(table_keys.order_row(home, placed_at, order_id), row_item(row, content, lines_shown(content)))
    uow.count(total_key(row, content), kept=row.kept - before.kept)
    orders = rules_today.rules.orders
    recount(uow, basket(before, content, orders), basket(row, content, orders))
    return row


def total_key(row: OrderRow, content: dict[str, Any]) -> Key:
    """The key of an order's counters in the shop's totals of its day."""
    store, channel, cashier = (content.get(name, "") for name in ("store", "channel", "cashier"))
    return table_keys.day_total(row.day.isoformat(), store, channel, cashier)
