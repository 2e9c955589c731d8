"""The slot on the shop's own page: what waits there for a visitor, and that it was shown (the `web` channel)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.ports import Table
from shared.repositories import table_keys
from shared.repositories.profiles import members_of
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.messaging.record_delivery import record


def waiting_for(table: Table, customer_id: str, now: datetime) -> list[dict[str, Any]]:
    """The slots of a customer, oldest first, each told as delivered; a slot stays until it is forgotten or clicked."""
    uow = UnitOfWork(table)
    low, high = table_keys.POPUPS
    slots = [
        slot
        for member in members_of(uow, customer_id)
        for slot in uow.collection(table_keys.profile(member["customer_id"]).pk, low, high)
    ]
    for slot in slots:
        record(table, slot["message_id"], "delivered", now)
    names = ("message_id", "title", "text", "at")
    return [{name: slot[name] for name in names} for slot in sorted(slots, key=lambda slot: slot["at"])]
