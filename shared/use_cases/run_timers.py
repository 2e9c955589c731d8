"""The timer lane: every minute, claim what is due and do it; what fails comes back when its claim runs out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.errors import Conflict
from shared.domain.vietnam_time import stamp
from shared.ports import Clock, DueRow, Key, Table, Update, equals
from shared.use_cases import layout
from shared.use_cases.set_cutoffs import relabel
from shared.use_cases.standing import Ruling
from shared.use_cases.sweep_due import Swept, sweep

CLAIM = timedelta(minutes=15)
PAGES_A_TICK = 20


@dataclass(frozen=True)
class Timers:
    """Everything a timer needs. What is due is told by its key."""

    table: Table
    ruling: Ruling
    now: datetime

    def run(self, partitions: Iterable[str], *, clock: Clock, seconds: float) -> Swept:
        total = Swept()
        for partition in partitions:
            done = sweep(self.table, partition, self.now, self.fire, clock=clock, seconds=seconds)
            total.worked += done.worked
            total.passed += done.passed
        return total

    def fire(self, row: DueRow) -> bool:
        """Claim one timer and do what it is for; False when another sweep was faster."""
        claimed_until = stamp(self.now + CLAIM)
        try:
            self.table.write(Update(row.key, set={("due_at",): claimed_until}, when=(equals(("due_at",), row.due_at),)))
        except Conflict:
            return False
        self._work(row.key)()
        return True

    def _work(self, key: Key) -> Callable[[], object]:
        if key == layout.CUTOFFS_PASS:
            return lambda: relabel(self.table, self.ruling, self.now, pages=PAGES_A_TICK)
        raise LookupError(f"nothing knows how to work the timer {key}")
