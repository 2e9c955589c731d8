"""How far a key sees: whose customers its stores reach (R7, R44)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from shared.domain.customers.profile import Profile


def sees(key_stores: Collection[str], customer_stores: Collection[str]) -> bool:
    """Whether a key may see a customer. A key without stores sees everybody, any other only who belongs to one of its
    stores; a customer of no store belongs to none of them."""
    return not key_stores or not set(key_stores).isdisjoint(customer_stores)


def stores_of(members: Iterable[Profile]) -> set[str]:
    """Every store a customer belongs to: the home store, and where they bought."""
    return {store for member in members for store in member.get("stores", ())}
