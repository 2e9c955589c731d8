"""The daily win-back scan: the most valuable customers at risk, within what the staff can call today (W1, G11)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from shared.domain.common.money import vnd
from shared.domain.customers.profile import fold_members
from shared.domain.errors import Busy
from shared.domain.segments.segmentation import lifecycle, scores, silence
from shared.ports import Delete, Item, Key, Table, Update, present
from shared.repositories import profiles, table_keys
from shared.repositories.profiles import RulesToday, load_members, metrics_of
from shared.repositories.retry import committed
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.journeys.context import JourneyContext
from shared.use_cases.journeys.steps import Planned
from shared.use_cases.tasks.winback_calls import WinbackCalls

PAGE = 200
MAX_PAGES = 20


@dataclass(frozen=True)
class Scan:
    """What the scan of one morning did; `planned` are messages to be enqueued."""

    listed: int
    called: int
    looked_at: int
    planned: list[tuple[str, str]]


def at_risk(table: Table, rules_today: RulesToday, limit: int, start: str | None) -> tuple[list[Item], str | None]:
    """A page of the churn-risk ranking, the most valuable first, each described as of today."""
    page = table.query("RISK", start=start, limit=limit, consistent=False)
    return _describe(table, page.items, rules_today), page.next


def scan(journeys: JourneyContext) -> Scan:
    """Write this morning's list from the top of the ranking, and open the calls that it demands.

    The ranking is an index kept up to date by wakes and orders, so the scan reads from its top and never the base.
    A customer listed lately rests; one who is to be called on a day without free capacity is listed the next day, still
    in order of value. Running it again on the same day writes the same list again and calls no customer twice.
    """
    table, rules_today = journeys.table, journeys.rules_today
    rules, today = rules_today.rules.winback, rules_today.today.isoformat()
    rested = (rules_today.today - timedelta(days=rules.rest_days)).isoformat()
    calls = WinbackCalls.of(journeys)
    taken: Counter[str] = Counter()
    written = looked_at = 0
    start = None
    for _ in range(MAX_PAGES):
        page = table.query("RISK", start=start, limit=PAGE)
        looked_at += len(page.items)
        rows = {row["customer_id"]: row for row in page.items if not rested < row.get("listed_on", "") < today}
        described = _describe(table, list(rows.values()), rules_today)
        for entry in sorted(described, key=lambda entry: (-entry["value_at_risk"], entry["customer_id"])):
            store = entry["store"] or ""
            if taken[store] < rules.calls_per_store_a_day and _list(calls, rows[entry["customer_id"]], entry, written):
                taken[store] += 1
                written += 1
        start = page.next
        if start is None or (taken and min(taken.values()) >= rules.calls_per_store_a_day):
            break
    # An earlier run of this morning may have found more: who bought since is called by nobody, and nobody twice.
    for item in _listed(table, rules_today.today, table_keys.winback(today, written).sk):
        table.write(Delete(Key(item["pk"], item["sk"])))
    return Scan(written, calls.opened, looked_at, calls.planned)


def _list(calls: WinbackCalls, row: Item, entry: dict[str, Any], rank: int) -> bool:
    """Put a customer on this morning's list, in one commit with the call they get; False when they are not on it."""
    journeys, place = calls.journeys, Key(row["pk"], row["sk"])
    today = journeys.rules_today.today.isoformat()

    def put_on_list(uow: UnitOfWork) -> tuple[Planned, bool] | None:
        key = table_keys.profile(entry["customer_id"])
        profile = profiles.find(uow, entry["customer_id"])
        if profile is None or table_keys.risk(profile.get("risk", 0), entry["customer_id"]) != place:
            return None  # bought since we looked: no longer at this place of the ranking
        wanted = calls.wanted(uow, profile, entry) if row.get("listed_on", "") != today else None
        if wanted == "later":
            return None
        uow.put(key, {**(uow.get(key) or profile), "listed_on": today})
        uow.also(Update(place, set={("listed_on",): today}, when=(present(),)))
        # The table knows no floats.
        uow.mark(table_keys.winback(today, rank), {**entry, "p_alive": _as_text(entry["p_alive"])})
        return (calls.open(uow, entry) if wanted == "call" else []), wanted == "call"

    try:
        listed_now = committed(journeys.table, put_on_list)
    except Busy:
        return False  # listed tomorrow, or by this morning's next run
    if listed_now is None:
        return False
    planned, called = listed_now
    calls.done(planned, opened=called)
    return True


def listed(table: Table, day: date) -> list[Item]:
    """The list of one morning, in order of rank."""
    return [{**item, "p_alive": float(text) if (text := item["p_alive"]) else None} for item in _listed(table, day)]


def _listed(table: Table, day: date, low: str = "") -> list[Item]:
    found: list[Item] = []
    start = None
    while True:
        page = table.query(f"WINBACK#{day.isoformat()}", low=low, start=start)
        found += page.items
        start = page.next
        if start is None:
            return found


def _describe(table: Table, rows: list[Item], rules_today: RulesToday) -> list[dict[str, Any]]:
    uow = UnitOfWork(table)
    uow.load([table_keys.profile(row["customer_id"]) for row in rows])
    described = []
    for row in rows:
        profile = profiles.find(uow, row["customer_id"])
        if profile is None or "risk" not in profile:
            continue
        m = metrics_of(profile)
        folded = fold_members(load_members(uow, profile))
        life, days = (
            lifecycle(m, rules_today.today, rules_today.rules),
            silence(m, rules_today.today, rules_today.rules),
        )
        tier = profile["labels"][1]
        rules = rules_today.rules.winback
        reason = rules.reasons[life if life in rules.reasons else "personal"]
        entry = {
            "customer_id": row["customer_id"],
            "name": folded["traits"].get("name"),
            "store": row["store"] or None,
            "stores": sorted(folded.get("stores", {})),
            "lifecycle": life,
            "value": tier,
            "days_silent": days,
            "p_alive": scores(m, rules_today.today, rules_today.rules.bg_nbd)["p_alive"],
            "value_at_risk": profile["risk"],
            "action": rules.actions.get(tier, "message"),
            "reason": reason.format(days=days, visits=m.visits, amount=vnd(m.year_spend)),
        }
        described.append(entry)
    return described


def _as_text(chance: float | None) -> str:
    """A chance as the table can hold it; "" where nobody knows."""
    return "" if chance is None else str(chance)
