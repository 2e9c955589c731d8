"""Internal questions to other teams with a deadline, and compensation with a manager's approval (R22)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from shared.domain.common.money import vnd
from shared.domain.errors import Conflict, FieldError, Invalid
from shared.domain.staff.directory import Directory
from shared.domain.tasks.task import NewTask, Task
from shared.domain.tickets.rules import TicketRules
from shared.domain.tickets.ticket import Compensation, InternalQuestion, Ticket, excerpt
from shared.domain.vietnam_time import moment, stamp
from shared.domain.vouchers.voucher import new_code
from shared.repositories import tickets, vouchers
from shared.repositories.staff_notifications import notify
from shared.repositories.tasks import open_task
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.tickets import outgoing, thread
from shared.use_cases.tickets.agent_actions import still_open
from shared.use_cases.tickets.assignment import ticket_reference
from shared.use_cases.tickets.commit import commit, keep
from shared.use_cases.tickets.context import TicketContext, TicketTransaction
from shared.use_cases.tickets.internal_questions import NewQuestion, clock_text, staff_line, with_question

PAID_WITHIN = timedelta(days=1)


def ask(context: TicketContext, ticket_id: str, question: NewQuestion, by: str) -> Ticket:
    """Ask a store or the warehouse: a task with its own deadline, whose answer is added to the thread. Idempotent while
    the question is open. Raises NotFound and Conflict."""

    def change(tx: TicketTransaction) -> Ticket:
        before = still_open(tx, ticket_id)
        after = with_question(tx.uow, before, question, by, context.rules, context.now)
        if after is before:
            return before
        keep(context, tx, before, after)
        return after

    return commit(context, change)


def ask_answered(uow: UnitOfWork, task: Task, rules: TicketRules, directory: Directory, now: datetime) -> None:
    """Add the answer to an internal question to its ticket and notify the assignee, in the unit of work that finishes
    the task."""
    before = tickets.find(uow, str(task.get("ticket_id", "")))
    asked = before.get("asks", {}).get(task["task_id"]) if before else None
    if before is None or asked is None or asked["status"] != "open":
        return
    done: InternalQuestion = {
        **asked, "status": "done", "answer": task["note"], "answered_by": task["by"], "answered_at": stamp(now),
    }  # fmt: skip
    after: Ticket = {**before, "asks": {**before["asks"], task["task_id"]: done}}
    line = staff_line(rules, "asked_answered", text=task["note"] or task["outcome"])
    after = thread.add(uow, after, stamp(now), "agent", line, by=task["by"], note=True)
    tickets.save(uow, before, after, rules)
    if after["assignee"] in directory.people:
        words = {**ticket_reference(uow, after), "by": task["by"], "text": excerpt(line)}
        notify(uow, after["assignee"], "mention", words, f"{task['task_id']} done", now)


# ---- compensation ----


def compensate(context: TicketContext, ticket_id: str, *, amount: int, offer: str, reason: str, by: str) -> Ticket:
    """Give the customer an amount of VND or an offer of the playbook; above the playbook's limit it waits for a
    manager's approval. Raises NotFound, Invalid, and Conflict where the ticket has a compensation already."""
    book = context.journeys.playbook.offers
    limits = context.rules.compensation
    if offer and offer not in book.offers:
        raise Invalid([FieldError("offer", f"must be one of {', '.join(book.offers)}")])
    value = book.offers[offer].most if offer else amount
    if value > limits.most_vnd:
        raise Invalid([FieldError("amount", f"must be {limits.most_vnd} at most")])
    wanted: Compensation = {"value": value, "reason": reason}
    if amount:
        wanted["amount"] = amount
    if offer:
        wanted["offer"] = offer

    def change(tx: TicketTransaction) -> Ticket:
        before = tickets.get(tx.uow, ticket_id)
        known = before.get("compensation")
        if known and wanted.items() <= known.items():
            return before
        if known and known["status"] != "refused":
            raise Conflict(f"the ticket has a compensation that is {known['status']}", final=True)
        asked: Compensation = {**wanted, "by": by, "at": stamp(context.now)}
        if value <= limits.without_approval_vnd:
            after = _approved(context, tx, before, {**asked, "status": "approved", "approved_by": by})
        else:
            after = {**before, "compensation": {**asked, "status": "waiting"}}
            after = _noted(context, tx, after, "given_waits", reason, by)
            for person in context.directory.seniors:
                line = staff_line(context.rules, "given_waits", what=_amount_or_offer(context, asked), text=reason)
                words = {**ticket_reference(tx.uow, after), "by": by, "text": excerpt(line)}
                notify(tx.uow, person.id, "mention", words, f"{ticket_id} compensation {asked['at']}", context.now)
        keep(context, tx, before, after)
        return after

    return commit(context, change)


