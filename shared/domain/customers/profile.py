"""A customer's own facts, how they merge, and the figures that follow from the orders.

A profile holds only what arrived by its own identities. A merge does not move facts: the absorbed profile points to
the one that leads, and the view is folded from all members. That is why a merge can be undone, also for later facts.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, NamedTuple

from shared.domain.common.playbook_rules import CutOffs, Rules
from shared.domain.customers.names import clean_name, fold, same_person
from shared.domain.orders.order import OrderRow

Profile = dict[str, Any]

TRAITS = ("name", "birthday", "gender", "city", "home_store")
NAMES_KEPT = 8
# A write key stands in every browser; nobody may fill a profile until it no longer fits the table.
TRAITS_KEPT = 80


def new_profile(customer_id: str, at: str) -> Profile:
    return {
        "customer_id": customer_id,
        "created_at": at,
        "identities": {},
        "traits": {},
        "stamps": {},
        "consent": {},
        "names": {},
    }


def learn(profile: Profile, traits: dict[str, Any], at: str) -> Profile:
    """Traits merged field by field, the later statement wins; of two at one moment, the greater text."""
    stamps, kept = dict(profile["stamps"]), dict(profile["traits"])
    for name, value in traits.items():
        if (at, str(value)) > (stamps.get(name, ""), str(kept.get(name, ""))):
            kept[name], stamps[name] = value, at
    if len(kept) > TRAITS_KEPT:
        kept = {name: kept[name] for name in sorted(kept, key=lambda name: (name.startswith("@"), name))[:TRAITS_KEPT]}
        stamps = {name: stamps[name] for name in kept}
    names = profile["names"]
    raw = traits.get("name")
    folded = fold(raw) if raw and clean_name(raw) else None
    if folded and folded not in names:
        names = _some({**names, folded: 1})
    return {**profile, "traits": kept, "stamps": stamps, "names": names}


def _some(names: dict[str, int]) -> dict[str, int]:
    """As many names as are kept: the first by text, so that the order of arrival does not matter."""
    return dict.fromkeys(sorted(names)[:NAMES_KEPT], 1)


def agree(profile: Profile, statements: Iterable[dict[str, Any]]) -> Profile:
    """Consent by channel and purpose, the later statement wins; at the same moment a refusal wins (R10)."""
    consent = dict(profile["consent"])
    for said in statements:
        slot = f"{said['channel']}:{said['purpose']}"
        known = consent.get(slot)
        if known is None or _weight(said) > _weight(known):
            consent[slot] = {k: said[k] for k in ("granted", "at", "proof", "source") if k in said}
    return {**profile, "consent": consent}


def _weight(said: dict[str, Any]) -> tuple[str, bool, str, str]:
    # `not granted` sorts a refusal above a grant of the same moment; the texts leave nothing to the order of arrival.
    return said["at"], not said["granted"], str(said.get("proof", "")), str(said.get("source", ""))


def fold_members(members: list[Profile]) -> Profile:
    """One view of merged profiles, the leading one first; equal to what a single profile would have learned."""
    lead = members[0]
    if len(members) == 1:
        return lead
    view = {**lead, "identities": {}, "traits": {}, "stamps": {}, "consent": {}, "names": {}}
    for member in members:
        for name, at in member["stamps"].items():
            value = member["traits"][name]
            if (at, str(value)) > (view["stamps"].get(name, ""), str(view["traits"].get(name, ""))):
                view["traits"][name], view["stamps"][name] = value, at
        view = agree(
            view,
            [
                dict(zip(("channel", "purpose"), slot.split(":"), strict=True)) | said
                for slot, said in member["consent"].items()
            ],
        )
        for name, link in member["identities"].items():
            known = view["identities"].get(name)
            if known is None or link["at"] < known["at"]:
                view["identities"][name] = link
        view["names"] = _some({**view["names"], **member["names"]})
    view["created_at"] = min(m["created_at"] for m in members)
    for name in ("engaged_on", "vip_until"):
        if told := [m[name] for m in members if m.get(name)]:
            view[name] = max(told)
    if complaints := {ticket for m in members for ticket in m.get("complaints", ())}:
        view["complaints"] = sorted(complaints)
    if stores := {store for m in members for store in m.get("stores", ())}:
        view["stores"] = dict.fromkeys(sorted(stores), 1)
    return view


def caring_store(view: Profile) -> str:
    """The store that cares for a customer: the home store, else one they bought in, else ""."""
    return str(view["traits"].get("home_store") or min(view.get("stores", ()), default=""))


def different_people(names: Iterable[str]) -> int:
    """How many persons at least stand behind these folded names: the size of a set of pairwise different ones."""
    apart: list[str] = []
    for name in sorted(names):
        if not any(same_person(name, other) for other in apart):
            apart.append(name)
    return len(apart)


class Metrics(NamedTuple):
    """A customer's figures as of one local day, from the orders that count. Amounts in VND.

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


def measure(rows: Iterable[OrderRow], today: date, rules: Rules, cutoffs: CutOffs) -> Metrics:
    """All figures from all order rows: the reference that `extend` must equal."""
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
    """An exchange that counts as no order may lie after this one."""
    return min(known, day) if known else day


def _earliest(days: Iterable[date]) -> str:
    found = min(days, default=None)
    return found.isoformat() if found else ""


def promo_from(rules: Rules, cutoffs: CutOffs) -> int:
    """The discount in percent that is well above what the chain gives everybody (G2)."""
    return cutoffs.discount_baseline_percent + rules.tags.promo_discount_above_baseline_percent


def no_figures(rules: Rules, cutoffs: CutOffs) -> Metrics:
    """The figures of somebody without orders."""
    return Metrics(promo_from_percent=promo_from(rules, cutoffs))


def is_stale(m: Metrics, today: date, rules: Rules, cutoffs: CutOffs) -> bool:
    """Whether figures taken earlier have to be measured again: an order left the window or matured, or the discount
    from which an order counts as a promotion has moved."""
    window_start = (today - timedelta(days=rules.value.window_days)).isoformat()
    return (
        bool(m.window_from and m.window_from <= window_start)
        or bool(m.matures and m.matures <= today.isoformat())
        or m.promo_from_percent != promo_from(rules, cutoffs)
    )


def is_promo(row: OrderRow, from_percent: int) -> bool:
    """Bought with a voucher or a deep discount."""
    return row.promo or row.discount_percent >= from_percent


def extend(before: Metrics, row: OrderRow, today: date, rules: Rules, cutoffs: CutOffs) -> Metrics | None:
    """The figures after a new, latest order, without reading the others; None where only `measure` can tell.

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
