"""Records the outcome of a task, and what it means for the customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from shared.domain.common.channels import consent_channel
from shared.domain.customers.profile import Profile, agree
from shared.domain.messaging.policy import ON_PHONE
from shared.domain.tasks.review import check_outcome
from shared.domain.tasks.task import (
    ENDS_CALLS,
    SPOKEN,
    Task,
    closed_otherwise,
    finished,
    moved,
    postponed,
    status_of,
)
from shared.domain.vietnam_time import DAY, local_day, stamp
from shared.ports import Item, Table
from shared.repositories import table_keys
from shared.repositories.contact_ledger import called
from shared.repositories.profiles import members_of
from shared.repositories.retry import committed
from shared.repositories.task_assignment import Roster
from shared.repositories.tasks import TaskClosedHook, find_task, finish, open_calls, remember, replace_open
from shared.repositories.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class Report:
    """What an agent reports of a task. `call_back_at` comes with the outcome call_back only; `order_by`, the moment by
    which the customer promised to order, with reached only."""

    outcome: str
    note: str = ""
    call_back_at: datetime | None = None
    order_by: datetime | None = None


def record_outcome(
    table: Table,
    task_id: str,
    report: Report,
    *,
    by: str,
    now: datetime,
    stores: frozenset[str] = frozenset(),
    on_closed: TaskClosedHook | None = None,
    roster: Roster | None = None,
) -> Task:
    """Record the outcome of a task and its consequences for the customer; returns the task. Idempotent.

    With a `roster`, another open sales call to the customer moves behind the day that follows this one (R17). `stores`
    are those whose tasks the caller may do (none: all). Raises NotFound, Forbidden, Invalid for an outcome that makes
    no sense for the task, Conflict if it was closed with another outcome, and Busy.
    """
    return committed(
        table,
        lambda uow: _record(uow, task_id, report, by=by, now=now, stores=stores, on_closed=on_closed, roster=roster),
    )


def _record(
    uow: UnitOfWork,
    task_id: str,
    report: Report,
    *,
    by: str,
    now: datetime,
    stores: frozenset[str],
    on_closed: TaskClosedHook | None,
    roster: Roster | None,
) -> Task:
    done = table_keys.task_done(task_id)
    task = find_task(uow, task_id, stores)
    if status_of(task) == "done":
        if task["outcome"] != report.outcome:
            raise closed_otherwise(task)
        return task
    check_outcome(task, report.outcome)
    if task.get("outcome") == "call_back" and report.call_back_at and task["due_at"] == stamp(report.call_back_at):
        return task
    members = members_of(uow, task["customer_id"])
    if task["kind"] == "call" and report.outcome in SPOKEN and members:
        lead = table_keys.profile(members[0]["customer_id"])
        uow.put(lead, {**(uow.get(lead) or {}), "talked_on": local_day(now).isoformat()})
        members = members_of(uow, task["customer_id"])
    if task.get("sells") and members:
        _note_call(uow, task, members, now, roster)
    if report.call_back_at:
        return _postpone(uow, task, report, report.call_back_at, by, now)
    if report.order_by:
        task = {**task, "order_by": stamp(report.order_by)}
    ended = [task]
    if report.outcome in ENDS_CALLS and members:
        _call_no_more(uow, members[0], task, report.outcome, by, now)
        ended += [other for other in open_calls(uow, members) if other["task_id"] != task_id]
    ended = [finished(one, report.outcome, by, report.note if one is task else "", now) for one in ended]
    for one in ended:
        finish(uow, one, now)
    if on_closed and members:
        # The profiles after the consequences of the outcome.
        members = members_of(uow, task["customer_id"])
        for one in ended:
            on_closed(uow, members, one)
    return cast(Task, uow.get(done) or task)


def _note_call(uow: UnitOfWork, task: Task, members: list[Profile], now: datetime, roster: Roster | None) -> None:
    """Record a sales call: no other is made to the customer within a day."""
    key = table_keys.contacts(members[0]["customer_id"])
    uow.put(key, called(uow.get(key) or {}, task["task_id"], now))
    if roster is None:
        return
    for other in open_calls(uow, members):
        agreed = other.get("outcome") == "call_back"
        if other.get("sells") and other["task_id"] != task["task_id"] and not agreed:
            slot = roster.slot_anew(uow, other, now + DAY, members)
            replace_open(uow, other, moved(other, slot, now), now)


def _postpone(uow: UnitOfWork, task: Task, report: Report, until: datetime, by: str, now: datetime) -> Task:
    later = postponed(task, until, by, report.note)
    replace_open(uow, task, later, now)
    remember(uow, later, "Call Back Agreed", now, call_back_at=stamp(until))
    return later


def _call_no_more(uow: UnitOfWork, lead: Profile, task: Task, outcome: str, by: str, now: datetime) -> None:
    """Close the number for calls: it is wrong, or the customer refused calls (R10)."""
    if outcome == "wrong_number":
        closed = {**lead.get("closed", {}), "call": "unreachable"}
        uow.put(table_keys.profile(lead["customer_id"]), {**lead, "closed": closed})
        return
    key = table_keys.profile(task["customer_id"])
    profile = uow.get(key)
    assert profile is not None
    statements = [
        {
            "channel": channel,
            "purpose": purpose,
            "granted": False,
            "at": stamp(now),
            "proof": f"told {by} in task {task['task_id']}",
            "source": "staff",
        }
        for channel, purpose in _REFUSED
    ]
    uow.put(key, agree(cast(Profile, profile), statements))
    for statement in statements:
        entry: Item = {"type": "consent", "name": "Consent Withdrawn", "stage": "engagement", "source": "staff",
                       "at": stamp(now), "consent": statement}  # fmt: skip
        place = f"consent-{statement['channel']}-{statement['purpose']}-{task['task_id'][-20:]}"
        uow.mark(table_keys.timeline(task["customer_id"], stamp(now), place), entry)


# A customer who refuses calls gets none for any purpose, and no marketing on the number either.
_REFUSED = [("call", purpose) for purpose in ("transactional", "service")] + [
    (channel, "marketing") for channel in sorted({consent_channel(channel) for channel in ON_PHONE})
]
