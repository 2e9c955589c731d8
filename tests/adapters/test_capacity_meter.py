"""The meter against the examples of AWS's own documentation, and against what the local table does."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from shared.adapters.local.capacity_meter import (
    Meter,
    entry_size,
    index_units,
    item_size,
    number_size,
    queue_requests,
    read_units,
    write_units,
)
from shared.adapters.local.sqlite_table import SqliteTable
from shared.domain.errors import Conflict
from shared.ports import Check, Delete, Key, Put, Update, absent, equals
from tests.adapters.conftest import HandClock

KB = 1024

# Item sizes and formats


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("abc", 3),
        ("", 0),
        ("ạ", 3),
        ("🎂", 4),
        (True, 1),
        (None, 1),
        ([], 3),
        ({}, 3),
        (["ab", "c"], 3 + (1 + 2) + (1 + 1)),
        ({"ab": "c"}, 3 + (1 + 2 + 1)),
        ({"a": {"b": [True]}}, 3 + (1 + 1 + (3 + (1 + 1 + (3 + (1 + 1)))))),
    ],
)
def test_size_of_values(value: Any, size: int) -> None:
    assert item_size({"name": value}) == len("name") + size


@pytest.mark.parametrize(
    ("number", "size"),
    [(0, 1), (1, 2), (12, 2), (123, 3), (1234, 3), (100, 2), (12_500_000, 3), (-1234, 3), (1_234_567_890, 6)],
)
def test_a_number_costs_a_byte_per_two_significant_digits_and_one(number: int, size: int) -> None:
    assert number_size(number) == size
    assert item_size({"n": number}) == 1 + size


def test_attribute_names_count_in_utf8() -> None:
    assert item_size({"ngày": "x"}) == 5 + 1


@pytest.mark.parametrize("number", [10**38, -(10**38)])
def test_a_number_has_at_most_38_digits(number: int) -> None:
    assert item_size({"n": number - 1 if number > 0 else number + 1}) == 1 + 20
    with pytest.raises(ValueError, match=r"'n'.*38"):
        item_size({"n": number})


# Read and write operations


@pytest.mark.parametrize(
    ("size", "strong", "eventual", "transactional"),
    [
        # reading a 3,500-byte item consumes the same throughput as reading a 4 KB item
        (3500, 1, 0.5, 2),
        (4 * KB, 1, 0.5, 2),
        # an item of 8 KB needs 2 read units, 1 if eventually consistent, 4 in a transaction
        (8 * KB, 2, 1, 4),
        # if you read an item that is 3.5 KB, DynamoDB rounds to 4 KB; 10 KB, to 12 KB
        (3 * KB + 512, 1, 0.5, 2),
        (10 * KB, 3, 1.5, 6),
        # 10 items of 40.8 KB together are rounded up to 44 KB in one query
        (int(40.8 * KB), 11, 5.5, 22),
        # 1500 items of 64 bytes in one query are 96 KB
        (1500 * 64, 24, 12, 48),
        # a read of an item that does not exist still consumes the smallest amount
        (0, 1, 0.5, 2),
    ],
)
def test_reads_round_up_to_four_kilobytes(size: int, strong: float, eventual: float, transactional: float) -> None:
    assert read_units(size) == strong
    assert read_units(size, consistent=False) == eventual
    assert read_units(size, transactional=True) == transactional


@pytest.mark.parametrize(
    ("before", "after", "plain", "transactional"),
    [
        # item sizes for writes are rounded up to the next 1 KB: 500 bytes consumes the same as 1 KB
        (0, 500, 1, 2),
        (0, KB, 1, 2),
        # if your item size is 2 KB: 2 write units, 4 for a transactional write
        (0, 2 * KB, 2, 4),
        # UpdateItem and PutItem: the larger of the item sizes before and after
        (3 * KB, 100, 3, 6),
        (100, 3 * KB + 1, 4, 8),
        # Deleting what is not there, or a condition that fails where nothing is
        (0, 0, 1, 2),
    ],
)
def test_writes_round_up_to_one_kilobyte(before: int, after: int, plain: int, transactional: int) -> None:
    assert write_units(before, after) == plain
    assert write_units(before, after, transactional=True) == transactional


@pytest.mark.parametrize(
    ("before", "after", "moved", "units"),
    [
        # one write to put the item into the index, one … to delete it
        (0, 150, True, 1),
        (150, 0, True, 1),
        # changes the value of an indexed key attribute (from A to B): two writes
        (150, 150, True, 2),
        # no projected attribute changed: no write cost to the index
        (150, 150, False, 0),
        (0, 0, True, 0),
        (0, KB + 1, True, 2),
        (150, KB + 1, True, 3),
    ],
)
def test_the_due_index_costs_by_what_happens_to_the_entry(before: int, after: int, moved: bool, units: int) -> None:
    assert index_units(before, after, moved=moved) == units


def test_a_queue_request_is_billed_per_64_kb() -> None:
    assert [queue_requests(size) for size in (1, 64 * KB, 64 * KB + 1, 256 * KB)] == [1, 1, 2, 4]


# The meter


def test_use_is_booked_on_the_door_it_happens_in() -> None:
    meter = Meter()
    meter.table_read(1)
    with meter.door("events_api"):
        meter.queue_send(100)
        with meter.door("events_worker"):
            meter.table_read(0.5)
            meter.table_write(3)
        meter.object_moved(1234)
        meter.object_moved(6)
    nothing = dict.fromkeys(("requests", "read_units", "write_units", "queue_sends", "objects", "object_bytes"), 0)
    assert meter.report() == {
        "doors": {
            "events_api": {**nothing, "queue_sends": 1, "objects": 2, "object_bytes": 1240},
            "events_worker": {**nothing, "requests": 2, "read_units": 0.5, "write_units": 3},
            "house": {**nothing, "requests": 1, "read_units": 1},
        }
    }
    assert isinstance(meter.report()["doors"]["house"]["read_units"], int)
    meter.reset()
    assert meter.report() == {"doors": {}}


def test_threads_have_their_own_doors_and_lose_nothing() -> None:
    meter = Meter()

    def work(name: str) -> None:
        with meter.door(name):
            for _ in range(2000):
                meter.table_read(0.5)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcb"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    doors = meter.report()["doors"]
    assert {name: use["read_units"] for name, use in doors.items()} == {"a": 1000, "b": 2000, "c": 1000}


# What the local table books


class Metered:
    def __init__(self, clock: HandClock) -> None:
        self.meter = Meter()
        self.table = SqliteTable(clock=clock, meter=self.meter)

    def cost(self) -> tuple[float, float, float]:
        """Requests, read and write units since the last time."""
        use = self.meter.report()["doors"]["house"]
        self.meter.reset()
        return use["requests"], use["read_units"], use["write_units"]


@pytest.fixture
def metered(clock: HandClock) -> Metered:
    return Metered(clock)


def sized(sk: str, size: int, **more: Any) -> dict[str, Any]:
    """An item of exactly so many bytes."""
    item = {"pk": "C", "sk": sk, "pad": "", **more}
    return {**item, "pad": "x" * (size - item_size(item))}


def test_gets_cost_by_size_and_consistency(metered: Metered) -> None:
    metered.table.write(Put(sized("a", 3 * KB + 512)), Put(sized("b", 10 * KB)))
    assert metered.cost() == (1, 0, 2 * (4 + 10))
    metered.table.get(Key("C", "a"))
    assert metered.cost() == (1, 1, 0)
    metered.table.get(Key("C", "b"), consistent=False)
    assert metered.cost() == (1, 1.5, 0)
    metered.table.get(Key("C", "none"), consistent=False)
    assert metered.cost() == (1, 0.5, 0)


def test_a_batch_rounds_each_item_and_a_query_their_sum(metered: Metered) -> None:
    metered.table.write(Put(sized("a", KB + 512)), Put(sized("b", 6 * KB + 512)))
    metered.cost()
    # two items of 1.5 KB and 6.5 KB are calculated as 12 KB (4 + 8), not 8 KB
    metered.table.batch_get([Key("C", "a"), Key("C", "b")])
    assert metered.cost() == (1, 3, 0)
    metered.table.query("C")
    assert metered.cost() == (1, 2, 0)
    metered.table.query("C", consistent=False)
    assert metered.cost() == (1, 1, 0)
    metered.table.query("nobody")
    assert metered.cost() == (1, 1, 0)


def test_a_batch_is_a_request_per_hundred_keys(metered: Metered) -> None:
    metered.table.batch_get([Key("C", str(n)) for n in range(201)], consistent=False)
    assert metered.cost() == (3, 100.5, 0)
    metered.table.batch_get([])
    assert metered.meter.report() == {"doors": {}}


def test_writes_cost_by_the_larger_side(metered: Metered) -> None:
    metered.table.write(Put(sized("a", 3 * KB)))
    assert metered.cost() == (1, 0, 3)
    metered.table.write(Put(sized("a", 100)))
    assert metered.cost() == (1, 0, 3)
    metered.table.write(Update(Key("C", "a"), set={("pad",): "x" * 1500}))
    assert metered.cost() == (1, 0, 2)
    metered.table.write(Delete(Key("C", "a")))
    assert metered.cost() == (1, 0, 2)
    metered.table.write(Delete(Key("C", "a")))
    assert metered.cost() == (1, 0, 1)


def test_a_failed_condition_costs_the_item_as_it_stands(metered: Metered) -> None:
    metered.table.write(Put(sized("a", 3 * KB)))
    metered.cost()
    with pytest.raises(Conflict):
        metered.table.write(Put(sized("a", 10 * KB), (absent(),)))
    assert metered.cost() == (1, 0, 3)
    with pytest.raises(Conflict):
        metered.table.write(Put(sized("b", 10 * KB), (equals(("n",), 1),)))
    assert metered.cost() == (1, 0, 1)
    with pytest.raises(Conflict):
        metered.table.write(Put(sized("a", 10 * KB), (absent(),)), Put(sized("b", 10 * KB)))
    assert metered.cost() == (1, 0, 2 * (3 + 1))


def test_checks_in_a_transaction_cost_as_writes(metered: Metered) -> None:
    metered.table.write(Put(sized("a", 2 * KB)))
    metered.cost()
    metered.table.write(Check(Key("C", "a"), (equals(("sk",), "a"),)), Put(sized("b", 100)))
    assert metered.cost() == (1, 0, 2 * (2 + 1))
    metered.table.write(Check(Key("C", "a"), (equals(("sk",), "a"),)))
    assert metered.cost() == (1, 0, 4)


def test_due_rows_cost_when_they_come_move_and_go(metered: Metered) -> None:
    key = Key("C", "a")
    metered.table.write(Put(sized("a", 200, due="timer#0", due_at="2026-01")))
    assert metered.cost() == (1, 0, 1 + 1)
    metered.table.write(Update(key, add={("n",): 1}))
    assert metered.cost() == (1, 0, 1)
    metered.table.write(Update(key, set={("due_at",): "2026-02"}))
    assert metered.cost() == (1, 0, 1 + 2)
    metered.table.write(Update(key, set={("due",): "timer#1"}), Put(sized("b", 200)))
    assert metered.cost() == (1, 0, 2 * (1 + 1) + 2)
    metered.table.write(Update(key, remove=[("due",)]))
    assert metered.cost() == (1, 0, 1 + 1)
    metered.table.write(Update(key, set={("due",): "timer#1"}))
    metered.cost()
    metered.table.write(Delete(key))
    assert metered.cost() == (1, 0, 1 + 1)


def test_reading_the_due_index_costs_its_small_rows(metered: Metered) -> None:
    due_at = "2026-11-21T05:00:00.000Z"
    metered.table.write(*(Put(sized(f"{n:02}", 5 * KB, due="timer#0", due_at=due_at)) for n in range(100)))
    metered.cost()
    assert len(metered.table.due("timer#0", "2027")) == 100
    total = 100 * entry_size("C", "00", "timer#0", due_at)
    assert 4 * KB < total < 8 * KB
    assert metered.cost() == (1, 1, 0)
    metered.table.due("timer#1", "2027")
    assert metered.cost() == (1, 0.5, 0)


def test_cost_does_not_depend_on_what_else_the_table_holds(clock: HandClock) -> None:
    costs = []
    for others in (10, 300):
        metered = Metered(clock)
        for n in range(others):
            metered.table.write(Put({"pk": f"O#{n}", "sk": "P", "due": "timer#0", "due_at": "2027"}))
        metered.table.write(Put(sized("a", 500, due="timer#0", due_at="2026")))
        metered.cost()
        for row in metered.table.due("timer#0", "2026~"):
            metered.table.write(Update(row.key, remove=[("due_at",)], when=(equals(("due_at",), row.due_at),)))
        costs.append(metered.cost())
    assert costs[0] == costs[1] == (2, 0.5, 2)
