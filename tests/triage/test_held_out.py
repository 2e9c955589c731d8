"""How well messages are read that the model never saw (T1): the goals, and every figure by way of writing (-s)."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import pytest

from infra.triage.train import (
    EXAMPLES,
    HEADS,
    MODEL,
    WAYS,
    Example,
    examples,
    made_from,
    read_all,
    read_examples,
    scored,
    table,
)
from shared.domain.triage.triage import Triage

HELD_OUT = Path(__file__).parent / "heldout.jsonl"


@pytest.fixture(scope="module")
def pairs() -> list[tuple[Example, Triage]]:
    truth = read_examples(HELD_OUT)
    answers = read_all(truth)
    print(f"\n{table(truth, answers)}")  # noqa: T201  # shown with -s
    return list(zip(truth, answers, strict=True))


def test_the_held_out_set_is_large_and_has_every_label_in_three_ways_of_writing(pairs: list[tuple[Example, Triage]]):
    truth = [one for one, _ in pairs]

    assert len(truth) >= 250
    for way in WAYS:
        assert len([one for one in truth if one.way == way]) >= 80
        assert {one.labels["intent"] for one in truth if one.way == way} == set(HEADS["intent"])
    for head, labels in HEADS.items():
        assert {one.labels[head] for one in truth} == set(labels)


def test_t1_intents_and_severities_of_unseen_messages_are_read_well(pairs: list[tuple[Example, Triage]]):
    score = scored(pairs)

    assert score["intent"] >= 0.80
    assert score["severity"] >= 0.75


def test_t3_hardly_a_critical_message_is_taken_for_less(pairs: list[tuple[Example, Triage]]):
    assert scored(pairs)["critical_recall"] >= 0.95


def test_t2_what_is_left_to_the_bot_it_can_answer_and_it_gets_half_of_that(pairs: list[tuple[Example, Triage]]):
    score = scored(pairs)

    assert score["bot_precision"] >= 0.97
    assert score["bot_coverage"] >= 0.50


@pytest.mark.parametrize("way", WAYS)
def test_no_way_of_writing_is_read_much_worse_than_the_others(pairs: list[tuple[Example, Triage]], way: str):
    score = scored([(one, answer) for one, answer in pairs if one.way == way])

    assert score["intent"] >= 0.80
    assert score["severity"] >= 0.75


def test_a_higher_confidence_is_more_often_right(pairs: list[tuple[Example, Triage]]):
    def right(low: int, high: int) -> float:
        group = [(one, answer) for one, answer in pairs if low <= answer.confidence < high]
        hits = [
            (one.labels["intent"], one.labels["severity"]) == (answer.intent, answer.severity) for one, answer in group
        ]
        return sum(hits) / len(hits)

    assert right(0, 70) < right(70, 101)
    assert right(95, 101) >= 0.9


def plain(text: str) -> str:
    parts = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return re.sub(r"\W+", " ", "".join(char for char in parts if not unicodedata.combining(char))).strip()


def test_no_example_of_the_training_stands_in_the_held_out_set():
    held_out = {plain(one.text) for one in read_examples(HELD_OUT)} - {""}

    assert [one.text for one in examples() if plain(one.text) in held_out] == []


def test_every_file_of_examples_has_only_labels_that_exist_and_every_label():
    truth = examples()

    assert len(truth) > 500
    for head, labels in HEADS.items():
        assert {one.labels[head] for one in truth} == set(labels)
    assert {one.author for one in truth} == {path.stem for path in EXAMPLES.glob("*.jsonl")}


def test_the_shipped_weights_are_those_of_these_examples_and_this_code():
    assert json.loads(MODEL.read_text(encoding="utf-8"))["made_from"] == made_from(), (
        "train anew: python -m infra.triage.train (needs the extra `train`)"
    )
