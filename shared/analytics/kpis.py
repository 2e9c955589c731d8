"""Runs the queries of KPIs and outcomes over an open lake; `runtime/kpi_files.py` says what they answer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import duckdb

from shared.domain.reports.kpi import CUTS, DayRow, Kpi


def rows_by_day(db: duckdb.DuckDBPyConnection, kpi: Kpi, first: date, last: date) -> list[DayRow]:
    """The sums of a KPI by day and cut, from `first` to `last`."""
    _calendar(db, first, last)
    cuts = ", ".join(f"COALESCE(CAST({cut} AS VARCHAR), '') AS {cut}" for cut in CUTS)
    found = db.execute(
        f"SELECT day, {cuts}, CAST(SUM(numerator) AS BIGINT), CAST(SUM(denominator) AS BIGINT) "  # noqa: S608
        f"FROM ({kpi.sql}) WHERE day BETWEEN ? AND ? GROUP BY ALL ORDER BY ALL",
        [first.isoformat(), last.isoformat()],
    ).fetchall()
    return [DayRow(kpi.id, *row) for row in found]


def contributions(
    db: duckdb.DuckDBPyConnection, kpi: Kpi, first: date, last: date, cut: dict[str, str], *, limit: int, after: int = 0
) -> list[dict[str, Any]]:
    """The facts behind a figure, in order of day and fact: `limit` rows after the first `after` ones."""
    first_of_state = last if kpi.over == "state" else first
    _calendar(db, first_of_state, last)
    # Of later days than the first only the numerator counts where the denominator is the state of the first.
    starts = " AND (numerator <> 0 OR day = ?)" if kpi.over == "start" else ""
    wanted = "".join(f" AND COALESCE(CAST({name} AS VARCHAR), '') = ?" for name in sorted(cut))
    cursor = db.execute(
        "SELECT day, store, channel, segment, fact, fact_id, numerator, denominator "  # noqa: S608
        f"FROM ({kpi.sql}) WHERE day BETWEEN ? AND ?{starts}{wanted} "
        "ORDER BY day, fact, fact_id, numerator, denominator LIMIT ? OFFSET ?",
        [
            first_of_state.isoformat(),
            last.isoformat(),
            *([first.isoformat()] if starts else ()),
            *(cut[name] for name in sorted(cut)),
            limit,
            after,
        ],
    )
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _calendar(db: duckdb.DuckDBPyConnection, first: date, last: date) -> None:
    """The days that are asked for, for KPIs that count the state of a day."""
    days: Iterable[str] = ((first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1))
    values = ", ".join(f"('{day}')" for day in days)
    db.execute(f"CREATE OR REPLACE TEMP VIEW calendar AS SELECT * FROM (VALUES {values}) AS t(day)")  # noqa: S608


def outcome_rows(db: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """The rows of a query of outcomes, all months."""
    cursor = db.execute(sql)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
