"""The playbook of triage: words, model, thresholds, second opinion."""

from __future__ import annotations

import binascii
import struct
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any

from pydantic import Field

from shared.domain.common.strict_model import StrictModel
from shared.domain.triage.labels import Intent, Sentiment, Severity
from shared.domain.triage.linear_model import Lexicon, Model
from shared.domain.triage.second_opinion import EscalationRules
from shared.domain.triage.text_normalizer import Speller
from shared.domain.triage.triage import INTENTS, BotThresholds, Triager
from shared.runtime.playbook.loader import PLAYBOOK, Book, Mistake, load

FOLDER = PLAYBOOK / "triage"
WORDS, WEIGHTS, SECOND_OPINION = "triage/words.yaml", "triage/model.json", "triage/second_opinion.yaml"


class Whole(StrictModel):
    """Messages known as a whole, and their labels."""

    labels: tuple[Intent, Severity, Sentiment, bool]
    said: str


class Vocabulary(StrictModel):
    """`words.yaml`: short forms by what they stand for, small words, kinds of words, messages known as a whole."""

    short: dict[str, str]
    small: str
    kinds: dict[str, str]
    whole: tuple[Whole, ...]


class Weights(StrictModel):
    """`model.json`, which training writes: see `Model` for heads, features and weights."""

    made_from: str
    bot_from: float = Field(ge=0, le=1)
    bot_intents: tuple[Intent, ...]
    heads: dict[str, Annotated[dict[str, Any], Field(min_length=1)]]
    features: str
    weights: str


@cache
def asking() -> EscalationRules:
    """When and how another reader is asked; raises PlaybookError with the first thing wrong."""
    return load(PLAYBOOK, SECOND_OPINION, EscalationRules)


@cache
def triager() -> Triager:
    """Raises PlaybookError when the words cannot be used."""
    words = vocabulary()
    lexicon = lexicon_of(words)
    data = load(PLAYBOOK, WEIGHTS, Weights)
    manner = BotThresholds(data.bot_from, frozenset(data.bot_intents))
    return Triager(lexicon, Model(data.model_dump()), manner, whole(words, lexicon))


def vocabulary() -> Vocabulary:
    """The words that ship with this deployment, as they stand in the file."""
    return load(PLAYBOOK, WORDS, Vocabulary)


def lint(book: Book) -> Iterator[Mistake]:
    """Weights that make no model, and intents that the second reader is not told of."""
    if data := book.get(WEIGHTS, Weights):
        try:
            Model(data.model_dump())
        except (LookupError, ValueError, TypeError, struct.error, binascii.Error):
            yield book.marks(WEIGHTS).mistake(("weights",), "do not fit the heads and the features; train again")
    if second := book.get(SECOND_OPINION, EscalationRules):
        for intent in INTENTS:
            if intent not in second.instructions:
                yield book.marks(SECOND_OPINION).mistake(("instructions",), f"do not speak of the intent {intent}")


def lexicon_of(words: Vocabulary) -> Lexicon:
    """The lexicon the words make."""
    plain = Speller({})
    short = {
        unicodedata.normalize("NFC", form): plain.phrase(full)
        for full, forms in words.short.items()
        for form in forms.split()
    }
    kinds = {kind: phrases.split("|") for kind, phrases in words.kinds.items()}
    return Lexicon(Speller(short), kinds, words.small.split())


def whole(words: Vocabulary, lexicon: Lexicon) -> dict[str, tuple[str, str, str, bool]]:
    """Whole messages in the lexicon's spelling, with their labels."""
    return {
        lexicon.speller.phrase(said).replace("?", ""): one.labels for one in words.whole for said in one.said.split("|")
    }
