"""Internal questions of a ticket: a task with its own deadline, whose answer is added to the thread (R22, R23)."""

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
    """A question to a team (a name of the playbook's `asks`), due in `minutes`."""

    to: str
    text: str
    minutes: int
    store: str = ""


def with_question(
    uow: UnitOfWork, ticket: Ticket, question: NewQuestion, by: str, rules: TicketRules, now: datetime
) -> Ticket:
    """The ticket with one more internal question; unchanged while the same question is open."""
    for known in ticket.get("asks", {}).values():
        if known["status"] == "open" and (known["to"], known["question"]) == (question.to, question.text):
            return ticket
    team = rules.asks[question.to]
    number = len(ticket.get("asks", {}))
    due = now + timedelta(minutes=question.minutes)
    new = NewTask(
        ticket["customer_id"],
        f"ask {ticket['ticket_id']} {number} {digest(question.text)}",
        "ask",
        question.text,
        due,
        title=f"{team.title.vi} ({tickets.case_code(ticket)})",
        store=question.store or ticket.get("store", ""),
        role=team.role,
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
    line = staff_line(rules, "asked", to=question.to, at=clock_text(due), text=question.text)
    after: Ticket = {**ticket, "asks": {**ticket.get("asks", {}), task_id: asked}}
    return thread.add(uow, after, stamp(now), "agent", line, by=by, note=True)


def ask_about_transfer(uow: UnitOfWork, ticket: Ticket, rules: TicketRules, now: datetime) -> Ticket:
    """Ask accounting whether the money of a transfer picture arrived: a picture is no proof (R23)."""
    asks = rules.transfer
    return with_question(uow, ticket, NewQuestion(asks.to, asks.text.vi, asks.minutes), "bot", rules, now)


def staff_line(rules: TicketRules, name: str, **words: str) -> str:
    """A line of the playbook, for the thread."""
    return rules.lines[name].vi.format(**words).rstrip(": ")  # type: ignore[index]


def clock_text(at: datetime) -> str:
    return f"{at.astimezone(VIETNAM):%H:%M %d/%m/%Y}"
