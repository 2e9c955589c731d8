"""Stored tickets: the ticket, its rows in the lists and the complaint mark on its customer.

All of it changes in one commit with the ticket's version, so a ticket is always in exactly one place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, cast

from shared.domain.common.stored_item import picked, without
from shared.domain.errors import NotFound
from shared.domain.tickets.rules import TicketRules
from shared.domain.tickets.sla import next_due, urgency
from shared.domain.tickets.ticket import Ticket, is_complaint
from shared.domain.tickets.transitions import rated
from shared.domain.vietnam_time import local_day, moment, stamp
from shared.ports import Item, Key, Table
from shared.repositories import table_keys
from shared.repositories.unit_of_work import UnitOfWork

# The fields of a ticket in the lists, so that filters need not read the ticket.
_IN_LISTS = ("ticket_id", "queue", "assignee", "store", "channel")


def find(uow: UnitOfWork, ticket_id: str) -> Ticket | None:
    """The ticket of an id, open or resolved, or None."""
    keys = table_keys.ticket(ticket_id), table_keys.ticket_resolved(ticket_id)
    uow.load(keys)
    return cast(Ticket | None, uow.get(keys[0]) or uow.get(keys[1]))


def get(uow: UnitOfWork, ticket_id: str) -> Ticket:
    """The ticket of an id; raises NotFound."""
    found = find(uow, ticket_id) if len(ticket_id) == table_keys.TICKET_ID else None
    if found is None:
        raise NotFound("there is no such ticket")
    return found


def save(uow: UnitOfWork, before: Ticket | None, after: Ticket, rules: TicketRules) -> bool:
    """Save a ticket with its list rows; `before` is the ticket as it was read, None for a new one. True if
    that opened or closed a complaint: then the customer has to be relabelled."""
    key = place(after)
    body = without(after, "due", "due_at")
    if due := next_due(after):
        body["due"], body["due_at"] = table_keys.timer_lane(after["ticket_id"]), due
    if before is not None and place(before) != key:
        uow.delete(place(before))
    uow.put(key, body)
    old, new = rows(before) if before else {}, rows(after)
    for row in old.keys() - new.keys():
        uow.delete(row)
    for row, shown in new.items():
        if old.get(row) != shown:
            uow.mark(row, shown)
    return _mark_complaint(uow, after, is_complaint(after, rules))


def keep_rating(uow: UnitOfWork, ticket_id: str, score: int, comment: str, at: str) -> None:
    """Store the rating a customer gave on the survey page; nothing else about the ticket changes."""
    if ticket := find(uow, ticket_id):
        uow.put(place(ticket), rated(ticket, score, comment, at))


def place(ticket: Ticket) -> Key:
    made = table_keys.ticket_resolved if ticket["status"] == "resolved" else table_keys.ticket
    return made(ticket["ticket_id"])


def rows(ticket: Ticket) -> dict[Key, Item]:
    """The rows of a ticket in the lists, by their keys."""
    shown = picked(ticket, _IN_LISTS)
    sk = f"{ticket['status']}#{urgency(ticket)}#{ticket['ticket_id']}"
    lists = [table_keys.ticket_list(), table_keys.ticket_list(queue=ticket["queue"])]
    if ticket["queue"] != "bot":
        lists.append(table_keys.ticket_list(assignee=ticket["assignee"]))
    return {Key(pk, sk): dict(shown) for pk in lists}


def load_of(ticket: Ticket | None) -> str:
    """The person whose load a ticket counts to: the assignee of an open one, else ""."""
    return ticket["assignee"] if ticket and ticket["status"] == "open" else ""


def loads(table: Table, people: Iterable[str]) -> dict[str, int]:
    """How many open tickets each of these people has, by the lists: a counter would be a row of all their customers."""
    return {person: sum(1 for _ in _open_tickets(table, person)) for person in people}


def _open_tickets(table: Table, person: str) -> Iterator[Item]:
    start = None
    while True:
        page = table.query(table_keys.ticket_list(assignee=person), low="open#", high="open#~", start=start)
        yield from page.items
        start = page.next
        if start is None:
            return


def _mark_complaint(uow: UnitOfWork, ticket: Ticket, complains: bool) -> bool:
    """Keep the open complaints on the profile, where sending checks before every marketing message (R17)."""
    key = table_keys.profile(ticket["customer_id"])
    profile = uow.get(key)
    if profile is None:
        return False
    known = set(profile.get("complaints", ()))
    mine = {ticket["ticket_id"]}
    wanted = known | mine if complains else known - mine
    if wanted == known:
        return False
    changed = {name: value for name, value in profile.items() if name != "complaints"}
    uow.put(key, changed | ({"complaints": sorted(wanted)} if wanted else {}))
    return True


def remember(uow: UnitOfWork, ticket: Ticket, name: str, at: datetime, **more: Any) -> None:
    """Add an entry to the customer's timeline; idempotent for one name and moment."""
    names = ("ticket_id", "channel", "intent", "severity", "queue", "assignee", "order_id", "subject")
    properties = picked(ticket, names) | more
    entry: Item = {"type": "track", "name": name, "stage": "after_sales", "source": "tickets", "at": stamp(at)}
    entry["properties"] = json.dumps(properties, ensure_ascii=False)
    mark = f"ticket-{ticket['ticket_id'][-20:]}-{name.partition(' ')[2].lower().replace(' ', '-')}"
    uow.mark(table_keys.timeline(ticket["customer_id"], stamp(at), mark), entry)


def count(uow: UnitOfWork, ticket: Ticket, who: str, at: str, amounts: Mapping[str, int]) -> None:
    """Add to the ticket counters of a day, by who acted: people, bot or auto (T8)."""
    day = local_day(moment(at)).isoformat()
    uow.count(table_keys.ticket_counters(day, who, ticket["channel"]), **amounts)


def case_code(ticket: Ticket) -> str:
    """The case number a customer may quote on the phone."""
    return f"PH-{ticket['ticket_id'][-20:-14].upper()}"
