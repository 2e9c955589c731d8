"""Factories: the lake as SQL, and what computes report figures from it. Only doors of the analytics layer load this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from shared.analytics import kpis
from shared.analytics.lake import open_lake
from shared.domain.facts.schema import KINDS
from shared.domain.reports.kpi import DayRow, Kpi
from shared.runtime import kpi_files, wiring
from shared.use_cases.facts.live_files import live_files


class LakeFigures:
    """`use_cases.reports.refresh.Figures` over an open lake."""

    def __init__(self, db: duckdb.DuckDBPyConnection) -> None:
        self._db = db

    def kpis(self) -> Mapping[str, Kpi]:
        return kpi_files.kpis()

    def rows_by_day(self, kpi: str, first: date, last: date) -> list[DayRow]:
        return kpis.rows_by_day(self._db, kpi_files.kpis()[kpi], first, last)

    def outcome_rows(self, query: str) -> list[dict[str, Any]]:
        return kpis.outcome_rows(self._db, kpi_files.outcome_queries()[query])

    def first_day(self) -> date | None:
        ((day,),) = self._db.execute("SELECT MIN(day) FROM orders").fetchall()
        return date.fromisoformat(day) if day else None


@contextmanager
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    """The lake of this house as SQL, over copies of its live files that this process keeps."""
    outside = wiring.outside()
    # Kept while the function is warm.
    copies = outside.memory.client("lake_copies", None, lambda: TemporaryDirectory(prefix="kq-lake-copies-"))
    with open_lake(live_files(outside.lake, KINDS, Path(copies.name))) as db:
        yield db


def facts_behind(
    kpi: str, first: date, last: date, cut: dict[str, str], *, limit: int, after: int
) -> list[dict[str, Any]]:
    """The contributions that a figure is the sum of, see `analytics.kpis.contributions`."""
    with lake() as db:
        return kpis.contributions(db, kpi_files.kpis()[kpi], first, last, cut, limit=limit, after=after)
