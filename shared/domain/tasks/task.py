"""A staff task: something a person does for a customer, with one outcome that journeys go on from (W6, W9, X16)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from shared.domain.staff.roles import Role
from shared.domain.vietnam_time import stamp

Task = dict[str, Any]
Kind = Literal["call", "deposit", "check_delivery", "alarm", "review", "ask", "other"]
Outcome = Literal["reached", "no_answer", "purchased", "refused", "call_back", "wrong_number", "do_not_call"]
Status = Literal["open", "done"]

OUTCOMES: tuple[Outcome, ...] = (
    "reached", "no_answer", "purchased", "refused", "call_back", "wrong_number", "do_not_call",
)  # fmt: skip
# After these nobody is to call this person on this number again, whatever for.
ENDS_CALLS = frozenset(("wrong_number", "do_not_call"))
# After these the two have talked with each other.
SPOKEN = frozenset(("reached", "purchased", "refused", "call_back", "do_not_call"))
# Not outcomes of staff's work: the task was no longer needed, or somebody took it off the list with a reason.
WITHDRAWN = "withdrawn"
SKIPPED = "skipped"
ID_TAIL = 20
NOTE_LENGTH = 1000


class TaskTexts(BaseModel):
    """What staff read on a task whose reason is a code."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    reason: str


@dataclass(frozen=True)
class NewTask:
    """A task to be opened. `name` is its natural key within the customer: the same name is the same task on every try.

    `title`, `reason` and `script` are what staff read, or codes that the playbook has words for. `role` says whose
    work it is; without a `store` it goes to the one that cares for the customer. `offer` is the code or name of what
    may be promised. `sells`: it is a call that wants to sell something, which the law gives fewer hours. `details` are
    further facts of the task, shown with the customer.
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
    """Who does a task, "" where nobody is known, and when: not before `start` and until `due_at`."""

    assignee: str
    start: datetime
    due_at: datetime


def task_id(customer_id: str, name: str) -> str:
    """The customer and 20 hexadecimal digits of the name, so that a task is found without an index."""
    return customer_id + hashlib.sha256(name.encode()).hexdigest()[:ID_TAIL]


def opened(new: NewTask, store: str, at: datetime, slot: Slot | None = None) -> Task:
    """The task as it is first written down; what is empty is left out."""
    names = ("title", "script", "role", "journey", "run", "step", "offer", "sells")
    told = {name: getattr(new, name) for name in names} | {"store": store}
    if slot:
        told |= {"assignee": slot.assignee, "callable_from": stamp(slot.start) if slot.start > at else ""}
    return {
        "task_id": new.task_id,
        "customer_id": new.customer_id,
        "kind": new.kind,
        "reason": new.reason,
        "at": stamp(at),
        "due_at": stamp(slot.due_at if slot else new.due_at),
        **{name: value for name, value in told.items() if value},
        **new.details,
    }


def moved(task: Task, slot: Slot, at: datetime) -> Task:
    """An open task in another slot: of somebody else, or at another time."""
    others = {name: value for name, value in task.items() if name not in ("assignee", "callable_from")}
    others |= {"assignee": slot.assignee} if slot.assignee else {}
    others |= {"callable_from": stamp(slot.start)} if slot.start > at else {}
    return others | {"due_at": stamp(slot.due_at)}


def renewed(known: Task, new: NewTask) -> Task:
    """An open task that somebody opens again: the reason of today, and still the same place in the list."""
    fresh = opened(new, "", new.due_at)
    return known | {name: value for name, value in fresh.items() if name not in ("at", "due_at")}


def finished(task: Task, outcome: str, by: str, note: str, at: datetime) -> Task:
    """The task with what became of it."""
    return task | {"outcome": outcome, "by": by, "note": note, "done_at": stamp(at)}


def postponed(task: Task, until: datetime, by: str, note: str) -> Task:
    """The task after the customer asked to be called back at `until`: open, and due then, not before."""
    said = {"outcome": "call_back", "by": by, "note": note}
    return task | said | {"due_at": stamp(until), "callable_from": stamp(until)}


def status_of(task: Task) -> Status:
    return "done" if "done_at" in task else "open"
