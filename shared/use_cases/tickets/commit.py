"""Commits on tickets: a ticket is saved with everything that follows from its new state, then the queue moves on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from shared.domain.errors import Busy, NotFound
from shared.domain.tickets.ticket import Ticket
from shared.repositories import table_keys, tickets
from shared.repositories.messages import enqueue
from shared.repositories.profiles import members_of, metrics_of
from shared.repositories.retry import retried
from shared.repositories.segment_membership import relabel
from shared.repositories.ticket_credit_window import open_window
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.tickets.assignment import auto_assigned, notify_assignee
from shared.use_cases.tickets.context import TicketContext, TicketTransaction

# When an agent has capacity again, how many waiting tickets of the queue are tried.
WAITING_AT_ONCE = 5

T = TypeVar("T")


def commit(context: TicketContext, change: Callable[[TicketTransaction], T]) -> T:
    """Commit what `change` puts into a fresh transaction, again from the start after a lost race; then enqueue the
    messages it planned and assign waiting tickets to agents it freed. Raises Busy, and whatever `change` raises."""

    def attempt(_: int) -> tuple[TicketTransaction, T]:
        tx = TicketTransaction(UnitOfWork(context.table))
        done = change(tx)
        tx.uow.commit()
        return tx, done

    tx, done = retried(context.table, attempt)
    _follow_up(context, tx)
    return done


def _follow_up(context: TicketContext, tx: TicketTransaction) -> None:
    """Work that may be lost here: messages and waiting tickets are due by themselves and are found again."""
    with suppress(Busy):
        if tx.planned:
            enqueue(context.queue(), tx.planned)
        for queue in sorted(tx.freed):
            assign_waiting(context, queue)


def keep(context: TicketContext, tx: TicketTransaction, before: Ticket | None, after: Ticket) -> None:
    """Put a ticket into the transaction with everything that follows from its new state: lists and loads, the
    assignee's notification, the attribution window and the customer's labels."""
    uow = tx.uow
    after = open_window(uow, after, context.suggester.rules.credit)
    after = {**after, "suggestions": context.suggester.still(after)}
    notify_assignee(context, uow, before, after)
    complaint_changed = tickets.save(uow, before, after, context.rules)
    had = tickets.load_of(before)
    if before and had and had != tickets.load_of(after):
        tx.freed.add(before["queue"])
    if complaint_changed and (members := members_of(uow, after["customer_id"])):
        metrics = metrics_of(members[0]) if "metrics" in members[0] else None
        relabel(uow, members, metrics, context.journeys.rules_today)


def assign_waiting(context: TicketContext, queue: str) -> None:
    """Assign the unassigned tickets of a queue, the most urgent first, until no agent has capacity."""
    unassigned = table_keys.ticket_list(assignee="")
    rows = context.table.query(unassigned, low="open#", high="open#~", limit=200).items
    waiting = [row["ticket_id"] for row in rows if row["queue"] == queue]
    for ticket_id in waiting[:WAITING_AT_ONCE]:
        with suppress(Busy, NotFound):
            if not commit(context, partial(_assign, context, ticket_id)):
                return


def _assign(context: TicketContext, ticket_id: str, tx: TicketTransaction) -> bool:
    before = tickets.get(tx.uow, ticket_id)
    after = auto_assigned(context, before)
    if after["assignee"]:
        keep(context, tx, before, after)
    return bool(after["assignee"])
