"""The playbook of triage: words, model, thresholds, second opinion."""

from __future__ import annotations

import json
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.domain.triage.linear_model import Lexicon, Model
from shared.domain.triage.second_opinion import EscalationRules
from shared.domain.triage.text_normalizer import Speller
from shared.domain.triage.triage import INTENTS, BotThresholds, Triager
from shared.runtime.playbook.loader import PLAYBOOK, PlaybookError, load_yaml
from shared.runtime.playbook.yaml_source import load

FOLDER = PLAYBOOK / "triage"


_Severity = Literal["critical", "high", "normal", "low"]


_Sentiment = Literal["positive", "neutral", "negative"]


class _Whole(BaseModel):
    """Messages known as a whole, and their labels."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: tuple[str, _Severity, _Sentiment, bool]
    said: str


class _Vocabulary(BaseModel):
    """The file words.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    short: dict[str, str]
    small: str
    kinds: dict[str, str]
    whole: tuple[_Whole, ...]


@cache
def asking() -> EscalationRules:
    """When and how another reader is asked; raises PlaybookError with the first thing wrong."""
    return load(FOLDER / "second_opinion.yaml", EscalationRules)


@cache
def triager() -> Triager:
    """Raises PlaybookError when the words cannot be used."""
    words = vocabulary()
    lexicon = lexicon_of(words)
    data = json.loads((FOLDER / "model.json").read_text(encoding="utf-8"))
    manner = BotThresholds(data["bot_from"], frozenset(data["bot_intents"]))
    return Triager(lexicon, Model(data), manner, whole(words, lexicon))


def vocabulary(path: Path = FOLDER / "words.yaml") -> Any:
    """The words as they stand in the file."""
    try:
        words = _Vocabulary.model_validate(load_yaml(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise PlaybookError(f"{path.name}: {where}: {first['msg']}") from error
    for one in words.whole:
        if one.labels[0] not in INTENTS:
            raise PlaybookError(f"{path.name}: whole: {one.labels[0]} is no intent")
    return words


def lexicon_of(words: _Vocabulary) -> Lexicon:
    """The lexicon the words make."""
    plain = Speller({})
    short = {
        unicodedata.normalize("NFC", form): plain.phrase(full)
        for full, forms in words.short.items()
        for form in forms.split()
    }
    kinds = {kind: phrases.split("|") for kind, phrases in words.kinds.items()}
    return Lexicon(Speller(short), kinds, words.small.split())


def whole(words: _Vocabulary, lexicon: Lexicon) -> dict[str, tuple[str, str, str, bool]]:
    """Whole messages in the lexicon's spelling, with their labels."""
    return {
        lexicon.speller.phrase(said).replace("?", ""): one.labels for one in words.whole for said in one.said.split("|")
    }
