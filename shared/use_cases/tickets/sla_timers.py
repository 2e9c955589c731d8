"""What tickets do by themselves: warn of deadlines, escalate missed ones once, find somebody, end in silence (T1)."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from shared.domain.errors import Conflict
from shared.domain.tickets import sla as clocks
from shared.domain.tickets import ticket as transitions
from shared.domain.tickets.ticket import FIRST_RESPONSE, RESOLVE, Ticket
from shared.domain.vietnam_time import stamp
from shared.ports import Update, present
from shared.repositories import table_keys, tickets
from shared.use_cases.ticket_work import Work
from shared.use_cases.tickets import thread
from shared.use_cases.tickets.assignment import hand_out, target, tell_deadlines
from shared.use_cases.tickets.close_and_rate import ended
from shared.use_cases.tickets.context import Tickets

# What failed for a reason of its own is tried again then, and the failure raised meanwhile.
PAUSE = timedelta(minutes=15)


def wake(desk: Tickets, ticket_id: str) -> bool:
    """Do what is due for a ticket; False when there is nothing. Safe to repeat: its own commit moves its date."""
    return desk.commit(lambda work: _wake(desk, work, ticket_id))


def put_off(desk: Tickets, ticket_id: str) -> None:
    """Let a ticket that cannot go on stand back, so that it holds up nobody."""
    later = stamp(desk.now + PAUSE)
    with suppress(Conflict):  # nothing of it is due any more
        desk.table.write(
            Update(
                table_keys.ticket(ticket_id), set={("due_at",): later}, add={("version",): 1}, when=(present("due_at"),)
            )
        )


def _wake(desk: Tickets, work: Work, ticket_id: str) -> bool:
    before, now = tickets.find(work.uow, ticket_id), stamp(desk.now)
    if before is None or before.get("due_at", "~") > now:
        return False
    after = before
    if after["status"] == "pending" and after["pending_until"] <= now:
        after = ended(desk, work, after, by="silence")
        desk.keep(work, before, after)
        return True
    if after["assignee"] in desk.away():
        # Who is away finishes nothing: somebody else takes it, where there is somebody.
        found = hand_out(desk, transitions.assigned(after, ""))
        after = found if found["assignee"] else after
    if near := clocks.nearly_late(after, now):
        due = clocks.deadlines(after)
        tell_deadlines(
            desk, work.uow, after, "deadline_warning", {name: due[name] for name in near}, target(desk, after).warn
        )
        after = clocks.warned(after, near)
    if missed := clocks.late(after, now):
        after = _escalated(desk, work, after, missed, now)
    if late := clocks.asks_late(after, now):
        for task in late:
            said = {"ask": after["asks"][task]["due_at"]}
            tell_deadlines(desk, work.uow, after, "deadline_missed", said, ("assignee",))
        after = clocks.asks_told(after, late)
    if transitions.waits(after) and after.get("retry_at", now) <= now:
        after = hand_out(desk, after)
    desk.keep(work, before, after)
    return True


def _escalated(desk: Tickets, work: Work, ticket: Ticket, missed: list[str], now: str) -> Ticket:
    """After missed deadlines, each told and escalated once: whoever had it hears of it as well."""
    follows = target(desk, ticket).missed
    due = {name: clocks.deadlines(ticket)[name] for name in missed}
    tell_deadlines(desk, work.uow, ticket, "deadline_missed", due, follows.tell)
    lines = desk.rules.lines
    words = {FIRST_RESPONSE: lines["first_response"], RESOLVE: lines["resolve"]}
    line = lines["escalated"].vi.format(text=", ".join(words[name].vi for name in missed))
    ticket = thread.add(work.uow, ticket, now, "system", line, note=True)
    ticket = hand_out(desk, clocks.escalated(ticket, missed, follows.move_to or "", now))
    tickets.remember(work.uow, ticket, "Ticket Escalated", desk.now, missed=missed)
    tickets.count(work.uow, ticket, "people", now, {"missed": len(missed)})
    return ticket