def decide(context: TicketContext, ticket_id: str, *, approved: bool, note: str, by: str) -> Ticket:
    """A manager approves or refuses the compensation that waits; idempotent. Raises NotFound, and Conflict where none
    waits."""

    def change(tx: TicketTransaction) -> Ticket:
        before = tickets.get(tx.uow, ticket_id)
        known = before.get("compensation", {})
        wanted: Literal["approved", "refused"] = "approved" if approved else "refused"
        if known.get("status") == wanted:
            return before
        if known.get("status") != "waiting":
            raise Conflict("no compensation waits for approval on this ticket", final=True)
        decided: Compensation = {**known, "status": wanted, "approved_by": by, "decided_at": stamp(context.now)}
        if approved:
            after = _approved(context, tx, before, decided, note)
        else:
            after = _noted(context, tx, {**before, "compensation": decided}, "given_refused", note, by)
        keep(context, tx, before, after)
        return after

    return commit(context, change)


def _approved(
    context: TicketContext, tx: TicketTransaction, ticket: Ticket, given: Compensation, note: str = ""
) -> Ticket:
    """The ticket with an approved compensation: its voucher is issued, or paying the money becomes a task."""
    uow, now = tx.uow, context.now
    after = ticket
    if offer_id := given.get("offer"):
        book = context.journeys.playbook.offers
        code = new_code(book.offers[offer_id].prefix, context.journeys.new_id())
        voucher = vouchers.issue(
            uow, book, offer_id, ticket["customer_id"], code, now, journey=outgoing.JOURNEY,
            run=ticket["ticket_id"][-20:], step="compensation",
        )  # fmt: skip
        given = {**given, "code": code, "valid_until": voucher.valid_until}
        line = staff_line(context.rules, "voucher", code=code, at=clock_text(moment(voucher.valid_until)))
        after = thread.add(uow, after, stamp(now), "system", line, note=True)
    else:
        new = NewTask(
            ticket["customer_id"],
            f"compensation {ticket['ticket_id']} {given['at']}",
            "other",
            given["reason"],
            now + PAID_WITHIN,
            title=f"{context.rules.compensation.title.vi}: {vnd(given['amount'])} ({tickets.case_code(ticket)})",
            store=ticket.get("store", ""),
            details={"ticket_id": ticket["ticket_id"]},
        )
        given = {**given, "task_id": open_task(uow, new, now)}
    after = {**after, "compensation": given}
    tickets.remember(uow, after, "Ticket Compensated", now, value=given["value"])
    return _noted(context, tx, after, "given", note or given["reason"], given["approved_by"])


def _noted(context: TicketContext, tx: TicketTransaction, ticket: Ticket, name: str, text: str, by: str) -> Ticket:
    """The ticket with an internal note about its compensation; `name` is one of the playbook's lines."""
    line = staff_line(context.rules, name, what=_amount_or_offer(context, ticket["compensation"]), text=text)
    return thread.add(tx.uow, ticket, stamp(context.now), "agent", line, by=by, note=True)


def _amount_or_offer(context: TicketContext, given: Compensation) -> str:
    offer_id = given.get("offer")
    return context.journeys.playbook.offers.offers[offer_id].title.vi if offer_id else vnd(given["amount"])
