"""Which customer an event is about: look identities up, create, attach, merge, and ask a person where rules end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.domain.customers.identity import KNOWN_BY, Identity, link_key, strongest
from shared.domain.customers.masking import masked
from shared.domain.customers.profile import Profile, different_people, fold_members, new_profile
from shared.domain.tasks.task import NewTask
from shared.ports import Key, NewId
from shared.repositories import merges, profiles, table_keys
from shared.repositories.profiles import load_members
from shared.repositories.tasks import open_task
from shared.repositories.unit_of_work import UnitOfWork

DEVICES_KEPT = 30
# A new address of a kind opens what an old one had closed; what the person refused stays refused.
REACHED_BY = {"email": ("email",), "phone": ("zns", "sms_care", "sms_ad", "whatsapp", "call")}
_CERTAINTY = ("claimed", "staff_confirmed", "verified")


@dataclass
class IdentityResolver:
    """Finds and joins customers inside one draft. `remeasure` collects the leads to be measured anew."""

    uow: UnitOfWork
    secret: bytes
    new_id: NewId
    now: datetime

    def __post_init__(self) -> None:
        self.created: list[str] = []
        self.merged: list[str] = []
        self.remeasure: set[str] = set()

    def key(self, who: Identity) -> Key:
        return table_keys.link(link_key(who, self.secret))

    def lead_of(self, customer_id: str) -> Profile:
        """The profile that speaks for a customer today; follows merges."""
        profile = profiles.find(self.uow, customer_id)
        while profile and "merged_into" in profile:
            profile = profiles.find(self.uow, profile["merged_into"]["customer_id"])
        if profile is None:
            raise LookupError(f"customer {customer_id} has a link but no profile")
        return profile

    def resolve(self, identities: Iterable[Identity], at: str) -> str:
        """The customer whose own fact this is, by the strongest identity it names; creates and joins as needed.

        A claimed identity is kept as a hint on the profile and joins nobody (R5). Two customers that one event names
        together are merged unless their names say that they are different people or a person has parted them (X3).
        """
        named = list(identities)
        joining = [i for i in named if i.joins] or [strongest(named)]
        links = {i: self.uow.get(self.key(i)) for i in joining}
        # A device that speaks for one customer does not identify a newcomer on it.
        newcomer = any(i.kind != "anonymous" for i in joining)
        known = [i for i, link in links.items() if link and not (newcomer and self._is_somebodys(i, link))]
        if known:
            home = str((links[strongest(known)] or {})["customer"])
        else:
            home = self.new_id()
            self.created.append(home)
            self.uow.create(table_keys.profile(home), new_profile(home, at))
        for who in sorted(joining, key=lambda i: i.strength):
            link = links[who]
            if link is None:
                self.uow.put(self.key(who), {"customer": home, "at": at})
            elif link["customer"] != home:
                self._meet(who, link, home, at)
        self._note(home, named, at)
        return home

    def _is_somebodys(self, who: Identity, link: dict[str, Any]) -> bool:
        return who.kind == "anonymous" and _known(self.lead_of(link["customer"]))

    def _note(self, home: str, named: list[Identity], at: str) -> None:
        """Remember on the profile which identities it goes by, since when, and how sure each is."""
        owners: dict[str, list[Identity]] = {home: []}
        for who in named:
            link = self.uow.get(self.key(who)) if who.joins else None
            owner = str(link["customer"]) if link else home
            # What another person used a shared device for says nothing about its owner.
            if who.kind != "anonymous" or self.lead_of(owner) == self.lead_of(home):
                owners.setdefault(owner, []).append(who)
        for owner, theirs in owners.items():
            self._note_on(owner, theirs, at, home=home)

    def _note_on(self, owner: str, named: list[Identity], at: str, *, home: str) -> None:
        profile = profiles.find(self.uow, owner)
        assert profile is not None
        known = dict(profile["identities"])
        for who in named:
            before = known.get(who.name, {"at": at, "certainty": who.certainty})
            known[who.name] = {
                "at": min(before["at"], at),
                "certainty": max(before["certainty"], who.certainty, key=_CERTAINTY.index),
            }
        known = _bounded(known)
        since = min(profile["created_at"], at) if owner == home else profile["created_at"]
        if known != profile["identities"] or since != profile["created_at"]:
            fresh = {
                name.partition(":")[0]
                for name in known.keys() - profile["identities"].keys()
                if known[name]["certainty"] != "claimed"
            }
            self.uow.put(
                table_keys.profile(owner), _opened(profile, fresh) | {"identities": known, "created_at": since}
            )

    def _meet(self, who: Identity, link: dict[str, Any], home: str, at: str) -> None:
        """An identity of another customer is in the same event: join, hand over a device, or ask."""
        mine, theirs = self.lead_of(home), self.lead_of(link["customer"])
        if mine["customer_id"] == theirs["customer_id"]:
            return
        if self._is_somebodys(who, link):
            # A shared device: from now on it speaks for its latest user, and joins no profiles.
            if at > link["at"]:
                self.uow.put(self.key(who), {"customer": home, "at": at})
        elif obstacle := self._obstacle(mine, theirs):
            self._ask(mine, theirs, obstacle, who)
        else:
            self.merge(mine, theirs, because=f"one event named both, by {who.kind}", at=at)

    def _obstacle(self, mine: Profile, theirs: Profile) -> str:
        """Why two customers may not be joined without a person looking, or ""."""
        group_a, group_b = load_members(self.uow, mine), load_members(self.uow, theirs)
        ids_a, ids_b = {m["customer_id"] for m in group_a}, {m["customer_id"] for m in group_b}
        if any(ids_b & set(m.get("apart", ())) for m in group_a) or any(
            ids_a & set(m.get("apart", ())) for m in group_b
        ):
            return "parted_before"
        names_a, names_b = fold_members(group_a)["names"], fold_members(group_b)["names"]
        if (
            names_a
            and names_b
            and different_people({**names_a, **names_b}) > max(different_people(names_a), different_people(names_b))
        ):
            return "different_names"
        return ""

    def _ask(self, mine: Profile, theirs: Profile, obstacle: str, who: Identity) -> None:
        """A review on each side, with what both were named by; none where a person has kept them apart already."""
        if merges.marked(load_members(self.uow, mine), load_members(self.uow, theirs), "kept_apart"):
            return
        shared = {"kind": who.kind, "value": masked(who.name)}
        for one, other in ((mine, theirs), (theirs, mine)):
            details = {"with": other["customer_id"], "shared": shared}
            self._review(one, f"review-{other['customer_id']}", obstacle, details)

    def ask_about_sharing(self, lead: Profile, profile: Profile) -> None:
        """Two people behind one number: a person has to look, the customer stays one (X3)."""
        self._review(lead, "review-shared-phone", "shared_phone", {"names": sorted(profile["names"])})

    def _review(self, lead: Profile, name: str, reason: str, details: dict[str, Any]) -> None:
        """Due now, whenever it was that the event happened: history is not more urgent than today's work."""
        review = NewTask(lead["customer_id"], name, "review", reason, self.now, details=details)
        open_task(self.uow, review, self.now)

    def merge(self, a: Profile, b: Profile, *, because: str, at: str) -> Profile:
        """Join two leading profiles by a rule."""
        lead, absorbed = merges.join(self.uow, a, b, because=because, at=at)
        self.merged.append(absorbed["customer_id"])
        self.remeasure.discard(absorbed["customer_id"])
        self.remeasure.add(lead["customer_id"])
        return lead


def _known(profile: Profile) -> bool:
    return any(name.partition(":")[0] in KNOWN_BY for name in profile["identities"])


def link_of_phone(e164: str, secret: bytes) -> str:
    """Partition key of a phone's link."""
    return link_key(Identity("phone", e164), secret)


def _bounded(identities: dict[str, Any]) -> dict[str, Any]:
    """The identities a profile keeps: of many devices, those that were seen first.

    The links of the others still lead here; only the profile, which has to fit the table, leaves them out.
    """
    devices = [name for name in identities if name.startswith("anonymous:")]
    if len(devices) <= DEVICES_KEPT:
        return identities
    kept = set(sorted(devices, key=lambda name: (identities[name]["at"], name))[:DEVICES_KEPT])
    return {name: link for name, link in identities.items() if name in kept or not name.startswith("anonymous:")}


def _opened(profile: Profile, kinds: set[str]) -> Profile:
    """The profile with the channels open again that only an older address of these kinds could not reach."""
    reached = {channel for kind in kinds for channel in REACHED_BY.get(kind, ())}
    closed = profile.get("closed", {})
    left = {name: why for name, why in closed.items() if name not in reached or why not in ("unreachable", "bounced")}
    return {**profile, "closed": left} if left != closed else profile.copy()
