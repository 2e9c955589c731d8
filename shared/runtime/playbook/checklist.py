"""Reads the thirty days' checklist from the playbook; a wrong file is named with line and field."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from shared.domain.onboarding.checklist import Blueprint
from shared.runtime.playbook.loader import PLAYBOOK
from shared.runtime.playbook.yaml_source import load

FILE = "blueprint.yaml"


def load_blueprint(folder: Path) -> Blueprint:
    """The checklist of a playbook folder; raises PlaybookError with the first thing wrong."""
    return load(folder / FILE, Blueprint)


@cache
def blueprint() -> Blueprint:
    """The checklist that ships with this deployment."""
    return load_blueprint(PLAYBOOK)
