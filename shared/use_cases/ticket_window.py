"""When a ticket's first answer goes out, the time begins in which orders are credited to it (K6)."""

from __future__ import annotations

from datetime import timedelta

from shared.domain.suggestion_rules import Credit
from shared.domain.ticket import Ticket
from shared.domain.vietnam_time import moment, stamp
from shared.use_cases import layout, ticket_store
from shared.use_cases.draft import Draft
from shared.use_cases.sending_state import members_of
from shared.use_cases.standing import row_of
from shared.use_cases.ticket_credit import Window, day_of, follow, later

# Of one customer so many windows are remembered, the latest: an order told of later than that many tickets is not
# credited any more.
WINDOWS_KEPT = 4


def open_window(draft: Draft, ticket: Ticket, rules: Credit) -> Ticket:
    """The ticket with the moment from which on it is credited, once its first answer has gone out.

    The window goes onto the customer's profile in the same draft, and orders that were told of already are credited.
    Every ticket that was answered counts, also one that no order is credited to.
    """
    known = ticket_store.find(draft, ticket["ticket_id"])
    if known and "served_at" in known:
        return {**ticket, "served_at": known["served_at"]}
    answers = [str(ticket[name]) for name in ("first_response_at", "bot_first_response_at") if name in ticket]
    if not answers:
        return ticket
    opens = min(answers)
    draft.count(layout.credit_of_day(day_of(opens), ticket["ticket_id"]), tickets=1)
    served = {**ticket, "served_at": opens}
    if ticket["intent"] in rules.not_after:
        return served
    window = Window(ticket["ticket_id"], opens, stamp(moment(opens) + timedelta(days=rules.days)))
    home = layout.profile(ticket["customer_id"])
    profile = draft.get(home)
    if profile is None:
        return served
    kept = sorted([*map(Window._make, profile.get("served", ())), window], key=later)[-WINDOWS_KEPT:]
    draft.put(home, {**profile, "served": [list(one) for one in kept]})
    members = members_of(draft, ticket["customer_id"])
    for member in members:
        pk = layout.profile(member["customer_id"]).pk
        for row in draft.collection(pk, f"{layout.ORDER_ROWS[0]}{opens}", f"{layout.ORDER_ROWS[0]}{window.closes}~"):
            order = draft.get(layout.order(row["order_id"]))
            if order:
                credited = dict(order)
                follow(draft, credited, row_of(row), members)
                draft.put(layout.order(row["order_id"]), credited)
    return served
