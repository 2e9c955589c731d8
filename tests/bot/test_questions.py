"""How well the bot answers 209 questions that were worded apart from faq.yaml, in three ways of writing.

What it answers is nearly always right, and the rest goes to people: a wrong answer is worse than none.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

import pytest

from shared.domain.bot.reply import Answer, BotRequest
from shared.domain.common.language import language_of
from shared.domain.triage.triage import Triage
from shared.runtime.factories.bot import answer
from shared.runtime.playbook.triage import triager
from tests.support.bot_questions import QUESTIONS

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
PLACED = {"order_id": "DH1", "code": "DH1", "state": "placed", "placed_at": "2026-11-21T03:00:00.000Z",
          "placed_on": "2026-11-21", "total": 500_000, "product": "Áo", "product_en": "Shirt"}  # fmt: skip


class Score(NamedTuple):
    """Of what could be answered, how much was, and how much of what was answered is right."""

    precision: float
    coverage: float


def asked_about(question: dict[str, Any], read: Triage) -> str:
    text = question["text"]
    told = answer(BotRequest(text, read, NOW, language_of(text), verified=True, orders=[PLACED]))
    return told.matter if isinstance(told, Answer) else "hand over"


def labelled(question: dict[str, Any]) -> Triage:
    """What triage says at its best."""
    done = question["answer"] == "hand over"
    sentiment = "positive" if question["intent"] == "feedback_praise" else "neutral"
    return Triage(question["intent"], "normal" if done else "low", sentiment, 90, not done, ())


@cache
def score(way: str = "", *, read_by_triage: bool = False) -> Score:
    counted: Counter[str] = Counter()
    for question in QUESTIONS:
        if way in ("", question["way"]):
            read = triager().read(question["text"]) if read_by_triage else labelled(question)
            said, right = asked_about(question, read), question["answer"]
            counted["answerable"] += right != "hand over"
            counted["answered"] += said != "hand over"
            counted["right"] += said == right != "hand over"
    return Score(counted["right"] / counted["answered"], counted["right"] / counted["answerable"])


def test_there_are_enough_questions_in_every_way_of_writing():
    assert len(QUESTIONS) >= 200
    ways = Counter(question["way"] for question in QUESTIONS)
    assert min(ways[way] for way in ("accented", "unaccented", "teencode")) >= 40


@pytest.mark.parametrize("way", ["", "accented", "unaccented", "teencode"])
def test_what_the_bot_answers_is_right(way: str):
    assert score(way).precision >= 0.97
    assert score(way).coverage >= 0.7


def test_what_the_bot_answers_is_right_with_triage_as_it_is():
    assert score(read_by_triage=True).precision >= 0.97
    assert score(read_by_triage=True).coverage >= 0.45


@pytest.mark.parametrize(
    "question", [one for one in QUESTIONS if one["answer"] == "hand over"], ids=lambda q: q["text"]
)
def test_what_is_for_people_goes_to_people(question: dict[str, Any]):
    assert asked_about(question, labelled(question)) == "hand over"
    assert asked_about(question, triager().read(question["text"])) == "hand over"
