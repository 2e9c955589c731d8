"""API keys: issued once in clear, stored hashed, looked up through a short-lived cache, listed and revoked by id.

A server key proves who a browser's user is: it is the key of the HMAC that the shop's server sends along. It is itself
an HMAC of its id under the identity secret, so it can be made again for the check and is stored nowhere.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Collection, Iterator, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypedDict, cast

from shared.domain.customers.reach import sees
from shared.domain.errors import NotFound
from shared.domain.vietnam_time import stamp
from shared.ports import NewId, Put, Table, Update, present
from shared.repositories import table_keys

ROLES = ("pos", "web", "store_staff", "store_manager", "marketing", "sales", "care", "manager", "admin")
STORE_ROLES = frozenset(("store_staff", "store_manager"))
ANY_ORIGIN = "*"
_ORIGIN = re.compile(r"https?://[a-z0-9.-]{1,253}(:\d{1,5})?")
_SYSTEM = re.compile(r"[\w.-]{1,40}")

# "api" opens REST calls (Bearer, with roles); "write" is a server's key of the tracking protocol, "browser" a page's.
Kind = Literal["api", "write", "browser"]


class StoredKey(TypedDict, total=False):
    """The item of a key, under its hash; without `revoked_at` it is in use until `expires_at`.

    `stores` empty: all. `system` owns the order numbers that a server key brings; `origins` may use a browser key.
    """

    pk: str
    sk: str
    id: str
    kind: Kind
    roles: list[str]
    stores: list[str]
    system: str
    origins: list[str]
    name: str
    issued_at: str
    expires_at: str
    revoked_at: str


@dataclass(frozen=True)
class KeyGrant:
    """What a new key is for: the words of `StoredKey`. Raises ValueError for what does not go together."""

    kind: Kind
    name: str
    roles: Sequence[str] = ()
    stores: Sequence[str] = ()
    system: str = ""
    origins: Sequence[str] = ()
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        for role in self.roles:
            if role not in ROLES:
                raise ValueError(f"{role} is not a role; roles are {', '.join(ROLES)}")
        if STORE_ROLES.intersection(self.roles) and not self.stores:
            raise ValueError("a store role needs its stores")
        if bool(self.roles) != (self.kind == "api"):
            raise ValueError("an api key needs a role" if self.kind == "api" else "only an api key has roles")
        if bool(self.origins) != (self.kind == "browser"):
            raise ValueError(
                "a browser key needs the origins of the pages that use it, such as https://shop.example"
                if self.kind == "browser"
                else "only a browser key has origins"
            )
        for origin in self.origins:
            if origin != ANY_ORIGIN and not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin} is no origin such as https://shop.example: no path, in lower case")
        if self.system and self.kind != "write":
            raise ValueError("only a server key (write) has a system")
        if self.system and not _SYSTEM.fullmatch(self.system):
            raise ValueError("a system is named in 1 to 40 letters, digits, dots, dashes or underscores")
        if self.kind == "browser" and self.stores:
            raise ValueError("a browser key has no stores: it names none and sees none")


@dataclass(frozen=True)
class Caller:
    """A caller: id and name of their key, its kind, roles and stores (empty: all), system and origins."""

    name: str
    kind: Kind
    roles: frozenset[str]
    stores: frozenset[str]
    id: str = ""
    system: str = ""
    origins: frozenset[str] = frozenset()
    expires_at: str = ""

    def may_see(self, stores: Collection[str]) -> bool:
        """Whether the key sees a customer, or a thing, of these stores."""
        return sees(self.stores, stores)

    def may_come_from(self, origin: str) -> bool:
        """Whether a page of this origin may use the key; a call without an origin comes from no browser."""
        return not origin or bool(self.origins & {origin, ANY_ORIGIN})


def digest(key: str) -> str:
    # Keys are 120 random bits, so a plain hash cannot be guessed back.
    return hashlib.sha256(key.encode()).hexdigest()


def issue_key(table: Table, grant: KeyGrant, *, identity_key: bytes, now: datetime, new_id: NewId) -> str:
    """Make a key and store its hash; the return value is the only time it is seen in clear."""
    key_id = new_id()
    key = _server_key(key_id, identity_key) if grant.kind == "write" else f"kq_{grant.kind}_{new_id()}"
    hashed = digest(key)
    pk, sk = table_keys.api_key(hashed)
    item: StoredKey = {
        "pk": pk,
        "sk": sk,
        "id": key_id,
        "kind": grant.kind,
        "roles": sorted(grant.roles),
        "stores": sorted(grant.stores),
        "name": grant.name,
        "issued_at": stamp(now),
    }
    if grant.system:
        item["system"] = grant.system
    if grant.origins:
        item["origins"] = sorted(grant.origins)
    if grant.expires_at:
        item["expires_at"] = stamp(grant.expires_at)
    row = table_keys.key_row(key_id)
    table.write(Put({**item}), Put({"pk": row.pk, "sk": row.sk, "digest": hashed}))
    return key


def _server_key(key_id: str, identity_key: bytes) -> str:
    mac = hmac.new(identity_key, f"server key {key_id}".encode(), hashlib.sha256).digest()
    return f"kq_write_{base64.b32encode(mac[:15]).decode().lower()}"


def keys(table: Table) -> Iterator[StoredKey]:
    """Every key ever issued, by id; those of before keys had ids are not among them."""
    start: str | None = None
    while True:
        page = table.query(table_keys.KEYS, start=start)
        for row in page.items:
            if item := table.get(table_keys.api_key(str(row["digest"]))):
                yield cast(StoredKey, item)
        if page.next is None:
            return
        start = page.next


def revoke_key(table: Table, key: str, now: datetime) -> None:
    """Revoke a key, named in clear or by its id, effective within a minute; raises NotFound."""
    item = _find(table, key)
    if "revoked_at" not in item:
        table.write(Update(table_keys.api_key(_digest(item)), set={("revoked_at",): stamp(now)}, when=(present(),)))


def rotate_key(
    table: Table, key: str, until: datetime, *, identity_key: bytes, now: datetime, new_id: NewId
) -> tuple[StoredKey, str]:
    """A new key for the same use; the old one expires at `until`. Answers what it is for, and it in clear.

    Raises NotFound for an unknown key and ValueError for one that was revoked.
    """
    old = _find(table, key)
    if "revoked_at" in old:
        raise ValueError("the key is revoked; issue a new one")
    grant = KeyGrant(
        old["kind"], old["name"], old["roles"], old["stores"], old.get("system", ""), old.get("origins", ())
    )
    issued = issue_key(table, grant, identity_key=identity_key, now=now, new_id=new_id)
    expires_at = min(stamp(until), old.get("expires_at") or stamp(until))
    table.write(Update(table_keys.api_key(_digest(old)), set={("expires_at",): expires_at}, when=(present(),)))
    return old, issued


def _digest(item: StoredKey) -> str:
    return item["pk"].removeprefix("KEY#")


def _find(table: Table, key: str) -> StoredKey:
    hashed = digest(key)
    if not key.startswith("kq_"):
        row = table.get(table_keys.key_row(key))
        hashed = str(row["digest"]) if row else ""
    item = cast(StoredKey | None, table.get(table_keys.api_key(hashed)))
    if item is None:
        raise NotFound("nobody issued that key here")
    return item


def look_up(table: Table, key: str, cache: MutableMapping[str, Caller | None], now: datetime) -> Caller | None:
    """The caller a key was issued to, or None; both are cached, by the key's hash."""
    hashed = digest(key)
    with suppress(KeyError):
        return _in_time(cache[hashed], now)
    item = cast(StoredKey | None, table.get(table_keys.api_key(hashed), consistent=False))
    caller = None
    if item and "revoked_at" not in item:
        caller = Caller(
            item["name"],
            item["kind"],
            frozenset(item["roles"]),
            frozenset(item["stores"]),
            item.get("id", ""),
            item.get("system", ""),
            frozenset(item.get("origins", ())),
            item.get("expires_at", ""),
        )
    cache[hashed] = caller
    return _in_time(caller, now)


def _in_time(caller: Caller | None, now: datetime) -> Caller | None:
    return None if caller and caller.expires_at and caller.expires_at <= stamp(now) else caller


def server_keys(table: Table, identity_key: bytes, now: datetime) -> Sequence[bytes]:
    """The server keys in use, in clear: whatever one of them has signed, the shop's server said."""
    return [
        _server_key(key["id"], identity_key).encode()
        for key in keys(table)
        if key["kind"] == "write" and "revoked_at" not in key and key.get("expires_at", "9") > stamp(now)
    ]


def proves(user_id: str, user_hash: str, secrets: Sequence[bytes]) -> bool:
    """Whether the hex text `user_hash` is HMAC-SHA256 of the user's id under one of the shop's server keys."""
    stated = user_hash.strip().lower().encode("utf-8", "replace")
    return any(
        hmac.compare_digest(hmac.new(secret, user_id.encode(), hashlib.sha256).hexdigest().encode(), stated)
        for secret in secrets
    )
