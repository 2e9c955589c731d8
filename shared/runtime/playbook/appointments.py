"""Reads the playbook's appointments; a wrong file is named with line and field."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from shared.domain.tasks.appointment import AppointmentRules
from shared.runtime.playbook.loader import PLAYBOOK
from shared.runtime.playbook.staff import directory
from shared.runtime.playbook.yaml_source import Mistake, load, read

FILE = "appointments.yaml"


@cache
def appointment_rules() -> AppointmentRules:
    """The rules that ship with this deployment."""
    return load(PLAYBOOK / FILE, AppointmentRules)


def check(folder: Path) -> list[Mistake]:
    """Everything wrong with the appointments of a playbook folder."""
    rules, marks, mistakes = read(folder / FILE, AppointmentRules)
    if rules is None or marks is None:
        return mistakes
    strangers = rules.stores.keys() - directory().stores.keys()
    return [marks.mistake(FILE, ("stores", store), "is no store of staff.yaml") for store in sorted(strangers)]
