"""Reads the thirty days' checklist from the playbook; a wrong file is named with line and field."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from shared.domain.blueprint import Blueprint
from shared.runtime.playbook import PLAYBOOK, PlaybookError
from shared.runtime.playbook_files import read

FILE = "blueprint.yaml"


def load_blueprint(folder: Path) -> Blueprint:
    """The checklist of a playbook folder; raises PlaybookError with the first thing wrong."""
    found, _, mistakes = read(folder / FILE, Blueprint)
    if found is None:
        raise PlaybookError(str(mistakes[0]))
    return found


@cache
def blueprint() -> Blueprint:
    """The checklist that ships with this deployment."""
    return load_blueprint(PLAYBOOK)
