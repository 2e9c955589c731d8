"""Mistakes in faq.yaml, faq_words.yaml and bot.yaml are named with file, line and field before anybody is answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.domain.bot.faq import Faq
from shared.runtime.playbook.bot import FAQ, RULES, WORDS, load_bot
from shared.runtime.playbook.check import check
from shared.runtime.playbook.loader import PLAYBOOK, PlaybookError


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    for path in PLAYBOOK.glob("*.yaml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "pages").mkdir()
    return tmp_path


def spoil(playbook: Path, file: str, old: str, new: str) -> str:
    """Change a file; the line at which the change stands, as a mistake names it."""
    text = (playbook / file).read_text("utf-8")
    assert old in text
    (playbook / file).write_text(text.replace(old, new, 1), "utf-8")
    return f"{file}:{text[: text.index(old)].count(chr(10)) + 1}"


def test_the_playbook_that_ships_has_no_mistakes():
    assert check(PLAYBOOK, FAQ, RULES, WORDS) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "field", "reason"),
    [
        ("faq.yaml", "    intent: delivery_problem\n    also: [order_status, product_question]", "    intent: shipping",
         "entries.0.intent", "must be one of order_status"),
        ("faq.yaml", "      - giá ship\n", "      - mấy giờ đóng cửa vậy\n", "questions", "asked by delivery_fee too"),
        ("faq.yaml", "  - id: delivery_fee", "  - id: delivery_time", "id", "is taken by another entry"),
        ("faq.yaml", "      - giá ship\n", "      - '???'\n", "questions", "asks nothing"),
        ("faq.yaml", "    title: {vi: \"Phí giao hàng là bao nhiêu?\", en: \"How much is delivery?\"}",
         "    title: {vi: Phí giao hàng là bao nhiêu?}", "title.en", "is missing"),
        ("faq.yaml", "    updated_on: 2026-10-05", "    updated_on: hôm qua", "updated_on", "must be a day"),
        ("faq.yaml", "{{ facts.ship_city | vnd }}", "{{ facts.ship_town | vnd }}", "answer.vi", "cannot be written"),
        ("faq.yaml", "{{ facts.days_city }}", "{{ facts.days_city", "answer.vi", "cannot be written"),
        ("faq_words.yaml", "  - khi nào |", "  - bao lâu | khi nào |", "same.1", "bao lâu is in this or another"),
        ("bot.yaml", "find_floor: 45", "find_floor: 450", "find_floor", "at most 100"),
        ("bot.yaml", "  asked_for_person: {", "  asks_for_person: {", "reasons", ""),
        ("bot.yaml", "  again: {", "  againn: {", "lines", ""),
        ("bot.yaml", "intents: [order_status,", "intents: [order,", "intents.0", "must be one of order_status"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_file_line_and_field(
    playbook: Path, file: str, old: str, new: str, field: str, reason: str
):
    spoil(playbook, file, old, new)
    found = [str(mistake) for mistake in check(playbook, FAQ, RULES, WORDS)]

    assert len(found) >= 1
    assert found[0].startswith(f"{file}:")
    assert any(field in one and reason in one for one in found), found
    with pytest.raises(PlaybookError, match=file):
        load_bot(playbook)


def test_a_mistake_stands_on_its_own_line(playbook: Path):
    place = spoil(playbook, "faq.yaml", "{{ facts.ship_city | vnd }}", "{{ facts.ship_town | vnd }}")
    (mistake,) = check(playbook, FAQ)

    # The text begins on the line before its first word.
    file, line = place.split(":")
    assert str(mistake).startswith((f"{file}:{int(line) - 1}:", f"{place}:"))


def test_every_question_of_the_faq_finds_its_own_entry():
    rules, faq, page = load_bot(PLAYBOOK)
    for entry in page.entries:
        for question in entry.asked:
            found = faq.find(question, entry.intent)
            assert found.id == entry.id, (entry.id, question, found)
            assert found.percent >= rules.find_floor, (entry.id, question, found)


def test_marks_capitals_and_short_forms_make_no_difference():
    faq: Faq = load_bot(PLAYBOOK)[1]
    ways = (
        "Đổi hàng có mất phí không?",
        "DOI HANG CO MAT PHI KHONG",
        "đổi hàng có mất phí ko ạ",
        "doi hag co mat phi k v shop",
    )
    assert {faq.find(way).id for way in ways} == {"exchange_fee"}
    assert faq.find("shop ơi").id == ""
    assert faq.find("").id == ""
