"""What is wrong with the staff's directory and the routing table, beyond what each field says by itself.

Pure: where a finding stands in the file is known to whoever read the file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from itertools import product

from shared.domain.journeys.lint import Finding, Path
from shared.domain.staff.directory import Directory, Person
from shared.domain.tasks.task import Role
from shared.domain.tickets.routing import NO_BOT_SEVERITIES, QUEUE_ROLES, ROLES_TOLD, Line, Routing
from shared.domain.triage.triage import INTENTS

# Whose place is a store, so that nobody knows what to do with them without one.
OF_A_STORE: tuple[Role, ...] = ("store_staff", "store_manager")
Cell = tuple[str, str, str, str]


def lint_directory(directory: Directory) -> Iterator[Finding]:
    """Everything wrong with the people and their shifts."""
    for name, person in directory.people.items():
        yield from _person(("people", name), person, directory)
    used = {shift for person in directory.people.values() for shift in person.shifts}
    for name, shifts in directory.shifts.items():
        if not shifts:
            yield Finding(("shifts", name), "has no hours")
        elif name not in used:
            yield Finding(("shifts", name), "is nobody's shift")


def _person(at: Path, person: Person, directory: Directory) -> Iterator[Finding]:
    for n, shift in enumerate(person.shifts):
        if shift not in directory.shifts:
            yield Finding((*at, "shifts", str(n)), _unknown("shift", shift, directory.shifts))
    for n, store in enumerate(person.stores):
        if store not in directory.stores:
            yield Finding((*at, "stores", str(n)), _unknown("store", store, directory.stores))
    for n, skill in enumerate(person.skills):
        if skill not in INTENTS:
            yield Finding((*at, "skills", str(n)), _unknown("skill", skill, INTENTS))
    if person.role in OF_A_STORE and not person.stores:
        yield Finding((*at, "stores"), f"is missing, and a {person.role} works in a store")
    if not person.email and not person.zalo_user_id:
        yield Finding((*at, "email"), "is missing, and so is zalo_user_id: nobody could tell them anything")


def lint_routing(routing: Routing, directory: Directory) -> Iterator[Finding]:
    """Everything wrong with the table and the targets, and with what they expect of the people."""
    yield from _told(routing, directory)
    names: set[str] = set()
    taken: set[Cell] = set()
    reaching: dict[str, set[str]] = {}
    for n, line in enumerate(routing.table):
        at: Path = ("table", str(n))
        if line.rule in names:
            yield Finding((*at, "rule"), f"{line.rule} is the name of an earlier line already")
        names.add(line.rule)
        fits = _cells(line, routing) - taken
        if not fits:
            earlier = "" if _cells(line, routing) else ": the bot is never asked any of it"
            yield Finding((*at, "rule"), f"{line.rule} never fits{earlier or ', the lines before it take all of it'}")
        if line.queue == "bot":
            continue  # what the bot may not answer goes on down the table
        taken |= fits
        reaching.setdefault(line.queue, set()).update(cell[2] for cell in fits)
    for queue, intents in reaching.items():
        if queue != "senior_manager" and (missing := sorted(_beyond(intents, queue, directory))):
            yield Finding(("table",), f"sends {', '.join(missing)} to {queue}, where nobody has the skill")


def _cells(line: Line, routing: Routing) -> set[Cell]:
    """What a line can be the first for: of a bot's line what the bot may be asked."""
    every = set(product(line.value, line.severity, line.intent, line.channel))
    if line.queue != "bot":
        return every
    return {cell for cell in every if cell[1] not in NO_BOT_SEVERITIES and cell[2] in routing.bot_intents}


def _beyond(intents: Collection[str], queue: str, directory: Directory) -> set[str]:
    people = list(directory.with_role(*QUEUE_ROLES[queue]))
    return {intent for intent in intents if not any(person.can(intent) for person in people)}


def _told(routing: Routing, directory: Directory) -> Iterator[Finding]:
    known = (*ROLES_TOLD, *directory.people)
    for priority, target in routing.targets.items():
        at: Path = ("targets", priority)
        for path, names in (((*at, "warn"), target.warn), ((*at, "missed", "tell"), target.missed.tell)):
            for n, name in enumerate(names):
                if name not in known:
                    yield Finding((*path, str(n)), _unknown("person", name, known))
        if target.resolve_minutes < target.first_response_minutes:
            yield Finding((*at, "resolve_minutes"), "is before the first response")


def _unknown(what: str, name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, 1)
    return f"there is no {what} {name}" + (f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}")
