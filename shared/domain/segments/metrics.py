"""A customer's order metrics: counts, revenue, dates, discounts, as of a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from shared.domain.common.playbook_rules import CutOffs, Rules
from shared.domain.orders.order import OrderRow


class Metrics(NamedTuple):
    """A customer's metrics as of one local day, from the orders that count. Amounts in VND.

    `window_*` covers the value window that ends on that day, `year_spend` the 365 days that end on the day of the last
    order. `window_from` and `year_from` are the earliest counted day inside them. `matures` is the next day on which a
    pending COD order becomes kept. `promo_from_percent` is the discount from which an order counted as a promotion.
    """

    orders: int = 0
    revenue: int = 0
    visits: int = 0
    first_day: str = ""
    last_day: str = ""
    first_order_at: str = ""
    last_order_at: str = ""
    window_spend: int = 0
    window_visits: int = 0
    window_from: str = ""
    year_spend: int = 0
    year_from: str = ""
    promo_orders: int = 0
    refusals: int = 0
    largest_order: int = 0
    last_day_orders: int = 0
    busiest_day_orders: int = 0
    matures: str = ""
    promo_from_percent: int = 0


# The stored name of each field: one or two letters, because every write of a profile pays for them. A name is never
# given to another field; the first nineteen stand in the order of the older, positional form.
STORED_AS = {
    "orders": "o",
    "revenue": "r",
    "visits": "v",
    "first_day": "fd",
    "last_day": "ld",
    "first_order_at": "fo",
    "last_order_at": "lo",
    "window_spend": "ws",
    "window_visits": "wv",
    "window_from": "wf",
    "year_spend": "ys",
    "year_from": "yf",
    "promo_orders": "po",
    "refusals": "rf",
    "largest_order": "xo",
    "last_day_orders": "lc",
    "busiest_day_orders": "bc",
    "matures": "m",
    "promo_from_percent": "pf",
}
_POSITIONS = 19

StoredMetrics = dict[str, int | str]


def to_stored(metrics: Metrics) -> StoredMetrics:
    """The metrics as a profile holds them: by their stored names, without 0 and ""."""
    return {STORED_AS[name]: value for name, value in metrics._asdict().items() if value}


def from_stored(stored: Mapping[str, int | str] | Sequence[int | str]) -> Metrics:
    """The metrics of a profile, in the form of `to_stored` or the older list by position; a field that this release
    does not know is left out. Raises TypeError for a list that no release has written."""
    if isinstance(stored, Mapping):
        known = {name: stored[short] for name, short in STORED_AS.items() if short in stored}
    else:
        if len(stored) > _POSITIONS:
            raise TypeError(f"{len(stored)} metrics by position, {_POSITIONS} are known")
        known = dict(zip(STORED_AS, stored, strict=False))
    return Metrics(**known)  # type: ignore[arg-type]  # the stored types are those that `to_stored` wrote


def measure(rows: Iterable[OrderRow], today: date, rules: Rules, cutoffs: CutOffs) -> Metrics:
    """All metrics from all order rows: the reference that `extend` must equal."""
    rows = list(rows)
    counted = sorted((r for r in rows if r.counts), key=lambda r: (r.placed_at, r.order_id))
    window_start = today - timedelta(days=rules.value.window_days)
    matures = min((r.matures for r in rows if r.matures), default=None)
    base = Metrics(
        revenue=sum(r.kept for r in rows),
        refusals=sum(r.refused for r in rows),
        window_spend=sum(r.kept for r in rows if r.day > window_start),
        matures=matures.isoformat() if matures else "",
        window_from=_earliest(r.day for r in rows if r.kept and r.day > window_start),
        promo_from_percent=promo_from(rules, cutoffs),
    )
    if not counted:
        return base
    first, last = counted[0], counted[-1]
    year_start = last.day - timedelta(days=365)
    days: dict[date, int] = {}
    for row in counted:
        days[row.day] = days.get(row.day, 0) + 1
    return base._replace(
        orders=len(counted),
        visits=len(days),
        first_day=first.day.isoformat(),
        last_day=last.day.isoformat(),
        first_order_at=first.placed_at,
        last_order_at=last.placed_at,
        window_visits=sum(day > window_start for day in days),
        year_spend=sum(r.kept for r in rows if r.day > year_start),
        year_from=_earliest(r.day for r in rows if r.kept and r.day > year_start),
        promo_orders=sum(is_promo(r, promo_from(rules, cutoffs)) for r in counted),
        largest_order=max(r.kept for r in counted),
        last_day_orders=days[last.day],
        busiest_day_orders=max(days.values()),
    )


def _sooner(known: str, day: str) -> str:
    """The earlier of two days; an exchange that counts as no order may lie after this one."""
    return min(known, day) if known else day


def _earliest(days: Iterable[date]) -> str:
    found = min(days, default=None)
    return found.isoformat() if found else ""


def promo_from(rules: Rules, cutoffs: CutOffs) -> int:
    """The discount in percent from which an order counts as a promotion: well above the chain's baseline (G2)."""
    return cutoffs.discount_baseline_percent + rules.tags.promo_discount_above_baseline_percent


