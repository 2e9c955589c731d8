"""Stored staff tasks: opened, listed by store and assignee, replaced, closed with an outcome (W6, W9, X16)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

from shared.domain.common.stored_item import picked, without
from shared.domain.customers.profile import Profile, caring_store, fold_members
from shared.domain.errors import Forbidden, NotFound
from shared.domain.journeys.engine import Signal
from shared.domain.tasks.task import (
    SKIPPED,
    WITHDRAWN,
    NewTask,
    Task,
    finished,
    opened,
    renewed,
    status_of,
)
from shared.domain.vietnam_time import stamp
from shared.ports import Item, Key
from shared.repositories import table_keys
from shared.repositories.profiles import addresses, members_of
from shared.repositories.task_assignment import Roster, count_call
from shared.repositories.unit_of_work import UnitOfWork

DONE_KEPT = timedelta(days=90)
# Called for every task that is closed, in the same unit of work: journeys continue from its outcome.
TaskClosedHook = Callable[[UnitOfWork, list[Profile], Task], None]


# What the signal that a task is done says of it.
_SIGNALLED = ("outcome", "task_id", "kind", "journey", "step", "run")
# How a task ends without having been done.
_NOT_DONE = {WITHDRAWN: "Task Withdrawn", SKIPPED: "Task Skipped"}


def open_task(uow: UnitOfWork, new: NewTask, now: datetime, roster: Roster | None = None) -> str:
    """Put an open task into the unit of work and return its id; idempotent by name, also once the task is done.

    With a `roster` the task gets an assignee, and a call is due in the permitted hours.
    """
    key, done = table_keys.task(new.task_id), table_keys.task_done(new.task_id)
    uow.load([key, done])
    if uow.get(done):
        return new.task_id
    if known := uow.get(key):
        uow.put(key, renewed(cast(Task, known), new))
        return new.task_id
    members = members_of(uow, new.customer_id)
    store = new.store or (caring_store(fold_members(members)) if members else "")
    slot = roster.slot(uow, new, store, members, now) if roster else None
    task = opened(new, store, now, slot)
    uow.put(key, task)
    _list(uow, task)
    count_call(uow, task, 1, now)
    return new.task_id


def close(uow: UnitOfWork, task_id: str, reason: str, now: datetime) -> bool:
    """Withdraw a task that is no longer needed; `reason` is for the timeline. False if it is not open."""
    task = cast(Task | None, uow.get(table_keys.task(task_id)))
    if task is None:
        return False
    finish(uow, finished(task, WITHDRAWN, "", reason, now), now)
    return True


def find_task(uow: UnitOfWork, task_id: str, stores: frozenset[str]) -> Task:
    """A task, open or done; raises NotFound, and Forbidden for one of another store."""
    key, done = table_keys.task(task_id), table_keys.task_done(task_id)
    uow.load([key, done])
    task = cast(Task | None, uow.get(done) or uow.get(key))
    if task is None:
        raise NotFound("there is no such task")
    if stores and task.get("store", "") not in stores:
        raise Forbidden("this task belongs to a store the key has no access to")
    return task


def replace_open(uow: UnitOfWork, before: Task, after: Task, now: datetime) -> None:
    """Replace an open task, in the lists and in its assignee's calls of the day."""
    _unlist(uow, before)
    count_call(uow, before, -1, now)
    uow.put(table_keys.task(after["task_id"]), after)
    _list(uow, after)
    count_call(uow, after, 1, now)


def task_done_signal(task: Task) -> Signal:
    """The signal to journeys that a task is done; its journey fields are empty for a task of no journey."""
    properties = dict.fromkeys(_SIGNALLED, "") | picked(task, (*_SIGNALLED, "order_by"))
    return Signal("Task Done", task["done_at"], properties)


def number_to_call(members: list[Profile]) -> str | None:
    """The customer's number, unless they refused calls, or the number is wrong or shared."""
    closed = any("call" in member.get("closed", {}) for member in members)
    consent = fold_members(members)["consent"].get("call:service", {})
    if closed or consent.get("granted") is False or members[0].get("refused"):
        return None
    return addresses(members).get("call")


def finish(uow: UnitOfWork, task: Task, now: datetime) -> None:
    """Move a closed task from the open lists to the done ones, and add it to the timeline."""
    _unlist(uow, task)
    uow.delete(table_keys.task(task["task_id"]))
    done: Task = {**task, "ttl": int((now + DONE_KEPT).timestamp())}
    uow.put(table_keys.task_done(task["task_id"]), done)
    _list(uow, done)
    # A call that was made counts today; one that was not made frees its planned place.
    count_call(uow, task, -1, now)
    if task["outcome"] not in _NOT_DONE:
        count_call(uow, {**task, "due_at": stamp(now)}, 1, now)
    remember(uow, task, _NOT_DONE.get(task["outcome"], "Task Done"), now)


def _list(uow: UnitOfWork, task: Task) -> None:
    names = ("task_id", "role", "kind", "store", "assignee", "ttl")
    row = {name: value for name, value in task.items() if name in names}
    at = task["done_at"] if status_of(task) == "done" else task["due_at"]
    for key in _rows(task, at):
        uow.mark(key, row)


def _unlist(uow: UnitOfWork, task: Task) -> None:
    for key in _rows(without(task, "done_at"), task["due_at"]):
        uow.delete(key)


def _rows(task: Task, at: str) -> list[Key]:
    return table_keys.task_rows(task["task_id"], task.get("store", ""), status_of(task), at, task.get("assignee", ""))


def remember(uow: UnitOfWork, task: Task, name: str, now: datetime, *, mark: str = "", **more: Any) -> None:
    """Add an entry about a task to the timeline; `mark` distinguishes several at one moment."""
    names = ("task_id", "kind", "outcome", "by", "note", "journey", "run", "step", "offer", "assignee")
    properties = picked(task, names) | more
    entry: Item = {"type": "track", "name": name, "stage": "engagement", "source": "staff", "at": stamp(now)}
    entry["properties"] = json.dumps(properties, ensure_ascii=False)
    place = f"task-{task['task_id'][-20:]}-{mark or task['outcome']}"
    uow.mark(table_keys.timeline(task["customer_id"], stamp(now), place), entry)


def open_calls(uow: UnitOfWork, members: list[Profile]) -> list[Task]:
    """The open calls to a customer."""
    low, high = table_keys.OPEN_TASKS
    pks = [table_keys.profile(member["customer_id"]).pk for member in members]
    found = [cast(Task, task) for pk in pks for task in uow.collection(pk, low, high)]
    return [task for task in found if task["kind"] == "call"]
