"""The one optimistic retry: starts again from what the table has, waits in between, gives up with Busy."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.adapters.local.sqlite_table import SqliteTable
from shared.domain.errors import Busy, Conflict, FieldError, Invalid
from shared.ports import Key, Update
from shared.repositories.retry import committed
from shared.repositories.unit_of_work import UnitOfWork

KEY = Key("C#1", "P")
NOW = datetime(2026, 12, 1, tzinfo=UTC)


class PausingTable(SqliteTable):
    """Counts its pauses; after `patience` of them no time is left."""

    def __init__(self, patience: int = 100) -> None:
        super().__init__(clock=lambda: NOW)
        self.pauses: list[int] = []
        self._patience = patience

    def pause(self, lost: int) -> bool:
        self.pauses.append(lost)
        return len(self.pauses) <= self._patience


def raced(table: SqliteTable, uow: UnitOfWork) -> None:
    """Another writer changes the item between our read and our commit."""
    uow.get(KEY)
    table.write(Update(KEY, add={("version",): 1, ("theirs",): 1}))


def test_what_the_change_returns_is_the_answer_and_its_items_are_written():
    table = PausingTable()

    def change(uow: UnitOfWork) -> str:
        uow.put(KEY, {"name": "Lan"})
        return "done"

    assert committed(table, change) == "done"
    assert (table.get(KEY) or {})["name"] == "Lan"
    assert table.pauses == []


def test_a_lost_race_starts_again_from_what_the_other_writer_left():
    table = PausingTable()
    table.write(Update(KEY, add={("version",): 1}))
    losses = iter([True, True, False])

    def change(uow: UnitOfWork) -> None:
        if next(losses):
            raced(table, uow)
        uow.put(KEY, {**(uow.get(KEY) or {}), "ours": 1})

    committed(table, change)

    item = table.get(KEY) or {}
    assert (item["ours"], item["theirs"]) == (1, 2)
    assert table.pauses == [1, 2]


def test_what_the_caller_had_read_is_believed_once():
    table = PausingTable()
    table.write(Update(KEY, add={("version",): 7}))
    stale = {KEY: {"pk": KEY.pk, "sk": KEY.sk, "version": 3}}

    committed(table, lambda uow: uow.put(KEY, {**(uow.get(KEY) or {}), "ours": 1}), known=stale)

    assert (table.get(KEY) or {})["version"] == 8


@pytest.mark.parametrize("error", [Conflict("lost"), Busy("throttled")])
def test_it_gives_up_with_busy_whatever_was_in_the_way(error: Exception):
    table = PausingTable()

    def change(_: UnitOfWork) -> None:
        raise error

    with pytest.raises(Busy, match="too many writers"):
        committed(table, change, attempts=3)
    assert table.pauses == [1, 2]


def test_it_gives_up_when_no_time_is_left():
    table = PausingTable(patience=1)
    calls = []

    def change(_: UnitOfWork) -> None:
        calls.append(1)
        raise Conflict("lost")

    with pytest.raises(Busy):
        committed(table, change)
    assert len(calls) == 2


@pytest.mark.parametrize(
    "error", [Invalid([FieldError("name", "is missing")]), Conflict("the task is done", final=True)]
)
def test_what_no_repetition_cures_goes_through_at_once(error: Exception):
    table = PausingTable()

    def change(_: UnitOfWork) -> None:
        raise error

    with pytest.raises(type(error)):
        committed(table, change)
    assert table.pauses == []
