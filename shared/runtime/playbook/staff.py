"""Reads who works here and where tickets go, and holds the two to each other."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from shared.domain.staff.directory import Directory
from shared.domain.staff.directory_lint import lint_directory
from shared.domain.tickets.routing import Routing
from shared.domain.tickets.routing_lint import lint_routing
from shared.runtime.playbook.loader import PLAYBOOK, Book, Mistake, PlaybookError

STAFF, ROUTING = "staff.yaml", "routing.yaml"


def load_staff(folder: Path) -> tuple[Directory, Routing]:
    """The directory and the routing of a playbook folder; raises PlaybookError with the first thing wrong."""
    book = Book(folder)
    (people, _, wrong), (table, _, more) = book.read(STAFF, Directory), book.read(ROUTING, Routing)
    mistakes = [*wrong, *more, *lint(book)]
    if mistakes or people is None or table is None:
        raise PlaybookError(str(mistakes[0]))
    return people, table


@cache
def _staff() -> tuple[Directory, Routing]:
    return load_staff(PLAYBOOK)


def directory() -> Directory:
    """The people of this deployment."""
    return _staff()[0]


def routing() -> Routing:
    """Where tickets of this deployment go."""
    return _staff()[1]


def lint(book: Book) -> Iterator[Mistake]:
    """What is wrong with people and table beyond their models."""
    people, table = book.get(STAFF, Directory), book.get(ROUTING, Routing)
    if people:
        yield from book.marks(STAFF).mistakes(lint_directory(people))
        if table:
            yield from book.marks(ROUTING).mistakes(lint_routing(table, people))
