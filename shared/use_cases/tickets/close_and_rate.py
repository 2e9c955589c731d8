"""How a ticket ends: resolved by a person or by silence, with an apology where we were wrong, and rated (A10, A24)."""

from __future__ import annotations

import json

from shared.domain.errors import Conflict
from shared.domain.journeys.engine import Signal
from shared.domain.tickets import ticket as transitions
from shared.domain.tickets.ticket import Author, Ticket
from shared.domain.vietnam_time import stamp
from shared.ports import Item
from shared.repositories import table_keys, tickets
from shared.repositories.profiles import members_of
from shared.repositories.tasks import close
from shared.use_cases.ticket_work import Work
from shared.use_cases.tickets import thread
from shared.use_cases.tickets.context import Tickets

COMMENT_LENGTH = 1000


def resolve(desk: Tickets, ticket_id: str, *, by: str, note: str = "", wrong: bool = False, remedy: str = "") -> Ticket:
    """A person says that the matter is done; `wrong`: it was our fault, and the customer gets an apology with the
    `remedy`. Again it changes nothing. Raises NotFound, and Conflict while somebody else is writing an answer."""

    def change(work: Work) -> Ticket:
        before = tickets.get(work.uow, ticket_id)
        if before["status"] == "resolved":
            return before
        check_lock(desk, before, by)
        after = ended(desk, work, before, by=by, note=note, wrong=wrong)
        if wrong:
            channels = thread.anyhow(after)
            step = f"apology-{after.get('reopened', 0)}"
            said = {"done": remedy} if remedy else {}
            template = thread.APOLOGY
            message_id = desk.say(
                work, after, step, "", channels, human=True, template=template, variables=said
            )  # fmt: skip
            now = stamp(desk.now)
            after = thread.add(work.uow, after, now, "agent", remedy, by=by, message_id=message_id, template=template)
        desk.keep(work, before, after)
        return after

    return desk.commit(change)


def ended(desk: Tickets, work: Work, before: Ticket, *, by: str, note: str = "", wrong: bool = False) -> Ticket:
    """The resolved ticket with all that follows from its end, but not yet kept."""
    uow, now = work.uow, stamp(desk.now)
    after = transitions.resolved(before, now, by, wrong=wrong)
    if text := desk.rules.lines["silence"].vi if by == "silence" else note:
        author: Author = "system" if by == "silence" else "agent"
        after = thread.add(uow, after, now, author, text, by="" if by == "silence" else by, note=True)
    for task_id, asked in after.get("asks", {}).items():
        if asked["status"] == "open":
            close(uow, task_id, "ticket_resolved", desk.now)
            after = {**after, "asks": {**after["asks"], task_id: {**asked, "status": "withdrawn"}}}
    tickets.remember(uow, after, "Ticket Resolved", desk.now, by=by)
    who = "people" if "answered_by" in after else "bot"
    tickets.count(uow, after, who, now, {"resolved": 1, "handling": after["handled_seconds"]})
    desk.news(work, after, "Ticket Resolved", by=by, answered="answered_by" in after, our_fault=wrong)
    return after


def check_lock(desk: Tickets, ticket: Ticket, by: str) -> None:
    """Raises Conflict while somebody else is writing an answer."""
    holder = transitions.locked_by(ticket, stamp(desk.now))
    if holder and holder != by:
        raise Conflict(f"{holder} is answering this ticket until {ticket['lock']['until']}")


def rate(desk: Tickets, ticket_id: str, score: int, comment: str) -> Ticket:
    """Keep what a customer thinks of our help, 1 to 5, in the place of an earlier word. Raises NotFound."""

    def change(work: Work) -> Ticket:
        before = tickets.get(work.uow, ticket_id)
        after = rated(desk, work, before, score, comment)
        desk.keep(work, before, after)
        return after

    return desk.commit(change)


def rated(desk: Tickets, work: Work, before: Ticket, score: int, comment: str) -> Ticket:
    """The ticket with its rating; journeys hear of it as of an answer on the survey page (A10, A12)."""
    known = before.get("rating", {})
    at = known.get("at", stamp(desk.now))
    after = transitions.rated(before, score, comment, at)
    if after.get("rating") == known:
        return before
    tail = before["ticket_id"][-20:]
    said = {"ticket_id": before["ticket_id"], "survey": "csat", "score": score, "comment": comment}
    entry: Item = {"type": "track", "name": "Survey Answered", "stage": "after_sales", "source": "tickets", "at": at}
    entry["properties"] = json.dumps(said, ensure_ascii=False)
    work.uow.mark(table_keys.timeline(before["customer_id"], at, f"survey-{tail}"), entry)
    if known.get("score") != score and (members := members_of(work.uow, before["customer_id"])):
        about = {"survey": "csat", "score": score, "comment": comment, "asked": tail}
        about |= {"journey": thread.JOURNEY, "step": "rating", "run": tail}
        signal = Signal("Survey Answered", stamp(desk.now), about)
        desk.journeys.tell(work.uow, members, signal, home=before["customer_id"], act=False)
    return after
