"""Reads the playbook's appointments and holds their stores to the directory's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from shared.domain.staff.directory import Directory
from shared.domain.tasks.appointment import AppointmentRules
from shared.runtime.playbook.loader import PLAYBOOK, Book, Mistake, load
from shared.runtime.playbook.staff import STAFF

FILE = "appointments.yaml"


@cache
def appointment_rules() -> AppointmentRules:
    """The rules that ship with this deployment."""
    return load(PLAYBOOK, FILE, AppointmentRules)


def lint(book: Book) -> Iterator[Mistake]:
    """Stores that take appointments and are none."""
    rules, directory = book.get(FILE, AppointmentRules), book.get(STAFF, Directory)
    if rules and directory:
        for store in sorted(rules.stores.keys() - directory.stores.keys()):
            yield book.marks(FILE).mistake(("stores", store), "is no store of staff.yaml")
