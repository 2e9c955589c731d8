"""Who is away: on leave or ill, until a day; they get no tickets and no calls meanwhile."""

from __future__ import annotations

from datetime import date, datetime

from shared.domain.vietnam_time import local_day
from shared.ports import Table
from shared.repositories import table_keys
from shared.repositories.cached import ProcessMemory, cached
from shared.repositories.unit_of_work import UnitOfWork


def away(table: Table, memory: ProcessMemory, now: datetime) -> frozenset[str]:
    """The ids of everybody who is away today; absences are cached for a minute."""
    known = cached(memory.absences, table_keys.STAFF_AWAY, lambda: absences(table))
    today = local_day(now).isoformat()
    return frozenset(person for person, last_day in known.items() if last_day >= today)


def absences(table: Table) -> dict[str, str]:
    """The last day of each person's leave, by id; it may be over."""
    people: dict[str, str] = (table.get(table_keys.STAFF_AWAY) or {}).get("people", {})
    return people


def start_absence(table: Table, person_id: str, last_day: date) -> None:
    """Somebody is away up to and including a day; raises Conflict when two say so at once."""
    _change(table, person_id, last_day.isoformat())


def end_absence(table: Table, person_id: str) -> None:
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
