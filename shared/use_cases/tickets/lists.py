"""Tickets as staff see them: the lists, the most urgent first, and one ticket with all an answer needs (D4)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, cast

from shared.domain.customers.profile import Profile, fold_members
from shared.domain.customers.reach import sees, stores_of
from shared.domain.messaging.reply_windows import windows
from shared.domain.tickets.sla import deadlines
from shared.domain.tickets.ticket import Ticket, locked_by
from shared.domain.vietnam_time import stamp
from shared.ports import Item, Table
from shared.repositories import table_keys
from shared.repositories import tickets as ticket_store
from shared.repositories.profiles import last_words, members_of
from shared.repositories.tickets import case_code
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.tickets.thread import thread

_SHOWN = (
    "ticket_id", "channel", "status", "queue", "priority", "intent", "severity", "sentiment", "confidence", "value",
    "subject", "opened_at", "last_at", "first_response_due_at", "resolve_due_at", "reasons",
)  # fmt: skip
# Of a long conversation the end is shown; an API response has a size limit.
LINES_SHOWN = 300
# Optional fields; null where missing.
_MAYBE = (
    "assignee", "order_id", "store", "first_response_at", "first_response_seconds", "first_response_by",
    "bot_first_response_at", "bot_first_response_seconds", "resolved_at", "resolved_by", "handled_seconds",
    "reopened", "rating", "handover", "compensation", "labelled_by", "our_fault", "pending_until",
)  # fmt: skip


def listed(
    table: Table,
    *,
    status: str,
    queue: str,
    assignee: str | None,
    stores: Collection[str],
    now: datetime,
    limit: int,
    start: str | None,
) -> tuple[list[dict[str, Any]], str | None]:
    """One page of the tickets with a status: open ones by urgency, others the latest first; with "" all, the open ones
    first.

    `assignee` "" means unassigned, None every assignee; `stores` limits the tickets to these (none: all). A page may be
    shorter than `limit` where filters combine, or where a ticket changed its place meanwhile.
    """
    partition = table_keys.ticket_list(queue=queue, assignee=assignee)
    page = table.query(
        partition, low=f"{status}#" if status else "", high=f"{status}#~" if status else None, start=start,
        descending=status in ("pending", "resolved"), limit=limit, consistent=False,
    )  # fmt: skip
    rows = [row for row in page.items if not queue or row["queue"] == queue]
    rows = [row for row in rows if not stores or row.get("store", "") in stores]
    keys = [
        (table_keys.ticket_resolved if row["sk"].startswith("resolved#") else table_keys.ticket)(row["ticket_id"])
        for row in rows
    ]
    found = table.batch_get(keys, consistent=False) if keys else {}
    uow = UnitOfWork(table)
    uow.load(table_keys.profile(ticket["customer_id"]) for ticket in found.values())
    tickets = [cast(Ticket, found[key]) for key in keys if key in found]
    return [_row(ticket, members_of(uow, ticket["customer_id"]), now, stores) for ticket in tickets], page.next


def _row(ticket: Ticket, members: list[Profile], now: datetime, stores: Collection[str]) -> dict[str, Any]:
    if not sees(stores, stores_of(members)):
        return shown(ticket, now, sees_customer=False) | {"customer_name": None}
    name = fold_members(members)["traits"].get("name") if members else None
    customer = members[0]["customer_id"] if members else ticket["customer_id"]
    return shown(ticket, now) | {"customer_id": customer, "customer_name": name}


def shown(ticket: Ticket, now: datetime, *, sees_customer: bool = True) -> dict[str, Any]:
    """A ticket as the API shows it; to who may not see its customer, without what we know of them (R44)."""
    by, fields = locked_by(ticket, stamp(now)), cast(dict[str, Any], ticket)
    hidden: dict[str, Any] = {"customer_id": None, "value": None, "suggestions": [], "reasons": [], "handover": None}
    return {
        **{name: fields[name] for name in _SHOWN},
        "customer_id": ticket["customer_id"],
        "case_code": case_code(ticket),
        **{name: None if fields.get(name) == "" else fields.get(name) for name in _MAYBE},
        "missed": sorted(ticket["missed"]),
        "suggestions": ticket.get("suggestions", []),
        "lock": ticket["lock"] if by else None,
        **({} if sees_customer else hidden),
    }


def opened(
    table: Table, ticket_id: str, view: Callable[[str], Item], now: datetime, *, stores: Collection[str]
) -> tuple[dict[str, Any], set[str]]:
    """One ticket with its thread, its customer and its deadlines; and the stores that may see it.

    `view` loads the 360° view of a customer. Of a customer of other stores than `stores` (none: all) only the ticket is
    shown (R7). Raises NotFound.
    """
    uow = UnitOfWork(table)
    ticket = ticket_store.get(uow, ticket_id)
    members = members_of(uow, ticket["customer_id"])
    theirs = stores_of(members)
    seen = sees(stores, theirs)
    lead = members[0]["customer_id"] if members else ticket["customer_id"]
    open_until = windows(last_words(members), now) if members and seen else {}
    # The bot knows the customer's orders; of a customer of other stores its lines are not for this reader.
    lines = [item for item in thread(uow, ticket_id) if seen or item["author"] != "bot"]
    body = shown(ticket, now, sees_customer=seen) | {
        **({"customer_id": lead} if seen else {}),
        "thread": [line(item) for item in lines[-LINES_SHOWN:]],
        "customer": view(lead) if members and seen else None,
        "windows": {channel: window._asdict() for channel, window in open_until.items()},
        "deadlines": dict(sorted(deadlines(ticket).items())),
        "asks": list(ticket.get("asks", {}).values()),
    }
    return body, {ticket.get("store", "")} | theirs


def customer_seen(table: Table, ticket: Ticket, stores: Collection[str]) -> bool:
    """Whether a key of these stores (none: all) may see a ticket's customer."""
    return not stores or sees(stores, stores_of(members_of(UnitOfWork(table), ticket["customer_id"])))


def stores_of_ticket(table: Table, ticket_id: str) -> set[str]:
    """The stores that may work on a ticket: its own and its customer's. Raises NotFound."""
    uow = UnitOfWork(table)
    ticket = ticket_store.get(uow, ticket_id)
    return {ticket.get("store", "")} | stores_of(members_of(uow, ticket["customer_id"]))


def line(item: Item) -> dict[str, Any]:
    """One line of a thread."""
    plain = {name: item.get(name) for name in ("at", "author", "text", "by", "order_id", "message_id", "subject")}
    lists = {name: list(item.get(name, ())) for name in ("attachments", "mentions", "sources")}
    return {**plain, **lists, "note": bool(item.get("note"))}
