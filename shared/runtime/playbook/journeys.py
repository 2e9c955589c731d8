"""Reads the playbook's journeys and checks them against each other and the rest of the playbook (A1, A21)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from shared.domain.events.segment_protocol import TYPES
from shared.domain.journeys.definition import Journey
from shared.domain.journeys.lint import Playbook, lint
from shared.runtime.factories import comments
from shared.runtime.playbook import appointments, offers, staff, staff_notes, suggestions
from shared.runtime.playbook.loader import PLAYBOOK, PRESETS, PlaybookError, load_yaml
from shared.runtime.playbook.templates import load_shop, load_templates
from shared.runtime.playbook.yaml_source import Marks, Mistake, read


def load_journeys(folder: Path) -> dict[str, Journey]:
    """The journeys of a playbook folder by id; raises PlaybookError with the first file that cannot be one."""
    found: dict[str, Journey] = {}
    for path in _files(folder):
        journey, marks, mistakes = read(path, Journey)
        if journey is None or marks is None:
            raise PlaybookError(str(mistakes[0]))
        if wrong := _misnamed(path, journey, marks):
            raise PlaybookError(str(wrong))
        found[journey.id] = journey
    return found


@cache
def journeys() -> dict[str, Journey]:
    """The journeys that ship with this deployment."""
    return load_journeys(PLAYBOOK)


def check(folder: Path) -> list[Mistake]:
    """Everything wrong with the journeys of a playbook folder, its presets, the offers they make, and the staff.

    Raises PlaybookError where what they lean on cannot be read at all, such as the templates.
    """
    world = Playbook(
        templates=load_templates(folder),
        offers=_names(folder / offers.FILE, "offers"),
        events=_names(folder / "stages.yaml") - set(TYPES),
        priorities=_names(folder / "sending.yaml", "priorities"),
    )
    mistakes = [*offers.check(folder), *suggestions.check(folder), *staff.check(folder), *staff_notes.check(folder)]
    mistakes += [*appointments.check(folder), *comments.check(folder)]
    for path in [*_files(folder), *sorted(set((folder / PRESETS).glob("*/journeys/*.yaml")) - set(_files(folder)))]:
        journey, marks, wrong = read(path, Journey)
        mistakes += wrong
        if journey is None or marks is None:
            continue
        misnamed = _misnamed(path, journey, marks)
        found = [marks.mistake(path.name, *finding) for finding in lint(journey, world)]
        mistakes += sorted([misnamed, *found] if misnamed else found, key=lambda mistake: mistake.line)
    return mistakes


def warnings(folder: Path) -> list[Mistake]:
    """What somebody should look at twice in the offers that journeys make; nothing of it stops them."""
    return offers.cautions(folder)


def _names(path: Path, field: str = "") -> set[str]:
    """The names that a file gives, all or those under one field; what is wrong there is for the file's own check."""
    content = load_yaml(path)
    told = content.get(field) if field and isinstance(content, dict) else content
    return set(map(str, told)) if isinstance(told, dict) else set()


def _misnamed(path: Path, journey: Journey, marks: Marks) -> Mistake | None:
    """Two journeys of one id cannot be, as each has its file's name."""
    if journey.id == path.stem:
        return None
    return marks.mistake(path.name, ("id",), f"is {journey.id}, and must be the file's name, {path.stem}")


def _files(folder: Path) -> list[Path]:
    """The journeys' files; those of the presets that the shop takes stand in the place of the playbook's."""
    found = {path.name: path for path in (folder / "journeys").glob("*.yaml")}
    for preset in load_shop(folder).presets:
        if not (folder / PRESETS / preset).is_dir():
            known = ", ".join(sorted(path.name for path in (folder / PRESETS).glob("*"))) or "none"
            raise PlaybookError(f"shop.yaml: presets: there is no preset {preset}; there are: {known}")
        found |= _of_preset(folder, preset)
    return [found[name] for name in sorted(found)]


def _of_preset(folder: Path, preset: str) -> dict[str, Path]:
    return {path.name: path for path in (folder / PRESETS / preset / "journeys").glob("*.yaml")}
