"""The minute sweep: all partitions share one time limit, and none of them is forgotten for the others' sake."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from shared.domain.errors import Busy
from shared.domain.messaging.message import PURPOSE_CODES
from shared.ports import DueRow, Key
from shared.use_cases.run_timers import Timers
from tests.support.engine import Engine, raise_again

PARTITIONS = ("timer#0", "timer#1", "timer#2", "timer#3")
TRANSACTIONAL = next(mark for mark, purpose in PURPOSE_CODES.items() if purpose == "transactional")


class Endless:
    """A table on which more is due in every partition whenever one looks, and a claim takes 50 milliseconds."""

    def __init__(self, engine, broken=""):
        self._engine, self._numbers, self._broken = engine, count(), broken
        self.claimed = Counter()

    def due(self, partition, _until, *, limit):
        numbers = [next(self._numbers) for _ in range(limit)]
        return [DueRow(Key(f"C#{partition}", f"X#{TRANSACTIONAL}{n:019d}"), "2026") for n in numbers]

    def write(self, action):
        self._engine.now += timedelta(milliseconds=50)
        if action.key.sk == self._broken:
            raise Busy("just this one")
        self.claimed[action.key.pk.removeprefix("C#")] += action.key.pk.startswith("C#")


class Queue:
    def __init__(self):
        self.sent = 0

    def send(self, bodies):
        self.sent += len(bodies)


def _no_campaigns():
    pytest.fail("there is no campaign here")


def test_a_flood_of_timers_in_every_partition_keeps_within_the_time_and_starves_none():
    engine = Engine()
    table, queue, began = Endless(engine), Queue(), engine.now
    timers = Timers(
        replace(engine.journeys(), table=table), {"transactional": queue}, _no_campaigns, _no_campaigns, raise_again
    )

    swept = timers.run(PARTITIONS, clock=lambda: engine.now, seconds=40)

    # A page that was begun is worked to its end.
    assert timedelta(seconds=40) <= engine.now - began <= timedelta(seconds=46)
    assert min(table.claimed[partition] for partition in PARTITIONS) >= 100
    # Whatever was claimed was handed over in the same tick.
    assert queue.sent == swept.worked == table.claimed.total()


def test_a_timer_that_fails_holds_up_neither_its_neighbours_nor_the_other_partitions():
    engine = Engine()
    table, queue = Endless(engine, broken=f"X#{TRANSACTIONAL}{5:019d}"), Queue()
    timers = Timers(
        replace(engine.journeys(), table=table), {"transactional": queue}, _no_campaigns, _no_campaigns, raise_again
    )

    with pytest.raises(Busy, match="just this one"):
        timers.run(PARTITIONS, clock=lambda: engine.now, seconds=40)

    assert min(table.claimed[partition] for partition in PARTITIONS) >= 99
    assert queue.sent == table.claimed.total()
