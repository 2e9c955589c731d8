"""The laptop's queue: at least once, dead letters, simulated time, and survival of its consumer."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.local.capacity_meter import Meter
from shared.adapters.local.fault_injection import FaultInjection
from shared.adapters.local.sqlite_queue import Counts, SqliteQueue
from shared.adapters.local.sqlite_store import SqliteStore
from shared.adapters.local.sqlite_table import SqliteTable
from shared.ports import Key, Put
from tests.adapters.conftest import NOW, HandClock


@pytest.fixture
def store() -> SqliteStore:
    return SqliteStore()


def make(store: SqliteStore, clock: HandClock, **options: Any) -> SqliteQueue:
    options = {"visibility_seconds": 60, "max_receives": 3, "dead_letters": "events-dlq", **options}
    return SqliteQueue(store, "events", clock=clock, **options)


@pytest.fixture
def queue(store: SqliteStore, clock: HandClock) -> SqliteQueue:
    return make(store, clock)


@pytest.fixture
def dead_letters(store: SqliteStore, clock: HandClock) -> SqliteQueue:
    return SqliteQueue(store, "events-dlq", clock=clock)


def test_a_message_is_received_and_deleted(queue: SqliteQueue) -> None:
    queue.send(["chào", "bạn"])
    first, second = queue.receive()
    assert (first.body, second.body) == ("chào", "bạn")
    assert (first.receives, first.first_sent, first.attributes) == (1, NOW, {})
    assert first.id != second.id
    assert queue.counts() == Counts(visible=0, in_flight=2, delayed=0)
    queue.delete([first.receipt, second.receipt])
    assert queue.counts() == Counts(0, 0, 0)


def test_receive_takes_no_more_than_asked(queue: SqliteQueue) -> None:
    queue.send([str(n) for n in range(25)])
    assert [len(queue.receive(10)) for _ in range(4)] == [10, 10, 5, 0]


def test_queues_in_one_store_are_apart_and_share_it_with_the_table(
    store: SqliteStore, clock: HandClock, queue: SqliteQueue, dead_letters: SqliteQueue
) -> None:
    table = SqliteTable(store, clock=clock)
    table.write(Put({"pk": "C#1", "sk": "P"}))
    queue.send(["a"])
    assert dead_letters.receive() == []
    assert dead_letters.purge() == 0
    assert [message.body for message in queue.receive()] == ["a"]
    assert table.get(Key("C#1", "P")) is not None


def test_what_is_not_deleted_comes_back_after_the_visibility_timeout(queue: SqliteQueue, clock: HandClock) -> None:
    queue.send(["a"])
    (first,) = queue.receive()
    clock.forward(seconds=59)
    assert queue.receive() == []
    clock.forward(seconds=1)
    (second,) = queue.receive()
    assert (second.id, second.receives, second.first_sent) == (first.id, 2, NOW)


def test_only_the_latest_receipt_deletes(queue: SqliteQueue, clock: HandClock) -> None:
    queue.send(["a"])
    (first,) = queue.receive()
    clock.forward(seconds=60)
    (second,) = queue.receive()
    queue.delete([first.receipt])
    assert queue.counts().in_flight == 1
    queue.delete([second.receipt])
    queue.delete([second.receipt])
    assert queue.counts() == Counts(0, 0, 0)


def test_a_late_delete_still_counts_while_nobody_else_has_the_message(queue: SqliteQueue, clock: HandClock) -> None:
    queue.send(["a"])
    (message,) = queue.receive()
    clock.forward(seconds=600)
    queue.delete([message.receipt])
    assert queue.counts() == Counts(0, 0, 0)


def test_release_sets_another_time(queue: SqliteQueue, clock: HandClock) -> None:
    queue.send(["a", "b"])
    first, second = queue.receive()
    queue.release(first.receipt)
    queue.release(second.receipt, 600)
    assert queue.counts() == Counts(visible=1, in_flight=0, delayed=1)
    assert [(message.id, message.receives) for message in queue.receive()] == [(first.id, 2)]
    clock.forward(seconds=600)
    queue.release(second.receipt, 900)
    assert {message.id for message in queue.receive()} == {first.id, second.id}


def test_delayed_messages_wait_for_their_time(queue: SqliteQueue, clock: HandClock) -> None:
    queue.send(["later"], delay_seconds=900)
    queue.send(["soon"], delay_seconds=5)
    assert queue.receive() == []
    assert queue.counts() == Counts(0, 0, 2)
    assert SqliteQueue.first_visible([queue]) == [NOW + timedelta(seconds=5)]
    clock.forward(seconds=5)
    assert [message.body for message in queue.receive()] == ["soon"]
    clock.forward(seconds=895)
    assert "later" in [message.body for message in queue.receive()]


def test_first_visible_knows_waiting_held_and_no_messages(queue: SqliteQueue, clock: HandClock) -> None:
    assert SqliteQueue.first_visible([queue]) == [None]
    queue.send(["a"])
    assert SqliteQueue.first_visible([queue]) == [NOW]
    clock.forward(seconds=10)
    (message,) = queue.receive()
    assert SqliteQueue.first_visible([queue]) == [NOW + timedelta(seconds=70)]
    queue.delete([message.receipt])
    assert SqliteQueue.first_visible([queue]) == [None]


def test_a_message_that_keeps_failing_ends_among_the_dead_letters(
    queue: SqliteQueue, dead_letters: SqliteQueue, clock: HandClock
) -> None:
    queue.send(["poison"])
    for receives in (1, 2, 3):
        (message,) = queue.receive()
        assert message.receives == receives
        clock.forward(seconds=60)
    assert queue.receive() == []
    assert queue.counts() == Counts(0, 0, 0)
    (dead,) = dead_letters.receive()
    assert (dead.id, dead.body, dead.receives, dead.first_sent) == (message.id, "poison", 1, NOW)
    assert dead.attributes == {"source": "events", "receives": 3}
    # The dead letters have no limit of their own.
    for _ in range(10):
        clock.forward(seconds=60)
        assert len(dead_letters.receive()) == 1


def test_the_dead_do_not_stand_before_the_living(
    queue: SqliteQueue, dead_letters: SqliteQueue, clock: HandClock
) -> None:
    queue.send([f"poison {n}" for n in range(25)])
    for _ in range(3):
        while queue.receive():
            pass
        clock.forward(seconds=60)
    queue.send(["fine"])
    assert [message.body for message in queue.receive()] == ["fine"]
    assert dead_letters.counts().visible == 25


def test_a_limit_needs_a_place_for_the_dead(store: SqliteStore, clock: HandClock) -> None:
    with pytest.raises(ValueError, match="together"):
        SqliteQueue(store, "events", clock=clock, max_receives=3)


def test_operators_look_without_touching_and_purge(queue: SqliteQueue) -> None:
    queue.send(["a", "b", "c"])
    queue.receive(1)
    assert [(message.body, message.receives) for message in queue.peek(2)] == [("a", 1), ("b", 0)]
    assert queue.counts() == Counts(visible=2, in_flight=1, delayed=0)
    assert queue.purge() == 3
    assert queue.peek() == []


@pytest.mark.parametrize(
    ("bodies", "delay", "complaint"),
    [
        (["x" * (256 * 1024 + 1)], 0, "262144 bytes"),
        (["ạ" * 90_000], 0, "262144 bytes"),
        ([""], 0, "empty"),
        (["a"], 901, "900"),
        (["a"], -1, "900"),
    ],
)
def test_what_sqs_refuses_is_refused_whole(queue: SqliteQueue, bodies: list[str], delay: int, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        queue.send(["fine", *bodies], delay_seconds=delay)
    assert queue.counts() == Counts(0, 0, 0)


def test_sending_nothing_is_fine(queue: SqliteQueue) -> None:
    queue.send([])
    assert queue.receive() == []


def test_sends_are_metered_as_the_requests_sqs_would_bill(store: SqliteStore, clock: HandClock) -> None:
    meter = Meter()
    queue = make(store, clock, meter=meter)
    queue.send(["x"] * 21)
    queue.send(["x" * 200 * 1024, "x" * 100 * 1024])
    with meter.door("events_api"):
        queue.send(["x"])
    sends = {name: use["queue_sends"] for name, use in meter.report()["doors"].items()}
    assert sends == {"house": 3 + 4 + 2, "events_api": 1}


def test_a_queue_outlives_its_process_and_recovers_what_it_held(tmp_path: Path, clock: HandClock) -> None:
    path = tmp_path / "shop.db"
    first = make(SqliteStore(path), clock)
    first.send(["held", "waiting"])
    first.send(["later"], delay_seconds=100)
    (held,) = first.receive(1)
    # Nothing is closed: the process is gone.
    second = make(SqliteStore(path), clock)
    assert second.counts() == Counts(visible=1, in_flight=1, delayed=1)
    assert second.recover() == 1
    assert second.counts() == Counts(visible=2, in_flight=0, delayed=1)
    again = {message.body: message for message in second.receive()}
    assert again["held"].receives == 2
    first.delete([held.receipt])
    assert second.counts().in_flight == 2


# Fault injection


def drain(queue: SqliteQueue, clock: HandClock) -> list[str]:
    """Everything a diligent consumer gets until the queue is empty."""
    seen = []
    while (next_at := SqliteQueue.first_visible([queue])[0]) is not None:
        clock.now = max(clock.now, next_at)
        for message in queue.receive():
            seen.append(message.body)
            queue.delete([message.receipt])
    return seen


def test_a_hostile_queue_repeats_and_reorders_but_loses_nothing(store: SqliteStore, clock: HandClock) -> None:
    dead = SqliteQueue(store, "events-dlq", clock=clock)
    queue = make(store, clock, faults=FaultInjection(random.Random(3)))
    bodies = [f"{n:03}" for n in range(200)]
    queue.send(bodies)
    seen = drain(queue, clock)
    times = Counter(seen)
    assert sorted(times) == bodies
    assert set(times.values()) == {1, 2, 3, 4, 5}
    assert list(dict.fromkeys(seen)) != bodies
    assert dead.counts() == Counts(0, 0, 0)


def test_a_seed_repeats_a_hostile_run(clock: HandClock) -> None:
    runs = []
    for _ in range(2):
        queue = make(SqliteStore(), clock, faults=FaultInjection(random.Random(5)))
        queue.send([str(n) for n in range(50)])
        runs.append(drain(queue, clock))
    assert runs[0] == runs[1]


def test_a_quiet_queue_is_in_order_and_once(queue: SqliteQueue, clock: HandClock) -> None:
    bodies = [str(n) for n in range(30)]
    queue.send(bodies)
    assert drain(queue, clock) == bodies
