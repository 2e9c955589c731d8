"""The log of consent statements and their proofs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from shared.ports import Item
from shared.repositories import table_keys
from shared.repositories.unit_of_work import UnitOfWork


def keep_proofs(uow: UnitOfWork, home: str, statements: Iterable[dict[str, Any]]) -> None:
    """The law asks who keeps the proof: every statement stays on the timeline, not only the last (R10)."""
    for said in statements:
        # The same statement is one entry however often it comes, another of the same moment is another.
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
        name = "Consent Granted" if said["granted"] else "Consent Withdrawn"
        entry: Item = {"type": "consent", "name": name, "stage": "engagement", "at": said["at"], "consent": said}
        entry["source"] = said.get("source", "")
        uow.mark(table_keys.timeline(home, said["at"], f"consent-{digest}"), entry)
