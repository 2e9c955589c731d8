"""Calls planned in place of a message: the channel `call`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from shared.domain.messaging.message import ID_TAIL as MESSAGE_TAIL
from shared.domain.tasks.task import (
    NewTask,
    task_id,
)
from shared.ports import Clock, Table
from shared.repositories import table_keys
from shared.repositories.retry import committed
from shared.repositories.task_assignment import Roster
from shared.repositories.tasks import open_task

# A message that becomes a call is urgent.
CALLED_WITHIN = timedelta(hours=2)


@dataclass(frozen=True)
class PlannedCalls:
    """The channel `call`: a message planned as a call becomes one task, however often it is dispatched."""

    table: Table
    clock: Clock
    roster: Callable[[], Roster]

    def open(self, message_id: str, script: str) -> str:
        """Open the task of a message and return its id; idempotent. Raises Busy."""
        now = self.clock()
        details = {"message_id": message_id}
        name, of = _call(message_id), message_id[:-MESSAGE_TAIL]
        new = NewTask(of, name, "call", "planned_call", now + CALLED_WITHIN, script=script, details=details)
        return committed(self.table, lambda uow: open_task(uow, new, now, self.roster()))

    def find(self, message_id: str) -> str:
        """The id of the task a message has become, or ""."""
        found = task_id(message_id[:-MESSAGE_TAIL], _call(message_id))
        keys = [table_keys.task(found), table_keys.task_done(found)]
        return found if self.table.batch_get(keys) else ""


def _call(message_id: str) -> str:
    return f"planned-call-{message_id}"
