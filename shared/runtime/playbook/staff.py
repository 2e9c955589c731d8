"""Reads who works here and where tickets go; a wrong file is named with line and field."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from shared.domain.staff.directory import Directory
from shared.domain.staff.directory_lint import lint_directory
from shared.domain.tickets.routing import Routing
from shared.domain.tickets.routing_lint import lint_routing
from shared.runtime.playbook.loader import PLAYBOOK, PlaybookError
from shared.runtime.playbook.yaml_source import Mistake, read

STAFF, ROUTING = "staff.yaml", "routing.yaml"


def check(folder: Path) -> list[Mistake]:
    """Everything wrong with the directory and the routing of a playbook folder."""
    return _read(folder)[2]


def load_staff(folder: Path) -> tuple[Directory, Routing]:
    """The directory and the routing of a playbook folder; raises PlaybookError with the first thing wrong."""
    directory, routing, mistakes = _read(folder)
    if mistakes or directory is None or routing is None:
        raise PlaybookError(str(mistakes[0]))
    return directory, routing


@cache
def _staff() -> tuple[Directory, Routing]:
    return load_staff(PLAYBOOK)


def directory() -> Directory:
    """The people of this deployment."""
    return _staff()[0]


def routing() -> Routing:
    """Where tickets of this deployment go."""
    return _staff()[1]


def _read(folder: Path) -> tuple[Directory | None, Routing | None, list[Mistake]]:
    people, people_marks, mistakes = read(folder / STAFF, Directory)
    table, table_marks, wrong = read(folder / ROUTING, Routing)
    mistakes += wrong
    if people and people_marks:
        mistakes += [people_marks.mistake(STAFF, *finding) for finding in lint_directory(people)]
        if table and table_marks:
            mistakes += [table_marks.mistake(ROUTING, *finding) for finding in lint_routing(table, people)]
    return people, table, mistakes
