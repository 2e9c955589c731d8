"""Inner questions of a ticket: a task with a deadline of its own whose answer comes back into the thread (R22, R23)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.tasks.task import NewTask
from shared.domain.tickets.rules import TicketRules
from shared.domain.tickets.ticket import InternalQuestion, Ticket, digest
from shared.domain.vietnam_time import VIETNAM, stamp
from shared.repositories import tickets
from shared.repositories.tasks import open_task
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.tickets import thread


@dataclass(frozen=True)
class NewQuestion:
    """What is asked of whom (a name of the playbook's `asks`), and by when."""

    to: str
    text: str
    minutes: int
    store: str = ""


def with_question(
    uow: UnitOfWork, ticket: Ticket, question: NewQuestion, by: str, rules: TicketRules, now: datetime
) -> Ticket:
    """The ticket with one more question to somebody in the house. The same one while it is open is asked once."""
    for known in ticket.get("asks", {}).values():
        if known["status"] == "open" and (known["to"], known["question"]) == (question.to, question.text):
            return ticket
    whom = rules.asks[question.to]
    number = len(ticket.get("asks", {}))
    due = now + timedelta(minutes=question.minutes)
    new = NewTask(
        ticket["customer_id"],
        f"ask {ticket['ticket_id']} {number} {digest(question.text)}",
        "ask",
        question.text,
        due,
        title=f"{whom.title.vi} ({tickets.case_code(ticket)})",
        store=question.store or ticket.get("store", ""),
        role=whom.role,
        details={"ticket_id": ticket["ticket_id"]},
    )
    task_id = open_task(uow, new, now)
    asked: InternalQuestion = {
        "task_id": task_id,
        "to": question.to,
        "question": question.text,
        "by": by,
        "at": stamp(now),
        "due_at": stamp(due),
        "status": "open",
    }
    told = worded(rules, "asked", to=question.to, at=on_the_clock(due), text=question.text)
    after: Ticket = {**ticket, "asks": {**ticket.get("asks", {}), task_id: asked}}
    return thread.add(uow, after, stamp(now), "agent", told, by=by, note=True)


def check_the_transfer(uow: UnitOfWork, ticket: Ticket, rules: TicketRules, now: datetime) -> Ticket:
    """Have an accountant look whether the money of a picture came: no machine takes a picture's word for it (R23)."""
    asks = rules.transfer
    return with_question(uow, ticket, NewQuestion(asks.to, asks.text.vi, asks.minutes), "bot", rules, now)


def worded(rules: TicketRules, name: str, **words: str) -> str:
    """What the thread tells staff."""
    return rules.lines[name].vi.format(**words).rstrip(": ")  # type: ignore[index]


def on_the_clock(at: datetime) -> str:
    return f"{at.astimezone(VIETNAM):%H:%M %d/%m/%Y}"
