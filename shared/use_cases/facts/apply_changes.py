"""Read a batch of the table's stream: add its news to the counters, once, and write its facts into the lake (X21).

Lambda delivers the records of a shard in order, but a batch may come again, in part or as a whole, and a failed one is
replayed later. So what was read of a shard is written in the same transactions as the counters: as spans of sequence
numbers, so that a batch that comes late, after its successors, still counts. Facts need no such memory: readers of the
lake take the greatest version of each, and the same batch writes the same objects.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from shared.domain.errors import Busy, Conflict
from shared.domain.facts.spans import Span, covered, with_span
from shared.ports import Action, Item, Key, ObjectStore, Put, Table, Update, absent, equals
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
        key = table_keys.stream_progress(shard)
        for lost in range(1, ATTEMPTS + 1):
            before = self.table.get(key)
            seen = [Span(*span) for span in (before or {}).get("seen", ())]
            todo = [change for change in changes if not covered(seen, int(change.seq))]
            if not todo:
                return 0
            try:
                return self._add_all(key, before, seen, todo)
            except (Conflict, Busy):
                # Another reader of the shard was faster, or one of another shard was at the same counters.
                if not self.table.pause(lost):
                    break
        raise Busy("the counters are busy")

    def _add_all(self, key: Key, before: Item | None, seen: list[Span], todo: Sequence[Change]) -> int:
        done = 0
        for chunk in _chunks(todo):
            seen = with_span(seen, Span(int(chunk[0][0].seq), int(chunk[-1][0].seq)))
            version = before["version"] if before else 0
            after: Item = {
                "pk": key.pk, "sk": key.sk, "version": version + 1, "seen": [list(span) for span in seen],
                "read_to": chunk[-1][0].at, "ttl": int((self.now + PROGRESS_KEPT).timestamp()),
            }  # fmt: skip
            when = (equals(("version",), version),) if before else (absent(),)
            self.table.write(Put(after, when), *_updates(news for _, found in chunk for news in found))
            before = after
            done += len(chunk)
        return done


def _chunks(changes: Sequence[Change]) -> list[list[tuple[Change, list[Addition]]]]:
    """The records with their additions, parted so that each part fits one transaction."""
    chunks: list[list[tuple[Change, list[Addition]]]] = [[]]
    rows: set[Key] = set()
    for change in changes:
        found = additions(change.old, change.new)
        wanted = {news.key for news in found}
        if len(rows | wanted) > ROWS_AT_ONCE and chunks[-1]:
            chunks.append([])
            rows = set()
        rows |= wanted
        chunks[-1].append((change, found))
    return chunks


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
