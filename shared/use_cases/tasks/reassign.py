"""Changes of open tasks: reassign, postpone, skip with a reason (X16)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.domain.customers.profile import Profile
from shared.domain.errors import Conflict, FieldError, Invalid
from shared.domain.tasks.task import SKIPPED, Slot, Task, finished, moved, status_of
from shared.domain.vietnam_time import stamp
from shared.ports import Table
from shared.repositories.profiles import members_of
from shared.repositories.retry import committed
from shared.repositories.task_assignment import Roster
from shared.repositories.tasks import TaskClosedHook, find_task, finish, remember, replace_open
from shared.repositories.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class TaskEditor:
    """Changes open tasks for a caller: `by` is its key, `stores` those it may reach (none: all)."""

    table: Table
    roster: Roster
    by: str
    stores: frozenset[str]
    now: datetime

    def assign(self, task_id: str, person_id: str, note: str) -> Task:
        """Reassign an open task, at the same time or the next permitted one.

        Idempotent. Raises NotFound, Forbidden, Invalid for an unknown person or one of other stores, Conflict if the
        task is done, and Busy.
        """
        person = self.roster.directory.people.get(person_id)
        if person is None:
            raise Invalid([FieldError("assignee", "is not in the staff directory")])

        def change(uow: UnitOfWork, task: Task, members: list[Profile]) -> Task:
            if not person.serves(task.get("store", "")):
                raise Invalid([FieldError("assignee", "does not work for the store of this task")])
            if task.get("assignee") == person_id:
                return task
            slot = self.roster.slot_for(task, person_id, uow, members, self.now)
            # A person of another role takes the task over in their own role.
            after: Task = {**moved(task, slot, self.now), "role": person.role}
            replace_open(uow, task, after, self.now)
            details = {"was": task.get("assignee", ""), "by": self.by, "note": note}
            remember(uow, after, "Task Handed Over", self.now, mark=f"to-{person_id}", **details)
            return after

        return self._change(task_id, change)

    def postpone(self, task_id: str, reason: str, until: datetime) -> Task:
        """Postpone an open task until a moment; raises NotFound, Forbidden, Conflict if it is done, and Busy."""

        def change(uow: UnitOfWork, task: Task, members: list[Profile]) -> Task:
            if task.get("skipped_until") == stamp(until):
                return task
            slot = self.roster.slot_anew(uow, task, until, members)
            after = moved(task, Slot(task.get("assignee") or slot.assignee, slot.start, slot.due_at), self.now)
            after = {**after, "skipped_until": stamp(until), "note": reason, "by": self.by}
            replace_open(uow, task, after, self.now)
            remember(uow, after, "Task Put Back", self.now, mark=f"back-{stamp(until)}", until=stamp(until))
            return after

        return self._change(task_id, change)

    def skip(self, task_id: str, reason: str, on_closed: TaskClosedHook) -> Task:
        """Close a task that will not be done; idempotent. Journeys continue as after a withdrawn task."""

        def change(uow: UnitOfWork, task: Task, members: list[Profile]) -> Task:
            after = finished(task, SKIPPED, self.by, reason, self.now)
            finish(uow, after, self.now)
            if members:
                on_closed(uow, members, after)
            return after

        return self._change(task_id, change, same=SKIPPED)

    def _change(
        self, task_id: str, change: Callable[[UnitOfWork, Task, list[Profile]], Task], *, same: str = ""
    ) -> Task:
        def attempt(uow: UnitOfWork) -> Task:
            task = find_task(uow, task_id, self.stores)
            if status_of(task) == "done":
                if same and task["outcome"] == same:
                    return task
                raise Conflict(f"the task was closed as {task['outcome']} at {task['done_at']}", final=True)
            return change(uow, task, members_of(uow, task["customer_id"]))

        return committed(self.table, attempt)
