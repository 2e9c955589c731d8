"""A staff task: work of one agent for one customer, with one outcome that journeys continue from (W6, W9, X16)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from string import Formatter
from typing import Any, Literal, Self, TypedDict, cast

from pydantic import model_validator

from shared.domain.common.localized_text import Text
from shared.domain.common.stored_item import picked, without
from shared.domain.common.strict_model import StrictModel
from shared.domain.errors import Conflict
from shared.domain.staff.roles import Role
from shared.domain.vietnam_time import stamp

Kind = Literal["call", "deposit", "check_delivery", "alarm", "review", "ask", "other"]
Outcome = Literal["reached", "no_answer", "purchased", "refused", "call_back", "wrong_number", "do_not_call"]
Status = Literal["open", "done"]

OUTCOMES: tuple[Outcome, ...] = (
    "reached", "no_answer", "purchased", "refused", "call_back", "wrong_number", "do_not_call",
)  # fmt: skip
# How reviews end: of two customers, and of one whose number several names go by.
PAIR_OUTCOMES = ("merged", "kept_apart")
PHONE_OUTCOMES = ("same_person", "several_people")
REVIEW_OUTCOMES = (*PAIR_OUTCOMES, *PHONE_OUTCOMES)
# After these the customer is not called on this number again, for any purpose.
ENDS_CALLS = frozenset(("wrong_number", "do_not_call"))
# After these the agent and the customer have talked.
SPOKEN = frozenset(("reached", "purchased", "refused", "call_back", "do_not_call"))
# Not outcomes of work: the task was no longer needed, or an agent removed it from the list with a reason.
WITHDRAWN = "withdrawn"
SKIPPED = "skipped"
ID_TAIL = 20
NOTE_LENGTH = 1000


class Task(TypedDict, total=False):
    """A task as it is stored, open until it has `done_at`. Moments are stamps.

    `reason`, `title` and `script` are what staff read, or codes the playbook has texts for. A call is not made before
    `callable_from`. `due_at` orders the lists; `sells` marks a sales call. `offer` is what may be promised, `offer_id`
    its name in the playbook and `voucher` the code once it is issued. What follows `order_by` are details of one kind
    of task: the message a call stands for, the ticket that asks, the comment or the profiles to look at.
    """

    pk: str
    sk: str
    version: int
    ttl: int
    task_id: str
    customer_id: str
    kind: Kind
    reason: str
    title: str
    script: str
    role: Role
    store: str
    assignee: str
    journey: str
    run: str
    step: str
    sells: bool
    at: str
    due_at: str
    callable_from: str
    skipped_until: str
    outcome: str
    by: str
    note: str
    done_at: str
    offer: str
    offer_id: str
    offer_ends: str
    voucher: str
    order_by: str
    ticket_id: str
    message_id: str
    template: str
    comment_id: str
    trouble: str


# Why a task was opened that no journey worded.
Reason = Literal[
    "different_names", "parted_before", "comment_not_hidden", "shared_phone", "planned_call", "handed_to_staff",
    "damaged_profile",
]  # fmt: skip


class TaskTexts(StrictModel):
    """What staff read on a task whose reason is a code; `people` names those whom a review is about."""

    title: str
    reason: str
    people: Text | None = None

    @model_validator(mode="after")
    def _known_braces(self) -> Self:
        for text in (self.people.vi, self.people.en) if self.people else ():
            if unknown := {name for _, name, _, _ in Formatter().parse(text) if name is not None} - _PEOPLE:
                raise ValueError(f"people: {{{min(unknown)}}} is none of {', '.join(sorted(_PEOPLE))}")
        return self


# What the words about people may name in braces.
_PEOPLE = frozenset(("one", "other", "shared", "names"))


@dataclass(frozen=True)
class NewTask:
    """A task to be opened. `name` is its natural key within the customer: the same name is the same task on every try.

    `title`, `reason` and `script` are what staff read, or codes that the playbook has texts for. `role` does the work;
    without a `store` the task goes to the customer's own. `offer` is the code or name of what may be promised. `sells`
    marks a sales call, which the law gives fewer hours. `details` are further fields of `Task`.
    """

    customer_id: str
    name: str
    kind: Kind
    reason: str
    due_at: datetime
    title: str = ""
    script: str = ""
    store: str = ""
    role: Role = "care"
    journey: str = ""
    run: str = ""
    step: str = ""
    offer: str = ""
    sells: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def task_id(self) -> str:
        return task_id(self.customer_id, self.name)


@dataclass(frozen=True)
class Slot:
    """The assignee of a task, "" for none, and its time: not before `start` and by `due_at`."""

    assignee: str
    start: datetime
    due_at: datetime


def task_id(customer_id: str, name: str) -> str:
    """The customer and 20 hexadecimal digits of the name, so that a task is found without an index."""
    return customer_id + hashlib.sha256(name.encode()).hexdigest()[:ID_TAIL]


def opened(new: NewTask, store: str, at: datetime, slot: Slot | None = None) -> Task:
    """The task as it is first stored; empty fields are left out."""
    names = ("title", "script", "role", "journey", "run", "step", "offer", "sells")
    optional = {name: getattr(new, name) for name in names} | {"store": store}
    if slot:
        optional |= {"assignee": slot.assignee, "callable_from": stamp(slot.start) if slot.start > at else ""}
    task: Task = {
        "task_id": new.task_id,
        "customer_id": new.customer_id,
        "kind": new.kind,
        "reason": new.reason,
        "at": stamp(at),
        "due_at": stamp(slot.due_at if slot else new.due_at),
    }
    return cast(Task, {**task, **picked(optional, optional), **new.details})


def moved(task: Task, slot: Slot, at: datetime) -> Task:
    """An open task in another slot: another assignee, another time, or both."""
    after: Task = {**without(task, "assignee", "callable_from"), "due_at": stamp(slot.due_at)}
    if slot.assignee:
        after["assignee"] = slot.assignee
    if slot.start > at:
        after["callable_from"] = stamp(slot.start)
    return after


def renewed(known: Task, new: NewTask) -> Task:
    """An open task that is opened again: it gets today's reason and keeps its place in the list."""
    return {**known, **without(opened(new, "", new.due_at), "at", "due_at")}


def finished(task: Task, outcome: str, by: str, note: str, at: datetime) -> Task:
    """The task with its outcome."""
    return {**task, "outcome": outcome, "by": by, "note": note, "done_at": stamp(at)}


def postponed(task: Task, until: datetime, by: str, note: str) -> Task:
    """The task after the customer asked to be called back at `until`: open, and due then, not before."""
    due = stamp(until)
    return {**task, "outcome": "call_back", "by": by, "note": note, "due_at": due, "callable_from": due}


def closed_otherwise(task: Task) -> Conflict:
    """The refusal of another outcome for a task that is done."""
    who = f" by {task['by']}" if task["by"] else ""
    return Conflict(f"the task was closed as {task['outcome']}{who} at {task['done_at']}", final=True)


def status_of(task: Task) -> Status:
    return "done" if "done_at" in task else "open"
