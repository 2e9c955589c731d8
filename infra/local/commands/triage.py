"""`kq triage`: messages on standard input, what was read in them on standard output; and what staff put right."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from infra.local.errors import Trouble
from infra.triage.train import read_all, read_examples, table
from shared.domain.triage.redaction import redacted
from shared.domain.triage.triage import Triage
from shared.ports import Table
from shared.repositories import table_keys
from shared.runtime.playbook.triage import triager, vocabulary

_VOWEL = re.compile("[aeiouy]|[^a-z]")


def answer(triage: Triage) -> str:
    """One line of JSON; `confidence` from 0 to 1."""
    return json.dumps(
        {
            "intent": triage.intent,
            "severity": triage.severity,
            "sentiment": triage.sentiment,
            "confidence": triage.confidence / 100,
            "bot": triage.bot,
        }
    )


def answer_lines(lines: BinaryIO, out: TextIO) -> None:
    """One line out for every line in, at once, so that another program may ask and wait; bytes that are no UTF-8 are
    read as unknown letters."""
    read = triager().read
    for line in lines:
        print(answer(read(line.decode("utf-8", "replace").strip("\r\n\ufeff"))), file=out, flush=True)


def score(file: Path) -> str:
    """All figures of the shipped model on messages with labels, by way of writing."""
    try:
        truth = read_examples(file)
    except (KeyError, ValueError) as error:
        raise Trouble(f"{file} is no file of messages with labels: {error}") from error
    return table(truth, read_all(truth))


def corrections(where: Table, today: date, months: int) -> Iterator[str]:
    """Messages whose labels staff put right in this month and those before it, as lines of examples, oldest first."""
    last = 12 * today.year + today.month - 1
    for month in range(last - months + 1, last + 1):
        pk = table_keys.correction(f"{month // 12:04}-{month % 12 + 1:02}", "").pk
        start: str | None = ""
        while start is not None:
            page = where.query(pk, start=start or None)
            for item in page.items:
                yield json.dumps(as_example(item["text"], item["is"]), ensure_ascii=False)
            start = page.next


def as_example(text: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """One message with the labels that staff gave it, without numbers, addresses and names. A person has to look at
    it, so it is none for the bot."""
    return {
        "text": redacted(text),
        **{name: labels[name] for name in ("intent", "severity", "sentiment")},
        "bot": False,
        "way": way_of(text),
    }


def way_of(text: str) -> str:
    """In which of the three ways a message is written."""
    words = re.findall(r"[^\W\d_]+", unicodedata.normalize("NFC", text).lower())
    if any(word in _short_forms() for word in words):
        return "teencode"
    return "unaccented" if all(word.isascii() for word in words) else "accented"


@cache
def _short_forms() -> frozenset[str]:
    """Those that nobody writes who only leaves marks out: no syllable is without a vowel, or a single letter."""
    forms = {form for forms in vocabulary().short.values() for form in forms.split()}
    return frozenset(form for form in forms if len(form) == 1 or not _VOWEL.search(form)) | {"ko", "hok"}
