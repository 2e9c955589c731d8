"""Staff tasks: opened by journeys and rules, listed for who has to do them, closed with an outcome (W6, W9, X16)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.domain.customers.profile import Profile, agree, caring_store, fold_members
from shared.domain.errors import Busy, Conflict, Forbidden, NotFound
from shared.domain.journeys.engine import Signal
from shared.domain.messaging.channel_errors import consent_channel
from shared.domain.messaging.message import ID_TAIL as MESSAGE_TAIL
from shared.domain.messaging.policy import DAY, ON_PHONE
from shared.domain.tasks.task import (
    ENDS_CALLS,
    SKIPPED,
    SPOKEN,
    WITHDRAWN,
    NewTask,
    Task,
    finished,
    moved,
    named_again,
    opened,
    postponed,
    status_of,
    task_id,
)
from shared.domain.vietnam_time import local_day, stamp
from shared.ports import Clock, Item, Key, Table
from shared.repositories import table_keys
from shared.repositories.contact_ledger import addresses, called, members_of
from shared.repositories.task_assignment import Roster, count_call
from shared.repositories.unit_of_work import Draft

ATTEMPTS = 8
DONE_KEPT = timedelta(days=90)
# A message that becomes a call was to be read now.
CALLED_WITHIN = timedelta(hours=2)
# Told of every task that is done, in the same draft: journeys go on from its outcome.
Told = Callable[[Draft, list[Profile], Task], None]


# What became of a task without anybody having done it.
_NOT_DONE = {WITHDRAWN: "Task Withdrawn", SKIPPED: "Task Skipped"}


@dataclass(frozen=True)
class Report:
    """What a person reports of a task. `call_back_at` comes with the outcome call_back and with no other; `order_by`,
    the moment by which the customer said they would order, with reached and with no other."""

    outcome: str
    note: str = ""
    call_back_at: datetime | None = None
    order_by: datetime | None = None


def open_task(draft: Draft, new: NewTask, now: datetime, roster: Roster | None = None) -> str:
    """Put an open task into the draft; answers with its id. The same name twice is one task, also once it is done.

    With a `roster` it is somebody's, and a call is due in the hours in which one may call.
    """
    key, done = table_keys.task(new.task_id), table_keys.task_done(new.task_id)
    draft.load([key, done])
    if draft.get(done):
        return new.task_id
    if known := draft.get(key):
        draft.put(key, named_again(known, new))
        return new.task_id
    members = members_of(draft, new.customer_id)
    store = new.store or (caring_store(fold_members(members)) if members else "")
    slot = roster.slot(draft, new, store, members, now) if roster else None
    task = opened(new, store, now, slot)
    draft.put(key, task)
    _list(draft, task)
    count_call(draft, task, 1, now)
    return new.task_id


def close(draft: Draft, task_id: str, reason: str, now: datetime) -> bool:
    """Withdraw a task that is no longer needed; `reason` is for the timeline. False when it is not open."""
    task = draft.get(table_keys.task(task_id))
    if task is None:
        return False
    finish(draft, finished(task, WITHDRAWN, "", reason, now), now)
    return True


@dataclass(frozen=True)
class PlannedCalls:
    """The channel `call`: a message that is planned as a call is a task, one per message however often it is sent."""

    table: Table
    clock: Clock
    roster: Callable[[], Roster]

    def open(self, message_id: str, script: str) -> str:
        """Open the task of a message; answers with its id. Raises Busy."""
        now = self.clock()
        details = {"message_id": message_id}
        name, of = _call(message_id), message_id[:-MESSAGE_TAIL]
        new = NewTask(of, name, "call", "planned_call", now + CALLED_WITHIN, script=script, details=details)
        for _ in range(ATTEMPTS):
            draft = Draft(self.table)
            open_task(draft, new, now, self.roster())
            try:
                draft.commit()
            except Conflict:
                continue
            return new.task_id
        raise Busy("this task is being changed by too many at once")

    def find(self, message_id: str) -> str:
        """The id of the task a message has become, or ""."""
        found = task_id(message_id[:-MESSAGE_TAIL], _call(message_id))
        keys = [table_keys.task(found), table_keys.task_done(found)]
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
    roster: Roster | None = None,
) -> Task:
    """Write down what became of a task, and what that means for the person; answers with the task.

    With a `roster`, another call that is to sell to the same person moves behind the day that follows this one (R17).
    `stores` are those whose tasks the caller may do (none: all). The same outcome again answers the same. Raises
    NotFound, Forbidden, Conflict when the task ended in another way before, and Busy.
    """
    for _ in range(ATTEMPTS):
        draft = Draft(table)
        task = _record(draft, task_id, report, by=by, now=now, stores=stores, told=told, roster=roster)
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
    roster: Roster | None,
) -> Task:
    done = table_keys.task_done(task_id)
    task = find_task(draft, task_id, stores)
    if status_of(task) == "done":
        if task["outcome"] != report.outcome:
            who = f" by {task['by']}" if task["by"] else ""
            raise Conflict(f"the task was closed as {task['outcome']}{who} at {task['done_at']}")
        return task
    if task.get("outcome") == "call_back" and report.call_back_at and task["due_at"] == stamp(report.call_back_at):
        return task
    members = members_of(draft, task["customer_id"])
    if task["kind"] == "call" and report.outcome in SPOKEN and members:
        lead = table_keys.profile(members[0]["customer_id"])
        draft.put(lead, {**(draft.get(lead) or {}), "talked_on": local_day(now).isoformat()})
        members = members_of(draft, task["customer_id"])
    if task.get("sells") and members:
        _note_call(draft, task, members, now, roster)
    if report.call_back_at:
        return _postpone(draft, task, report, report.call_back_at, by, now)
    if report.order_by:
        task = task | {"order_by": stamp(report.order_by)}
    ended = [task]
    if report.outcome in ENDS_CALLS and members:
        _call_no_more(draft, members[0], task, report.outcome, by, now)
        ended += [other for other in open_calls(draft, members) if other["task_id"] != task_id]
    ended = [finished(one, report.outcome, by, report.note if one is task else "", now) for one in ended]
    for one in ended:
        finish(draft, one, now)
    if told and members:
        # As they are after what the outcome meant for them.
        members = members_of(draft, task["customer_id"])
        for one in ended:
            told(draft, members, one)
    return draft.get(done) or task


def find_task(draft: Draft, task_id: str, stores: frozenset[str]) -> Task:
    """A task, open or done; raises NotFound, and Forbidden for one of another store."""
    key, done = table_keys.task(task_id), table_keys.task_done(task_id)
    draft.load([key, done])
    task = draft.get(done) or draft.get(key)
    if task is None:
        raise NotFound("there is no such task")
    if stores and task.get("store", "") not in stores:
        raise Forbidden("this task belongs to a store the key has no access to")
    return task


def replace_open(draft: Draft, before: Task, after: Task, now: datetime) -> None:
    """Put an open task in the place of what it was, in the lists and in the days of who does it."""
    _unlist(draft, before)
    count_call(draft, before, -1, now)
    draft.put(table_keys.task(after["task_id"]), after)
    _list(draft, after)
    count_call(draft, after, 1, now)


def _note_call(draft: Draft, task: Task, members: list[Profile], now: datetime, roster: Roster | None) -> None:
    """Somebody was called to be sold something: nobody sells to them by phone again before a day has passed."""
    key = table_keys.contacts(members[0]["customer_id"])
    draft.put(key, called(draft.get(key) or {}, task["task_id"], now))
    if roster is None:
        return
    for other in open_calls(draft, members):
        agreed = other.get("outcome") == "call_back"
        if other.get("sells") and other["task_id"] != task["task_id"] and not agreed:
            slot = roster.slot_anew(draft, other, now + DAY, members)
            replace_open(draft, other, moved(other, slot, now), now)


def _call(message_id: str) -> str:
    return f"planned-call-{message_id}"


def task_news(task: Task) -> Signal:
    """That a task is done, as journeys hear of it; what belongs to no journey names none."""
    said = {name: task.get(name, "") for name in ("outcome", "task_id", "kind", "journey", "step", "run")}
    said |= {"order_by": task["order_by"]} if "order_by" in task else {}
    return Signal("Task Done", task["done_at"], said)


def number_to_call(members: list[Profile]) -> str | None:
    """The person's number, unless they asked not to be called, it is known to be somebody else's, or nobody's own."""
    closed = any("call" in member.get("closed", {}) for member in members)
    said = fold_members(members)["consent"].get("call:service", {})
    if closed or said.get("granted") is False or members[0].get("refused"):
        return None
    return addresses(members).get("call")


