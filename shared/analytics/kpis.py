"""KPIs from the facts: each is one SQL file, whose rows are what single facts contribute (K1-K18, X21).

A file's query answers one row per contribution: `day, store, channel, segment, fact, fact_id, numerator, denominator`.
So a figure is two sums over rows, whatever days and cut are wanted, and its drill-down is the rows themselves. The
comment at the top of a file says what it is; `over` how days add up:

days    both parts are summed over the days
sum     the numerator alone is, there is no ratio
start   the numerator is summed over the days, the denominator is that of the first day
state   both parts are those of the last day
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from shared.domain.reports.kpi import CUTS, DayRow, Kpi, read_header

SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True)
class Query:
    """A KPI and its SQL."""

    kpi: Kpi
    sql: str


@cache
def queries() -> dict[str, Query]:
    """Every KPI by its id, in order of their names."""
    found = {}
    for path in sorted(SQL.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        found[path.stem] = Query(read_header(path.stem, text), text)
    return found


def rows_by_day(db: duckdb.DuckDBPyConnection, kpi: str, first: date, last: date) -> list[DayRow]:
    """The sums of a KPI by day and cut, from `first` to `last`."""
    _calendar(db, first, last)
    cuts = ", ".join(f"COALESCE(CAST({cut} AS VARCHAR), '') AS {cut}" for cut in CUTS)
    found = db.execute(
        f"SELECT day, {cuts}, CAST(SUM(numerator) AS BIGINT), CAST(SUM(denominator) AS BIGINT) "  # noqa: S608
        f"FROM ({queries()[kpi].sql}) WHERE day BETWEEN ? AND ? GROUP BY ALL ORDER BY ALL",
        [first.isoformat(), last.isoformat()],
    ).fetchall()
    return [DayRow(kpi, *row) for row in found]


def contributions(
    db: duckdb.DuckDBPyConnection, kpi: str, first: date, last: date, cut: dict[str, str], *, limit: int, after: int = 0
) -> list[dict[str, Any]]:
    """The facts behind a figure, in order of day and fact: `limit` rows after the first `after` ones."""
    _calendar(db, first, last)
    wanted = "".join(f" AND COALESCE(CAST({name} AS VARCHAR), '') = ?" for name in sorted(cut))
    cursor = db.execute(
        "SELECT day, store, channel, segment, fact, fact_id, numerator, denominator "  # noqa: S608
        f"FROM ({queries()[kpi].sql}) WHERE day BETWEEN ? AND ?{wanted} "
        "ORDER BY day, fact, fact_id, numerator, denominator LIMIT ? OFFSET ?",
        [first.isoformat(), last.isoformat(), *(cut[name] for name in sorted(cut)), limit, after],
    )
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _calendar(db: duckdb.DuckDBPyConnection, first: date, last: date) -> None:
    """The days that are asked for, for KPIs that count the state of a day."""
    days: Iterable[str] = ((first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1))
    values = ", ".join(f"('{day}')" for day in days)
    db.execute(f"CREATE OR REPLACE TEMP VIEW calendar AS SELECT * FROM (VALUES {values}) AS t(day)")  # noqa: S608
