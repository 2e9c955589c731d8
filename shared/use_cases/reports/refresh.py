"""Compute report figures from the facts and keep them in the table (K18, X21).

Every run computes days anew and replaces what differs, so that a run that is repeated, or died half-way, changes
nothing that the next one does not put right. Facts come late: a night's run looks at the year behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from shared.domain.reports.kpi import DayRow, Kpi, figure
from shared.domain.vietnam_time import local_day, stamp
from shared.ports import Table
from shared.repositories import reports

OUTCOMES = ("arms", "everyone", "sent", "credit", "funnel")
# Figures of a day's state count every customer on every day: they are computed for the days behind us only.
STATE_DAYS = 3
YEAR = 400
# The baseline that handling times are held against is frozen once there were this many tickets in four weeks (T4).
BASELINE_DAYS, BASELINE_TICKETS = 28, 30
BASELINE_OF = "handling_time"


class Figures(Protocol):
    """What computes figures from facts; see `analytics.kpis`."""

    def kpis(self) -> Mapping[str, Kpi]: ...
    def rows_by_day(self, kpi: str, first: date, last: date) -> list[DayRow]: ...
    def outcome_rows(self, query: str) -> list[dict[str, Any]]: ...
    def first_day(self) -> date | None:
        """The earliest local day of an order; None where there are no facts."""
        ...


@dataclass(frozen=True)
class Refreshed:
    """Days and months whose figures changed, and whether all was computed before the time was up."""

    written: int
    done: bool


def refresh(table: Table, figures: Figures, now: datetime, *, whole: bool, more: Callable[[], bool]) -> Refreshed:
    """Compute the figures of today and yesterday, or with `whole` of the year; `more` says whether there is time."""
    today, first = local_day(now), figures.first_day()
    if first is None:
        return Refreshed(0, True)
    begins = max(first, today - timedelta(days=YEAR)) if whole else max(first, today - timedelta(days=1))
    written = 0
    for name, kpi in figures.kpis().items():
        if not more():
            return Refreshed(written, False)
        since = begins
        if kpi.over in ("state", "start"):
            # Days that were never computed, and the last few.
            since = _from(table, kpi, begins, today)
        rows = figures.rows_by_day(name, since, today)
        written += reports.keep_days(table, name, rows, _days(since, today))
    for query in OUTCOMES:
        if not more():
            return Refreshed(written, False)
        written += reports.keep_outcomes(table, query, figures.outcome_rows(query))
    _freeze_baseline(table, figures, first, today)
    reports.keep_state(table, computed_at=stamp(now), first_day=first.isoformat())
    return Refreshed(written, True)


def _from(table: Table, kpi: Kpi, begins: date, today: date) -> date:
    """The first day of a KPI of states that is to be computed."""
    recent = max(begins, today - timedelta(days=STATE_DAYS))
    known = next(iter(reports.days_of(table, kpi.id, begins, recent)), None)
    return recent if known else begins


def _freeze_baseline(table: Table, figures: Figures, first: date, today: date) -> None:
    """Keep the first four weeks that had enough tickets: later handling times are held against them."""
    if reports.state(table).get("baseline"):
        return
    kpi = figures.kpis()[BASELINE_OF]
    rows = list(reports.days_of(table, BASELINE_OF, first, today))
    if not rows:
        return
    begins = date.fromisoformat(min(row.day for row in rows))
    ends = begins + timedelta(days=BASELINE_DAYS - 1)
    if ends >= today:
        return
    found = figure(kpi, [row for row in rows if row.day <= ends.isoformat()], begins, ends)
    if found["denominator"] >= BASELINE_TICKETS:
        numbers = {name: found[name] for name in ("numerator", "denominator")}
        reports.keep_state(table, baseline={"from": begins.isoformat(), "to": ends.isoformat(), **numbers})


def _days(first: date, last: date) -> list[str]:
    return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]


def cut_rows(rows: Iterable[DayRow], wanted: Mapping[str, str]) -> list[DayRow]:
    """The rows of one store, channel or segment."""
    return [row for row in rows if all(getattr(row, name) == value for name, value in wanted.items())]
