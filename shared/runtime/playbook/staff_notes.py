"""What notes to staff say: their words from the playbook, checked and filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from shared.adapters.jinja_sandbox import InvalidValue, cut, tidy, tidy_line
from shared.domain.common.lint import Finding
from shared.domain.common.localized_text import Lang, Text
from shared.domain.common.outgoing_values import without_links
from shared.domain.messaging.channel_errors import ContentError
from shared.domain.staff.directory import Person
from shared.domain.staff.staff_notification import SUBJECT_WORDS, WORDS, NoteWords
from shared.runtime.playbook.loader import PLAYBOOK, Book, Mistake, load
from shared.runtime.playbook.shop import shop
from shared.runtime.playbook.staff import directory
from shared.runtime.playbook.templates import sandbox

FILE = "staff_notes.yaml"
# Zalo takes no more in one message.
LONGEST = {"zalo": 2000}
SHOP = "shop"


@cache
def note_words() -> NoteWords:
    """The words that ship with this deployment."""
    return load(PLAYBOOK, FILE, NoteWords)


def lint(book: Book) -> Iterator[Mistake]:
    """Notes that cannot be written, or say what they may not."""
    if words := book.get(FILE, NoteWords):
        yield from book.marks(FILE).mistakes(_findings(words, book.folder))


def _findings(words: NoteWords, folder: Path) -> Iterator[Finding]:
    texts = sandbox(folder)
    for kind, wording in words.notes.items():
        known = WORDS[kind] | {SHOP}
        for field, text, may in (
            ("subject", wording.subject, known & (SUBJECT_WORDS | {SHOP})),
            ("text", wording.text, known),
        ):
            for lang in ("vi", "en"):
                try:
                    used = texts.variables(text.in_language(lang))
                except TemplateError as error:
                    yield Finding(("notes", kind, field, lang), f"cannot be read: {error}")
                    continue
                for name in sorted(used - may):
                    yield Finding(
                        ("notes", kind, field, lang), f"may not say {name}; it may say {', '.join(sorted(may))}"
                    )


class CannotWrite(ContentError):
    """A note that cannot be written; nothing is sent."""


@cache
def _texts() -> Any:
    return sandbox(PLAYBOOK)


def write(kind: str, channel: str, person: Person, words: Mapping[str, Any]) -> tuple[str, str]:
    """A note's subject and text in the person's language; raises CannotWrite."""
    said = note_words()
    wording = said.notes[kind]  # type: ignore[index]
    values = dict.fromkeys(WORDS[kind], "") | {SHOP: shop()} | _in_words(dict(words), person.lang)  # type: ignore[index]
    try:
        subject = tidy_line(_texts().text(wording.subject.in_language(person.lang), values))
        text = tidy(_texts().text(wording.text.in_language(person.lang), values))
    except (TemplateError, InvalidValue, ValueError, TypeError, LookupError, AttributeError) as error:
        raise CannotWrite(f"note {kind}: {error}") from error
    return subject, cut(text, LONGEST.get(channel, len(text)))


def _in_words(told: Any, lang: Lang) -> Any:
    """What is told, with words in the place of codes and with titles in the place of people's ids."""
    if isinstance(told, list):
        return [_in_words(one, lang) for one in told]
    if isinstance(told, str):
        return without_links(told)
    if not isinstance(told, dict):
        return told
    said, people = note_words(), directory().people
    tables: Mapping[str, Mapping[str, Text]] = {
        "intent": said.intents, "severity": said.severities, "deadline": said.deadlines,
        "store": directory().stores,
    }  # fmt: skip
    shown = {}
    for name, value in told.items():
        if name in tables and value in tables[name]:
            shown[name] = tables[name][value].in_language(lang)
        elif name in ("by", "assignee") and value in people:
            shown[name] = people[value].title.in_language(lang)
        else:
            shown[name] = _in_words(value, lang)
    return shown