def _postpone(draft: Draft, task: Task, report: Report, until: datetime, by: str, now: datetime) -> Task:
    later = postponed(task, until, by, report.note)
    replace_open(draft, task, later, now)
    remember(draft, later, "Call Back Agreed", now, call_back_at=stamp(until))
    return later


def finish(draft: Draft, task: Task, now: datetime) -> None:
    """Take a task that is over off the lists of open ones, and remember it."""
    _unlist(draft, task)
    draft.delete(table_keys.task(task["task_id"]))
    done = task | {"ttl": int((now + DONE_KEPT).timestamp())}
    draft.put(table_keys.task_done(task["task_id"]), done)
    _list(draft, done)
    # A call that was made took its room today, one that nobody made gives back what it was to take.
    count_call(draft, task, -1, now)
    if task["outcome"] not in _NOT_DONE:
        count_call(draft, task | {"due_at": stamp(now)}, 1, now)
    remember(draft, task, _NOT_DONE.get(task["outcome"], "Task Done"), now)


def _list(draft: Draft, task: Task) -> None:
    names = ("task_id", "role", "kind", "store", "assignee", "ttl")
    row: Item = {name: task[name] for name in names if name in task}
    at = task["done_at"] if status_of(task) == "done" else task["due_at"]
    for key in _rows(task, at):
        draft.mark(key, row)


