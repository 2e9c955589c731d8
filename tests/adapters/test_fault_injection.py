"""The local table at its worst: it lags, cuts pages and says no, and still never breaks a promise of the port."""

from __future__ import annotations

import random
from typing import Any

import pytest

from shared.adapters.local.fault_injection import FaultInjection
from shared.adapters.local.sqlite_table import SqliteTable
from shared.domain.errors import Busy, Conflict
from shared.ports import DueRow, Key, Page, Put, Update, absent, equals
from tests.adapters.conftest import NOW, HandClock

CALM = {"busy": 0.0, "short_pages": 0.0, "stale_reads": 0.0, "lag": 0}


def make(clock: HandClock, seed: int = 1, **rates: Any) -> SqliteTable:
    return SqliteTable(clock=clock, faults=FaultInjection(random.Random(seed), **{**CALM, **rates}))


def item(key: Key, **attributes: Any) -> dict[str, Any]:
    return {"pk": key.pk, "sk": key.sk, **attributes}


def insist(table: SqliteTable, put: Put) -> None:
    """Busy means: the same call may be repeated."""
    while True:
        try:
            table.write(put)
        except Busy:
            continue
        return


KEY = Key("C#1", "P")


def test_calm_hostility_is_no_hostility(clock: HandClock) -> None:
    table = make(clock)
    for n in range(50):
        table.write(Put(item(Key("C", f"{n:02}"), due="timer#0", due_at=f"{n:02}")))
        assert table.get(Key("C", f"{n:02}"), consistent=False) is not None
    assert len(table.query("C", consistent=False).items) == 50
    assert [row.due_at for row in table.due("timer#0", "99")] == [f"{n:02}" for n in range(50)]


def test_a_busy_table_has_done_nothing(clock: HandClock) -> None:
    table = make(clock, busy=0.3)
    refused = 0
    for n in range(200):
        key = Key("C", str(n))
        try:
            table.write(Put(item(key), (absent(),)), Put(item(Key("D", str(n)))))
        except Busy:
            refused += 1
            assert table.get(key) is None
            assert table.get(Key("D", str(n))) is None
        else:
            assert table.get(key) is not None
    assert 30 < refused < 90


def test_reads_can_be_throttled(clock: HandClock) -> None:
    table = make(clock, busy_reads=1.0)
    for read in (
        lambda: table.get(KEY),
        lambda: table.batch_get([KEY]),
        lambda: table.query("C"),
        lambda: table.due("timer#0", "9"),
    ):
        with pytest.raises(Busy):
            read()


def test_a_lost_answer_comes_after_the_deed(clock: HandClock) -> None:
    table = make(clock, lost_answers=1.0)
    with pytest.raises(Busy):
        table.write(Put(item(KEY, n=1), (absent(),)))
    assert table.get(KEY) == item(KEY, n=1)
    with pytest.raises(Conflict):
        table.write(Put(item(KEY, n=2), (absent(),)))


def test_short_pages_still_join_without_gap_or_repetition(clock: HandClock) -> None:
    table = make(clock, short_pages=0.7)
    expected = [f"{n:02}" for n in range(60)]
    table.write(*(Put(item(Key("C", sk))) for sk in expected))
    for descending in (False, True):
        found: list[str] = []
        lengths = set()
        page = Page([], None)
        while page.next is not None or not found:
            page = table.query("C", start=page.next, descending=descending, limit=20)
            found += [row["sk"] for row in page.items]
            lengths.add(len(page.items))
        assert found == (expected[::-1] if descending else expected)
        assert min(lengths) < 20
        assert max(lengths) <= 20


def test_an_eventually_consistent_read_may_show_the_past_but_only_the_recent_one(clock: HandClock) -> None:
    table = make(clock, stale_reads=1.0, lag=4)
    shown = set()
    for n in range(60):
        table.write(Put(item(KEY, n=n)))
        read = table.get(KEY, consistent=False)
        behind = n - (read["n"] if read else -1)
        assert 0 <= behind <= 4
        shown.add(behind)
        assert table.get(KEY) == item(KEY, n=n)
    assert len(shown) > 1
    for _ in range(4):
        table.get(KEY)
    assert table.get(KEY, consistent=False) == item(KEY, n=59)


