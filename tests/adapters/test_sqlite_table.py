"""What only the local table does: forgetting by `ttl`, looking ahead, capturing changes, and sharing its file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.local.sqlite_store import SqliteStore
from shared.adapters.local.sqlite_table import SqliteTable, StreamRecord
from shared.domain.errors import Conflict
from shared.ports import Check, Delete, Key, Put, Update, absent, equals, present
from tests.adapters.conftest import NOW, HandClock

KEY = Key("C#1", "P")
REPO = Path(__file__).parents[2]


def item(key: Key = KEY, **attributes: Any) -> dict[str, Any]:
    return {"pk": key.pk, "sk": key.sk, **attributes}


# Forgetting

TTL = int(NOW.timestamp()) + 60


def test_an_item_past_its_ttl_is_gone_for_every_reader(local_table: SqliteTable, clock: HandClock) -> None:
    local_table.write(Put(item(ttl=TTL, due="timer#0", due_at="2026")))
    clock.forward(seconds=60)
    assert local_table.get(KEY) is not None
    clock.forward(seconds=1)
    assert local_table.get(KEY) is None
    assert local_table.batch_get([KEY]) == {}
    assert local_table.query("C#1").items == []
    assert local_table.due("timer#0", "2027") == []
    assert local_table.next_due(["timer#"]) is None


def test_an_item_past_its_ttl_is_gone_for_writers_too(local_table: SqliteTable, clock: HandClock) -> None:
    local_table.write(Put(item(count=5, ttl=TTL)))
    clock.forward(seconds=61)
    with pytest.raises(Conflict):
        local_table.write(Check(KEY, (present(),)))
    assert local_table.write(Update(KEY, add={("count",): 1}, when=(absent(),))) == item(count=1)
    assert local_table.get(KEY) == item(count=1)


def test_a_page_is_not_shortened_by_what_is_gone(local_table: SqliteTable, clock: HandClock) -> None:
    for sk in "abcdef":
        local_table.write(Put(item(Key("C#1", sk), **({"ttl": TTL} if sk in "abd" else {}))))
    clock.forward(seconds=61)
    assert [row["sk"] for row in local_table.query("C#1", limit=2).items] == ["c", "e"]


@pytest.mark.parametrize("ttl", [None, "soon", True])
def test_a_ttl_that_is_no_number_is_ignored(local_table: SqliteTable, clock: HandClock, ttl: Any) -> None:
    local_table.write(Put(item(ttl=ttl)))
    clock.forward(days=3650)
    assert local_table.get(KEY) == item(ttl=ttl)


def test_expired_items_are_taken_out_of_the_file(clock: HandClock) -> None:
    table = SqliteTable(clock=clock, capture=lambda _: True)
    table.write(*(Put(item(Key("C#1", str(n)), ttl=TTL + n)) for n in range(5)))
    table.forget_changes(5)
    clock.forward(seconds=63)
    assert table.remove_expired(limit=2) == 2
    assert table.remove_expired() == 1
    assert table.remove_expired() == 0
    assert [row["sk"] for row in table.query("C#1").items] == ["3", "4"]
    assert [(record.key.sk, record.new) for record in table.read_changes()] == [("0", None), ("1", None), ("2", None)]


# Looking ahead


def test_next_due_is_the_earliest_of_the_lanes_asked_for(local_table: SqliteTable) -> None:
    assert local_table.next_due(["timer#", "lifecycle#"]) is None
    rows = [("timer#0", "2026-05"), ("timer#0", "2026-03"), ("timer#3", "2026-02"), ("lifecycle#0", "2026-01")]
    local_table.write(*(Put(item(Key(lane, at), due=lane, due_at=at)) for lane, at in rows))
    assert local_table.next_due(["timer#"]) == "2026-02"
    assert local_table.next_due(["timer#", "lifecycle#"]) == "2026-01"
    assert local_table.next_due(["timer#0"]) == "2026-03"
    assert local_table.next_due(["tim", "zzz"]) == "2026-02"
    assert local_table.next_due(["a", "zzz"]) is None


# Capturing changes


def test_captured_changes_tell_before_and_after_in_order(clock: HandClock) -> None:
    table = SqliteTable(clock=clock, capture=lambda _: True)
    other = Key("C#2", "P")
    table.write(Put(item(n=1)))
    table.write(Update(KEY, add={("n",): 1}), Put(item(other)))
    table.write(Delete(KEY), Check(other, (present(),)))
    at = int(clock().timestamp())
    assert table.read_changes() == [
        StreamRecord(1, at, KEY, None, item(n=1)),
        StreamRecord(2, at, KEY, item(n=1), item(n=2)),
        StreamRecord(3, at, other, None, item(other)),
        StreamRecord(4, at, KEY, item(n=2), None),
    ]
    assert [record.seq for record in table.read_changes(after=1, limit=2)] == [2, 3]
    table.forget_changes(3)
    assert [record.seq for record in table.read_changes()] == [4]
    table.forget_changes(4)
    table.write(Put(item(n=9)))
    assert [record.seq for record in table.read_changes(after=4)] == [5]


def test_what_changed_nothing_is_no_change(clock: HandClock) -> None:
    table = SqliteTable(clock=clock, capture=lambda _: True)
    table.write(Put(item(n=1)))
    table.write(Put(item(n=1)))
    table.write(Delete(Key("C#2", "P")))
    with pytest.raises(Conflict):
        table.write(Put(item(n=2)), Put(item(Key("C#2", "P")), (present(),)))
    assert len(table.read_changes()) == 1


def test_nothing_is_captured_unless_asked(local_table: SqliteTable) -> None:
    local_table.write(Put(item()))
    assert local_table.read_changes() == []


# Sharing


def test_threads_share_a_table_without_losing_a_count(local_table: SqliteTable) -> None:
    local_table.write(Put(item(count=0)))

    def work() -> None:
        for n in range(200):
            if n % 2:
                local_table.write(Update(KEY, add={("count",): 1}))
            else:
                read = local_table.get(KEY)
                assert read is not None
                assert local_table.query("C#1").items[0]["count"] >= read["count"]

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert local_table.get(KEY) == item(count=400)


def run_python(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments], cwd=REPO, stdout=subprocess.PIPE, text=True, env={**os.environ}
    )


COUNT = """
import sys
from datetime import UTC, datetime
from shared.adapters.local.sqlite_table import SqliteTable
from shared.domain.errors import Conflict
from shared.ports import Key, Put, Update, equals
table = SqliteTable(sys.argv[1], clock=lambda: datetime(2026, 11, 21, tzinfo=UTC))
for n in range(100):
    table.write(Update(Key("C#1", "P"), add={("count",): 1}), Put({"pk": sys.argv[2], "sk": str(n)}))
