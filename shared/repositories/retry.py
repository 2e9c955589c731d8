"""Optimistic commits: read, change, write on condition, and start again where another writer was faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shared.domain.errors import Busy, Conflict
from shared.ports import Item, Key, Table
from shared.repositories.unit_of_work import UnitOfWork

ATTEMPTS = 8

T = TypeVar("T")


def committed(
    table: Table,
    change: Callable[[UnitOfWork], T],
    *,
    attempts: int = ATTEMPTS,
    known: dict[Key, Item | None] | None = None,
) -> T:
    """Commit what `change` puts into a fresh unit of work, and answer what it returned.

    On `Conflict` or `Busy` everything starts again from what the table has then, after the table's pause. `known` are
    items that the caller has read already; only the first attempt believes them. `change` may commit itself, part by
    part, if each part may be repeated. Raises Busy when all attempts or the time of the invocation are used up, and
    whatever else `change` raises.
    """
    return retried(table, lambda attempt: _once(table, change, known if attempt == 0 else None), attempts=attempts)


def retried(table: Table, attempt: Callable[[int], T], *, attempts: int = ATTEMPTS) -> T:
    """Call `attempt` with 0, 1, 2 … until it raises neither `Conflict` nor `Busy`; raises Busy where none does.

    A `final` Conflict, which no repetition cures, goes through at once.
    """
    lost: Conflict | Busy | None = None
    for number in range(attempts):
        if number and not table.pause(number):
            break
        try:
            return attempt(number)
        except (Conflict, Busy) as error:
            if isinstance(error, Conflict) and error.final:
                raise
            lost = error
    raise Busy(f"too many writers change this at once: {lost}") from lost


def _once(table: Table, change: Callable[[UnitOfWork], T], known: dict[Key, Item | None] | None) -> T:
    uow = UnitOfWork(table, known)
    done = change(uow)
    uow.commit()
    return done