def empty_metrics(rules: Rules, cutoffs: CutOffs) -> Metrics:
    """The metrics of a customer without orders."""
    return Metrics(promo_from_percent=promo_from(rules, cutoffs))


def is_stale(m: Metrics, today: date, rules: Rules, cutoffs: CutOffs) -> bool:
    """Whether stored metrics have to be measured again: an order left the window or matured, or the discount from which
    an order counts as a promotion has moved."""
    window_start = (today - timedelta(days=rules.value.window_days)).isoformat()
    return (
        bool(m.window_from and m.window_from <= window_start)
        or bool(m.matures and m.matures <= today.isoformat())
        or m.promo_from_percent != promo_from(rules, cutoffs)
    )


def is_promo(row: OrderRow, from_percent: int) -> bool:
    """Whether an order was bought with a voucher or a deep discount."""
    return row.promo or row.discount_percent >= from_percent


def extend(before: Metrics, row: OrderRow, today: date, rules: Rules, cutoffs: CutOffs) -> Metrics | None:
    """The metrics after a new, latest order, without reading the others; None where only `measure` can tell.

    Holds when the order is kept at once and follows all others in time, and nothing has left the windows since
    `before` was taken: the everyday case.
    """
    if row.matures or row.refused or not row.counts or is_stale(before, today, rules, cutoffs):
        return None
    window_start = (today - timedelta(days=rules.value.window_days)).isoformat()
    day = row.day.isoformat()
    in_window = day > window_start
    # `last_order_at` is empty while nothing counted; exchanges and return invoices may still stand in the windows.
    if row.placed_at <= before.last_order_at or (not before.orders and (before.revenue or before.window_from)):
        return None
    year_start = (row.day - timedelta(days=365)).isoformat()
    if before.year_from and before.year_from <= year_start:
        return None
    new_day = day != before.last_day
    today_orders = 1 if new_day else before.last_day_orders + 1
    return before._replace(
        orders=before.orders + 1,
        revenue=before.revenue + row.kept,
        visits=before.visits + new_day,
        first_day=before.first_day or day,
        last_day=day,
        first_order_at=before.first_order_at or row.placed_at,
        last_order_at=row.placed_at,
        window_spend=before.window_spend + (row.kept if in_window else 0),
        window_visits=before.window_visits + (in_window and new_day),
        window_from=_sooner(before.window_from, day) if in_window else before.window_from,
        year_spend=before.year_spend + row.kept,
        year_from=_sooner(before.year_from, day),
        promo_orders=before.promo_orders + is_promo(row, before.promo_from_percent),
        largest_order=max(before.largest_order, row.kept),
        last_day_orders=today_orders,
        busiest_day_orders=max(before.busiest_day_orders, today_orders),
    )
