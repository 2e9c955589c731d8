"""What a key may write down of customers: it changes those it sees, and moves nobody into its stores (R7, R44)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from shared.domain.common.stored_item import without
from shared.domain.customers.identity import Identity, link_key
from shared.domain.customers.profile import Profile
from shared.domain.customers.reach import sees, stores_of
from shared.domain.errors import FieldError, Forbidden, Invalid
from shared.ports import Table
from shared.repositories import table_keys
from shared.repositories.profiles import members_of
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.customers.upsert import Upsert, upsert
from shared.use_cases.events.ingest_events import EventIngestion


def allowed(ingestion: EventIngestion, wanted: Upsert, stores: frozenset[str], *, reads: bool) -> Upsert:
    """The upsert as a key may make it. `stores` are the key's (none: all), `reads`: its roles may see customers.

    Raises Forbidden and Invalid. What a key that sees nobody says of a home store counts for a customer without a store
    only: it is left out, and not refused, because a refusal would tell where the customer belongs.
    """
    store = wanted.traits.get("home_store")
    if store and not sees(stores, {store}):
        raise Forbidden(f"the key has no access to traits.home_store {store}")
    if not stores and (reads or not store):
        return wanted
    known = _behind(ingestion.table, ingestion.secret, wanted.identities)
    if not stores:
        moved = any(theirs and store not in theirs for theirs in map(stores_of, known))
        return replace(wanted, traits=without(wanted.traits, "home_store")) if moved else wanted
    seen = [sees(stores, stores_of(members)) for members in known]
    if not store and not (seen and all(seen)):
        # The same answer for nobody and for another store's customer, so that it tells nothing about either.
        reason = "is needed for a person who is no customer of the key's stores yet"
        raise Invalid([FieldError("traits.home_store", reason)])
    if not all(seen):
        # Who buys here becomes a customer of this store by the order, not by being written down as one.
        raise Forbidden("this customer belongs to stores the key has no access to")
    return wanted


def visitor(ingestion: EventIngestion, wanted: Upsert, stores: frozenset[str], store: str, *, reads: bool) -> str:
    """The customer who comes to `store`, created or changed as the key may, and their id. Raises Forbidden.

    A customer of other stores may come, and stays as they are; who nobody knows yet becomes a customer of the store.
    """
    known = _behind(ingestion.table, ingestion.secret, wanted.identities) if stores else []
    if not all(sees(stores, stores_of(members)) for members in known):
        return known[0][0]["customer_id"]
    if stores and not known:
        wanted = replace(wanted, traits={"home_store": store, **wanted.traits})
    return upsert(ingestion, allowed(ingestion, wanted, stores, reads=reads)).customer_id


def _behind(table: Table, secret: bytes, identities: Iterable[Identity]) -> list[list[Profile]]:
    """The customers behind identities, each once and as all their profiles; who has the strongest identity first."""
    uow = UnitOfWork(table)
    ranked = sorted(identities, key=lambda who: (not who.joins, who.strength, who.name))
    keys = [table_keys.link(link_key(who, secret)) for who in ranked]
    uow.load(keys)
    found: dict[str, list[Profile]] = {}
    for key in keys:
        members = members_of(uow, link["customer"]) if (link := uow.get(key)) and "shared" not in link else []
        if members:
            found.setdefault(members[0]["customer_id"], members)
    return list(found.values())
