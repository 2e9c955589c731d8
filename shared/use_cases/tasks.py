"""Staff tasks: opened by journeys and rules, listed for who has to do them, closed with an outcome (W6, W9, X16)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.domain.customer import Profile, agree, caring_store, fold_members
from shared.domain.errors import Busy, Conflict, Forbidden, NotFound
from shared.domain.journey_engine import Signal
from shared.domain.message import ID_TAIL as MESSAGE_TAIL
from shared.domain.sending import consent_channel
from shared.domain.sending_policy import ON_PHONE
from shared.domain.task import (
    ENDS_CALLS,
    WITHDRAWN,
    NewTask,
    Task,
    finished,
    named_again,
    opened,
    postponed,
    status_of,
    task_id,
)
from shared.domain.vietnam_time import stamp
from shared.ports import Clock, Item, Table
from shared.use_cases import layout
from shared.use_cases.draft import Draft
from shared.use_cases.sending_state import addresses, members_of

ATTEMPTS = 8
DONE_KEPT = timedelta(days=90)
# Told of every task that is done, in the same draft: journeys go on from its outcome.
Told = Callable[[Draft, list[Profile], Task], None]


@dataclass(frozen=True)
class Report:
    """What a person reports of a task; `call_back_at` comes with the outcome call_back and with no other."""

    outcome: str
    note: str = ""
    call_back_at: datetime | None = None


def open_task(draft: Draft, new: NewTask, now: datetime) -> str:
    """Put an open task into the draft; answers with its id. The same name twice is one task, also once it is done."""
    key, done = layout.task(new.task_id), layout.task_done(new.task_id)
    draft.load([key, done])
    if draft.get(done):
        return new.task_id
    if known := draft.get(key):
        draft.put(key, named_again(known, new))
        return new.task_id
    members = members_of(draft, new.customer_id)
    store = new.store or (caring_store(fold_members(members)) if members else "")
    task = opened(new, store, now)
    draft.put(key, task)
    _list(draft, task)
    return new.task_id


def close(draft: Draft, task_id: str, reason: str, now: datetime) -> bool:
    """Withdraw a task that is no longer needed; `reason` is for the timeline. False when it is not open."""
    task = draft.get(layout.task(task_id))
    if task is None:
        return False
    _finish(draft, finished(task, WITHDRAWN, "", reason, now), now)
    return True


@dataclass(frozen=True)
class PlannedCalls:
    """The channel `call`: a message that is planned as a call is a task, one per message however often it is sent."""

    table: Table
    clock: Clock

    def open(self, message_id: str, script: str) -> str:
        """Open the task of a message; answers with its id. Raises Busy."""
        now = self.clock()
        details = {"message_id": message_id}
        name, of = _call(message_id), message_id[:-MESSAGE_TAIL]
        new = NewTask(of, name, "call", "planned_call", now, script=script, details=details)
        for _ in range(ATTEMPTS):
            draft = Draft(self.table)
            open_task(draft, new, now)
            try:
                draft.commit()
            except Conflict:
                continue
            return new.task_id
        raise Busy("this task is being changed by too many at once")

    def find(self, message_id: str) -> str:
        """The id of the task a message has become, or ""."""
        found = task_id(message_id[:-MESSAGE_TAIL], _call(message_id))
        keys = [layout.task(found), layout.task_done(found)]
        return found if self.table.batch_get(keys) else ""


def record_outcome(
    table: Table,
    task_id: str,
    report: Report,
    *,
    by: str,
    now: datetime,
    stores: frozenset[str] = frozenset(),
    told: Told | None = None,
) -> Task:
    """Write down what became of a task, and what that means for the person; answers with the task.

    `stores` are those whose tasks the caller may do (none: all). The same outcome again answers the same. Raises
    NotFound, Forbidden, Conflict when the task ended in another way before, and Busy.
    """
    for _ in range(ATTEMPTS):
        draft = Draft(table)
        task = _record(draft, task_id, report, by=by, now=now, stores=stores, told=told)
        try:
            draft.commit()
        except (Conflict, Busy):
            continue
        return task
    raise Busy("this customer is being changed by too many at once")


def _record(
    draft: Draft,
    task_id: str,
    report: Report,
    *,
    by: str,
    now: datetime,
    stores: frozenset[str],
    told: Told | None,
) -> Task:
    key, done = layout.task(task_id), layout.task_done(task_id)
    draft.load([key, done])
    task = draft.get(done) or draft.get(key)
    if task is None:
        raise NotFound("there is no such task")
    if stores and task.get("store", "") not in stores:
        raise Forbidden("this task belongs to a store the key has no access to")
    if status_of(task) == "done":
        if task["outcome"] != report.outcome:
            who = f" by {task['by']}" if task["by"] else ""
            raise Conflict(f"the task was closed as {task['outcome']}{who} at {task['done_at']}")
        return task
    if report.call_back_at:
        return _postpone(draft, task, report, report.call_back_at, by, now)
    members = members_of(draft, task["customer_id"])
    ended = [task]
    if report.outcome in ENDS_CALLS and members:
        _call_no_more(draft, members[0], task, report.outcome, by, now)
        ended += [other for other in _open_calls(draft, members) if other["task_id"] != task_id]
    ended = [finished(one, report.outcome, by, report.note if one is task else "", now) for one in ended]
    for one in ended:
        _finish(draft, one, now)
    if told and members:
        # As they are after what the outcome meant for them.
        members = members_of(draft, task["customer_id"])
        for one in ended:
            told(draft, members, one)
    return draft.get(done) or task


def _call(message_id: str) -> str:
    return f"planned-call-{message_id}"


def task_news(task: Task) -> Signal:
    """That a task is done, as journeys hear of it; what belongs to no journey names none."""
    said = {name: task.get(name, "") for name in ("outcome", "task_id", "kind", "journey", "step", "run")}
    return Signal("Task Done", task["done_at"], said)


def number_to_call(members: list[Profile]) -> str | None:
    """The person's number, unless they asked not to be called, it is known to be somebody else's, or nobody's own."""
    closed = any("call" in member.get("closed", {}) for member in members)
    said = fold_members(members)["consent"].get("call:service", {})
    if closed or said.get("granted") is False or members[0].get("refused"):
        return None
    return addresses(members).get("call")


