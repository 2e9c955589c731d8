"""The shop's FAQ and the finding in it: which entry a message asks for, and how sure that is (T5, A7).

A message is compared with every way of asking by the cosine of their TF-IDF vectors over words and word pairs
(Salton and Buckley 1988, "Term-weighting approaches in automatic text retrieval"). What nobody ever asked with counts
against a message, so that a question about something else is not taken for one of ours.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from math import log, sqrt
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.domain.names import fold
from shared.domain.triage import INTENTS

Lang = str


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Both(_Part):
    """The same words in Vietnamese and in English; neither may be missing."""

    vi: str = Field(min_length=1)
    en: str = Field(min_length=1)

    def told(self, lang: Lang) -> str:
        return self.en if lang == "en" else self.vi


class Entry(_Part):
    """One question with its answer. `title` is how the public page asks it, `questions` are other ways to ask.

    An answer may address whoever asked as `{you}` or, at the beginning of a sentence, `{You}`.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")
    intent: str
    title: Both
    questions: tuple[str, ...] = Field(min_length=3)
    answer: Both
    updated_on: date

    @model_validator(mode="after")
    def _asks_about_something(self) -> Self:
        if self.intent not in INTENTS:
            raise ValueError(f"intent: must be one of {', '.join(INTENTS)}")
        for number, question in enumerate(self.questions):
            if not words(question):
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
                known = asked.setdefault(" ".join(words(question)), entry.id)
                if known != entry.id:
                    raise ValueError(f"entries.{number}.questions.{at}: is asked by {known} too")
        return self


class Found(NamedTuple):
    """The entry that fits best. `percent`: how alike message and question are; `lead`: how much better it fits than
    the best entry behind it. No entry is "" with 0."""

    id: str
    percent: int
    lead: int


def words(text: str) -> list[str]:
    """A text as the words that carry its meaning, in one spelling."""
    plain = "".join(char if char.isalnum() else " " for char in fold(text))
    return [word for word in plain.split() if word not in _EMPTY]


# What stands in every message and asks nothing.
_EMPTY = frozenset(
    [
        "a",
        "ah",
        "alo",
        "anh",
        "ban",
        "cho",
        "chi",
        "da",
        "dum",
        "e",
        "em",
        "giup",
        "hoi",
        "minh",
        "nha",
        "nhe",
        "nhi",
        "oi",
        "shop",
        "thi",
        "tiem",
        "u",
        "vay",
        "voi",
    ]
)
# Entries of another intent than the message's fit so much less.
_STRANGER = 0.8


class Faq:
    """All entries, ready to be searched; made once per process."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries: Mapping[str, Entry] = {entry.id: entry for entry in entries}

    @cached_property
    def _index(self) -> _Index:
        return _Index([(entry.id, question) for entry in self.entries.values() for question in entry.asked])

    def find(self, text: str, intent: str = "") -> Found:
        """What a message asks for; what triage says of its intent tells alike entries apart."""
        best = self._index.alike(text)
        for entry_id in best:
            if intent and self.entries[entry_id].intent != intent:
                best[entry_id] *= _STRANGER
        ranked = sorted(best.items(), key=lambda entry: (-entry[1], entry[0]))[:2]
        if not ranked:
            return Found("", 0, 0)
        second = ranked[1][1] if len(ranked) > 1 else 0.0
        return Found(ranked[0][0], round(100 * ranked[0][1]), round(100 * (ranked[0][1] - second)))


class _Index:
    """An inverted index over ways of asking, each of unit length."""

    def __init__(self, asked: Sequence[tuple[str, str]]) -> None:
        self._whose = [entry_id for entry_id, _ in asked]
        counted = [Counter(_terms(question)) for _, question in asked]
        used = Counter(term for terms in counted for term in terms)
        self._rarity = {term: 1.0 + log(len(asked) / count) for term, count in used.items()}
        self._rarest = 1.0 + log(max(len(asked), 1))
        self._found_in: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, terms in enumerate(counted):
            weighed, length = self._weigh(terms)
            for term, weight in weighed.items():
                self._found_in[term].append((number, weight / length))

    def alike(self, text: str) -> dict[str, float]:
        """By entry, how alike its most alike way of asking is: 0 to 1."""
        weighed, length = self._weigh(Counter(_terms(text)))
        scores: dict[int, float] = defaultdict(float)
        for term, weight in weighed.items():
            for number, part in self._found_in.get(term, ()):
                scores[number] += weight / length * part
        best: dict[str, float] = {}
        for number, score in scores.items():
            best[self._whose[number]] = max(score, best.get(self._whose[number], 0.0))
        return best

    def _weigh(self, terms: Mapping[str, int]) -> tuple[dict[str, float], float]:
        weighed = {term: (1 + log(n)) * self._rarity.get(term, self._rarest) for term, n in terms.items()}
        return weighed, sqrt(sum(weight * weight for weight in weighed.values())) or 1.0


def _terms(text: str) -> list[str]:
    said = words(text)
    return [*said, *(f"{first} {second}" for first, second in zip(said, said[1:], strict=False))]
