"""The roster of this deployment: the playbook's people without the absent ones."""

from __future__ import annotations

from datetime import datetime

from shared.ports import Table
from shared.repositories.cached import ProcessMemory
from shared.repositories.staff_absence import away
from shared.repositories.task_assignment import Roster
from shared.runtime import wiring
from shared.runtime.playbook.rules import sending_rules
from shared.runtime.playbook.staff import directory


def roster(now: datetime) -> Roster:
    outside = wiring.outside()
    return roster_of(outside.table, outside.memory, now)


def roster_of(table: Table, memory: ProcessMemory, now: datetime) -> Roster:
    """The same for an object that outlives the call that made it."""
    return Roster(directory(), sending_rules(), away(table, memory, now))