def _postpone(draft: Draft, task: Task, report: Report, until: datetime, by: str, now: datetime) -> Task:
    if task.get("outcome") == "call_back" and task["due_at"] == stamp(until):
        return task
    _unlist(draft, task)
    later = postponed(task, until, by, report.note)
    draft.put(layout.task(task["task_id"]), later)
    _list(draft, later)
    _remember(draft, later, "Call Back Agreed", now, call_back_at=stamp(until))
    return later


def _finish(draft: Draft, task: Task, now: datetime) -> None:
    _unlist(draft, task)
    draft.delete(layout.task(task["task_id"]))
    done = task | {"ttl": int((now + DONE_KEPT).timestamp())}
    draft.put(layout.task_done(task["task_id"]), done)
    _list(draft, done)
    _remember(draft, task, "Task Withdrawn" if task["outcome"] == WITHDRAWN else "Task Done", now)


def _list(draft: Draft, task: Task) -> None:
    row: Item = {name: task[name] for name in ("task_id", "role", "ttl") if name in task}
    at = task["done_at"] if status_of(task) == "done" else task["due_at"]
    for key in layout.task_rows(task["task_id"], task.get("store", ""), status_of(task), at):
        draft.mark(key, row)


def _unlist(draft: Draft, task: Task) -> None:
    for key in layout.task_rows(task["task_id"], task.get("store", ""), "open", task["due_at"]):
        draft.delete(key)


def _remember(draft: Draft, task: Task, name: str, now: datetime, **more: Any) -> None:
    names = ("task_id", "kind", "outcome", "by", "note", "journey", "run", "step", "offer")
    said = {name: task[name] for name in names if task.get(name)} | more
    entry: Item = {"type": "track", "name": name, "stage": "engagement", "source": "staff", "at": stamp(now)}
    entry["properties"] = json.dumps(said, ensure_ascii=False)
    place = f"task-{task['task_id'][-20:]}-{task['outcome']}"
    draft.mark(layout.timeline(task["customer_id"], stamp(now), place), entry)


def _open_calls(draft: Draft, members: list[Profile]) -> list[Task]:
    low, high = layout.OPEN_TASKS
    found = [task for m in members for task in draft.collection(layout.profile(m["customer_id"]).pk, low, high)]
    return [task for task in found if task["kind"] == "call"]


def _call_no_more(draft: Draft, lead: Profile, task: Task, outcome: str, by: str, now: datetime) -> None:
    """What it means for the person that a number is somebody else's, or that they want no calls (R10)."""
    if outcome == "wrong_number":
        closed = {**lead.get("closed", {}), "call": "unreachable"}
        draft.put(layout.profile(lead["customer_id"]), {**lead, "closed": closed})
        return
    key = layout.profile(task["customer_id"])
    profile = draft.get(key)
    assert profile is not None
    said = [
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
    draft.put(key, agree(profile, said))
    for statement in said:
        entry: Item = {"type": "consent", "name": "Consent Withdrawn", "stage": "engagement", "source": "staff",
                       "at": stamp(now), "consent": statement}  # fmt: skip
        place = f"consent-{statement['channel']}-{statement['purpose']}-{task['task_id'][-20:]}"
        draft.mark(layout.timeline(task["customer_id"], stamp(now), place), entry)


# Who asks not to be called is not called for anything, and gets no advertising on the number either.
_REFUSED = [("call", purpose) for purpose in ("transactional", "service")] + [
    (channel, "marketing") for channel in sorted({consent_channel(channel) for channel in ON_PHONE})
]
