"""The daily win-back scan: the most valuable customers at risk, within what the staff can call today (W1, G11)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from shared.domain.customer import fold_members
from shared.domain.errors import Conflict
from shared.domain.money import vnd
from shared.domain.segmentation import lifecycle, scores, silence
from shared.ports import Delete, Item, Key, Put, Table, Update, present
from shared.use_cases import layout
from shared.use_cases.draft import Draft
from shared.use_cases.standing import Ruling, figures, load_members

PAGE = 200
MAX_PAGES = 20


@dataclass(frozen=True)
class Scan:
    """What the scan of one morning did."""

    listed: int
    looked_at: int


def at_risk(table: Table, ruling: Ruling, limit: int, start: str | None) -> tuple[list[Item], str | None]:
    """A page of the churn-risk ranking, the most valuable first, each described as of today."""
    page = table.query("RISK", start=start, limit=limit, consistent=False)
    return _describe(table, page.items, ruling), page.next


def scan(table: Table, ruling: Ruling) -> Scan:
    """Write this morning's list from the top of the ranking, within each store's capacity.

    The ranking is an index kept up to date by wakes and orders, so the scan reads from its top and never the base.
    Whoever was listed lately rests. Running it again on the same day writes the same list again.
    """
    rules = ruling.rules.winback
    rested = (ruling.today - timedelta(days=rules.rest_days)).isoformat()
    today = ruling.today.isoformat()
    taken: dict[str, int] = {}
    chosen: list[Item] = []
    looked_at, start = 0, None
    for _ in range(MAX_PAGES):
        page = table.query("RISK", start=start, limit=PAGE)
        for row in page.items:
            looked_at += 1
            listed = row.get("listed_on", "")
            if rested < listed < today or taken.get(row["store"], 0) >= rules.calls_per_store_a_day:
                continue
            taken[row["store"]] = taken.get(row["store"], 0) + 1
            chosen.append(row)
        start = page.next
        if start is None or (taken and min(taken.values()) >= rules.calls_per_store_a_day):
            break
    described = _describe(table, chosen, ruling)
    described.sort(key=lambda entry: (-entry["value_at_risk"], entry["customer_id"]))
    rows = {row["customer_id"]: row for row in chosen}
    written = 0
    for entry in described:
        row = rows[entry["customer_id"]]
        key = layout.winback(today, written)
        try:
            table.write(
                # The table knows no floats.
                Put({**entry, "p_alive": str(entry["p_alive"]), "pk": key.pk, "sk": key.sk}),
                Update(Key(row["pk"], row["sk"]), set={("listed_on",): today}, when=(present(),)),
                Update(
                    layout.profile(entry["customer_id"]),
                    set={("listed_on",): today},
                    add={("version",): 1},
                    when=(present(),),
                ),
            )
        except Conflict:
            continue  # bought since we looked: no longer at this place of the ranking
        written += 1
    # An earlier run of this morning may have found more: who bought since is called by nobody, and nobody twice.
    for item in _listed(table, ruling.today, layout.winback(today, written).sk):
        table.write(Delete(Key(item["pk"], item["sk"])))
    return Scan(listed=written, looked_at=looked_at)


def listed(table: Table, day: date) -> list[Item]:
    """The list of one morning, in order of rank."""
    return [{**item, "p_alive": float(item["p_alive"])} for item in _listed(table, day)]


def _listed(table: Table, day: date, low: str = "") -> list[Item]:
    found: list[Item] = []
    start = None
    while True:
        page = table.query(f"WINBACK#{day.isoformat()}", low=low, start=start)
        found += page.items
        start = page.next
        if start is None:
            return found


def _describe(table: Table, rows: list[Item], ruling: Ruling) -> list[dict[str, Any]]:
    draft = Draft(table)
    draft.load([layout.profile(row["customer_id"]) for row in rows])
    described = []
    for row in rows:
        profile = draft.get(layout.profile(row["customer_id"]))
        if profile is None or "risk" not in profile:
            continue
        m = figures(profile)
        folded = fold_members(load_members(draft, profile))
        life, days = lifecycle(m, ruling.today, ruling.rules), silence(m, ruling.today, ruling.rules)
        tier = profile["labels"][1]
        rules = ruling.rules.winback
        reason = rules.reasons[life if life in rules.reasons else "personal"]
        entry = {
            "customer_id": row["customer_id"],
            "name": folded["traits"].get("name"),
            "store": row["store"] or None,
            "stores": sorted(folded.get("stores", {})),
            "lifecycle": life,
            "value": tier,
            "days_silent": days,
            "p_alive": scores(m, ruling.today, ruling.rules.bg_nbd)["p_alive"],
            "value_at_risk": profile["risk"],
            "action": rules.actions.get(tier, "message"),
            "reason": reason.format(days=days, visits=m.visits, amount=vnd(m.year_spend)),
        }
        described.append(entry)
    return described
