"""Labels: lifecycle, value tier, RFM and tags, and the local days on which any of them may change by itself (G1-G7).

Lifecycle is a function of facts and today, so views derive it on read. What is stored is the standing: the labels as
they were last listed, and `boundaries`, the future days at which a wake has to look again: because a label changes, or
because it is an occasion of the customer.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zlib import crc32

from shared.domain.common.playbook_rules import BgNbdRules, CutOffs, Rules
from shared.domain.customers.identity import KNOWN_BY
from shared.domain.customers.key_dates import key_dates
from shared.domain.customers.profile import Profile
from shared.domain.segments.churn import (
    YEAR_WEEKS,
    expected_purchases,
    half_life_day,
    p_alive,
    p_purchase,
    value_at_risk,
    weeks_between,
)
from shared.domain.segments.metrics import Metrics
from shared.domain.segments.recency import days_silent, silent_on
from shared.domain.segments.walk_in_numbers import refusal
from shared.domain.vietnam_time import day_start

LIFECYCLE = ("prospect", "new", "active", "lapsed_30", "lapsed_60", "lapsed_90", "lost")
VALUE = ("vip", "loyal", "regular", "one_time", "none")
TAGS = ("promo_hunter", "high_value", "low_engagement", "cod_risk", "complaint_open", "at_risk")

# Wakes of one day are spread over the first three hours, so that a base of millions is no midnight peak.
SPREAD_SECONDS = 3 * 3600


class Classification(NamedTuple):
    """Where a customer stands on one local day. `risk` is the value at risk in VND, or None when there is none;
    `key_dates` are the names of those that fall on the day.

    `refused` says why the identity is no person's (R4); such a customer, and a visitor nobody knows yet, is in no list.
    """

    lifecycle: str
    value: str
    tags: tuple[str, ...]
    vip_until: str
    boundaries: dict[str, str]
    risk: int | None
    refused: str
    known: bool
    key_dates: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The lists the customer stands in."""
        return (self.lifecycle, self.value, *self.tags) if self.known and not self.refused else ()

    @property
    def due_day(self) -> date | None:
        return date.fromisoformat(min(self.boundaries.values())) if self.boundaries else None


def silence(m: Metrics, today: date, rules: Rules) -> int | None:
    """Days of silence as all views show them: local days since the last kept order, less the rest at Tết (R15)."""
    return days_silent(date.fromisoformat(m.last_day), today, rules.tet_rests) if m.last_day else None


def lifecycle(m: Metrics, today: date, rules: Rules) -> str:
    """The lifecycle label on a local day."""
    silent = silence(m, today, rules)
    if silent is None:
        return "prospect"
    lapse = rules.lifecycle
    if silent >= lapse.lost:
        return "lost"
    if silent >= lapse.lapsed_90:
        return "lapsed_90"
    if silent >= lapse.lapsed_60:
        return "lapsed_60"
    if silent >= lapse.lapsed_30:
        return "lapsed_30"
    return "new" if m.visits == 1 else "active"


def meets_vip(m: Metrics, profile: Profile, rules: Rules, cutoffs: CutOffs) -> bool:
    """The VIP rule itself; wholesale buyers and staff are never VIPs (R8)."""
    excluded = profile["traits"].get("@wholesale") is True or profile["traits"].get("@staff") is True
    return m.window_spend >= cutoffs.vip_spend and m.window_visits >= rules.value.vip_min_visits and not excluded


def value(m: Metrics, vip: bool, rules: Rules) -> str:
    """The value tier; `vip` says whether the rule holds or an appointment still runs."""
    if not m.orders:
        return "none"
    if vip:
        return "vip"
    if m.visits == 1:
        return "one_time"
    return "loyal" if m.window_visits >= rules.value.loyal_min_visits else "regular"


def rfm(m: Metrics, today: date, rules: Rules, cutoffs: CutOffs) -> dict[str, int]:
    """RFM scores 1 to 5; 0 for who never bought."""
    silent = silence(m, today, rules)
    if silent is None:
        return {"r": 0, "f": 0, "m": 0}
    return {
        "r": 5 - sum(silent >= days for days in cutoffs.silent_days),
        "f": 1 + bisect_right(cutoffs.visits, m.window_visits),
        "m": 1 + bisect_right(cutoffs.spend, m.window_spend),
    }


