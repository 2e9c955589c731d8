"""Revenue per ticket (K6): an order soon after a ticket's first response is attributed to that ticket, once.

A ticket's window opens with its first response, by an agent or by the bot. An order placed inside is attributed to the
latest ticket whose window contains it, with the revenue the shop keeps; exchanges, return invoices and orders placed
before the response never are. Windows are kept on the customer's profile, so that attribution reads nothing more, and
an order keeps its window: its effect on the counters is the difference between before and now. So any order and
repetition of facts converges. A later merge of customers moves no attribution.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

from shared.domain.customers.profile import Profile
from shared.domain.orders.order import OrderRow, OrderState
from shared.domain.vietnam_time import local_day, moment
from shared.ports import Table
from shared.repositories import table_keys
from shared.repositories.unit_of_work import UnitOfWork


class AttributionWindow(NamedTuple):
    """The attribution window of a ticket, from after its first response to its end, as stamps."""

    ticket_id: str
    opens: str
    closes: str


def follow(uow: UnitOfWork, order: OrderState, row: OrderRow | None, members: Sequence[Profile]) -> None:
    """Attribute an order, as it is now, to the ticket whose window contains it, and reverse its earlier attribution;
    `order` is changed. `members` are the profiles of its customer."""
    before = order.get("credit")
    known = [AttributionWindow._make(one) for member in members for one in member.get("served", ())]
    if before and before["of"] in {member["customer_id"] for member in members}:
        known.append(AttributionWindow._make(before["window"]))  # also where the profile keeps it no longer
    _move(uow, order, _window(order, row, known), row)


def matured(uow: UnitOfWork, order: OrderState, row: OrderRow) -> None:
    """Attribute the revenue of a COD order that matured without further facts; `order` is changed."""
    if before := order.get("credit"):
        _move(uow, order, AttributionWindow._make(before["window"]), row)


def _window(order: OrderState, row: OrderRow | None, known: Iterable[AttributionWindow]) -> AttributionWindow | None:
    """The latest window an order was placed in; None for exchanges and returns."""
    if row is None or row.total <= 0 or order["content"].get("exchange_of"):
        return None
    return max((one for one in known if one.opens < row.placed_at <= one.closes), key=later, default=None)


def later(window: AttributionWindow) -> tuple[str, str]:
    """The sort key of windows by time."""
    return window.opens, window.ticket_id


def _move(uow: UnitOfWork, order: OrderState, window: AttributionWindow | None, row: OrderRow | None) -> None:
    before = order.pop("credit", None)
    amount = row.kept if row and window else 0
    if before:
        _count(uow, AttributionWindow._make(before["window"]), -before["amount"])
    if window:
        _count(uow, window, amount)
        order["credit"] = {"window": list(window), "of": order["home"], "amount": amount}


def _count(uow: UnitOfWork, window: AttributionWindow, amount: int) -> None:
    if amount:
        counted = {"revenue": amount, "orders": 1 if amount > 0 else -1}
        uow.count(table_keys.ticket_credit(window.ticket_id), **counted)
        uow.count(table_keys.credit_of_day(day_of(window.opens)), **counted)


def day_of(at: str) -> str:
    """The local day of a stamp, as counters are kept by."""
    return local_day(moment(at)).isoformat()


# ---- reports ----


def credited(table: Table, ticket_id: str) -> dict[str, int]:
    """The revenue in VND and the orders attributed to a ticket."""
    item = table.get(table_keys.ticket_credit(ticket_id), consistent=False) or {}
    return {name: item.get(name, 0) for name in ("revenue", "orders")}


def revenue_per_ticket(table: Table, days: Iterable[date]) -> dict[str, Any]:
    """K6 over the tickets first answered on these local days: attributed revenue per ticket.

    `value` is None if no ticket was answered. The last week may still grow: its windows are open.
    """
    sums = {"revenue": 0, "orders": 0, "tickets": 0}
    for day in days:
        item = table.get(table_keys.credit_of_day(day.isoformat()), consistent=False) or {}
        for name in sums:
            sums[name] += item.get(name, 0)
    value = sums["revenue"] // sums["tickets"] if sums["tickets"] else None
    formula = "revenue of orders placed within the window after a ticket's first answer / tickets answered"
    return {
        "value": value, "numerator": sums["revenue"], "denominator": sums["tickets"], "orders": sums["orders"],
        "formula": formula, "unit": "VND",
    }  # fmt: skip
