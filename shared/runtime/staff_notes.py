"""What notes to staff say: their words from the playbook, checked and filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from shared.adapters.rendering import Wrong, cut, tidy, tidy_line
from shared.domain.journey_lint import Finding
from shared.domain.sending import ContentError
from shared.domain.staff import Person
from shared.domain.staff_note import SUBJECT_WORDS, WORDS, NoteWords
from shared.runtime.desk import directory
from shared.runtime.playbook import PLAYBOOK
from shared.runtime.playbook_files import Mistake, load, read
from shared.runtime.templates import sandbox, shop

FILE = "staff_notes.yaml"
# Zalo takes no more in one message.
LONGEST = {"zalo": 2000}
SHOP = "shop"


@cache
def note_words() -> NoteWords:
    """The words that ship with this deployment."""
    return load(PLAYBOOK / FILE, NoteWords)


def check(folder: Path) -> list[Mistake]:
    """Everything wrong with the words of a playbook folder's notes."""
    words, marks, mistakes = read(folder / FILE, NoteWords)
    if words and marks:
        mistakes += [marks.mistake(FILE, *finding) for finding in _lint(words, folder)]
    return mistakes


def _lint(words: NoteWords, folder: Path) -> Iterator[Finding]:
    texts = sandbox(folder)
    for kind, wording in words.notes.items():
        known = WORDS[kind] | {SHOP}
        for field, text, may in (
            ("subject", wording.subject, known & (SUBJECT_WORDS | {SHOP})),
            ("text", wording.text, known),
        ):
            for lang in ("vi", "en"):
                try:
                    used = texts.variables(text.told(lang))
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
    values: dict[str, Any] = dict.fromkeys(WORDS[kind], "") | {SHOP: shop()} | dict(words)  # type: ignore[index]
    for word, table in (("intent", said.intents), ("severity", said.severities), ("deadline", said.deadlines)):
        if (name := values.get(word)) in table:
            values[word] = table[name].told(person.lang)
    for word in ("by", "assignee"):
        if colleague := directory().people.get(values.get(word, "")):
            values[word] = colleague.title.told(person.lang)
    try:
        subject = tidy_line(_texts().text(wording.subject.told(person.lang), values))
        text = tidy(_texts().text(wording.text.told(person.lang), values))
    except (TemplateError, Wrong, ValueError, TypeError, LookupError, AttributeError) as error:
        raise CannotWrite(f"note {kind}: {error}") from error
    return subject, cut(text, LONGEST.get(channel, len(text)))
