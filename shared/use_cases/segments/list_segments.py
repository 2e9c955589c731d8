"""Segments: how many customers each label has, and who they are."""

from __future__ import annotations

from typing import Any

from shared.domain.errors import NotFound
from shared.domain.segments.segmentation import LIFECYCLE, TAGS, VALUE
from shared.ports import Table
from shared.repositories import profiles, table_keys
from shared.repositories.profiles import RulesToday, load_members
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.customers.view import describe

KINDS = {"lifecycle": LIFECYCLE, "value": VALUE, "tag": TAGS}


def counts(table: Table) -> list[dict[str, Any]]:
    """Every label with its number of members."""
    found = dict.fromkeys((label for labels in KINDS.values() for label in labels), 0)
    start = None
    while True:
        page = table.query("COUNTS", start=start, consistent=False)
        for item in page.items:
            for label in found:
                found[label] += item.get(label, 0)
        start = page.next
        if start is None:
            break
    return [
        {"label": label, "kind": kind, "customers": found[label]} for kind, labels in KINDS.items() for label in labels
    ]


def members(
    table: Table, label: str, rules_today: RulesToday, limit: int, start: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of a segment's members; raises NotFound for a label there is none of."""
    if not any(label in labels for labels in KINDS.values()):
        raise NotFound("there is no such segment")
    page = table.query(f"S#{label}", start=start, limit=limit, consistent=False)
    uow = UnitOfWork(table)
    uow.load([table_keys.profile(item["sk"]) for item in page.items])
    shown = []
    for item in page.items:
        profile = profiles.find(uow, item["sk"])
        if profile is None:
            continue
        seen = describe(load_members(uow, profile), rules_today)
        shown.append(
            {
                "customer_id": seen["customer_id"],
                "name": seen["traits"].get("name"),
                **seen["segments"],
                "orders": seen["metrics"]["orders"],
                "revenue": seen["metrics"]["revenue"],
                "days_silent": seen["metrics"]["days_silent"],
                "stores": seen["stores"],
            }
        )
    return shown, page.next
