"""Reads the thirty days' checklist from the playbook."""

from __future__ import annotations

from functools import cache

from shared.domain.onboarding.checklist import Blueprint
from shared.runtime.playbook.loader import PLAYBOOK, load

FILE = "blueprint.yaml"


@cache
def blueprint() -> Blueprint:
    """The checklist that ships with this deployment."""
    return load(PLAYBOOK, FILE, Blueprint)