"""


def test_processes_share_a_file_without_losing_a_count(tmp_path: Path, clock: HandClock) -> None:
    path = tmp_path / "shop.db"
    processes = [run_python(COUNT, str(path), name) for name in "abc"]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    table = SqliteTable(path, clock=clock)
    assert table.get(KEY) == item(count=300)
    assert [len(table.query(name).items) for name in "abc"] == [100, 100, 100]


def test_a_table_is_there_again_when_its_file_is_opened_again(tmp_path: Path, clock: HandClock) -> None:
    store = SqliteStore(tmp_path / "shop.db")
    SqliteTable(store, clock=clock).write(Put(item(n=1)))
    store.close()
    assert SqliteTable(tmp_path / "shop.db", clock=clock).get(KEY) == item(n=1)


WRITE_WITHOUT_END = """
import sys
from datetime import UTC, datetime
from shared.adapters.local.sqlite_table import SqliteTable
from shared.ports import Key, Put, Update
table = SqliteTable(sys.argv[1], clock=lambda: datetime(2026, 11, 21, tzinfo=UTC))
n = 0
while True:
    table.write(
        Update(Key("C#1", "count"), set={("n",): n}),
        *(Put({"pk": "C#1", "sk": f"{part}#{n:06}", "pad": "x" * 500}) for part in "abcd"),
        Put({"pk": "C#1", "sk": "last", "n": n}),
    )
    print(n, flush=True)
    n += 1
"""


@pytest.mark.parametrize("acknowledged", [1, 37, 150])
def test_a_killed_process_loses_nothing_it_acknowledged_and_leaves_no_half_transaction(
    tmp_path: Path, clock: HandClock, acknowledged: int
) -> None:
    path = tmp_path / "shop.db"
    process = run_python(WRITE_WITHOUT_END, str(path))
    assert process.stdout is not None
    for _ in range(acknowledged):
        assert process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    last = max([acknowledged - 1, *map(int, process.stdout.read().split("\n")[:-1])])
    assert process.wait(10) == -signal.SIGKILL

    table = SqliteTable(path, clock=clock)
    count, tail = table.get(Key("C#1", "count")), table.get(Key("C#1", "last"))
    assert count is not None
    assert tail is not None
    # The transaction under way at the kill may have been committed just before its acknowledgement.
    assert last <= count["n"] == tail["n"] <= last + 1
    for part in "abcd":
        rows = table.query("C#1", low=f"{part}#", high=f"{part}#~").items
        assert [row["sk"] for row in rows] == [f"{part}#{n:06}" for n in range(count["n"] + 1)]
    table.write(Update(Key("C#1", "count"), add={("n",): 1}, when=(equals(("n",), count["n"]),)))
