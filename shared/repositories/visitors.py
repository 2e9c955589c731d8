"""Visitors who came by a link of ours: a one-time token tells the shop's page, and us, which customer clicked (X24)."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.domain.customers.identity import Identity
from shared.ports import NewId, Put, Table
from shared.repositories import table_keys
from shared.repositories.unit_of_work import UnitOfWork

# From the click to the first event of the page it leads to.
TOKEN_LIVES = timedelta(minutes=15)


def give_token(table: Table, customer_id: str, now: datetime, new_id: NewId) -> str:
    """A token for the browser that is sent on to the shop's page."""
    token = new_id()
    key = table_keys.visitor_token(token)
    ends = int((now + TOKEN_LIVES).timestamp())
    table.write(Put({"pk": key.pk, "sk": key.sk, "version": 1, "customer_id": customer_id, "ttl": ends}))
    return token


def redeem(uow: UnitOfWork, token: str, device: Identity, now: datetime) -> str | None:
    """The customer behind a token, for the first device that brings it; None for any other and after its end."""
    key = table_keys.visitor_token(token)
    item = uow.get(key)
    if item is None or item["ttl"] <= now.timestamp() or item.get("device", device.value) != device.value:
        return None
    if "device" not in item:
        uow.put(key, {**item, "device": device.value})
    return str(item["customer_id"])
