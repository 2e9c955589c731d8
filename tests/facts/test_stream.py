"""X21, K18: what the table's stream adds to counters, however often, late or broken its batches come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.local.folder_store import FolderStore
from shared.adapters.local.sqlite_table import SqliteTable
from shared.domain.customers.profile import new_profile
from shared.domain.errors import Busy, Conflict
from shared.domain.facts.spans import SPANS_KEPT, Span, covered, with_span
from shared.domain.vietnam_time import stamp
from shared.ports import Action, Item, Key, Update
from shared.repositories import table_keys
from shared.repositories.item_facts import Change, ItemFacts
from shared.repositories.news import NEWS
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime.playbook.rules import rules
from shared.runtime.playbook.tickets import ticket_rules
from shared.use_cases.facts.apply_changes import StreamReader
from tests.support.max_examples import max_examples

NOW = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
SHARD = "shardId-1"
ROWS = [Key("DAY#2026-12-01", f"Q{number}|store|") for number in range(5)]


class Crash(Exception):
    """The function died here."""


class Crashing:
    """A table or a store whose writes die at random, before or after they were done."""

    def __init__(self, inner: Any, random: Random, rate: float) -> None:
        self._inner, self._random, self._rate = inner, random, rate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def write(self, *actions: Action) -> Item | None:
        return self._maybe(lambda: self._inner.write(*actions))  # type: ignore[no-any-return]

    def put(self, *given: Any, **named: Any) -> Any:
        return self._maybe(lambda: self._inner.put(*given, **named))

    def _maybe(self, do: Callable[[], Any]) -> Any:
        if self._random.random() < self._rate:
            raise Crash
        done = do()
        if self._random.random() < self._rate:
            raise Crash
        return done


class House:
    """A table that keeps its changes, a lake, and what the counters should come to."""

    def __init__(self) -> None:
        self.table = SqliteTable(clock=lambda: NOW, capture=table_keys.is_streamed)
        self.lake = FolderStore()
        self.expected: Counter[tuple[Key, str]] = Counter()

    def commit(self, customer: str, *counted: tuple[Key, str, int]) -> None:
        uow = UnitOfWork(self.table)
        key = table_keys.profile(customer)
        profile = uow.get(key) or new_profile(customer, stamp(NOW))
        uow.put(key, {**profile, "met": profile.get("met", 0) + 1})
        for row, name, amount in counted:
            uow.count(row, **{name: amount})
            self.expected[row, name] += amount
        uow.commit()

    def changes(self) -> list[Change]:
        return [
            Change(record.key, record.old, record.new, stamp(datetime.fromtimestamp(record.at, UTC)), str(record.seq))
            for record in self.table.read_changes(limit=10_000)
        ]

    def reader(self, table: Any = None, lake: Any = None) -> StreamReader:
        facts = ItemFacts(rules().orders, ticket_rules(), frozenset(), 5, lambda _: {})
        return StreamReader(table or self.table, lake or self.lake, facts, NOW, self._failed)

    def _failed(self, change: Change, error: Exception) -> None:
        raise AssertionError(f"{change.key}: {error}")

    def counted(self) -> Counter[tuple[Key, str]]:
        found: Counter[tuple[Key, str]] = Counter()
        for row in ROWS:
            for name, number in (self.table.get(row) or {}).items():
                if name not in ("pk", "sk"):
                    found[row, name] = number
        return found


def batches_of(changes: Sequence[Change], sizes: Sequence[int]) -> list[list[Change]]:
    found, at = [], 0
    while at < len(changes):
        size = sizes[len(found) % len(sizes)]
        found.append(list(changes[at : at + size]))
        at += size
    return found


counts = st.tuples(st.sampled_from(ROWS), st.sampled_from(("orders", "kept")), st.integers(-3, 9))
commits = st.lists(st.tuples(st.sampled_from("abc"), st.lists(counts, max_size=3)), min_size=1, max_size=30)


@max_examples(60)
@given(made=commits, sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4), seed=st.integers(0, 9999))
def test_x21_doubled_shuffled_and_crashing_batches_add_up_to_the_same(
    made: list[tuple[str, list[tuple[Key, str, int]]]], sizes: list[int], seed: int
):
    house, random = House(), Random(seed)
    for customer, counted in made:
        house.commit(customer, *counted)
    batches = batches_of(house.changes(), sizes)
    # As far out of order as a shard's progress tells apart, and each up to three times.
    late = [batches[at : at + SPANS_KEPT] for at in range(0, len(batches), SPANS_KEPT)]
    for window in late:
        deliveries = [batch for batch in window for _ in range(random.randint(1, 3))]
        random.shuffle(deliveries)
        for batch in deliveries:
            reader = house.reader(Crashing(house.table, random, 0.2), Crashing(house.lake, random, 0.1))
            while True:
                try:
                    reader.apply(SHARD, batch)
                except (Crash, Busy):
                    continue
                break
    assert {k: n for k, n in house.counted().items() if n} == {k: n for k, n in house.expected.items() if n}
    assert house.reader().apply(SHARD, house.changes()).added == 0


def test_x21_a_batch_that_comes_again_in_other_parts_counts_once():
    house = House()
    for _ in range(9):
        house.commit("a", (ROWS[0], "orders", 1))
    changes = house.changes()

    for part in (changes[:4], changes[2:7], changes, changes[6:]):
        house.reader().apply(SHARD, part)

    assert house.counted() == {(ROWS[0], "orders"): 9}


def test_x21_one_commit_that_counts_on_more_rows_than_a_transaction_holds_counts_once():
    house, rows = House(), [Key(f"PAIRS#{number}", "N") for number in range(230)]
    for crashes in range(1, 8):
        house.commit("a", *((row, "orders", 1) for row in rows))
        changes, random = house.changes(), Random(crashes)
        reader = house.reader(Crashing(house.table, random, 0.4))
        while True:
            try:
                reader.apply(SHARD, changes)
            except Crash:
                continue
            break
        assert {(house.table.get(row) or {}).get("orders") for row in rows} == {crashes}


def test_x21_a_later_write_of_another_kind_does_not_tell_the_news_again():
    house = House()
    house.commit("a", (ROWS[0], "orders", 1))
    profile = table_keys.profile("a")
    house.table.write(Update(profile, set={("due_at",): "2026-12-02T00:00:00.000Z"}))
    house.table.write(Update(profile, set={("seen",): 1}, add={("version",): 1}))
    house.commit("a")

    house.reader().apply(SHARD, house.changes())

    assert house.counted() == {(ROWS[0], "orders"): 1}
    assert NEWS not in (house.table.get(profile) or {})


def test_x21_what_is_read_and_not_changed_carries_the_news_where_nothing_else_is_written():
    house = House()
    house.commit("a")
    uow = UnitOfWork(house.table)
    uow.get(table_keys.profile("a"))
    uow.count(ROWS[1], orders=1)
    uow.commit()

    house.reader().apply(SHARD, house.changes())

    assert house.counted() == {(ROWS[1], "orders"): 1}


def test_a_commit_without_anything_that_the_stream_reads_may_not_count():
    uow = UnitOfWork(House().table)
    uow.mark(Key("SHELF#a", "b"), {})
    uow.count(ROWS[0], orders=1)

    with pytest.raises(ValueError, match="nothing of this commit"):
        uow.commit()


def test_one_change_that_cannot_be_read_is_kept_and_holds_nobody():
    house = House()
    house.commit("a", (ROWS[0], "orders", 1))
    house.commit("b", (ROWS[0], "orders", 1))
    changes = house.changes()
    broken = changes[0]._replace(new={**(changes[0].new or {}), "created_at": None})
    told: list[str] = []
    reader = house.reader()
    reader = StreamReader(house.table, house.lake, reader.facts, NOW, lambda change, _: told.append(change.seq))

    done = reader.apply(SHARD, [broken, changes[1]])

    assert (done.failed, told) == (1, [broken.seq])
    assert house.counted() == {(ROWS[0], "orders"): 2}
    assert house.lake.list("failed/").names == [f"failed/facts/{SHARD}-{broken.seq}.json"]
    assert len(house.lake.list("facts/customer/").names) == 1


def test_two_readers_of_one_shard_count_once():
    house = House()
    house.commit("a", (ROWS[0], "orders", 1))
    changes = house.changes()

    class Raced:
        """Another reader is faster between the read of the progress and the write."""

        def __init__(self) -> None:
            self.raced = False

        def __getattr__(self, name: str) -> Any:
            return getattr(house.table, name)

        def write(self, *actions: Action) -> Item | None:
            if not self.raced:
                self.raced = True
                house.reader().apply(SHARD, changes)
            return house.table.write(*actions)

    assert house.reader(Raced()).apply(SHARD, changes).added == 0
    assert house.counted() == {(ROWS[0], "orders"): 1}


def test_counters_that_stay_busy_leave_the_batch_for_another_try():
    house = House()
    house.commit("a", (ROWS[0], "orders", 1))

    class Taken:
        def __getattr__(self, name: str) -> Any:
            return getattr(house.table, name)

        def write(self, *_: Action) -> Item | None:
            raise Conflict("a row is taken")

    with pytest.raises(Busy):
        house.reader(Taken()).apply(SHARD, house.changes())
    assert house.reader().apply(SHARD, house.changes()).added == 1


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 5)), max_size=60))
def test_spans_cover_all_that_was_read_and_stay_short(read: list[tuple[int, int]]):
    spans: list[Span] = []
    for first, more in read:
        spans = with_span(spans, Span(first, first + more))
        assert len(spans) <= SPANS_KEPT
        assert spans == sorted(spans)
        assert all(one.last + 1 < other.first for one, other in pairwise(spans))
    assert all(covered(spans, number) for first, more in read for number in (first, first + more))
