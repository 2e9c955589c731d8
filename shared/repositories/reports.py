"""Stored report figures: contributions by KPI and day, outcomes by month, and until when they were computed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from shared.domain.reports.kpi import DayRow
from shared.ports import Item, Key, Put, Table
from shared.repositories import table_keys

# The value of a computed column must fit an item with all its cuts.
MOST_ROWS = 4000


def keep_days(table: Table, kpi: str, rows: Iterable[DayRow], days: Sequence[str]) -> int:
    """Replace a KPI's rows of these days; days whose rows are as they were are not written. How many were."""
    by_day: dict[str, list[list[Any]]] = {day: [] for day in days}
    for row in rows:
        by_day[row.day].append([row.store, row.channel, row.segment, row.numerator, row.denominator])
    known = {item["sk"]: item["rows"] for item in _range(table, f"KPI#{kpi}", min(days), max(days))}
    written = 0
    for day, found in by_day.items():
        body = json.dumps(sorted(found), ensure_ascii=False, separators=(",", ":"))
        if known.get(day, "[]") != body:
            key = table_keys.kpi_day(kpi, day)
            table.write(Put({"pk": key.pk, "sk": key.sk, "rows": body}))
            written += 1
    return written


def days_of(table: Table, kpi: str, first: date, last: date) -> Iterator[DayRow]:
    """The stored rows of a KPI."""
    for item in _range(table, f"KPI#{kpi}", first.isoformat(), last.isoformat()):
        for row in json.loads(item["rows"]):
            yield DayRow(kpi, item["sk"], *row)


def keep_outcomes(table: Table, query: str, rows: Iterable[Mapping[str, Any]]) -> int:
    """Replace the stored outcomes of the months in these rows; how many months were written."""
    by_month: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_month.setdefault(row["month"], []).append(row)
    known = {item["sk"]: item["rows"] for item in _range(table, f"OUTCOME#{query}", "", "~")}
    written = 0
    for month in sorted(by_month.keys() | known.keys()):
        found = sorted(by_month.get(month, []), key=lambda row: json.dumps(row, sort_keys=True))
        body = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
        if known.get(month, "[]") != body:
            key = table_keys.outcomes(query, month)
            table.write(Put({"pk": key.pk, "sk": key.sk, "rows": body}))
            written += 1
    return written


def outcomes_of(table: Table, query: str, first: date, last: date) -> Iterator[dict[str, Any]]:
    """The stored outcomes of the months that lie in a period, wholly or in part."""
    for item in _range(table, f"OUTCOME#{query}", first.isoformat()[:7], last.isoformat()[:7]):
        yield from json.loads(item["rows"])


def state(table: Table) -> Item:
    return table.get(table_keys.REPORTS_STATE, consistent=False) or {}


def keep_state(table: Table, **values: Any) -> None:
    key = table_keys.REPORTS_STATE
    table.write(Put({**(table.get(key) or {}), **values, "pk": key.pk, "sk": key.sk}))


def _range(table: Table, pk: str, low: str, high: str) -> Iterator[Item]:
    start = None
    while True:
        page = table.query(pk, low=low, high=high, start=start, consistent=False)
        yield from page.items
        start = page.next
        if start is None:
            return


def spend_item(key: Key, amount: int, at: str, purpose: str, channel: str, campaign: str) -> Item:
    """Reported spending as the table holds it; its day is the day of `at`."""
    return {
        "pk": key.pk, "sk": key.sk, "amount": amount, "at": at, "purpose": purpose, "channel": channel,
        "campaign": campaign,
    }  # fmt: skip
