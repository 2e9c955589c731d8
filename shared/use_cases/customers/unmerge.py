"""Undo a wrong merge, from either side of it (X3)."""

from __future__ import annotations

from shared.domain.errors import NotFound
from shared.domain.vietnam_time import stamp
from shared.repositories import merges, profiles
from shared.repositories.profiles import load_members
from shared.repositories.retry import committed
from shared.repositories.segment_membership import relabel
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.events.ingest_events import EventIngestion


def unmerge(ingestion: EventIngestion, customer_id: str, merge_id: str | None, by: str) -> tuple[str, str]:
    """Undo a merge: the one named, else the latest one of the customer.

    Returns the ids of both sides. Facts that came since go with the identity they arrived by. Raises NotFound when
    there is no such customer or nothing to undo, Busy when too many writers change it at once.
    """
    return committed(ingestion.table, lambda uow: _unmerge(uow, ingestion, customer_id, merge_id, by))


def _unmerge(
    uow: UnitOfWork, ingestion: EventIngestion, customer_id: str, merge_id: str | None, by: str
) -> tuple[str, str]:
    profile = profiles.find(uow, customer_id)
    if profile is None:
        raise NotFound("there is no such customer")
    sides = [profile, *(profiles.find(uow, i) for i in profile.get("absorbed", ()))]
    absorbed = [p for p in sides if p and "merged_into" in p]
    if merge_id:
        absorbed = [p for p in absorbed if p["merged_into"]["merge_id"] == merge_id]
    if not absorbed:
        raise NotFound("there is no merge to undo")
    latest = max(absorbed, key=lambda p: (p["merged_into"]["at"], p["merged_into"]["merge_id"]))
    lead, other, changed_leads = merges.part(uow, latest, by=by, at=stamp(ingestion.now))
    for changed in sorted(changed_leads):
        top = profiles.find(uow, changed)
        assert top is not None
        relabel(uow, load_members(uow, top), None, ingestion.rules_today)
    return lead["customer_id"], other["customer_id"]
