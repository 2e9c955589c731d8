"""KPIs from the facts: each is one SQL file, whose rows are what single facts contribute (K1-K18, X21).

A file's query answers one row per contribution: `day, store, channel, segment, fact, fact_id, numerator, denominator`.
So a figure is two sums over rows, whatever days and cut are wanted, and its drill-down is the rows themselves. The
comment at the top of a file says what it is; `over` how days add up:

days    both parts are summed over the days
sum     the numerator alone is, there is no ratio
start   the numerator is summed over the days, the denominator is that of the first day
state   both parts are those of the last day

This file needs no DuckDB: doors that only serve figures read the comments.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from shared.domain.reports.kpi import Kpi, read_header

SQL = Path(__file__).parents[1] / "analytics" / "sql"
# What journeys and campaigns came to; each file answers rows with the `month` they belong to.
OUTCOMES = SQL / "outcomes"


@cache
def kpis() -> dict[str, Kpi]:
    """Every KPI by its id, in order of their names."""
    return {path.stem: read_header(path.stem, path.read_text(encoding="utf-8")) for path in sorted(SQL.glob("*.sql"))}


@cache
def outcome_queries() -> dict[str, str]:
    """The SQL of outcomes by the query's name."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(OUTCOMES.glob("*.sql"))}
