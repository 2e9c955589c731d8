"""The rules in force now, for a door: playbook, cut-offs and the shop's local day."""

from __future__ import annotations

from datetime import datetime

from shared.domain.vietnam_time import local_day, moment
from shared.repositories.profiles import RulesToday, current_rules
from shared.runtime import wiring
from shared.runtime.playbook.rules import rules


def rules_today(now: datetime) -> RulesToday:
    outside = wiring.outside()
    return current_rules(outside.table, rules(), outside.memory, local_day(now))


def tick_time(event: dict[str, str]) -> datetime:
    """When a schedule fired: scheduled doors read the event's time, not the clock."""
    return moment(event["time"])
