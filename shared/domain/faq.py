"""The shop's FAQ and the finding in it: which entry a message asks for, and how sure that is (T5, A7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.domain.language import Language
from shared.domain.likeness import Index
from shared.domain.names import fold
from shared.domain.triage import INTENTS

Spell = Callable[[str], Sequence[str]]
# What a message asks for when it asks for the writer's own orders; no entry of the page.
OWN_ORDERS = "own_orders"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Both(_Part):
    """The same words in Vietnamese and in English; neither may be missing."""

    vi: str = Field(min_length=1)
    en: str = Field(min_length=1)

    def told(self, lang: Language) -> str:
        return self.en if lang == "en" else self.vi


class Entry(_Part):
    """One question with its answer. `title` is how the public page asks it, `questions` are other ways to ask; `also`
    are intents that triage may see in it beside its own.

    An answer may address whoever asked as `{you}` or, at the beginning of a sentence, `{You}`.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")
    intent: str
    also: tuple[str, ...] = ()
    title: Both
    questions: tuple[str, ...] = Field(min_length=3)
    answer: Both
    updated_on: date

    @model_validator(mode="after")
    def _asks_about_something(self) -> Self:
        for field, intent in (("intent", self.intent), *((f"also.{at}", name) for at, name in enumerate(self.also))):
            if intent not in INTENTS:
                raise ValueError(f"{field}: must be one of {', '.join(INTENTS)}")
        for number, question in enumerate(self.questions):
            if not plain(question):
                raise ValueError(f"questions.{number}: asks nothing")
        return self

    @property
    def asked(self) -> tuple[str, ...]:
        """Every way of asking, that of the page first."""
        return (self.title.vi, self.title.en, *self.questions)


class FaqFile(_Part):
    """`faq.yaml`: the entries in the page's order, the page's headings by intent, and the figures answers speak of."""

    facts: dict[str, Any]
    topics: dict[str, Both]
    entries: tuple[Entry, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        ids: dict[str, int] = {}
        asked: dict[str, str] = {}
        for number, entry in enumerate(self.entries):
            if entry.id in ids:
                raise ValueError(f"entries.{number}.id: is taken by another entry")
            ids[entry.id] = number
            if entry.intent not in self.topics:
                raise ValueError(f"entries.{number}.intent: has no heading under topics")
            for at, question in enumerate(entry.questions):
                known = asked.setdefault(" ".join(plain(question)), entry.id)
                if known != entry.id:
                    raise ValueError(f"entries.{number}.questions.{at}: is asked by {known} too")
        return self


class Found(NamedTuple):
    """The entry that fits best. `percent`: how alike message and question are; `lead`: how much better it fits than
    the best entry behind it. No entry is "" with 0."""

    id: str
    percent: int
    lead: int


def plain(text: str) -> list[str]:
    """A text as folded words."""
    return "".join(char if char.isalnum() else " " for char in fold(text)).split()


# An entry of another intent than the message's fits so much less.
_STRANGER = 0.8


class Faq:
    """All entries, ready to be searched; made once per process. `spell` writes a text as the words that compare."""

    def __init__(self, entries: Iterable[Entry], own_orders: Sequence[str] = (), spell: Spell = plain) -> None:
        self.entries: Mapping[str, Entry] = {entry.id: entry for entry in entries}
        self._spell = spell
        self._intents = {entry.id: {entry.intent, *entry.also} for entry in self.entries.values()}
        self._intents[OWN_ORDERS] = {"order_status", "delivery_problem"}
        asked = [(entry.id, spell(question)) for entry in self.entries.values() for question in entry.asked]
        self._index = Index([*asked, *((OWN_ORDERS, spell(question)) for question in own_orders)])

    def find(self, text: str, intent: str = "") -> Found:
        """What a message asks for: the id of an entry, OWN_ORDERS or "". The intent tells alike entries apart."""
        alike = self._index.alike(self._spell(text))
        fits = {
            name: score if not intent or intent in self._intents[name] else _STRANGER * score
            for name, score in alike.items()
        }
        best = sorted(fits, key=lambda name: (-fits[name], name))[:2]
        if not best:
            return Found("", 0, 0)
        first, second = fits[best[0]], fits[best[1]] if len(best) > 1 else 0.0
        return Found(best[0], round(100 * first), round(100 * (first - second)))