def _unlist(draft: Draft, task: Task) -> None:
    for key in _rows({name: value for name, value in task.items() if name != "done_at"}, task["due_at"]):
        draft.delete(key)


def _rows(task: Task, at: str) -> list[Key]:
    return table_keys.task_rows(task["task_id"], task.get("store", ""), status_of(task), at, task.get("assignee", ""))


def remember(draft: Draft, task: Task, name: str, now: datetime, *, mark: str = "", **more: Any) -> None:
    """Tell of a task on the timeline; `mark` tells apart what happens to one at the same moment."""
    names = ("task_id", "kind", "outcome", "by", "note", "journey", "run", "step", "offer", "assignee")
    said = {name: task[name] for name in names if task.get(name)} | more
    entry: Item = {"type": "track", "name": name, "stage": "engagement", "source": "staff", "at": stamp(now)}
    entry["properties"] = json.dumps(said, ensure_ascii=False)
    place = f"task-{task['task_id'][-20:]}-{mark or task['outcome']}"
    draft.mark(table_keys.timeline(task["customer_id"], stamp(now), place), entry)


def open_calls(draft: Draft, members: list[Profile]) -> list[Task]:
    """The calls that somebody is still to make to a customer."""
    low, high = table_keys.OPEN_TASKS
    found = [task for m in members for task in draft.collection(table_keys.profile(m["customer_id"]).pk, low, high)]
    return [task for task in found if task["kind"] == "call"]


def _call_no_more(draft: Draft, lead: Profile, task: Task, outcome: str, by: str, now: datetime) -> None:
    """What it means for the person that a number is somebody else's, or that they want no calls (R10)."""
    if outcome == "wrong_number":
        closed = {**lead.get("closed", {}), "call": "unreachable"}
        draft.put(table_keys.profile(lead["customer_id"]), {**lead, "closed": closed})
        return
    key = table_keys.profile(task["customer_id"])
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
        draft.mark(table_keys.timeline(task["customer_id"], stamp(now), place), entry)


# Who asks not to be called is not called for anything, and gets no advertising on the number either.
_REFUSED = [("call", purpose) for purpose in ("transactional", "service")] + [
    (channel, "marketing") for channel in sorted({consent_channel(channel) for channel in ON_PHONE})
]
