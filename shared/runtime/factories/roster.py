"""Who may do staff tasks now, for a door: the playbook's people, without those who are away."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.ports import Table
from shared.repositories.staff_absence import away
from shared.repositories.task_assignment import Roster
from shared.runtime import wiring
from shared.runtime.playbook.loader import sending_rules
from shared.runtime.playbook.staff import directory


def roster(now: datetime) -> Roster:
    outside = wiring.outside()
    return roster_of(outside.table, outside.memory, now)


def roster_of(table: Table, memory: dict[str, Any], now: datetime) -> Roster:
    """The same for whoever outlives the call that made it; `memory` belongs to the process and the table."""
    return Roster(directory(), sending_rules(), away(table, memory, now))
