"""The daily budget of calls to models outside, each use with its own."""

from __future__ import annotations

from datetime import datetime

from shared.domain.errors import Busy, Conflict
from shared.domain.vietnam_time import local_day
from shared.ports import Table, Update, absent_or_at_most
from shared.repositories import table_keys


def may_call(table: Table, use: str, calls_a_day: int, now: datetime) -> bool:
    """Count one call of a use against its daily budget before it is made: a failed call is paid for too. False where
    the budget is used up, or cannot be counted now."""
    if not calls_a_day:
        return False
    try:
        table.write(
            Update(
                table_keys.budget(str(local_day(now)), use),
                add={("calls",): 1},
                when=(absent_or_at_most(("calls",), calls_a_day - 1),),
            )
        )
    except (Conflict, Busy):
        return False
    return True
