"""How much of a provider's news is taken: a stranger may write a book, and a queue message takes 256 KB.

What is cut is marked in the text, where staff see it; the whole stands in the channel itself. With these limits one
piece of news has at most 200 KB as ASCII JSON, where an emoji takes 12 bytes.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from shared.domain.common.attachment import Attachment
from shared.domain.inbox.provider_event import Incoming
from shared.domain.tickets.ticket import ATTACHMENTS, TEXT_LENGTH

# A provider's ids and addresses are shorter; a natural key is part of a table key of 200 characters.
ID_LENGTH, DEDUP_LENGTH = 256, 190
URL_LENGTH = 2000
KIND_LENGTH, NAME_LENGTH = 40, 120
# A text and the number of entries within `detail`.
DETAIL_LENGTH, DETAIL_ENTRIES = 500, 10
# What DynamoDB keeps of a number without loss.
_NUMBER_LENGTH = 38

CUT_MARK = " … [tin dài, đã cắt bớt]"


def within_limits(news: Incoming) -> Incoming:
    """The news with everything that is too long cut, and its text saying so."""
    return news.model_copy(
        update={
            "dedup": _short_id(news.dedup, DEDUP_LENGTH),
            "tracking_id": _short_id(news.tracking_id, ID_LENGTH),
            "provider_id": _short_id(news.provider_id, ID_LENGTH),
            "address": _short_id(news.address, ID_LENGTH),
            "text": _words(news),
            "attachments": tuple(_attachment(one) for one in news.attachments[:ATTACHMENTS]),
            "detail": {name: _bounded(value) for name, value in news.detail.items()},
        }
    )


def shortened(text: str, length: int) -> str:
    """A text of at most `length` characters, marked where it was longer."""
    return text if len(text) <= length else text[: length - len(CUT_MARK)].rstrip() + CUT_MARK


def _words(news: Incoming) -> str:
    left_out = len(news.attachments) - ATTACHMENTS
    if left_out <= 0:
        return shortened(news.text, TEXT_LENGTH)
    note = f"[còn {left_out} tệp đính kèm không hiển thị]"
    return f"{shortened(news.text, TEXT_LENGTH - len(note) - 1)}\n{note}".strip()


def _attachment(one: Attachment) -> Attachment:
    """A cut address would lead nowhere, so one that is too long is left out."""
    fits = len(json.dumps(one.url)) <= URL_LENGTH
    return Attachment(kind=one.kind[:KIND_LENGTH], url=one.url if fits else "", name=one.name[:NAME_LENGTH])


def _short_id(value: str, length: int) -> str:
    """Two ids that are too long stay two: their end is told by a hash."""
    if len(value) <= length:
        return value
    tail = hashlib.sha256(value.encode()).hexdigest()[:32]
    return f"{value[: length - 33]}~{tail}"


def _bounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_bounded(entry) for entry in value[:DETAIL_ENTRIES]]
    if isinstance(value, dict):
        written = json.dumps(value)
        return value if len(written) <= DETAIL_LENGTH else shortened(written, DETAIL_LENGTH)
    if isinstance(value, int) and abs(value) >= 10**_NUMBER_LENGTH:
        return "…"
    return shortened(value, DETAIL_LENGTH) if isinstance(value, str) else value
