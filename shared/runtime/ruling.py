"""The rules in force now, for a door: playbook, cut-offs and the shop's local day."""

from __future__ import annotations

from datetime import datetime

from shared.domain.vietnam_time import local_day, moment
from shared.runtime import wiring
from shared.runtime.playbook import rules, sending_rules
from shared.use_cases.standing import Ruling, current_cutoffs
from shared.use_cases.take_events import EventTaker


def ruling(now: datetime) -> Ruling:
    outside = wiring.outside()
    cutoffs = current_cutoffs(outside.table, rules(), outside.memory, now.timestamp())
    return Ruling(rules(), cutoffs, local_day(now))


def event_taker(now: datetime) -> EventTaker:
    outside = wiring.outside()
    return EventTaker(outside.table, outside.identity_key, outside.new_id, ruling(now), now, sending_rules())


def tick_time(event: dict[str, str]) -> datetime:
    """When a schedule fired: scheduled doors read the event's time, not the clock."""
    return moment(event["time"])
