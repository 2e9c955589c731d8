"""Opens the attribution window of a ticket at its first response (K6)."""

from __future__ import annotations

from datetime import timedelta

from shared.domain.recommendations.rules import Credit
from shared.domain.tickets.ticket import Ticket
from shared.domain.vietnam_time import moment, stamp
from shared.repositories import table_keys, tickets
from shared.repositories.orders import find_order, row_of
from shared.repositories.profiles import members_of
from shared.repositories.ticket_revenue import AttributionWindow, day_of, follow, later
from shared.repositories.unit_of_work import UnitOfWork

# How many of a customer's latest windows are kept; an order reported after more tickets than these is not attributed.
WINDOWS_KEPT = 4


def open_window(uow: UnitOfWork, ticket: Ticket, rules: Credit) -> Ticket:
    """The ticket with the moment from which orders are attributed to it, once its first answer was sent.

    The window is stored on the customer's profile in the same unit of work, and orders known already are attributed.
    Every answered ticket counts, also one without attributed orders.
    """
    known = tickets.find(uow, ticket["ticket_id"])
    if known and "served_at" in known:
        return {**ticket, "served_at": known["served_at"]}
    answers = [at for at in (ticket.get("first_response_at"), ticket.get("bot_first_response_at")) if at]
    if not answers:
        return ticket
    opens = min(answers)
    uow.count(table_keys.credit_of_day(day_of(opens)), tickets=1)
    served: Ticket = {**ticket, "served_at": opens}
    if ticket["intent"] in rules.not_after:
        return served
    window = AttributionWindow(ticket["ticket_id"], opens, stamp(moment(opens) + timedelta(days=rules.days)))
    home = table_keys.profile(ticket["customer_id"])
    profile = uow.get(home)
    if profile is None:
        return served
    kept = sorted([*map(AttributionWindow._make, profile.get("served", ())), window], key=later)[-WINDOWS_KEPT:]
    uow.put(home, {**profile, "served": [list(one) for one in kept]})
    members = members_of(uow, ticket["customer_id"])
    for member in members:
        pk = table_keys.profile(member["customer_id"]).pk
        for row in uow.collection(
            pk, f"{table_keys.ORDER_ROWS[0]}{opens}", f"{table_keys.ORDER_ROWS[0]}{window.closes}~"
        ):
            order = find_order(uow, row["order_id"])
            if order:
                credited = order.copy()
                follow(uow, credited, row_of(row), members)
                uow.put(table_keys.order(row["order_id"]), credited)
    return served
