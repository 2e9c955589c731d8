"""Write a customer's metrics, labels, list membership, churn rank and next due day."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from shared.domain.common.stored_item import without
from shared.domain.customers.profile import Profile, caring_store, fold_members
from shared.domain.segments.metrics import Metrics, is_stale, measure, to_stored
from shared.domain.segments.segmentation import classify, due_at, lifecycle
from shared.domain.vietnam_time import stamp
from shared.ports import Item
from shared.repositories import table_keys
from shared.repositories.orders import rows_of
from shared.repositories.profiles import RulesToday, metrics_of
from shared.repositories.unit_of_work import UnitOfWork

LIFECYCLE_LANE = "lifecycle#0"


def relabel(
    uow: UnitOfWork,
    members: list[Profile],
    metrics: Metrics | None,
    rules_today: RulesToday,
    *,
    appoint_vip: bool = False,
    waking: bool = False,
) -> Profile:
    """Put the leading profile with its metrics and labels; `metrics` None means: measure them from the orders.

    Only a wake-up (`waking`) signals what time alone has changed. A relabel on the same day keeps the pending wake-up,
    and as `slipped_from` the lifecycle label that journeys heard last.
    """
    lead = members[0]
    customer_id = lead["customer_id"]
    if metrics is None or is_stale(metrics, rules_today.today, rules_today.rules, rules_today.cutoffs):
        metrics = measure(rows_of(uow, members, rules_today), rules_today.today, rules_today.rules, rules_today.cutoffs)
    view = fold_members(members)
    labelled = classify(
        metrics, view, rules_today.today, rules_today.rules, rules_today.cutoffs, appoint_vip=appoint_vip
    )
    _list(uow, customer_id, set(lead.get("labels", ())), set(labelled.labels))
    risk = labelled.risk if labelled.labels else None
    store = caring_store(view)
    _rank(uow, customer_id, lead, risk, store)
    profile: Profile = {**lead, "metrics": to_stored(metrics), "labels": list(labelled.labels)}
    _set(profile, "risk", risk)
    _set(profile, "ranked_in", store if risk is not None and store else None)
    # A VIP appointment stays with the profile that was appointed, so that an unmerge gives it back.
    renewed = labelled.vip_until > view.get("vip_until", "")
    vip_until = labelled.vip_until if renewed else lead.get("vip_until", "")
    _set(profile, "vip_until", vip_until if vip_until > rules_today.today.isoformat() else None)
    _set(profile, "refused", labelled.refused or None)
    # Where more orders matured than one transaction holds, the rest is due at once.
    day = (
        rules_today.today if metrics.matures and metrics.matures <= rules_today.today.isoformat() else labelled.due_day
    )
    slipped_from = None if waking else _slipped_from(lead, labelled.lifecycle, rules_today)
    _set(profile, "slipped_from", slipped_from)
    due = _due(lead, customer_id, day, rules_today.today, to_signal=bool(labelled.key_dates or slipped_from))
    _set(profile, "due", LIFECYCLE_LANE if due else None)
    _set(profile, "due_at", due)
    uow.put(table_keys.profile(customer_id), profile)
    return profile


def _slipped_from(lead: Profile, now: str, rules_today: RulesToday) -> str | None:
    """The lifecycle label that journeys heard last, where time alone has led from it to the present one."""
    if not lead.get("labels"):
        return None
    heard = str(lead.get("slipped_from") or lead["labels"][0])
    alone = lifecycle(metrics_of(lead), rules_today.today, rules_today.rules)
    return heard if heard != now and now == alone else None


def _due(lead: Profile, customer_id: str, day: date | None, today: date, *, to_signal: bool) -> str | None:
    """An early due date need not move, the wake-up will: moving the index key is what costs. One with a signal still
    pending must not move."""
    wanted = stamp(due_at(customer_id, day)) if day else None
    pending: str = lead.get("due_at", "")
    if pending and stamp(due_at(customer_id, today)) >= pending:
        return pending if to_signal else wanted
    if pending and wanted and pending < wanted:
        return pending
    return wanted


def withdraw(uow: UnitOfWork, profile: Profile) -> Profile:
    """Remove a profile that leads no longer from every list; what arrived by its identities stays on it."""
    _list(uow, profile["customer_id"], set(profile.get("labels", ())), set())
    _rank(uow, profile["customer_id"], profile, None, "")
    derived = ("metrics", "labels", "risk", "ranked_in", "due", "due_at", "refused", "slipped_from")
    return without(profile, *derived)


def _set(profile: Profile, name: str, value: Any) -> None:
    item = cast(dict[str, Any], profile)
    if value is None:
        item.pop(name, None)
    else:
        item[name] = value


def _list(uow: UnitOfWork, customer_id: str, before: set[str], after: set[str]) -> None:
    for label in sorted(before - after):
        uow.delete(table_keys.member(label, customer_id))
        uow.count(table_keys.MEMBER_COUNTS, **{label: -1})
    for label in sorted(after - before):
        uow.mark(table_keys.member(label, customer_id), {})
        uow.count(table_keys.MEMBER_COUNTS, **{label: 1})


def _rank(uow: UnitOfWork, customer_id: str, lead: Profile, risk: int | None, store: str) -> None:
    before = lead.get("risk")
    if before is not None and before != risk:
        uow.delete(table_keys.risk(before, customer_id))
    if risk is not None and (before != risk or lead.get("ranked_in", "") != store):
        row: Item = {"customer_id": customer_id, "store": store}
        if listed := lead.get("listed_on"):
            row["listed_on"] = listed
        uow.mark(table_keys.risk(risk, customer_id), row)
