"""Profiles of a customer and of all merged members: load, addresses, last words, age."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from shared.domain.common.playbook_rules import BgNbdRules, CutOffs, Rules
from shared.domain.customers.profile import Profile, fold_members
from shared.domain.segments.metrics import Metrics, from_stored
from shared.ports import Table
from shared.repositories import table_keys
from shared.repositories.cached import ProcessMemory, cached
from shared.repositories.repurchase_model import fitted
from shared.repositories.unit_of_work import UnitOfWork

_LANDLINE = "phone:+842"


def find(uow: UnitOfWork, customer_id: str) -> Profile | None:
    """The profile of a customer as the table, or this unit of work, has it."""
    return cast("Profile | None", uow.get(table_keys.profile(customer_id)))


def members_of(uow: UnitOfWork, customer_id: str) -> list[Profile]:
    """The profiles that speak for a customer today, the leading one first; empty when there is none."""
    profile = find(uow, customer_id)
    while profile and "merged_into" in profile:
        profile = find(uow, profile["merged_into"]["customer_id"])
    return load_members(uow, profile) if profile else []


def addresses(members: list[Profile], placed_with: Collection[str] = ()) -> dict[str, str]:
    """Where each channel reaches the person. Hints do not count, but for the e-mail address that a sender wrote from.

    Of several numbers or addresses it is the one confirmed last, by its owner or by staff, else the first one: a second
    address is not written to until it is confirmed. What an order was `placed_with` goes before both. An address that
    no message reaches any more stands last.
    """
    found: dict[str, str] = {}
    links = sorted(fold_members(members)["identities"].items(), key=lambda entry: (entry[1]["at"], entry[0]))
    contacts = [entry for entry in links if entry[0].startswith(("phone:", "email:"))]
    # The best one comes last, and is the one that stays.
    contacts.sort(key=lambda entry: (entry[1]["at"], entry[0]), reverse=True)
    contacts.sort(key=lambda entry: (entry[0] in placed_with, not entry[1].get("dead"), _confirmed(entry[1])))
    for name, link in [*links, *contacts]:
        kind, _, value = name.partition(":")
        if link["certainty"] == "claimed":
            # No domain vouches for the address, but a mail came from it: an answer goes back there.
            if kind == "email" and kind in last_words(members):
                found.setdefault(kind, value)
        elif kind == "phone":
            found["call"] = value
            if not name.startswith(_LANDLINE):
                found |= dict.fromkeys(("zns", "sms_care", "sms_ad", "whatsapp"), value)
        elif kind == "email":
            found["email"] = value
        elif kind == "zalo_user_id":
            found["zalo"] = value
        elif kind == "messenger_psid":
            found["messenger"] = value
        elif kind in ("user", "anonymous"):
            found["web"] = value
    return found


def _confirmed(link: Mapping[str, Any]) -> str:
    """When the customer or staff confirmed an address last, as a stamp; "" for an unconfirmed one."""
    return str(link.get("confirmed") or (link["at"] if link["certainty"] == "verified" else ""))


def last_words(members: list[Profile]) -> dict[str, str]:
    """When the person last wrote on each channel, as stamps."""
    found: dict[str, str] = {}
    for member in members:
        for channel, at in member.get("inbound", {}).items():
            found[channel] = max(at, found.get(channel, ""))
    return found


def age(members: list[Profile], today: date) -> int | None:
    """Years, or None: a birthday on 1 January is a placeholder unless confirmed (R15)."""
    traits = fold_members(members)["traits"]
    birthday = traits.get("birthday")
    if not birthday or (birthday[5:] == "01-01" and traits.get("@birthday_confirmed") is not True):
        return None
    born = date.fromisoformat(birthday)
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


@dataclass(frozen=True)
class RulesToday:
    """The rules in force on one local day."""

    rules: Rules
    cutoffs: CutOffs
    today: date


def current_rules(table: Table, rules: Rules, memory: ProcessMemory, today: date) -> RulesToday:
    """The rules of a day with the cut-offs and the repurchase model in force, both of one item that is cached for a
    minute, so that an event does not pay for reading it."""

    def read() -> tuple[CutOffs, BgNbdRules | None]:
        item = table.get(table_keys.CURRENT_CUTOFFS) or {}
        known = CutOffs.model_validate(item["cutoffs"]) if "cutoffs" in item else rules.first_cutoffs
        return known, fitted(item)

    cutoffs, own = cached(memory.cutoffs, table_keys.CURRENT_CUTOFFS, read)
    return RulesToday(rules.model_copy(update={"bg_nbd": own}) if own else rules, cutoffs, today)


def metrics_of(profile: Profile) -> Metrics:
    """The metrics on a profile; of a customer without any, all 0."""
    return from_stored(profile.get("metrics", {}))


def load_members(uow: UnitOfWork, lead: Profile) -> list[Profile]:
    """The leading profile and all that were merged into it, however deep."""
    members, waiting = [lead], list(lead.get("absorbed", ()))
    uow.load([table_keys.profile(i) for i in waiting])
    while waiting:
        profile = find(uow, waiting.pop(0))
        if profile:
            members.append(profile)
            waiting += profile.get("absorbed", ())
    return members
