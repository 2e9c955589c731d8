"""API keys: issued once in clear, stored hashed, looked up through a short-lived cache."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypedDict, cast

from shared.domain.customers.reach import sees
from shared.domain.vietnam_time import stamp
from shared.ports import NewId, Put, Table, Update, present
from shared.repositories import table_keys

ROLES = ("pos", "web", "store_staff", "store_manager", "marketing", "sales", "care", "manager", "admin")
STORE_ROLES = frozenset(("store_staff", "store_manager"))


Kind = Literal["api", "write"]


class StoredKey(TypedDict, total=False):
    """The item of an API key, under its hash; `stores` empty: all; without `revoked_at` it is in use."""

    pk: str
    sk: str
    kind: Kind
    roles: list[str]
    stores: list[str]
    name: str
    issued_at: str
    revoked_at: str


@dataclass(frozen=True)
class Caller:
    """A caller: the name of their key, its kind, roles and stores (empty: all)."""

    name: str
    kind: str
    roles: frozenset[str]
    stores: frozenset[str]

    def may_see(self, stores: Collection[str]) -> bool:
        """Whether the key sees a customer, or a thing, of these stores."""
        return sees(self.stores, stores)


def digest(key: str) -> str:
    # Keys are 120 random bits, so a plain hash cannot be guessed back.
    return hashlib.sha256(key.encode()).hexdigest()


def issue_key(
    table: Table,
    *,
    kind: Kind,
    roles: list[str],
    stores: list[str],
    name: str,
    now: datetime,
    new_id: NewId,
) -> str:
    """Make a key and store its hash; the return value is the only time it is seen in clear.

    `kind` is "api" (Bearer, with roles) or "write" (the tracking protocol's write key). Raises ValueError for an
    unknown role, and for a store role without stores.
    """
    for role in roles:
        if role not in ROLES:
            raise ValueError(f"{role} is not a role; roles are {', '.join(ROLES)}")
    if STORE_ROLES.intersection(roles) and not stores:
        raise ValueError("a store role needs its stores")
    key = f"kq_{kind}_{new_id()}"
    pk, sk = table_keys.api_key(digest(key))
    item: StoredKey = {
        "pk": pk,
        "sk": sk,
        "kind": kind,
        "roles": sorted(roles),
        "stores": sorted(stores),
        "name": name,
        "issued_at": stamp(now),
    }
    table.write(Put({**item}))
    return key


def revoke_key(table: Table, key: str, now: datetime) -> None:
    """Revoke a key, effective within a minute; raises Conflict for an unknown key."""
    table.write(Update(table_keys.api_key(digest(key)), set={("revoked_at",): stamp(now)}, when=(present(),)))


def look_up(table: Table, key: str, cache: MutableMapping[str, Caller | None]) -> Caller | None:
    """The caller a key was issued to, or None; both are cached, by the key's hash."""
    hashed = digest(key)
    with suppress(KeyError):
        return cache[hashed]
    item = cast(StoredKey | None, table.get(table_keys.api_key(hashed), consistent=False))
    caller = None
    if item and "revoked_at" not in item:
        caller = Caller(item["name"], item["kind"], frozenset(item["roles"]), frozenset(item["stores"]))
    cache[hashed] = caller
    return caller
