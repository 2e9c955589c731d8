"""Which sequence numbers of a shard were read: a short list of spans, so that a batch that comes late is still read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

# A late batch is told from a repeated one this many batches back; before that, all counts as read.
SPANS_KEPT = 16


class Span(NamedTuple):
    """Sequence numbers from `first` to `last`, both included."""

    first: int
    last: int


def covered(spans: Sequence[Span], number: int) -> bool:
    """Whether a record was read."""
    return any(span.first <= number <= span.last for span in spans)


def with_span(spans: Sequence[Span], read: Span) -> list[Span]:
    """The spans with one more, sorted; overlapping ones become one, and so do the earliest where there are many."""
    found: list[Span] = []
    for span in sorted([*spans, read]):
        if found and span.first <= found[-1].last + 1:
            found[-1] = Span(found[-1].first, max(found[-1].last, span.last))
        else:
            found.append(span)
    surplus = len(found) - SPANS_KEPT
    return [Span(0, found[surplus].last), *found[surplus + 1 :]] if surplus > 0 else found
