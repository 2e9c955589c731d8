"""A customer's own facts, how they merge, and the figures that follow from the orders.

A profile holds only what arrived by its own identities. A merge does not move facts: the absorbed profile points to
the one that leads, and the view is folded from all members. That is why a merge can be undone, also for later facts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypedDict

from shared.domain.common.text_folding import fold
from shared.domain.customers.identity import Identity
from shared.domain.customers.names import clean_name, same_person


class Profile(TypedDict, total=False):
    """The stored profile: what arrived by its own identities, and on the leading one of a merge what follows from all.

    Times are UTC stamps, `…_on` local days, amounts VND.
    """

    pk: str
    sk: str
    version: int
    customer_id: str
    created_at: str
    # "kind:value" to {"at", "certainty"}.
    identities: dict[str, dict[str, Any]]
    # Traits by name, and the time of each one's latest statement; names by their folded form, for telling people apart.
    traits: dict[str, Any]
    stamps: dict[str, str]
    names: dict[str, int]
    # "channel:purpose" to the latest statement.
    consent: dict[str, dict[str, Any]]
    # A merge: {"customer_id", "merge_id", "at", "because"} of the leading profile, and "by" where a person merged; whom
    # it absorbed; whom no rule may join it with; of these, those whom staff are not asked about again.
    merged_into: dict[str, str]
    absorbed: list[str]
    apart: list[str]
    kept_apart: list[str]
    # From the orders: see `domain.segments.metrics.to_stored` and `domain.segments.segmentation`.
    metrics: dict[str, int | str] | list[int | str]
    labels: list[str]
    risk: int
    ranked_in: str
    refused: str
    slipped_from: str
    vip_until: str
    due: str
    due_at: str
    failed_wakes: int
    # The stores the customer bought at, as keys; the salesperson; days on which something happened last.
    stores: dict[str, int]
    keeper: str
    engaged_on: str
    talked_on: str
    listed_on: str
    # Channels: the latest message that came in by each, those that reach nobody with the reason, the do-not-call list.
    inbound: dict[str, str]
    closed: dict[str, str]
    do_not_call: bool
    # Tags set by journeys, tickets with an open complaint, attribution windows as lists.
    marks: list[str]
    complaints: list[str]
    served: list[list[str]]


TRAITS = ("name", "birthday", "gender", "city", "home_store")
NAMES_KEPT = 8
STORES_KEPT = 40
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


def belonging_to(profile: Profile, store: str) -> Profile:
    """The profile of a customer who also belongs to a store (R7); as many as are kept, the first by text."""
    stores = {**profile.get("stores", {}), store: 1}
    return {**profile, "stores": dict.fromkeys(sorted(stores)[:STORES_KEPT], 1)}


def agree(profile: Profile, statements: Iterable[dict[str, Any]]) -> Profile:
    """Consent by channel and purpose, the later statement wins; at the same moment a refusal wins (R10)."""
    consent = dict(profile["consent"])
    for statement in statements:
        slot = f"{statement['channel']}:{statement['purpose']}"
        known = consent.get(slot)
        if known is None or _weight(statement) > _weight(known):
            consent[slot] = {k: statement[k] for k in ("granted", "at", "proof", "source", "address") if k in statement}
    return {**profile, "consent": consent}


def given_for(statements: Iterable[dict[str, Any]], named: Iterable[Identity]) -> list[dict[str, Any]]:
    """Consent statements with the number or address they were given for, where the same message names it."""
    names = {who.kind: who.name for who in named if who.joins}
    found = []
    for statement in statements:
        name = names.get("email" if statement["channel"] == "email" else "phone")
        at_address = (
            statement["granted"] and name and statement["channel"] in ("email", "sms", "zns", "whatsapp", "call")
        )
        found.append({**statement, "address": name} if at_address else statement)
    return found


def _weight(statement: dict[str, Any]) -> tuple[str, bool, str, str]:
    # `not granted` sorts a refusal above a grant of the same moment; the texts leave nothing to the order of arrival.
    return statement["at"], not statement["granted"], str(statement.get("proof", "")), str(statement.get("source", ""))


def fold_members(members: list[Profile]) -> Profile:
    """One view of merged profiles, the leading one first; equal to what a single profile would have learned."""
    lead = members[0]
    if len(members) == 1:
        return lead
    view: Profile = {**lead, "identities": {}, "traits": {}, "stamps": {}, "consent": {}, "names": {}}
    for member in members:
        for name, at in member["stamps"].items():
            value = member["traits"][name]
            if (at, str(value)) > (view["stamps"].get(name, ""), str(view["traits"].get(name, ""))):
                view["traits"][name], view["stamps"][name] = value, at
        view = agree(
            view,
            [
                dict(zip(("channel", "purpose"), slot.split(":"), strict=True)) | statement
                for slot, statement in member["consent"].items()
            ],
        )
        for name, link in member["identities"].items():
            known = view["identities"].get(name)
            if known is None or link["at"] < known["at"]:
                view["identities"][name] = link
        view["names"] = _some({**view["names"], **member["names"]})
    view["created_at"] = min(m["created_at"] for m in members)
    if engaged := [m["engaged_on"] for m in members if m.get("engaged_on")]:
        view["engaged_on"] = max(engaged)
    if appointed := [m["vip_until"] for m in members if m.get("vip_until")]:
        view["vip_until"] = max(appointed)
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
