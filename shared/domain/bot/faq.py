"""The shop's FAQ and its search: which entry a message asks for, and how similar they are (T5, A7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from heapq import nsmallest
from typing import Any, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from shared.domain.bot.similarity import Index, Synonyms
from shared.domain.common.language import Language
from shared.domain.common.strict_model import StrictModel
from shared.domain.common.text_folding import fold
from shared.domain.staff.business_hours import WEEKDAYS, Weekday
from shared.domain.triage.triage import INTENTS

Spell = Callable[[str], Sequence[str]]
# Matches besides the entries: the sender's own orders, and questions that only resemble the FAQ.
OWN_ORDERS, FOR_PEOPLE = "own_orders", "for_people"


def plain(text: str) -> list[str]:
    """A text as folded words."""
    return "".join(char if char.isalnum() else " " for char in fold(text)).split()


class BilingualText(StrictModel):
    """A text in Vietnamese and in English; both are required."""

    vi: str = Field(min_length=1)
    en: str = Field(min_length=1)

    def in_language(self, lang: Language) -> str:
        return self.en if lang == "en" else self.vi


class Entry(StrictModel):
    """One question with its answer. `title` is its wording on the public page, `questions` are other wordings; `also`
    are intents triage may give it besides its own.

    An answer addresses the customer as `{you}` or, at the beginning of a sentence, `{You}`.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")
    intent: str
    also: tuple[str, ...] = ()
    title: BilingualText
    questions: tuple[str, ...] = Field(min_length=3)
    answer: BilingualText
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
        """Every wording, that of the page first."""
        return (self.title.vi, self.title.en, *self.questions)


DayName = Literal["every", Weekday]


class FaqFile(StrictModel):
    """`faq.yaml`: the entries in the page's order, the page's headings by intent, and the names
    of days and figures that answers speak of."""

    facts: dict[str, Any]
    weekdays: dict[DayName, BilingualText]
    topics: dict[str, BilingualText]
    entries: tuple[Entry, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        ids: dict[str, int] = {}
        asked: dict[str, str] = {}
        if missing := [day for day in ("every", *WEEKDAYS) if day not in self.weekdays]:
            raise ValueError(f"weekdays.{missing[0]}: is missing")
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


class FaqSynonyms(StrictModel):
    """`faq_words.yaml`: groups of synonyms, separated by "|", and stop words."""

    same: tuple[str, ...]
    empty: str

    @property
    def groups(self) -> list[list[str]]:
        return [[phrase.strip() for phrase in group.split("|")] for group in self.same]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        known: set[str] = set()
        for number, group in enumerate(self.groups):
            for phrase in group:
                if phrase in known or not phrase:
                    raise ValueError(f"same.{number}: {phrase or 'nothing'} is in this or another group already")
                known.add(phrase)
        return self


class FaqMatch(NamedTuple):
    """The best entry. `percent`: its similarity to the message; `lead`: its lead over the second best. "" with 0 if
    none matches."""

    id: str
    percent: int
    lead: int


# The factor of an entry whose intent is not the message's.
_OTHER_INTENT = 0.7


class Faq:
    """The search index over all entries; made once per process. `spell` normalizes the spelling of a text."""

    def __init__(
        self,
        entries: Iterable[Entry],
        own_orders: Sequence[str],
        for_people: Sequence[str],
        words: FaqSynonyms,
        spell: Spell = plain,
    ) -> None:
        self.entries: Mapping[str, Entry] = {entry.id: entry for entry in entries}
        self._spell = spell
        self._same = Synonyms([map(spell, group) for group in words.groups], words.empty.split())
        self._intents = {entry.id: {entry.intent, *entry.also} for entry in self.entries.values()}
        self._intents[OWN_ORDERS] = {"order_status", "delivery_problem"}
        self._intents[FOR_PEOPLE] = set(INTENTS)
        asked = [(entry.id, question) for entry in self.entries.values() for question in entry.asked]
        asked += [(OWN_ORDERS, question) for question in own_orders]
        # Each is a topic of its own; pooled they would match every word.
        asked += [(f"{FOR_PEOPLE}#{number}", question) for number, question in enumerate(for_people)]
        self._index = Index((name, self.terms(question)) for name, question in asked)

    def intent(self, name: str) -> str:
        """The intent of a matched entry, "" for anything else."""
        return self.entries[name].intent if name in self.entries else ""

    def like(self, text: str) -> list[tuple[str, int]]:
        """The entries by their similarity to a text in percent, the best first."""
        fits = self._index.alike(self.terms(text))
        ranked = sorted(fits, key=lambda name: (-fits[name], name))
        return [(name, round(100 * fits[name])) for name in ranked if name in self.entries]

    def terms(self, text: str) -> list[str]:
        """The terms of a text without stop words; none for "shop ơi"."""
        return self._same.terms(self._spell(text))

    def find(self, text: str, intent: str = "") -> FaqMatch:
        """The match of a message: an entry's id, OWN_ORDERS, FOR_PEOPLE or "". The intent decides between similar
        ones."""
        fits: dict[str, float] = {}
        for way, score in self._index.alike(self.terms(text)).items():
            name = FOR_PEOPLE if "#" in way else way
            fit = score if not intent or intent in self._intents[name] else _OTHER_INTENT * score
            if fit > fits.get(name, 0.0):
                fits[name] = fit
        best = nsmallest(2, fits, key=lambda name: (-fits[name], name))
        if not best:
            return FaqMatch("", 0, 0)
        first, second = fits[best[0]], fits[best[1]] if len(best) > 1 else 0.0
        return FaqMatch(best[0], round(100 * first), round(100 * (first - second)))
