"""Who may do staff tasks now, for a door: the playbook's people, without those who are away."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.ports import Table
from shared.runtime import wiring
from shared.runtime.desk import directory
from shared.runtime.playbook import sending_rules
from shared.use_cases.assign_task import Roster
from shared.use_cases.presence import away


def roster(now: datetime) -> Roster:
    outside = wiring.outside()
    return roster_of(outside.table, outside.memory, now)


def roster_of(table: Table, memory: dict[str, Any], now: datetime) -> Roster:
    """The same for whoever outlives the call that made it; `memory` belongs to the process and the table."""
    return Roster(directory(), sending_rules(), away(table, memory, now))
