"""SLA timers: warn of deadlines, escalate missed ones once, assign waiting tickets, close silent ones (T1)."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from shared.domain.errors import Conflict
from shared.domain.tickets import sla, transitions
from shared.domain.tickets.ticket import FIRST_RESPONSE, RESOLVE, Ticket, waits
from shared.domain.vietnam_time import stamp
from shared.ports import Update, present
from shared.repositories import table_keys, tickets
from shared.use_cases.tickets import thread
from shared.use_cases.tickets.assignment import auto_assigned, notify_deadlines, target
from shared.use_cases.tickets.close_and_rate import ended
from shared.use_cases.tickets.commit import commit, keep
from shared.use_cases.tickets.context import TicketContext, TicketTransaction

# A ticket whose timer failed is retried after this pause.
PAUSE = timedelta(minutes=15)


def wake(context: TicketContext, ticket_id: str) -> bool:
    """Do what is due for a ticket; False if nothing is. Idempotent: its commit moves the due date."""
    return commit(context, lambda tx: _wake(context, tx, ticket_id))


def put_off(context: TicketContext, ticket_id: str) -> None:
    """Postpone a ticket whose timer fails, so that it does not block the others."""
    later = stamp(context.now + PAUSE)
    with suppress(Conflict):  # it is not due any more
        context.table.write(
            Update(
                table_keys.ticket(ticket_id), set={("due_at",): later}, add={("version",): 1}, when=(present("due_at"),)
            )
        )


def _wake(context: TicketContext, tx: TicketTransaction, ticket_id: str) -> bool:
    before, now = tickets.find(tx.uow, ticket_id), stamp(context.now)
    if before is None or before.get("due_at", "~") > now:
        return False
    after = before
    if after["status"] == "pending" and after["pending_until"] <= now:
        after = ended(context, tx, after, by="silence")
        keep(context, tx, before, after)
        return True
    if after["assignee"] in context.away():
        # An absent assignee finishes nothing: reassign if another person is available.
        found = auto_assigned(context, transitions.assigned(after, ""))
        after = found if found["assignee"] else after
    if near := sla.nearly_late(after, now):
        due = sla.deadlines(after)
        notify_deadlines(
            context, tx.uow, after, "deadline_warning", {name: due[name] for name in near}, target(context, after).warn
        )
        after = sla.warned(after, near)
    if missed := sla.late(after, now):
        after = _escalated(context, tx, after, missed, now)
    if late := sla.asks_late(after, now):
        for task in late:
            due = {"ask": after["asks"][task]["due_at"]}
            notify_deadlines(context, tx.uow, after, "deadline_missed", due, ("assignee",))
        after = sla.asks_notified(after, late)
    if waits(after) and after.get("retry_at", now) <= now:
        after = auto_assigned(context, after)
    keep(context, tx, before, after)
    return True


def _escalated(context: TicketContext, tx: TicketTransaction, ticket: Ticket, missed: list[str], now: str) -> Ticket:
    """Escalate missed deadlines, once each; the previous assignee is notified too."""
    follows = target(context, ticket).missed
    due = {name: sla.deadlines(ticket)[name] for name in missed}
    notify_deadlines(context, tx.uow, ticket, "deadline_missed", due, follows.tell)
    lines = context.rules.lines
    words = {FIRST_RESPONSE: lines["first_response"], RESOLVE: lines["resolve"]}
    line = lines["escalated"].vi.format(text=", ".join(words[name].vi for name in missed))
    ticket = thread.add(tx.uow, ticket, now, "system", line, note=True)
    ticket = auto_assigned(context, sla.escalated(ticket, missed, follows.move_to or "", now))
    tickets.remember(tx.uow, ticket, "Ticket Escalated", context.now, missed=missed)
    tickets.count(tx.uow, ticket, "people", now, {"missed": len(missed)})
    return ticket
