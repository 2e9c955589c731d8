"""A customer's own facts, how they merge, and the figures that follow from the orders.

A profile holds only what arrived by its own identities. A merge does not move facts: the absorbed profile points to
the one that leads, and the view is folded from all members. That is why a merge can be undone, also for later facts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shared.domain.common.text_folding import fold
from shared.domain.customers.names import clean_name, same_person

Profile = dict[str, Any]

TRAITS = ("name", "birthday", "gender", "city", "home_store")
NAMES_KEPT = 8
# A write key stands in every browser; nobody may fill a profile until it no longer fits the table.
TRAITS_KEPT = 80


def new_profile(customer_id: str, at: str) -> Profile:
    return {
        "customer_id": customer_id,
        "created_at": at,
        "identities": {},
        "traits": {},
        "stamps": {},
        "consent": {},
        "names": {},
    }


def learn(profile: Profile, traits: dict[str, Any], at: str) -> Profile:
    """Traits merged field by field, the later statement wins; of two at one moment, the greater text."""
    stamps, kept = dict(profile["stamps"]), dict(profile["traits"])
    for name, value in traits.items():
        if (at, str(value)) > (stamps.get(name, ""), str(kept.get(name, ""))):
            kept[name], stamps[name] = value, at
    if len(kept) > TRAITS_KEPT:
        kept = {name: kept[name] for name in sorted(kept, key=lambda name: (name.startswith("@"), name))[:TRAITS_KEPT]}
        stamps = {name: stamps[name] for name in kept}
    names = profile["names"]
    raw = traits.get("name")
    folded = fold(raw) if raw and clean_name(raw) else None
    if folded and folded not in names:
        names = _some({**names, folded: 1})
    return {**profile, "traits": kept, "stamps": stamps, "names": names}


def _some(names: dict[str, int]) -> dict[str, int]:
    """As many names as are kept: the first by text, so that the order of arrival does not matter."""
    return dict.fromkeys(sorted(names)[:NAMES_KEPT], 1)


def agree(profile: Profile, statements: Iterable[dict[str, Any]]) -> Profile:
    """Consent by channel and purpose, the later statement wins; at the same moment a refusal wins (R10)."""
    consent = dict(profile["consent"])
    for said in statements:
        slot = f"{said['channel']}:{said['purpose']}"
        known = consent.get(slot)
        if known is None or _weight(said) > _weight(known):
            consent[slot] = {k: said[k] for k in ("granted", "at", "proof", "source") if k in said}
    return {**profile, "consent": consent}


def _weight(said: dict[str, Any]) -> tuple[str, bool, str, str]:
    # `not granted` sorts a refusal above a grant of the same moment; the texts leave nothing to the order of arrival.
    return said["at"], not said["granted"], str(said.get("proof", "")), str(said.get("source", ""))


def fold_members(members: list[Profile]) -> Profile:
    """One view of merged profiles, the leading one first; equal to what a single profile would have learned."""
    lead = members[0]
    if len(members) == 1:
        return lead
    view = {**lead, "identities": {}, "traits": {}, "stamps": {}, "consent": {}, "names": {}}
    for member in members:
        for name, at in member["stamps"].items():
            value = member["traits"][name]
            if (at, str(value)) > (view["stamps"].get(name, ""), str(view["traits"].get(name, ""))):
                view["traits"][name], view["stamps"][name] = value, at
        view = agree(
            view,
            [
                dict(zip(("channel", "purpose"), slot.split(":"), strict=True)) | said
                for slot, said in member["consent"].items()
            ],
        )
        for name, link in member["identities"].items():
            known = view["identities"].get(name)
            if known is None or link["at"] < known["at"]:
                view["identities"][name] = link
        view["names"] = _some({**view["names"], **member["names"]})
    view["created_at"] = min(m["created_at"] for m in members)
    for name in ("engaged_on", "vip_until"):
        if told := [m[name] for m in members if m.get(name)]:
            view[name] = max(told)
    if complaints := {ticket for m in members for ticket in m.get("complaints", ())}:
        view["complaints"] = sorted(complaints)
    if stores := {store for m in members for store in m.get("stores", ())}:
        view["stores"] = dict.fromkeys(sorted(stores), 1)
    return view


def caring_store(view: Profile) -> str:
    """The store that cares for a customer: the home store, else one they bought in, else ""."""
    return str(view["traits"].get("home_store") or min(view.get("stores", ()), default=""))


def different_people(names: Iterable[str]) -> int:
    """How many persons at least stand behind these folded names: the size of a set of pairwise different ones."""
    apart: list[str] = []
    for name in sorted(names):
        if not any(same_person(name, other) for other in apart):
            apart.append(name)
    return len(apart)
