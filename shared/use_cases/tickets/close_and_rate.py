"""Closing a ticket: resolved by an agent or by silence, with an apology for our fault, and rated (A10, A24)."""

from __future__ import annotations

import json

from shared.domain.errors import Conflict
from shared.domain.journeys.engine import Signal
from shared.domain.tickets import transitions
from shared.domain.tickets.ticket import Author, Ticket, locked_by
from shared.domain.vietnam_time import stamp
from shared.ports import Item
from shared.repositories import table_keys, tickets
from shared.repositories.profiles import members_of
from shared.repositories.tasks import close
from shared.use_cases.journeys.advance import handle_signal
from shared.use_cases.tickets import outgoing, thread
from shared.use_cases.tickets.commit import commit, keep
from shared.use_cases.tickets.context import TicketContext, TicketTransaction

COMMENT_LENGTH = 1000


def resolve(
    context: TicketContext, ticket_id: str, *, by: str, note: str = "", wrong: bool = False, remedy: str = ""
) -> Ticket:
    """Resolve a ticket; idempotent. `wrong`: it was our fault, and the customer gets an apology that names the
    `remedy`. Raises NotFound, and Conflict while another agent holds the lock."""

    def change(tx: TicketTransaction) -> Ticket:
        before = tickets.get(tx.uow, ticket_id)
        if before["status"] == "resolved":
            return before
        check_lock(context, before, by)
        after = ended(context, tx, before, by=by, note=note, wrong=wrong)
        if wrong:
            channels = outgoing.agent_channels(after)
            step = f"apology-{after.get('reopened', 0)}"
            variables = {"done": remedy} if remedy else {}
            template = outgoing.APOLOGY
            message_id = outgoing.send(
                context, tx, after, step, "", channels, human=True, template=template, variables=variables
            )
            now = stamp(context.now)
            after = thread.add(tx.uow, after, now, "agent", remedy, by=by, message_id=message_id, template=template)
        keep(context, tx, before, after)
        return after

    return commit(context, change)


def ended(
    context: TicketContext, tx: TicketTransaction, before: Ticket, *, by: str, note: str = "", wrong: bool = False
) -> Ticket:
    """The resolved ticket, with its questions withdrawn and journeys signalled, but not saved yet."""
    uow, now = tx.uow, stamp(context.now)
    after = transitions.resolved(before, now, by, wrong=wrong)
    if text := context.rules.lines["silence"].vi if by == "silence" else note:
        author: Author = "system" if by == "silence" else "agent"
        after = thread.add(uow, after, now, author, text, by="" if by == "silence" else by, note=True)
    for task_id, asked in after.get("asks", {}).items():
        if asked["status"] == "open":
            close(uow, task_id, "ticket_resolved", context.now)
            after = {**after, "asks": {**after["asks"], task_id: {**asked, "status": "withdrawn"}}}
    tickets.remember(uow, after, "Ticket Resolved", context.now, by=by)
    who = "people" if "answered_by" in after else "bot"
    tickets.count(uow, after, who, now, {"resolved": 1, "handling": after["handled_seconds"]})
    outgoing.signal_journeys(
        context, tx, after, "Ticket Resolved", by=by, answered="answered_by" in after, our_fault=wrong
    )
    return after


def check_lock(context: TicketContext, ticket: Ticket, by: str) -> None:
    """Raises Conflict while another agent holds the lock."""
    holder = locked_by(ticket, stamp(context.now))
    if holder and holder != by:
        raise Conflict(f"{holder} is answering this ticket until {ticket['lock']['until']}", final=True)


def rate(context: TicketContext, ticket_id: str, score: int, comment: str) -> Ticket:
    """Record the customer's rating, 1 to 5, in place of an earlier one. Raises NotFound."""

    def change(tx: TicketTransaction) -> Ticket:
        before = tickets.get(tx.uow, ticket_id)
        after = rated(context, tx, before, score, comment)
        keep(context, tx, before, after)
        return after

    return commit(context, change)


def rated(context: TicketContext, tx: TicketTransaction, before: Ticket, score: int, comment: str) -> Ticket:
    """The ticket with its rating; journeys are signalled as for an answer on the survey page (A10, A12)."""
    known = before.get("rating", {})
    at = known.get("at", stamp(context.now))
    after = transitions.rated(before, score, comment, at)
    if after.get("rating") == known:
        return before
    tail = before["ticket_id"][-20:]
    properties = {"ticket_id": before["ticket_id"], "survey": "csat", "score": score, "comment": comment}
    entry: Item = {"type": "track", "name": "Survey Answered", "stage": "after_sales", "source": "tickets", "at": at}
    entry["properties"] = json.dumps(properties, ensure_ascii=False)
    tx.uow.mark(table_keys.timeline(before["customer_id"], at, f"survey-{tail}"), entry)
    if known.get("score") != score and (members := members_of(tx.uow, before["customer_id"])):
        answer = {"survey": "csat", "score": score, "comment": comment, "asked": tail}
        answer |= {"journey": outgoing.JOURNEY, "step": "rating", "run": tail}
        signal = Signal("Survey Answered", stamp(context.now), answer)
        handle_signal(context.journeys, tx.uow, members, signal, home=before["customer_id"], act=False)
    return after
