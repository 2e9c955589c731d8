"""Bodies of the customer calls, checked field by field."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.domain.common.field_reader import Reader, fields
from shared.domain.common.playbook_rules import IdentityRules, Rules
from shared.domain.customers.identity import Certainty, Identity, identity, is_placeholder
from shared.domain.customers.profile import TRAITS
from shared.domain.customers.traits_input import read_consent, read_traits
from shared.domain.errors import FieldError, Invalid
from shared.domain.events.segment_protocol import MAX_IDENTITIES
from shared.domain.vietnam_time import local_day
from shared.use_cases.customers.upsert import Upsert

IDENTITY_FIELDS = ("phone", "email", "zalo_user_id", "messenger_psid", "loyalty_id", "external")


def read_upsert(body: Any, now: datetime, rules: Rules) -> Upsert:
    """The body of `PUT /v1/customers`; raises Invalid naming every wrong field."""
    read = fields(body, ("identities", "traits", "consent", "source"))
    source = read.text(body, "source", limit=40)
    claimed = source in rules.identity.claiming_sources
    identities = read_identities(read, body, rules.identity, claimed=claimed)
    for who in identities:
        if who.kind == "phone" and who.value in rules.identity.own_numbers:
            read.wrong("identities.phone", "is a number of the shop itself")
    raw_traits = read.mapping(body, "traits")
    for name in sorted(raw_traits.keys() - {*TRAITS, "attributes"}):
        read.wrong(f"traits.{name}", "is not a trait; put it in traits.attributes")
    read.mapping(raw_traits, "attributes", "traits.")
    traits = read_traits(read, raw_traits, "traits.", local_day(now))
    stated = body.get("consent")
    consent = read_consent(read, [] if stated is None else stated, "consent", now, now, source)
    if len(identities) > MAX_IDENTITIES:
        read.wrong("identities", f"may be {MAX_IDENTITIES} at most")
    if not identities and not read.errors:
        read.wrong("identities", "needs at least one identity that is no placeholder")
    if read.errors:
        raise Invalid(read.errors)
    return Upsert(tuple(identities), traits, tuple(consent), source)


def read_search(body: Any) -> Identity:
    """The one identity of `POST /v1/customers/search`; raises Invalid."""
    if not isinstance(body, dict) or len(body) != 1:
        raise Invalid([FieldError("body", f"must name one identity: {', '.join(IDENTITY_FIELDS)}")])
    read = Reader()
    # A placeholder is looked for as any other identity: it leads to nobody.
    found = read_identities(read, {"identities": body}, IdentityRules(), claimed=False, path="")
    if len(found) != 1 and not read.errors:
        read.wrong(next(iter(body)), "must name one identity")
    if read.errors:
        raise Invalid(read.errors)
    return found[0]


def read_identities(
    read: Reader, body: dict[str, Any], rules: IdentityRules, *, claimed: bool, path: str = "identities."
) -> list[Identity]:
    """The identities that `body` names, each mistake with its path; placeholders are left out (R34)."""
    stated = read.mapping(body, "identities")
    for name in sorted(stated.keys() - set(IDENTITY_FIELDS)):
        read.wrong(f"{path}{name}", "is not a kind of identity")
    found = []
    external = read.mapping(stated, "external", path)
    named = [(kind, stated.get(kind), f"{path}{kind}") for kind in IDENTITY_FIELDS if kind != "external"]
    named += [(f"external:{system}", value, f"{path}external.{system}") for system, value in external.items()]
    for kind, raw, where in named:
        if raw is None:
            continue
        if isinstance(raw, float) and raw.is_integer():
            raw = int(raw)
        if isinstance(raw, str | int) and kind != "phone" and is_placeholder(kind, str(raw), rules):
            continue
        if isinstance(raw, bool) or not isinstance(raw, str | int):
            read.wrong(where, "must be a text")
            continue
        # What a channel states about its own user is verified; what a user typed there is only claimed (R5).
        own = kind in ("zalo_user_id", "messenger_psid")
        certainty: Certainty = "verified" if own else "claimed" if claimed else "staff_confirmed"
        with read.reading(where):
            found.append(identity(kind, str(raw), certainty))
    return found
