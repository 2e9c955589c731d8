"""Staff absence: until its last day a person gets no tickets and no calls."""

from __future__ import annotations

from datetime import date, datetime

from shared.domain.vietnam_time import local_day
from shared.ports import Table
from shared.repositories import table_keys
from shared.repositories.cached import ProcessMemory, cached
from shared.repositories.unit_of_work import UnitOfWork


def away(table: Table, memory: ProcessMemory, now: datetime) -> frozenset[str]:
    """The ids of the people absent today; absences are cached for a minute."""
    known = cached(memory.absences, table_keys.STAFF_AWAY, lambda: absences(table))
    today = local_day(now).isoformat()
    return frozenset(person for person, last_day in known.items() if last_day >= today)


def absences(table: Table) -> dict[str, str]:
    """The last day of each person's absence, by id; it may be in the past."""
    people: dict[str, str] = (table.get(table_keys.STAFF_AWAY) or {}).get("people", {})
    return people


def start_absence(table: Table, person_id: str, last_day: date) -> None:
    """Mark a person absent up to and including a day; raises Conflict if two writers change absences at once."""
    _change(table, person_id, last_day.isoformat())


def end_absence(table: Table, person_id: str) -> None:
    """End a person's absence; raises Conflict if two writers change absences at once."""
    _change(table, person_id, "")


def _change(table: Table, person_id: str, last_day: str) -> None:
    uow = UnitOfWork(table)
    people: dict[str, str] = dict((uow.get(table_keys.STAFF_AWAY) or {}).get("people", {}))
    people.pop(person_id, None)
    if last_day:
        people[person_id] = last_day
    uow.put(table_keys.STAFF_AWAY, {"people": people})
    uow.commit()
