"""What a KPI is, and how rows of days become a figure of a period (K1-K18, X21)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Literal, NamedTuple, get_args

from shared.domain.common.localized_text import Text

Over = Literal["days", "sum", "start", "state"]
# What a figure can be cut by.
CUTS = ("store", "channel", "segment")

_LINE = re.compile(r"-- (?:(unit|formula|numerator|denominator|over|note|reported): )?(.+)")


class Kpi(NamedTuple):
    """A KPI and its query; `factor` turns numerator / denominator into its unit (100 for percent)."""

    id: str
    title: Text
    unit: str
    formula: str
    numerator: str
    denominator: str
    over: Over
    note: str
    sql: str
    # Nothing reported is not nothing spent: without a numerator there is no figure.
    reported: bool = False

    @property
    def factor(self) -> int:
        return 100 if self.unit in ("%", "points") else 1


class DayRow(NamedTuple):
    """What a day and cut contributes to a KPI; amounts in VND, seconds or numbers."""

    kpi: str
    day: str
    store: str
    channel: str
    segment: str
    numerator: int
    denominator: int


def read_header(name: str, sql: str) -> Kpi:
    """The KPI that the comment at the top of a file describes; ValueError when a part is missing."""
    said: dict[str, list[str]] = {}
    for line in sql.splitlines():
        found = _LINE.fullmatch(line)
        if not found:
            break
        said.setdefault(found[1] or "title", []).append(found[2])
    missing = {"title", "unit", "formula", "numerator", "denominator", "over"} - said.keys()
    if missing:
        raise ValueError(f"{name}: the comment at the top lacks {', '.join(sorted(missing))}")
    vi, _, en = said["title"][0].partition(" / ")
    over: Over | None = next((one for one in get_args(Over) if one == said["over"][0]), None)
    if over is None:
        raise ValueError(f"{name}: over is one of {', '.join(get_args(Over))}")
    one = {part: " ".join(lines) for part, lines in said.items()}
    return Kpi(
        name, Text(vi=vi, en=en), one["unit"], one["formula"], one["numerator"], one["denominator"], over,
        one.get("note", ""), sql, one.get("reported") == "yes",
    )  # fmt: skip


def figure(kpi: Kpi, rows: Iterable[DayRow], first: date, last: date) -> dict[str, Any]:
    """`{value, numerator, denominator, formula, unit}` of a period; `value` is null where the denominator is 0."""
    numerator = denominator = 0
    for row in rows:
        if kpi.over != "state" or row.day == last.isoformat():
            numerator += row.numerator
        begins, ends = row.day == first.isoformat(), row.day == last.isoformat()
        if {"days": True, "sum": False, "start": begins, "state": ends}[kpi.over]:
            denominator += row.denominator
    return {"value": _value(kpi, numerator, denominator), "numerator": numerator, "denominator": denominator}


def described(kpi: Kpi, found: Mapping[str, Any]) -> dict[str, Any]:
    """A figure with what it is."""
    about = {"title": kpi.title.model_dump(), "formula": kpi.formula, "unit": kpi.unit, "over": kpi.over}
    return {**found, **about, **({"note": kpi.note} if kpi.note else {})}


def _value(kpi: Kpi, numerator: int, denominator: int) -> float | int | None:
    if kpi.over == "sum":
        return numerator
    if denominator == 0 or (kpi.reported and numerator == 0):
        return None
    return round(kpi.factor * numerator / denominator, 2)
