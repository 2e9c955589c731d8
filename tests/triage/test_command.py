"""`kq triage`: a line out for every line in, the figures of a file, and what staff put right as examples."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from infra.local.commands import triage
from infra.local.errors import Trouble
from infra.triage.train import read_examples
from shared.adapters.local.sqlite_table import SqliteTable
from shared.ports import Put
from shared.repositories import table_keys

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def asked(lines: bytes) -> list[dict[str, object]]:
    out = io.StringIO()
    triage.answer_lines(io.BytesIO(lines), out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_there_is_an_answer_to_every_line_in_its_order():
    answers = asked("huỷ đơn giúp em\r\n\ntừ 5 tới 6\u2028là một dòng\n😀\nShop mở cửa mấy giờ ạ".encode())

    assert len(answers) == 5
    assert [answer["intent"] for answer in answers][:2] == ["order_status", "other"]
    assert answers[4]["intent"] == "store_info"
    for answer in answers:
        assert list(answer) == ["intent", "severity", "sentiment", "confidence", "bot"]
        assert isinstance(answer["confidence"], float)
        assert 0 <= answer["confidence"] <= 1


def test_bytes_that_are_no_text_get_an_answer_too():
    assert len(asked(b"\xff\xfe\x00 l\xe1\xbb\n\xc3\n")) == 2
    assert asked(b"") == []


def test_a_file_with_labels_is_scored_by_way_of_writing():
    shown = triage.score(Path(__file__).parent / "heldout.jsonl")

    assert [line.split()[0] for line in shown.splitlines()] == ["way", "all", "accented", "unaccented", "teencode"]


def test_a_file_without_labels_is_named(tmp_path: Path):
    file = tmp_path / "x.jsonl"
    file.write_text('{"text": "a"}\n', encoding="utf-8")

    with pytest.raises(Trouble, match=r"x\.jsonl is no file of messages with labels"):
        triage.score(file)


def test_what_staff_put_right_becomes_examples_without_whom_they_are_from(tmp_path: Path):
    table = SqliteTable(clock=lambda: NOW)
    said = {
        "2025-12-31T16:59:59Z": "Em là Trần Thị Bông, 0936 845 127, nồi hư rồi ạ",
        "2026-10-02T03:00:00Z": "shop oi noi hong roi",
        "2026-11-20T03:00:00Z": "sp ơi nồi hư r",
        "2025-10-20T03:00:00Z": "lâu rồi",
    }
    labels = {"intent": "defective_product", "severity": "high", "sentiment": "negative"}
    for at, text in said.items():
        key = table_keys.correction(at, "ticket")
        table.write(Put({"pk": key.pk, "sk": key.sk, "text": text, "was": {}, "is": labels, "by": "care_1", "at": at}))

    lines = list(triage.corrections(table, date(2026, 11, 21), 12))
    file = tmp_path / "corrections.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    examples = read_examples(file)

    assert [one.text for one in examples] == [
        "Em là Lan, 0900000000, nồi hư rồi ạ",
        "shop oi noi hong roi",
        "sp ơi nồi hư r",
    ]
    assert [one.way for one in examples] == ["accented", "unaccented", "teencode"]
    assert all(one.labels == {**labels, "bot": False} for one in examples)
