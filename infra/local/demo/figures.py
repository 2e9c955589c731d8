"""The demo's report figures: KPIs, proof against hold-outs, advice and the bill, as the product's own API answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from infra.local.demo.api_client import Doors
from infra.local.demo.texts import Words, count, say, vnd_sum

# The KPIs that are shown, in this order.
SHOWN = (
    "revenue", "identified", "revenue_old_customers", "repeat_rate", "churn", "clv", "csat", "nps", "frt", "frt_people",
    "handling_time", "unanswered", "revenue_per_ticket", "complaint_rate", "return_rate", "open_rate", "click_rate",
    "reply_rate", "repurchase_rate", "message_cost", "cost_per_customer", "retention_cost", "acquisition_cost", "roas",
    "reachable", "fake_phones", "engagement",
)  # fmt: skip


@dataclass(frozen=True)
class Kpi:
    """One figure: its title, its value in words, and how it comes about."""

    title: Words
    value: str
    parts: str
    formula: str


@dataclass(frozen=True)
class Proof:
    """One journey or campaign: what was spent and credited, and what the hold-out says it caused."""

    title: Words
    targeted: int
    cr: float | None
    held: int
    held_cr: float | None
    cost: int
    revenue: int
    roas: float | None
    verdict: str
    lift: float | None
    low: float | None
    high: float | None
    incremental: int | None

    @property
    def said(self) -> Words:
        """The verdict in words."""
        return say(f"verdict_{self.verdict}")


def kpis(doors: Doors, first: date, last: date) -> list[Kpi]:
    """Every shown KPI of a period."""
    answer = doors.get("/v1/reports/kpis", f"from={first}&to={last}")["kpis"]
    return [_kpi(answer[name]) for name in SHOWN if answer[name]["numerator"] or answer[name]["denominator"]]


def _kpi(found: Mapping[str, Any]) -> Kpi:
    parts = f"{count(found['numerator'])} / {count(found['denominator'])}" if found["denominator"] else ""
    return Kpi(Words(**found["title"]), worded(found["value"], found["unit"]), parts, found["formula"])


def worded(value: float | None, unit: str) -> str:
    """A value in its unit; a dash where there is none."""
    if value is None:
        return "–"
    if unit == "VND":
        return vnd_sum(round(value))
    if unit == "seconds":
        return f"{count(round(value))} giây" if value < 120 else f"{count(round(value / 60))} phút"
    return f"{value:.1f}".replace(".", ",") + {"%": " %", "points": "", "x": "×"}.get(unit, "")


def proofs(doors: Doors, titles: Mapping[str, Words], first: date, last: date) -> list[Proof]:
    """Campaigns and journeys that took somebody in; those with the largest number of customers first."""
    rows = doors.get("/v1/reports/campaigns", f"from={first}&to={last}")["items"]
    found = [_proof(row, titles) for row in rows if row["targeted"] or row["sent"]]
    return sorted(found, key=lambda one: -one.targeted)


def _proof(row: Mapping[str, Any], titles: Mapping[str, Words]) -> Proof:
    if row["kind"] == "everyone":
        title = say("everyone")
    elif row["kind"] == "campaign":
        title = say("a_campaign")
    else:
        title = titles.get(row["id"], Words(row["id"], row["id"]))
    (low, high), held = row["lift_ci"] or (None, None), row["holdout"]
    return Proof(
        title, row["targeted"], row["cr"], held["targeted"], held["cr"], row["cost"], row["revenue"],
        row["roas"], row["verdict"], row["lift"], low, high, row["incremental_revenue"],
    )  # fmt: skip
