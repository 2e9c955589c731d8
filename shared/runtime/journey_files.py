"""Reads the playbook's journeys and checks them against each other and the rest of the playbook (A1, A21)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from shared.domain.journey import Journey
from shared.runtime.playbook import PLAYBOOK, PlaybookError
from shared.runtime.playbook_files import read


def load_journeys(folder: Path) -> dict[str, Journey]:
    """The journeys of a playbook folder by id; raises PlaybookError with the first thing that keeps one from being one."""
    found: dict[str, Journey] = {}
    for path in _files(folder):
        journey, marks, mistakes = read(path, Journey)
        if journey is None or marks is None:
            raise PlaybookError(str(mistakes[0]))
        if journey.id != path.stem:
            raise PlaybookError(str(marks.mistake(path.name, ("id",), f"must be {path.stem}, as the file's name")))
        found[journey.id] = journey
    return found


@cache
def journeys() -> dict[str, Journey]:
    """The journeys that ship with this deployment."""
    return load_journeys(PLAYBOOK)


def _files(folder: Path) -> list[Path]:
    return sorted((folder / "journeys").glob("*.yaml"))
