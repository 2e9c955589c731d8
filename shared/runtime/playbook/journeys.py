"""Reads the playbook's journeys and checks them against each other and the rest of the playbook (A1, A21)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from shared.domain.events.segment_protocol import TYPES
from shared.domain.journeys.definition import Journey
from shared.domain.journeys.lint import Playbook
from shared.domain.journeys.lint import lint as lint_journey
from shared.domain.messaging.template import Template
from shared.runtime.playbook.loader import PLAYBOOK, PRESETS, Book, Marks, Mistake, PlaybookError, parsed, presets, read
from shared.runtime.playbook.offers import FILE as OFFERS
from shared.runtime.playbook.rules import SENDING, STAGES
from shared.runtime.playbook.templates import FILES as TEMPLATES

FILES = "journeys/*.yaml"
OF_PRESETS = f"{PRESETS}/*/{FILES}"


def load_journeys(folder: Path) -> dict[str, Journey]:
    """The journeys of a playbook folder by id; raises PlaybookError with the first file that cannot be one."""
    found: dict[str, Journey] = {}
    for name in _files(folder):
        journey, marks, mistakes = read(folder, name, Journey)
        if journey is None:
            raise PlaybookError(str(mistakes[0]))
        if wrong := _misnamed(name, journey, marks):
            raise PlaybookError(str(wrong))
        found[journey.id] = journey
    return found


@cache
def journeys() -> dict[str, Journey]:
    """The journeys that ship with this deployment."""
    return load_journeys(PLAYBOOK)


def lint(book: Book) -> Iterator[Mistake]:
    """What is wrong with journeys, also those of presets, beyond their model.

    Skipped while a template is invalid: that is reported once, and not for every journey that sends it.
    """
    templates = [book.get(name, Template) for name in book.names(TEMPLATES)]
    playbook = Playbook(
        templates={template.id: template for template in templates if template},
        offers=_names(book, OFFERS, "offers"),
        events=_names(book, STAGES) - set(TYPES),
        priorities=_names(book, SENDING, "priorities"),
    )
    for name in (*book.names(FILES), *book.names(OF_PRESETS)):
        journey = book.get(name, Journey)
        if journey is None:
            continue
        marks = book.marks(name)
        if misnamed := _misnamed(name, journey, marks):
            yield misnamed
        if all(templates):
            yield from marks.mistakes(lint_journey(journey, playbook))


def _names(book: Book, file: str, field: str = "") -> set[str]:
    """The names that a file gives, all or those under one field, whatever else is wrong with it."""
    content = parsed(book.folder, file)[0]
    told = content.get(field) if field and isinstance(content, dict) else content
    return set(map(str, told)) if isinstance(told, dict) else set()


def _misnamed(name: str, journey: Journey, marks: Marks) -> Mistake | None:
    """Two journeys of one id cannot be, as each has its file's name."""
    stem = Path(name).stem
    if journey.id == stem:
        return None
    return marks.mistake(("id",), f"is {journey.id}, and must be the file's name, {stem}")


def _files(folder: Path) -> list[str]:
    """The journeys' files; those of the presets that the shop takes stand in the place of the playbook's."""
    book = Book(folder)
    found = {Path(name).name: name for name in book.names(FILES)}
    for preset in presets(folder):
        found |= {Path(name).name: name for name in book.names(f"{PRESETS}/{preset}/{FILES}")}
    return [found[name] for name in sorted(found)]
