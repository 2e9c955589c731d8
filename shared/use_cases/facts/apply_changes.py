"""Read a batch of the table's stream: add its news to the counters, once, and write its facts into the lake (X21).

Lambda delivers the records of a shard in order, but a batch may come again, in part or as a whole, and a failed one is
replayed later. So what was read of a shard is written in the same transactions as the counters: as spans of sequence
numbers, so that a batch that comes late, after its successors, still counts. Facts need no such memory: readers of the
lake take the greatest version of each, and the same batch writes the same objects.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from shared.domain.errors import Busy, Conflict
from shared.domain.facts.spans import Span, covered, with_span
from shared.ports import Action, Clause, Item, Key, ObjectStore, Put, Table, Update, absent, equals
from shared.repositories import table_keys
from shared.repositories.item_facts import Change, Fact, ItemFacts
from shared.repositories.news import Addition, additions
from shared.use_cases.facts.write_facts import check, write

# A transaction takes 100 actions: the counters of some records and the progress of the shard.
ROWS_AT_ONCE = 90
PROGRESS_KEPT = timedelta(days=7)
# Shards of the table that meet on one counter row get out of each other's way.
ATTEMPTS = 12


class Outcome(NamedTuple):
    """What a batch came to: records whose news were added now, facts written, records that cannot be read."""

    added: int
    facts: int
    failed: int


@dataclass(frozen=True)
class StreamReader:
    """Applies batches of one table's stream."""

    table: Table
    lake: ObjectStore
    facts: ItemFacts
    now: datetime
    on_failed: Callable[[Change, Exception], None]

    def apply(self, shard: str, changes: Sequence[Change]) -> Outcome:
        """Apply a batch of a shard. A record that cannot be read is kept under `failed/` with its reason and reported;
        raises Busy when nothing is lost and the batch is to be tried again."""
        if not changes:
            return Outcome(0, 0, 0)
        source = f"{shard}-{changes[0].seq}-{changes[-1].seq}"
        # Of the states that an item passes through in one batch the last one is told.
        facts: dict[tuple[str, str], Fact] = {}
        failed = 0
        for change in changes:
            try:
                facts |= {(fact["kind"], fact["fact_id"]): fact for fact in self._facts(change)}
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                failed += 1
                self._keep_failed(shard, change, error)
        write(self.lake, facts.values(), source)
        return Outcome(self._add(shard, changes), len(facts), failed)

    def _facts(self, change: Change) -> list[Fact]:
        found = self.facts.of(change)
        for fact in found:
            check(fact)
        return found

    def _keep_failed(self, shard: str, change: Change, error: Exception) -> None:
        document = {**change._asdict(), "key": list(change.key), "reason": f"{type(error).__name__}: {error}"}
        self.lake.put(f"failed/facts/{shard}-{change.seq}.json", json.dumps(document, ensure_ascii=False).encode())
        self.on_failed(change, error)

    # ---- counters ----

    def _add(self, shard: str, changes: Sequence[Change]) -> int:
        """Add the news of the records that were not added yet; how many those were."""
        for lost in range(1, ATTEMPTS + 1):
            progress = _Progress.read(self.table, shard)
            todo = [change for change in changes if not covered(progress.seen, int(change.seq))]
            if not todo:
                return 0
            try:
                for part in _parts(todo, progress):
                    progress = progress.after(part)
                    put = Put(progress.item(self.now), progress.when)
                    self.table.write(put, *_updates(part.additions))
                return len(todo)
            except (Conflict, Busy):
                # Another reader of the shard was faster, or one of another shard was at the same counters.
                if not self.table.pause(lost):
                    break
        raise Busy("the counters are busy")


class _Part(NamedTuple):
    """What one transaction adds: the news of whole records, or `rows` more of the news of a large one."""

    changes: list[Change]
    additions: list[Addition]
    rows: int = 0
    ends: bool = True


@dataclass(frozen=True)
class _Progress:
    """What was read of a shard: spans of whole records, and how many additions of `partly`, a record with many."""

    key: Key
    version: int
    seen: tuple[Span, ...]
    partly: tuple[int, int] = (0, 0)
    read_to: str = ""

    @classmethod
    def read(cls, table: Table, shard: str) -> _Progress:
        key = table_keys.stream_progress(shard)
        item = table.get(key)
        if item is None:
            return cls(key, 0, ())
        seq, rows = item.get("partly", (0, 0))
        return cls(key, item["version"], tuple(Span(*span) for span in item["seen"]), (seq, rows), item["read_to"])

    @property
    def when(self) -> tuple[Clause, ...]:
        """Nobody else has moved it since it was read."""
        return (equals(("version",), self.version - 1),) if self.version > 1 else (absent(),)

    def after(self, part: _Part) -> _Progress:
        first, last = int(part.changes[0].seq), int(part.changes[-1].seq)
        done = with_span(self.seen, Span(first, last)) if part.ends else self.seen
        rows = 0 if part.ends else part.rows
        read_to = max(self.read_to, part.changes[-1].at)
        return _Progress(self.key, self.version + 1, tuple(done), (last if rows else 0, rows), read_to)

    def item(self, now: datetime) -> Item:
        return {
            "pk": self.key.pk, "sk": self.key.sk, "version": self.version, "seen": [list(span) for span in self.seen],
            "read_to": self.read_to, "ttl": int((now + PROGRESS_KEPT).timestamp()),
            **({"partly": list(self.partly)} if self.partly[1] else {}),
        }  # fmt: skip


def _parts(changes: Sequence[Change], progress: _Progress) -> Iterator[_Part]:
    """The records with their news, parted so that each part fits one transaction."""
    together: list[Change] = []
    news: list[Addition] = []
    for change in changes:
        found = additions(change.old, change.new)
        if together and len({one.key for one in (*news, *found)}) > ROWS_AT_ONCE:
            yield _Part(together, news)
            together, news = [], []
        if len(found) > ROWS_AT_ONCE:
            done = progress.partly[1] if progress.partly[0] == int(change.seq) else 0
            for at in range(done, len(found), ROWS_AT_ONCE):
                to = at + ROWS_AT_ONCE
                yield _Part([change], found[at:to], rows=to, ends=to >= len(found))
        else:
            together, news = [*together, change], [*news, *found]
    if together:
        yield _Part(together, news)


def _updates(news: Iterable[Addition]) -> list[Action]:
    """One update per counter row."""
    add: dict[Key, dict[tuple[str, ...], int]] = {}
    values: dict[Key, dict[tuple[str, ...], Any]] = {}
    for key, amounts, described in news:
        counter = add.setdefault(key, {})
        for name, amount in amounts.items():
            counter[(name,)] = counter.get((name,), 0) + amount
        values.setdefault(key, {}).update({(name,): value for name, value in described.items()})
    return [
        Update(key, add={path: amount for path, amount in counter.items() if amount}, set=values[key])
        for key, counter in add.items()
        if any(counter.values())
    ]
