"""Checks of the staff directory across its fields: unknown shifts, stores and skills, unreachable people."""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.common.lint import Finding, Path, unknown_names
from shared.domain.staff.directory import Directory, Person
from shared.domain.staff.roles import OF_A_STORE
from shared.domain.triage.triage import INTENTS


def lint_directory(directory: Directory) -> Iterator[Finding]:
    """Every mistake in the people and their shifts."""
    for name, person in directory.people.items():
        yield from _person(("people", name), person, directory)
    used = {shift for person in directory.people.values() for shift in person.shifts}
    for name, shifts in directory.shifts.items():
        if not shifts:
            yield Finding(("shifts", name), "has no hours")
        elif name not in used:
            yield Finding(("shifts", name), "is not used by anybody")


def _person(at: Path, person: Person, directory: Directory) -> Iterator[Finding]:
    for n, shift in enumerate(person.shifts):
        if shift not in directory.shifts:
            yield Finding((*at, "shifts", str(n)), unknown_names("shift", shift, directory.shifts))
    for n, store in enumerate(person.stores):
        if store not in directory.stores:
            yield Finding((*at, "stores", str(n)), unknown_names("store", store, directory.stores))
    for n, skill in enumerate(person.skills):
        if skill not in INTENTS:
            yield Finding((*at, "skills", str(n)), unknown_names("skill", skill, INTENTS))
    if person.role in OF_A_STORE and not person.stores:
        yield Finding((*at, "stores"), f"is missing, and a {person.role} works in a store")
    if not person.email and not person.zalo_user_id:
        yield Finding((*at, "email"), "is missing, and so is zalo_user_id: notifications cannot reach them")
