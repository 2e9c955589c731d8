"""`kq triage`: messages on standard input, what was read in them on standard output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import BinaryIO, TextIO

from infra.local.train_triage import read_all, read_examples, table
from infra.local.trouble import Trouble
from shared.domain.triage import Triage
from shared.runtime.triage import triager


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
