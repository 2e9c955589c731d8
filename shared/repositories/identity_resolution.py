"""Which customer an event is about: look identities up, create, attach, merge, and ask a person where rules end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.domain.common.text_folding import fold
from shared.domain.customers.identity import KNOWN_BY, Identity, link_key, strongest
from shared.domain.customers.masking import masked
from shared.domain.customers.names import clean_name
from shared.domain.customers.profile import Profile, different_people, fold_members, new_profile
from shared.domain.tasks.task import NewTask
from shared.ports import Key, NewId
from shared.repositories import merges, profiles, table_keys
from shared.repositories.profiles import load_members
from shared.repositories.tasks import open_task
from shared.repositories.unit_of_work import UnitOfWork

# Identities of a kind that stand on a profile; the links of the others lead to it all the same.
KEPT_OF_A_KIND = 20
# An identity that a form, an account or a marketplace brings. It joins no phone numbers by itself (R34).
WEAK = frozenset(("email", "user", "external"))
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

    def confirm(self, home: str, named: Iterable[Identity], at: str) -> None:
        """Keep that a person of ours has confirmed addresses of a customer: from now on they are written to."""
        profile = profiles.find(self.uow, home)
        assert profile is not None
        known = dict(profile["identities"])
        for who in named:
            if who.name in known and who.joins:
                known[who.name] = {**known[who.name], "confirmed": max(at, known[who.name].get("confirmed", ""))}
        self.uow.put(table_keys.profile(home), {**profile, "identities": known})

    def resolve(self, identities: Iterable[Identity], at: str, name: str = "", *, stated: bool = False) -> str:
        """The customer whose own fact this is, by the strongest identity it names; creates and joins as needed.

        A claimed identity, or one that unlike people share, is a hint on the profile and joins no customers (R5).
        Two customers that one event names together are merged unless a person has parted them, or their names, with
        the `name` of this event, do not say that they are one (X3, R34). `stated` is a sender's word that they are.
        """
        named = [self._claimed_if_shared(i) for i in identities]
        joining = [i for i in named if i.joins] or [strongest(named)]
        links = {i: self.uow.get(self.key(i)) for i in joining}
        # A device that speaks for one customer does not identify a newcomer on it.
        newcomer = any(i.kind != "anonymous" for i in joining)
        known = [i for i, link in links.items() if link and not (newcomer and self._is_somebodys(i, link))]
        phone = next((i for i in joining if i.kind == "phone"), None)
        home = str((links[strongest(known)] or {})["customer"]) if known else ""
        by_weak = bool(known) and strongest(known).kind.partition(":")[0] in WEAK
        if by_weak and phone and links[phone] is None and not stated and self._is_anothers(home, name):
            # A profile of its own, so that a merge with the owner of the weaker identity can be undone.
            home = ""
        if not home:
            home = self.new_id()
            self.created.append(home)
            self.uow.create(table_keys.profile(home), new_profile(home, at))
        for who in sorted(joining, key=lambda i: i.strength):
            link = links[who]
            if link is None:
                self.uow.put(self.key(who), {"customer": home, "at": at})
            elif link["customer"] != home:
                self._meet(who, link, home, at, name)
        self._note(home, [self._claimed_if_shared(i) for i in named], at)
        return home

    def hint(self, home: str, claimed: list[Identity], at: str) -> None:
        """Keep on a visitor's profile the identities that the visitor claims."""
        self._note_on(home, claimed, at, home=home)

    def hand_over(self, device: Identity, customer_id: str, at: str) -> None:
        """Let a browser speak for the customer it has proven to be; its anonymous visitor becomes that customer."""
        lead = self.lead_of(customer_id)
        link = self.uow.get(self.key(device))
        if link is None:
            self.uow.put(self.key(device), {"customer": lead["customer_id"], "at": at})
        elif link["customer"] != lead["customer_id"]:
            self._meet(device, link, lead["customer_id"], at, "")
        self._note(lead["customer_id"], [device], at)

    def _claimed_if_shared(self, who: Identity) -> Identity:
        """An identity that unlike people were named with identifies none of them any more."""
        link = self.uow.get(self.key(who)) if who.joins else None
        return who._replace(certainty="claimed") if link and "shared" in link else who

    def _is_somebodys(self, who: Identity, link: dict[str, Any]) -> bool:
        return who.kind == "anonymous" and is_known(self.lead_of(link["customer"]))

    def _is_anothers(self, home: str, name: str) -> bool:
        """Whether a number that is new to us may belong to another person than the owner of what it came with."""
        lead = self.lead_of(home)
        members = load_members(self.uow, lead)
        if lead.get("refused") or _unlike(members, [], name):
            return True
        # Who has a number and says another by the same account may be two people; where it reached nobody, it is new.
        given_up = any("unreachable" in member.get("closed", {}).values() for member in members)
        return _has_phone(members) and not given_up

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
                **before,
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
            opened = _opened(profile, fresh)
            if opened.get("closed") != profile.get("closed"):
                # The older addresses of these kinds are those that no message reached.
                known = {
                    name: link
                    if name.partition(":")[0] not in fresh or name not in profile["identities"]
                    else {**link, "dead": 1}
                    for name, link in known.items()
                }
            self.uow.put(table_keys.profile(owner), opened | {"identities": known, "created_at": since})

    def _meet(self, who: Identity, link: dict[str, Any], home: str, at: str, name: str) -> None:
        """An identity of another customer is in the same event: join, hand over a device, or ask."""
        mine, theirs = self.lead_of(home), self.lead_of(link["customer"])
        if mine["customer_id"] == theirs["customer_id"]:
            return
        if self._is_somebodys(who, link):
            # A shared device: from now on it speaks for its latest user, and joins no profiles.
            if at > link["at"]:
                self.uow.put(self.key(who), {"customer": home, "at": at})
        elif obstacle := self._obstacle(mine, theirs, name):
            if obstacle == "crowd":
                if who.kind.partition(":")[0] in WEAK and theirs.get("refused"):
                    # A number that cashiers type for walk-ins does not keep an account from its owner.
                    self.uow.put(self.key(who), {"customer": home, "at": at})
                return
            if who.kind.partition(":")[0] in WEAK:
                self._share(who, link, theirs)
            self._ask(mine, theirs, obstacle, who)
        else:
            through = who if who.kind.partition(":")[0] in WEAK else None
            self.merge(mine, theirs, because=f"one event named both, by {who.kind}", at=at, through=through)

    def _share(self, who: Identity, link: dict[str, Any], theirs: Profile) -> None:
        """Let an identity lose its power to join: two unlike people were named with it, whichever came first.

        Where its owner has verified it, it stays theirs.
        """
        owner = profiles.find(self.uow, link["customer"])
        known = (owner or theirs)["identities"].get(who.name)
        if owner is None or (known and known["certainty"] == "verified"):
            return
        self.uow.put(self.key(who), {**link, "shared": 1})
        if known:
            identities = {**owner["identities"], who.name: {**known, "certainty": "claimed"}}
            self.uow.put(table_keys.profile(owner["customer_id"]), {**owner, "identities": identities})

    def _obstacle(self, mine: Profile, theirs: Profile, name: str) -> str:
        """Why two customers may not be joined without a person looking, or ""; "crowd" where nobody need look."""
        if mine.get("refused") or theirs.get("refused"):
            return "crowd"
        group_a, group_b = load_members(self.uow, mine), load_members(self.uow, theirs)
        ids_a, ids_b = {m["customer_id"] for m in group_a}, {m["customer_id"] for m in group_b}
        if any(ids_b & set(m.get("apart", ())) for m in group_a) or any(
            ids_a & set(m.get("apart", ())) for m in group_b
        ):
            return "parted_before"
        if _unlike(group_a, group_b, name):
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

    def merge(self, a: Profile, b: Profile, *, because: str, at: str, through: Identity | None = None) -> Profile:
        """Join two leading profiles by a rule; `through` is the weak identity that the merge rests on, if it does."""
        lead, absorbed = merges.join(self.uow, a, b, because=because, at=at, through=through.name if through else "")
        self.merged.append(absorbed["customer_id"])
        self.remeasure.discard(absorbed["customer_id"])
        self.remeasure.add(lead["customer_id"])
        return lead

    def part_strangers(self, home: str, at: str) -> None:
        """Undo merges that rest on a weak identity and would not have come about with the names known today (R34).

        So it does not matter whether people's names come before or after what they seem to share.
        """
        members = load_members(self.uow, self.lead_of(home))
        for member in members[1:]:
            through = member["merged_into"].get("through")
            below = {one["customer_id"] for one in load_members(self.uow, member)}
            theirs = [one for one in members if one["customer_id"] in below]
            others = [one for one in members if one["customer_id"] not in below]
            if not through or not _unlike(theirs, others, ""):
                continue
            who = _identity_of(through)
            lead, absorbed, changed = merges.part(self.uow, member, by="their names differ", at=at)
            self.remeasure |= changed
            if link := self.uow.get(self.key(who)):
                self._share(who, link, absorbed)
            self._ask(self.lead_of(lead["customer_id"]), absorbed, "different_names", who)
            self.part_strangers(lead["customer_id"], at)
            return


