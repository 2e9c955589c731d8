"""Ticket assignment: deadlines, the assignee, and the notifications of both (T1, T3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import cast

from shared.domain.customers.names import clean_name
from shared.domain.customers.profile import fold_members
from shared.domain.staff.directory import Person
from shared.domain.staff.staff_notification import Kind
from shared.domain.tickets import routing
from shared.domain.tickets.routing import QUEUE_ROLES, Deadline, Priority, Target, pick_assignee
from shared.domain.tickets.ticket import FIRST_RESPONSE, RESOLVE, Ticket, waits
from shared.domain.tickets.transitions import assigned
from shared.domain.vietnam_time import DAY, VIETNAM, moment, stamp
from shared.repositories import tickets
from shared.repositories.profiles import members_of
from shared.repositories.staff_notifications import notify
from shared.repositories.tickets import case_code
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.tickets.context import TicketContext

# How many days ahead the next shift of an able person is looked for.
AHEAD = 8
# Assignees of these priorities are notified; the others find the ticket in their list.
URGENT = frozenset(("P1", "P2"))
LEADS = ("care_lead", "senior_manager")


def target(context: TicketContext, ticket: Ticket) -> Target:
    """The SLA target of a ticket."""
    return context.routing.targets[cast(Priority, ticket["priority"])]


def new_deadlines(context: TicketContext, ticket: Ticket, at: str) -> dict[str, Deadline]:
    """Both deadlines of a ticket whose clocks start at `at`."""
    goal, hours = target(context, ticket), context.directory.hours
    return {
        FIRST_RESPONSE: routing.first_response(goal, hours, moment(at), value=ticket["value"]),
        RESOLVE: routing.resolve(goal, hours, moment(at)),
    }


def auto_assigned(context: TicketContext, ticket: Ticket) -> Ticket:
    """An unassigned ticket with an assignee, or with the moment to look for one again; any other ticket unchanged."""
    if not waits(ticket):
        return ticket
    queue = ticket["queue"]
    able = [person.id for person in context.directory.people.values() if person.role in QUEUE_ROLES[queue]]
    person = pick_assignee(
        context.directory,
        queue,
        intent=ticket["intent"],
        store=ticket.get("store", ""),
        at=context.now,
        loads=tickets.loads(context.table, able),
        away=context.away(),
        seed=ticket["ticket_id"],
    )
    return assigned(ticket, person, "" if person else stamp(_next_try(context, ticket)))


def _next_try(context: TicketContext, ticket: Ticket) -> datetime:
    """When to look for an assignee again: soon if an able person is on duty but busy, else when a shift begins."""
    now, away = context.now, context.away()
    able = [
        person
        for person in context.directory.with_role(*QUEUE_ROLES[ticket["queue"]])
        if person.can(ticket["intent"]) and person.id not in away
    ]
    if any(context.directory.on_duty(person.id, now) for person in able):
        return now + context.rules.retry
    return min((at for person in able for at in _shift_starts(context, person)), default=now + DAY)


def _shift_starts(context: TicketContext, person: Person) -> list[datetime]:
    """When the shifts of a person begin in the days to come."""
    today = context.now.astimezone(VIETNAM).date()
    shifts = [shift for name in person.shifts for shift in context.directory.shifts.get(name, ())]
    begins = [shift.on(today + DAY * ahead)[0] for shift in shifts for ahead in range(AHEAD)]
    return [at for at in begins if at > context.now and context.directory.on_duty(person.id, at)]


# ---- notifications ----


def notify_assignee(context: TicketContext, uow: UnitOfWork, before: Ticket | None, after: Ticket) -> None:
    """Notify the new assignee of an urgent ticket."""
    person = after["assignee"]
    fresh = before is None or before["assignee"] != person or before["status"] == "resolved"
    if not person or after["status"] != "open" or not fresh or person not in context.directory.people:
        return
    if after["priority"] in URGENT or after["queue"] == "senior_manager":
        words = {name: after[name] for name in ("priority", "intent", "severity", "value", "channel")}
        due = after["resolve_due_at"] if "first_response_at" in after else after["first_response_due_at"]
        words |= {**ticket_reference(uow, after), "due_at": due}
        notify(uow, person, "ticket_assigned", words, f"{after['ticket_id']} {stamp(context.now)}", context.now)


def notify_deadlines(
    context: TicketContext, uow: UnitOfWork, ticket: Ticket, kind: Kind, due: Mapping[str, str], whom: Collection[str]
) -> None:
    """Notify people of deadlines (name to moment) that are near or missed, once each. `whom` are names of an SLA
    target; for an unassigned ticket the leads are notified."""
    store = ticket.get("store", "")
    people = routing.recipients(context.directory, whom, assignee=ticket["assignee"], store=store)
    people = people or routing.recipients(context.directory, LEADS, assignee="", store=store)
    for name, at in due.items():
        words = {**ticket_reference(uow, ticket), "priority": ticket["priority"], "intent": ticket["intent"]}
        words |= {"deadline": name, "due_at": at}
        if kind == "deadline_missed":
            words["assignee"] = ticket["assignee"]
        for person in people:
            notify(uow, person, kind, words, f"{ticket['ticket_id']} {name} {at}", context.now)


def ticket_reference(uow: UnitOfWork, ticket: Ticket) -> dict[str, str]:
    """The ticket and its customer, as notifications name them."""
    members = members_of(uow, ticket["customer_id"])
    name = fold_members(members)["traits"].get("name", "") if members else ""
    return {"ticket": case_code(ticket), "customer": clean_name(name) or ""}
