"""Sweep a partition of the due index from its start, a backlog under a lease, until nothing is due or time is up.

What is overdue after an outage is still there; no row is enqueued twice and none is forgotten; the index may lag.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.domain.common.backoff import exponential
from shared.domain.errors import Conflict, KhachQuenError
from shared.domain.vietnam_time import stamp
from shared.ports import Clock, DueRow, Table, Update, absent_or_at_most, equals
from shared.repositories import table_keys

PAGE = 100
# How long a sweep's last row may take beyond its time. A sweep that was killed keeps its partition closed until its
# lease ends, so the lease is no longer than the sweep.
SPARE = timedelta(minutes=1)


# What cannot be worked comes again after pauses that double, and no more after MOST_TRIES, some four days.
FIRST_PAUSE, LONGEST_PAUSE, MOST_TRIES = timedelta(minutes=15), timedelta(days=1), 10
# What work raises because of what stands in the row; anything else may pass and is tried again at the next sweep.
DAMAGED = (KhachQuenError, ValueError, LookupError, TypeError)

# Called with a row that could not be worked, the error, and whether the row is tried no more.
OnFailure = Callable[[DueRow, Exception, bool], None]


@dataclass
class Swept:
    """How many due rows were worked, and how many were taken by another sweep or no longer due."""

    worked: int = 0
    passed: int = 0


def sweep(
    table: Table,
    partition: str,
    until: datetime,
    work: Callable[[DueRow], bool],
    *,
    clock: Clock,
    seconds: float,
    read_ahead: Callable[[list[DueRow]], None] | None = None,
    unleased: int = 0,
) -> Swept:
    """Work every row due until `until`; `work` answers whether there was something to do.

    `work` has to move or remove the row's due date in one conditional write, so that a row which two sweeps see is
    worked by one of them. `read_ahead` sees each page before its rows are worked. Up to `unleased` rows are worked
    without a lease: should two sweeps meet over them, each row is still worked by one of them. Stops when the
    partition is swept, the lease is taken by another, or `seconds` have passed. A row that fails holds up no other:
    what was wrong with the first of them is raised when the sweep is through.
    """
    page = table.due(partition, stamp(until), limit=PAGE)
    if not page:
        return Swept()  # the usual tick: nothing is due, and one request says so
    began = clock()
    leased = len(page) > unleased
    if leased and not _take_lease(table, partition, began, seconds):
        return Swept()
    swept = Swept()
    seen: set[DueRow] = set()
    failure: Exception | None = None
    try:
        while (clock() - began).total_seconds() < seconds:
            fresh = [row for row in page if row not in seen]
            if fresh and read_ahead:
                read_ahead(fresh)
            for row in fresh:
                seen.add(row)
                try:
                    worked = work(row)
                except Exception as error:  # noqa: BLE001 - raised below
                    failure = failure or error
                    continue
                swept.worked += worked
                swept.passed += not worked
            # A page of nothing but rows already worked is the index lagging; the next tick reads it again.
            if len(page) < PAGE or not fresh:
                break
            page = table.due(partition, stamp(until), limit=PAGE)
    finally:
        if leased:
            table.write(Update(table_keys.lease(partition), remove=(("until",),)))
    if failure:
        raise failure
    return swept


def _take_lease(table: Table, partition: str, began: datetime, seconds: float) -> bool:
    until = stamp(began + timedelta(seconds=seconds) + SPARE)
    try:
        table.write(
            Update(
                table_keys.lease(partition),
                set={("until",): until},
                when=(absent_or_at_most(("until",), stamp(began)),),
            )
        )
    except Conflict:
        return False
    return True


def put_off(table: Table, row: DueRow, now: datetime) -> bool:
    """Let a row that cannot be worked come due again later; True when it was tried for the last time, and is not due
    any more until something new happens to it.

    It is written without regard to what is damaged in it.
    """
    tries = int((table.get(row.key) or {}).get("failed_wakes", 0)) + 1
    unchanged = (equals(("due_at",), row.due_at),)
    last = tries >= MOST_TRIES
    if last:
        change = Update(
            row.key, remove=(("due",), ("due_at",), ("failed_wakes",)), add={("version",): 1}, when=unchanged
        )
    else:
        later = stamp(now + exponential(FIRST_PAUSE, LONGEST_PAUSE, tries - 1))
        sets: dict[tuple[str, ...], Any] = {("due_at",): later, ("failed_wakes",): tries}
        change = Update(row.key, set=sets, add={("version",): 1}, when=unchanged)
    try:
        table.write(change)
    except Conflict:
        return False  # it is not due any more, or was worked by another
    return last