def is_known(profile: Profile) -> bool:
    """Whether a customer has an identity of their own, beside devices and what a page claims of a visitor."""
    return any(
        name.partition(":")[0] in KNOWN_BY and link["certainty"] != "claimed"
        for name, link in profile["identities"].items()
    ) or not any(name.startswith("anonymous:") for name in profile["identities"])


def _identity_of(name: str) -> Identity:
    """An identity by its name on a profile."""
    kind, _, value = name.partition(":")
    if kind == "external":
        system, _, value = value.partition(":")
        kind = f"external:{system}"
    return Identity(kind, value)


def _has_phone(members: list[Profile]) -> bool:
    return any(
        name.startswith("phone:") and link["certainty"] != "claimed"
        for member in members
        for name, link in member["identities"].items()
    )


def _unlike(group_a: list[Profile], group_b: list[Profile], name: str) -> bool:
    """Whether names forbid that two sides are one person; `name` is the event's, and stands for a side without any."""
    told = {fold(name): 1} if name and clean_name(name) else {}
    names_a, names_b = (fold_members(group)["names"] if group else {} for group in (group_a, group_b))
    names_a, names_b = names_a or (told if group_b else {}), names_b or told
    if not names_a or not names_b:
        return False
    return different_people({**names_a, **names_b}) > max(different_people(names_a), different_people(names_b))


def link_of_phone(e164: str, secret: bytes) -> str:
    """Partition key of a phone's link."""
    return link_key(Identity("phone", e164), secret)


def _bounded(identities: dict[str, Any]) -> dict[str, Any]:
    """The identities a profile keeps: of many of a kind, those that were seen first.

    The links of the others still lead here; only the profile, which has to fit the table, leaves them out.
    """
    if len(identities) <= KEPT_OF_A_KIND:
        return identities
    by_kind: dict[str, list[str]] = {}
    for name in sorted(identities, key=lambda name: (identities[name]["at"], name)):
        by_kind.setdefault(name.partition(":")[0], []).append(name)
    kept = {name for names in by_kind.values() for name in names[:KEPT_OF_A_KIND]}
    return {name: link for name, link in identities.items() if name in kept}


def _opened(profile: Profile, kinds: set[str]) -> Profile:
    """The profile with the channels open again that only an older address of these kinds could not reach."""
    reached = {channel for kind in kinds for channel in REACHED_BY.get(kind, ())}
    closed = profile.get("closed", {})
    left = {name: why for name, why in closed.items() if name not in reached or why not in ("unreachable", "bounced")}
    return {**profile, "closed": left} if left != closed else profile.copy()
