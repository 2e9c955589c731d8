"""Fault injection within AWS's guarantees, for the local table and queues: lag, throttling, repeats, reordering."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from shared.adapters.local.sqlite_store import Row
from shared.ports import Key


@dataclass
class FaultInjection:
    """Rates are shares of calls; everything drawn comes from `random`, so a seed repeats a run."""

    random: Random = field(repr=False)
    busy: float = 0.05
    """Writes refused with Busy before anything happened (throttling, transaction conflict)."""
    busy_reads: float = 0.0
    """Reads refused with Busy."""
    lost_answers: float = 0.0
    """Writes that are applied and then answered with Busy: the connection died on the way back."""
    lag: int = 6
    """The most operations by which the due index and eventually consistent reads are behind the table."""
    stale_reads: float = 0.5
    """Share of eventually consistent reads (always for the due index) that are behind."""
    short_pages: float = 0.3
    """Pages cut short, with a `next`."""
    expiry_lag_seconds: int = 48 * 3600
    """How long an item stays visible after its `ttl`."""
    repeats: float = 0.3
    """Queue messages that are delivered again after they were deleted, two to five times in all."""
    reorders: bool = True
    """Queues deliver messages in any order."""

    def strikes(self, rate: float) -> bool:
        """Whether a fault of this rate happens now."""
        return rate > 0 and self.random.random() < rate


class Change(NamedTuple):
    """One write to one item, at the given operation."""

    operation: int
    key: Key
    old: Row | None


class History:
    """What the last operations changed, newest last, so that a read can return an earlier state of the table."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._operation = 0
        self._changes: deque[Change] = deque()

    def tick(self) -> None:
        """One more operation, read or write: an index catches up without writes too."""
        self._operation += 1
        while self._changes and self._changes[0].operation <= self._operation - self._depth:
            self._changes.popleft()

    def record(self, key: Key, old: Row | None) -> None:
        """The item was `old` until this operation."""
        self._changes.append(Change(self._operation, key, old))

    def before(self, random: Random) -> dict[Key, Row | None]:
        """What the changed items were at a random moment of the last operations; other items are as they are."""
        moment = self._operation - random.randint(0, self._depth)
        earlier: dict[Key, Row | None] = {}
        for change in self._changes:
            if change.operation > moment:
                earlier.setdefault(change.key, change.old)
        return earlier
