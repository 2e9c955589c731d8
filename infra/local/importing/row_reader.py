"""Reads the rows of one order, customer or product by the columns of a file, and collects what is wrong with them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, TypeVar

from infra.local.importing import cell_values as values
from infra.local.importing.cell_values import Cell, Unclear, text
from infra.local.importing.columns import Columns
from infra.local.importing.open_file import Row

T = TypeVar("T")

# Longer cells come from a quotation mark that is never closed and swallows the lines below it.
_LONGEST_CELL = 5_000


class Problem(NamedTuple):
    """One thing that is wrong with a row: which column, and what."""

    row: Row
    field: str
    reason: str


class Reject(NamedTuple):
    """One row that was not imported, and everything that is wrong with it as (column, reason)."""

    row: Row
    wrong: tuple[tuple[str, str], ...]

    @property
    def fields(self) -> str:
        return "; ".join(dict.fromkeys(field_name for field_name, _ in self.wrong))

    @property
    def reasons(self) -> str:
        if len(self.wrong) == 1:
            return self.wrong[0][1]
        return "; ".join(f"{field_name}: {reason}" for field_name, reason in self.wrong)


class Wrong(Exception):
    """The rows cannot be imported, for these reasons."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems


@dataclass
class Problems:
    """Collects what is wrong, so that a person hears of all of it at once."""

    columns: Columns
    found: list[Problem] = field(default_factory=list)

    def add(self, row: Row, name: str, reason: str) -> None:
        self.found.append(Problem(row, self.columns.header(name), reason))

    def stop_if_any(self) -> None:
        if self.found:
            raise Wrong(self.found)


@dataclass
class Reader(ABC):
    """Reads cells by the columns of one file."""

    # What the rows that belong together are called, and the field that says so.
    unit: ClassVar[str]
    unit_field: ClassVar[str]

    columns: Columns

    @abstractmethod
    def group(self, row: Row) -> str:
        """What brings rows together, asked in the file's order; "" for a row of its own."""

    def interpret(self, rows: Sequence[Row], meaning: Callable[[list[Row]], T]) -> T | list[Reject]:
        """What rows that belong together mean, cells cleaned; or their rejects, one per row, where it raises Wrong."""
        try:
            self._check_shape(rows)
            return meaning([Row(row.line, tuple(map(values.clean, row.cells))) for row in rows])
        except Wrong as wrong:
            return self._rejects(rows, wrong.problems)

    def _rejects(self, rows: Sequence[Row], problems: list[Problem]) -> list[Reject]:
        lines = sorted({problem.row.line for problem in problems})
        reason = f"the same {self.unit} has a wrong row: see line {lines[0]}"
        elsewhere = (self.columns.header(self.unit_field), reason)
        rejects = []
        for row in rows:
            own = tuple(dict.fromkeys((p.field, p.reason) for p in problems if p.row.line == row.line))
            rejects.append(Reject(row, own or (elsewhere,)))
        return rejects

    def _cell(self, row: Row, name: str) -> Cell:
        """The cell of a field; rows are cleaned before they are interpreted, so an empty one is None."""
        place = self.columns.at.get(name)
        return row.cells[place] if place is not None and place < len(row.cells) else None

    def _text(self, row: Row, name: str) -> str:
        return text(self._cell(row, name))

    def _first(self, rows: Sequence[Row], name: str) -> tuple[Row, Cell]:
        """The first row whose cell is filled, for what an export writes once for all of them."""
        if name not in self.columns.at:
            return rows[0], None
        return next(((row, cell) for row in rows if (cell := self._cell(row, name)) is not None), (rows[0], None))

    def _read(self, row: Row, name: str, read: Callable[[Cell], T], problems: Problems) -> T | None:
        """A filled cell through its reader; what is unclear becomes a problem of the row."""
        cell = self._cell(row, name)
        if cell is None:
            return None
        try:
            return read(cell)
        except Unclear as unclear:
            problems.add(row, name, str(unclear))
            return None

    def _money(self, row: Row, name: str, problems: Problems) -> int | None:
        return self._read(row, name, values.money, problems)

    def _check_shape(self, rows: Sequence[Row]) -> None:
        problems = Problems(self.columns)
        width = len(self.columns.headers)
        for row in rows:
            if len(row.cells) > width and any(text(cell) for cell in row.cells[width:]):
                problems.found.append(Problem(row, "row", f"has more cells than the header ({width})"))
            elif max((len(cell) for cell in row.cells if isinstance(cell, str)), default=0) > _LONGEST_CELL:
                problems.found.append(Problem(row, "row", "a quotation mark is opened and never closed"))
        problems.stop_if_any()
