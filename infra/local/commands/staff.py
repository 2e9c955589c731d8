"""`kq ops staff`: who works here and who is there now, leave, and whose key a name is."""

from __future__ import annotations

from datetime import date
from difflib import get_close_matches

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.local.errors import Trouble
from infra.local.stack.session import Place
from shared.domain.errors import Conflict
from shared.domain.staff.directory import Directory
from shared.domain.staff.roles import ROLES
from shared.domain.vietnam_time import local_day
from shared.repositories.cached import ProcessMemory
from shared.repositories.staff_absence import absences, away, end_absence, start_absence
from shared.runtime.playbook.staff import directory


def show(where: Place) -> None:
    """Print the directory: what each person does, and whether they are there now."""
    people, until = directory(), absences(where.table)
    gone = away(where.table, ProcessMemory(lambda: where.now), where.now)
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("person", "title", "role", "stores", "skills", "shifts", "tickets", "calls", "now"):
        table.add_column(heading, overflow="fold")
    for person in people.people.values():
        status = f"away until {until[person.id]}" if person.id in gone else "off duty"
        if people.on_duty(person.id, where.now, gone):
            status = "on duty"
        role = f"{person.role}, senior" if person.senior else person.role
        lists = (", ".join(names) or "all" for names in (person.stores, person.skills))
        row = (person.id, person.title.vi, role, *lists, ", ".join(person.shifts))
        table.add_row(*map(Text, (*row, str(person.capacity), str(person.calls_a_day or ""), status)))
    Console(highlight=False, width=170).print(table)


def send_on_leave(where: Place, person: str, until: str) -> dict[str, str]:
    """Store the absence of a person up to and including a day; Trouble for an unknown person or a day that is over."""
    _known(person)
    try:
        last_day = date.fromisoformat(until)
    except ValueError as error:
        raise Trouble(f"--until: {until!r} is no day such as 2026-12-01") from error
    if last_day < local_day(where.now):
        raise Trouble(f"--until: {until} is over already")
    try:
        start_absence(where.table, person, last_day)
    except Conflict as error:
        raise Trouble("another caller is changing the absences; try again") from error
    return {"person": person, "away_until": last_day.isoformat()}


def bring_back(where: Place, person: str) -> dict[str, str]:
    """End the absence of a person; Trouble for an unknown person."""
    _known(person)
    try:
        end_absence(where.table, person)
    except Conflict as error:
        raise Trouble("another caller is changing the absences; try again") from error
    return {"person": person, "away_until": ""}


def doubts(name: str, roles: list[str], people: Directory | None = None) -> str:
    """What is odd about a key for staff with this name and these roles, or ""; nothing of it keeps the key from being.

    A key with a person's id as its name is this person: what is done with it is theirs, and their tickets are.
    """
    known = (people or directory()).people
    if name in known and known[name].role not in roles and "admin" not in roles:
        return f"{name} is {known[name].role} in staff.yaml, and this key has not that role"
    if name in known or not set(roles) & set(ROLES):
        return ""
    near = get_close_matches(name, known, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"no person in staff.yaml has the id {name!r}, so tickets and tasks of this key have no assignee{hint}"


def _known(person: str) -> None:
    people = directory().people
    if person not in people:
        near = get_close_matches(person, people, 1)
        raise Trouble(
            f"there is no {person}; " + (f"did you mean {near[0]}?" if near else f"there are {', '.join(people)}")
        )
