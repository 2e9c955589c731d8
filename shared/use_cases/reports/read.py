"""What the API says of KPIs, campaigns, journeys and funnels, from the stored figures (K1-K18, X11)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from shared.domain.experiments.lift import Arm, judged
from shared.domain.reports.kpi import DayRow, Kpi, described, figure
from shared.ports import Table
from shared.repositories import reports
from shared.use_cases.reports.refresh import BASELINE_OF, cut_rows


def kpis(
    table: Table, known: Mapping[str, Kpi], first: date, last: date, *, by: str = "", wanted: Mapping[str, str]
) -> dict[str, Any]:
    """Every KPI of a period, cut `by` day, store, channel or segment; `wanted` is the one store, channel or segment."""
    stored = reports.state(table)
    found = {}
    for name, kpi in known.items():
        rows = cut_rows(reports.days_of(table, name, first, last), wanted)
        found[name] = described(kpi, figure(kpi, rows, first, last))
        if by:
            found[name]["by"] = _by(kpi, rows, by, first, last)
    if (baseline := stored.get("baseline")) and not wanted:
        found[BASELINE_OF] |= _against(found[BASELINE_OF], baseline)
    return {"from": first.isoformat(), "to": last.isoformat(), "as_of": stored.get("computed_at"), "kpis": found}


def _by(kpi: Kpi, rows: Iterable[DayRow], by: str, first: date, last: date) -> dict[str, Any]:
    parts: dict[str, list[DayRow]] = defaultdict(list)
    for row in rows:
        parts[getattr(row, by)].append(row)
    if by != "day":
        return {name: figure(kpi, some, first, last) for name, some in sorted(parts.items())}
    days = {day: date.fromisoformat(day) for day in sorted(parts)}
    return {day: figure(kpi, parts[day], when, when) for day, when in days.items()}


def _against(found: Mapping[str, Any], baseline: Mapping[str, Any]) -> dict[str, Any]:
    """A figure's change against the frozen baseline: -50 % is twice as fast (T4)."""
    before = baseline["numerator"] / baseline["denominator"]
    change = None if found["value"] is None or not before else round(100 * (found["value"] / before - 1), 1)
    return {"baseline": {**baseline, "value": round(before, 2)}, "change_percent": change}


def funnel(table: Table, journey: str, first: date, last: date) -> dict[str, Any]:
    """How many runs of a journey reached each step, live and in the hold-out (K13)."""
    steps: dict[str, dict[str, int]] = defaultdict(lambda: {"live": 0, "holdout": 0})
    for row in reports.outcomes_of(table, "funnel", first, last):
        if row["id"] == journey and row["arm"] in ("live", "holdout"):
            steps[row["step"]][row["arm"]] += row["runs"]
    return {
        "journey": journey, "from": first.isoformat(), "to": last.isoformat(),
        "as_of": reports.state(table).get("computed_at"),
        "steps": [{"step": step, "runs": runs["live"], "holdout": runs["holdout"]} for step, runs in steps.items()],
    }  # fmt: skip


def campaigns(table: Table, first: date, last: date) -> dict[str, Any]:
    """COST, REVENUE, CR and ROAS of every campaign and journey, with what they caused against their hold-outs (N11).

    `revenue` is credited: of orders within seven days after the last marketing message. `lift` and what follows from
    it come from the hold-out alone; `verdict` says why they are null. Months count as a whole.
    """
    arms: dict[tuple[str, str], dict[str, Arm]] = defaultdict(lambda: defaultdict(Arm))
    for query in ("arms", "everyone"):
        for row in reports.outcomes_of(table, query, first, last):
            one = Arm(row["entered"], row["bought"], row["revenue"], row["squares"])
            arms[row["kind"], row["id"]][row["arm"]] += one
    sent = _summed(reports.outcomes_of(table, "sent", first, last), ("sent", "cost", "opened", "clicked", "replied"))
    credit = _summed(reports.outcomes_of(table, "credit", first, last), ("orders", "revenue"))
    items = [
        _campaign(key, arms.get(key, {}), sent.get(key, {}), credit.get(key, {}))
        for key in sorted(arms.keys() | sent.keys() | credit.keys())
    ]
    months = {"from": first.replace(day=1).isoformat(), "to": last.isoformat()}
    return {**months, "as_of": reports.state(table).get("computed_at"), "items": items}


def _campaign(
    key: tuple[str, str], arms: Mapping[str, Arm], sent: Mapping[str, int], credit: Mapping[str, int]
) -> dict[str, Any]:
    live, holdout = arms.get("live", Arm()), arms.get("holdout", Arm())
    cost, revenue = sent.get("cost", 0), credit.get("revenue", 0)
    return {
        "kind": key[0] if key[0] in ("campaign", "everyone") else "journey",
        "id": key[1],
        "targeted": live.entered,
        "converted": live.bought,
        "cr": _percent(live.bought, live.entered),
        "holdout": {
            "targeted": holdout.entered,
            "converted": holdout.bought,
            "cr": _percent(holdout.bought, holdout.entered),
        },
        "sent": sent.get("sent", 0),
        "open_rate": _percent(sent.get("opened", 0), sent.get("sent", 0)),
        "click_rate": _percent(sent.get("clicked", 0), sent.get("sent", 0)),
        "cost": cost,
        "orders": credit.get("orders", 0),
        "revenue": revenue,
        "roas": round(revenue / cost, 2) if cost else None,
        **judged(live, holdout),
    }


def _summed(rows: Iterable[Mapping[str, Any]], names: Iterable[str]) -> dict[tuple[str, str], dict[str, int]]:
    wanted = tuple(names)
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(wanted, 0))
    for row in rows:
        for name in wanted:
            found[row["kind"], row["id"]][name] += row[name]
    return found


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 2) if whole else None