def test_a_stale_query_shows_one_moment_of_the_past(clock: HandClock) -> None:
    table = make(clock, stale_reads=1.0, lag=5)
    table.write(*(Put(item(Key("C", sk), n=0)) for sk in "abcd"))
    stale = 0
    for n in range(1, 40):
        table.write(*(Update(Key("C", sk), set={("n",): n}) for sk in "abcd"))
        page = table.query("C", consistent=False, low="b", high="d", descending=True)
        assert [row["sk"] for row in page.items] in (["d", "c", "b"], [])
        assert len({row["n"] for row in page.items}) <= 1
        stale += any(row["n"] != n for row in page.items)
        assert [row["n"] for row in table.query("C", low="b", high="d").items] == [n, n, n]
        found = table.batch_get([Key("C", "a"), Key("C", "b")], consistent=False)
        assert len({row["n"] for row in found.values()}) <= 1
    assert stale > 5


def test_the_due_index_lags_in_both_directions_and_catches_up(clock: HandClock) -> None:
    table = make(clock, lag=5)
    missing = ghosts = 0
    for n in range(80):
        key = Key("R", f"{n:02}")
        table.write(Put(item(key, due="timer#0", due_at=f"1{n:02}")))
        missing += DueRow(key, f"1{n:02}") not in table.due("timer#0", "1~")
        table.write(Update(key, set={("due_at",): f"2{n:02}"}, when=(equals(("due_at",), f"1{n:02}"),)))
        ghosts += DueRow(key, f"1{n:02}") in table.due("timer#0", "1~")
    assert missing > 5
    assert ghosts > 5
    # Reads count, too: an index that nobody writes to catches up.
    for _ in range(5):
        table.due("timer#0", "1~")
    assert table.due("timer#0", "1~") == []
    assert [row.due_at for row in table.due("timer#0", "2~", limit=3)] == ["200", "201", "202"]


def test_a_sweep_that_claims_what_it_saw_works_every_row_once(clock: HandClock) -> None:
    """The due index protocol of the design, against lag, refusals, short answers and lost answers at once."""
    table = make(clock, lag=8, busy=0.2, short_pages=0.5, lost_answers=0.1)
    keys = [Key("R", f"{n:03}") for n in range(100)]
    for key in keys:
        insist(table, Put(item(key, due="timer#0", due_at="2026-01", worked=0)))
    for _ in range(2000):
        rows = table.due("timer#0", "2026-01", limit=10)
        for row in rows:
            try:
                table.write(
                    Update(
                        row.key,
                        set={("due_at",): "2026-02"},
                        add={("worked",): 1},
                        when=(equals(("due_at",), row.due_at),),
                    )
                )
            except (Busy, Conflict):
                continue
        if table.next_due(["timer#0"]) == "2026-02":
            break
    assert [row["worked"] for row in table.batch_get(keys).values()] == [1] * 100


def test_items_stay_a_while_after_their_ttl(clock: HandClock) -> None:
    table = make(clock, expiry_lag_seconds=3600)
    table.write(Put(item(KEY, ttl=int(NOW.timestamp()))))
    clock.forward(seconds=3600)
    assert table.get(KEY) is not None
    clock.forward(seconds=1)
    assert table.get(KEY) is None


def test_a_seed_repeats_a_run(clock: HandClock) -> None:
    def run(seed: int) -> list[Any]:
        table = make(clock, seed, busy=0.2, short_pages=0.5, stale_reads=0.5, lag=5)
        log: list[Any] = []
        for n in range(60):
            try:
                table.write(Put(item(Key("C", f"{n % 7}"), n=n, due="timer#0", due_at=f"{n:02}")))
            except Busy:
                log.append("busy")
            log += [table.query("C", consistent=False), table.due("timer#0", "99")]
        return log

    assert run(1) == run(1)
    assert run(1) != run(2)
