"""Upsert a customer: identities, traits and consent from another system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from shared.domain.common.text_folding import fold
from shared.domain.customers.identity import Identity, link_key
from shared.domain.customers.key_dates import MOVED_BY
from shared.domain.customers.names import clean_name
from shared.domain.customers.profile import (
    TRAITS_KEPT,
    Profile,
    agree,
    belonging_to,
    different_people,
    given_for,
    learn,
)
from shared.domain.errors import Conflict
from shared.domain.segments.metrics import Metrics, empty_metrics
from shared.domain.vietnam_time import stamp
from shared.ports import Clause, Key, Update, absent, absent_or_at_most, equals, present
from shared.repositories import profiles, table_keys
from shared.repositories.consent_log import keep_proofs
from shared.repositories.identity_resolution import IdentityResolver
from shared.repositories.profiles import load_members, metrics_of
from shared.repositories.retry import retried
from shared.repositories.segment_membership import relabel
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.events.ingest_events import EventIngestion

# DynamoDB takes 4 KB of expression, and a trait needs some 60 bytes of it.
TRAITS_IN_PLACE = 25


@dataclass(frozen=True)
class Upsert:
    """A validated PUT body."""

    identities: tuple[Identity, ...]
    traits: dict[str, Any]
    consent: tuple[dict[str, Any], ...]
    source: str
    # A person of the shop states it, who knows the customer: an address of theirs counts as confirmed.
    by_staff: bool = False


@dataclass(frozen=True)
class Upserted:
    customer_id: str
    created: bool
    merged: list[str]
    members: list[Profile]


def upsert(ingestion: EventIngestion, wanted: Upsert) -> Upserted:
    """Create or change a customer; two requests racing on first sight create one customer.

    A known customer whose traits merely change costs two requests: the links, and one conditional update in place.
    """
    at = stamp(ingestion.now)
    joining = [i for i in wanted.identities if i.joins] or list(wanted.identities)
    keys = [table_keys.link(link_key(i, ingestion.secret)) for i in joining]

    def attempt(number: int) -> Upserted:
        uow = UnitOfWork(ingestion.table)
        uow.load(keys)
        if number == 0 and not wanted.by_staff and len(joining) == len(wanted.identities) and not wanted.consent:
            homes = {str(link["customer"]) if (link := uow.get(key)) else "" for key in keys}
            home = homes.pop()
            if not homes and home:
                changed = _in_place(ingestion, home, wanted, at)
                if changed and not _several_people(changed, wanted) and len(changed["traits"]) <= TRAITS_KEPT:
                    return Upserted(home, created=False, merged=[], members=[changed])
        return _in_unit_of_work(ingestion, uow, wanted, at)

    return retried(ingestion.table, attempt)


def _in_place(ingestion: EventIngestion, home: str, wanted: Upsert, at: str) -> Profile | None:
    """One conditional update of the traits, or None where the result depends on what is stored."""
    if len(wanted.traits) > TRAITS_IN_PLACE:
        return None
    sets: dict[tuple[str, ...], Any] = {}
    when: list[Clause] = [present("customer_id"), absent("merged_into"), absent("absorbed")]
    for name, value in wanted.traits.items():
        sets[("traits", name)] = value
        sets[("stamps", name)] = at
        when.append(absent_or_at_most(("stamps", name), at))
    for who in wanted.identities:
        # The profile keeps how certain an identity is; a more certain statement has to read it first.
        when.append(present("identities", who.name))
        if who.certainty != "staff_confirmed":
            return None
    stated = wanted.traits.get("name")
    if stated and clean_name(stated):
        sets[("names", fold(stated))] = 1
    if wanted.traits.keys() & {"home_store", "@wholesale", "@staff"}:
        return None  # stores, churn rank and value tier follow from these
    # The next due day follows from these; a till that repeats known values moves none.
    when += [equals(("traits", name), wanted.traits[name]) for name in sorted(MOVED_BY & wanted.traits.keys())]
    try:
        changed = ingestion.table.write(
            Update(table_keys.profile(home), set=sets, add={("version",): 1 if sets else 0}, when=tuple(when))
        )
    except Conflict:
        return None
    return cast("Profile | None", changed)


def _several_people(profile: Profile, wanted: Upsert) -> bool:
    """A new name that cannot be the same person's needs a look at the whole customer (X3)."""
    return "name" in wanted.traits and len(profile["names"]) > 1 and different_people(profile["names"]) > 1


def _in_unit_of_work(ingestion: EventIngestion, uow: UnitOfWork, wanted: Upsert, at: str) -> Upserted:
    resolver = IdentityResolver(uow, ingestion.secret, ingestion.new_id, ingestion.now)
    home = resolver.resolve(wanted.identities, at, str(wanted.traits.get("name", "")))
    if wanted.by_staff:
        resolver.confirm(home, wanted.identities, at)
    key: Key = table_keys.profile(home)
    profile = profiles.find(uow, home) or {}
    profile = agree(learn(profile, wanted.traits, at), given_for(wanted.consent, wanted.identities))
    store = wanted.traits.get("home_store")
    if store:
        profile = belonging_to(profile, store)
    uow.put(key, profile)
    keep_proofs(uow, home, wanted.consent)
    if "name" in wanted.traits:
        resolver.part_strangers(home, at)
    lead = resolver.lead_of(home)
    metrics: Metrics | None = metrics_of(lead)
    if "metrics" not in lead:
        metrics = empty_metrics(ingestion.rules_today.rules, ingestion.rules_today.cutoffs)
    if lead["customer_id"] in resolver.remeasure:
        metrics = None
    if different_people(profile["names"]) > 1:
        resolver.ask_about_sharing(lead, profile)
    for other in sorted(resolver.remeasure - {lead["customer_id"]}):
        relabel(uow, load_members(uow, resolver.lead_of(other)), None, ingestion.rules_today)
    lead = relabel(uow, load_members(uow, lead), metrics, ingestion.rules_today)
    uow.commit()
    return Upserted(
        lead["customer_id"],
        created=home in resolver.created,
        merged=resolver.merged,
        members=load_members(uow, lead),
    )