def classify(
    m: Metrics, profile: Profile, today: date, rules: Rules, cutoffs: CutOffs, *, appoint_vip: bool = False
) -> Classification:
    """Labels and boundaries on a local day. `appoint_vip` starts or renews a VIP's twelve months where the rule holds.

    The appointment is made by the weekly pass and not by every order, so that an order which is refused the next day
    appoints nobody and the order of arrival of facts does not matter.
    """
    boundaries: dict[str, date] = {}
    life = lifecycle(m, today, rules)
    overdue = False
    if m.last_day:
        last = date.fromisoformat(m.last_day)
        for name in ("lapsed_30", "lapsed_60", "lapsed_90", "lost"):
            boundaries[name] = silent_on(last, getattr(rules.lifecycle, name), rules.tet_rests)
        half = half_life_day(rules.bg_nbd, date.fromisoformat(m.first_day), last, m.visits - 1)
        if half:
            boundaries["personal"] = half
            overdue = today >= half
    if m.window_from:
        boundaries["window"] = date.fromisoformat(m.window_from) + timedelta(days=rules.value.window_days)
    if m.matures:
        boundaries["cod"] = date.fromisoformat(m.matures)

    rule_holds = meets_vip(m, profile, rules, cutoffs)
    vip_until = profile.get("vip_until", "")
    if appoint_vip and rule_holds:
        vip_until = (today + timedelta(days=rules.value.vip_kept_days)).isoformat()
    appointed = today.isoformat() < vip_until
    if vip_until:
        boundaries["vip"] = date.fromisoformat(vip_until)
    tier = value(m, rule_holds or appointed, rules)

    tags = []
    if m.orders >= rules.tags.promo_min_orders and 100 * m.promo_orders >= rules.tags.promo_share_percent * m.orders:
        tags.append("promo_hunter")
    if m.largest_order >= max(cutoffs.order_p95, rules.tags.high_value_order_floor_vnd):
        tags.append("high_value")
    engaged = profile.get("engaged_on")
    if engaged:
        sleeps = date.fromisoformat(engaged) + timedelta(days=rules.tags.low_engagement_days)
        boundaries["engagement"] = sleeps
        if today >= sleeps:
            tags.append("low_engagement")
    if m.refusals >= rules.tags.cod_refusals:
        tags.append("cod_risk")
    if profile.get("complaints"):
        tags.append("complaint_open")
    risk = None
    if life in ("lapsed_30", "lapsed_60", "lapsed_90") or (overdue and life != "lost"):
        tags.append("at_risk")
        risk = value_at_risk(rules.bg_nbd, *_history(m, today), max(0, m.year_spend))
    refused = refusal(m, profile, rules.identity)
    known = m.orders > 0 or any(name.partition(":")[0] in KNOWN_BY for name in profile["identities"])
    falls_today: tuple[str, ...] = ()
    if known and not refused:
        dated = key_dates(profile["traits"], today)
        falls_today = tuple(name for name, day in dated.items() if day == today)
        if falls_today:
            # Their next day, which is not signalled while they fall on today.
            dated = key_dates(profile["traits"], today + timedelta(days=1))
        boundaries |= dated
    return Classification(
        lifecycle=life,
        value=tier,
        tags=tuple(tags),
        vip_until=vip_until if appointed else "",
        boundaries={name: day.isoformat() for name, day in sorted(boundaries.items()) if day > today},
        risk=None if refused else risk,
        refused=refused,
        known=known,
        key_dates=falls_today,
    )


def _history(m: Metrics, today: date) -> tuple[int, float, float]:
    """x, t_x and T of the BG/NBD; visits of one local day are one purchase, as in the paper."""
    first = date.fromisoformat(m.first_day)
    return m.visits - 1, weeks_between(first, date.fromisoformat(m.last_day)), weeks_between(first, today)


def scores(m: Metrics, today: date, p: BgNbdRules) -> dict[str, Any]:
    """Churn and value scores as of today; None where there is nothing to say yet.

    `clv` is the seeds' formula, average order value x purchase frequency x relationship length, which is the revenue
    so far; `clv_predicted` is the revenue to expect of the coming year. `care_level` is how much care is worth the
    while (G8): `high` for a regular who is more likely gone than not, `low` for whoever most likely comes back within
    a month without any, else `normal`. After a single visit nobody knows whether a customer is still one: the model's
    P(alive) would be 1 by construction, so that it is None and `p_alive_why` says why.
    """
    nothing = dict.fromkeys(("p_alive", "p_repurchase_30d", "clv", "clv_predicted", "engagement", "care_level"), None)
    if not m.orders:
        return nothing
    history = _history(m, today)
    alive, returns = p_alive(p, *history), p_purchase(p, *history, 30 / 7)
    once = m.visits < 2
    return nothing | {
        "p_alive": None if once else round(alive, 4),
        **({"p_alive_why": "one_purchase"} if once else {}),
        "p_repurchase_30d": round(returns, 4),
        "clv": m.revenue,
        "clv_predicted": round(expected_purchases(p, *history, YEAR_WEEKS) * m.revenue / m.orders),
        "care_level": "high" if not once and alive < 0.5 else "low" if returns >= 0.5 else "normal",
    }


def due_at(customer_id: str, day: date) -> datetime:
    """When a customer is woken on a day: the same spread every time, by the customer's number."""
    return day_start(day) + timedelta(seconds=crc32(customer_id.encode()) % SPREAD_SECONDS)
