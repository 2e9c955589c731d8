"""Who is away: on leave or ill, until a day; they get no tickets and no calls meanwhile."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from shared.domain.vietnam_time import local_day
from shared.ports import Table
from shared.repositories import table_keys
from shared.repositories.unit_of_work import UnitOfWork

REMEMBERED_SECONDS = 60


def away(table: Table, memory: dict[str, Any], now: datetime) -> frozenset[str]:
    """The ids of everybody who is away today; remembered for a minute."""
    at, known = memory.get("away", (0.0, {}))
    if not at or not 0 <= now.timestamp() - at < REMEMBERED_SECONDS:
        known = leaves(table)
        memory["away"] = (now.timestamp(), known)
    today = local_day(now).isoformat()
    return frozenset(person for person, last_day in known.items() if last_day >= today)


def leaves(table: Table) -> dict[str, str]:
    """The last day of each person's leave, by id; it may be over."""
    people: dict[str, str] = (table.get(table_keys.STAFF_AWAY) or {}).get("people", {})
    return people


def send_away(table: Table, person_id: str, last_day: date) -> None:
    """Somebody is away up to and including a day; raises Conflict when two say so at once."""
    _change(table, person_id, last_day.isoformat())


def call_back(table: Table, person_id: str) -> None:
    """Somebody is there again; raises Conflict when two say so at once."""
    _change(table, person_id, "")


def _change(table: Table, person_id: str, last_day: str) -> None:
    uow = UnitOfWork(table)
    people: dict[str, str] = dict((uow.get(table_keys.STAFF_AWAY) or {}).get("people", {}))
    people.pop(person_id, None)
    if last_day:
        people[person_id] = last_day
    uow.put(table_keys.STAFF_AWAY, {"people": people})
    uow.commit()
