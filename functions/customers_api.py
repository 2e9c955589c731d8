"""Door: customers. Upsert, find, the 360° view, timeline, segments, the churn-risk list, merges by hand and undone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aws_lambda_powertools.event_handler import Response

from shared.domain.common.field_reader import done, fields
from shared.domain.customers.identity import Identity
from shared.domain.errors import FieldError, Forbidden, Invalid, NotFound
from shared.runtime import wiring
from shared.runtime.factories.journeys import event_ingestion
from shared.runtime.factories.roster import roster
from shared.runtime.factories.rules_today import rules_today
from shared.runtime.factories.suggestions import suggester
from shared.runtime.http import HttpDoor, answer, listing
from shared.runtime.playbook.rules import rules, sending_rules
from shared.use_cases.customers import view
from shared.use_cases.customers.input import read_search, read_upsert
from shared.use_cases.customers.merge import Merger
from shared.use_cases.customers.unmerge import unmerge
from shared.use_cases.customers.upsert import upsert
from shared.use_cases.recommendations.suggest_products import Suggester
from shared.use_cases.segments import list_segments, scan_winback

# Roles of people who speak with customers; tills and web shops only pass on what was typed there.
CONFIRMING = frozenset(("store_staff", "store_manager", "sales", "care", "manager"))

handler = HttpDoor()


@handler.routes.put("/v1/customers")
def put_customer() -> Response[str]:
    ingestion = event_ingestion(wiring.outside().clock())
    caller = handler.caller
    by_staff = bool(caller and caller.roles & CONFIRMING)
    wanted = replace(read_upsert(handler.json(), ingestion.now, rules()), by_staff=by_staff)
    store = wanted.traits.get("home_store")
    if caller and store and not caller.may_see({store}):
        raise Forbidden(f"the key has no access to traits.home_store {store}")
    if caller and caller.stores:
        own = {_is_own(who) for who in wanted.identities} - {None}
        if not store and own != {True}:
            # The same answer for nobody and for another store's customer, so that it tells nothing about either (R7).
            reason = "is needed for a person who is no customer of the key's stores yet"
            raise Invalid([FieldError("traits.home_store", reason)])
        if False in own:
            # Who buys here becomes a customer of this store by the order, not by being written down as one.
            raise Forbidden("this customer belongs to stores the key has no access to")
    kept = upsert(ingestion, wanted)
    body = {
        "customer_id": kept.customer_id,
        "created": kept.created,
        "merged": kept.merged,
        "customer": view.describe(kept.members, ingestion.rules_today),
    }
    return answer(body, 201 if kept.created else 200)


@handler.routes.post("/v1/customers/search")
def search() -> Response[str]:
    who: Identity = read_search(handler.json())
    outside = wiring.outside()
    return answer(_seen(view.find(outside.table, who, outside.identity_key)))


@handler.routes.get("/v1/customers/<customer_id>")
def get_customer(customer_id: str) -> Response[str]:
    return answer(_seen(customer_id, suggester(wiring.outside().clock())))


@handler.routes.get("/v1/customers/<customer_id>/timeline")
def get_timeline(customer_id: str) -> Response[str]:
    limit, start = handler.page()
    _check_store(customer_id)
    return listing(*view.timeline(wiring.outside().table, customer_id, limit, start))


@handler.routes.get("/v1/customers/<customer_id>/messages")
def get_messages(customer_id: str) -> Response[str]:
    limit, start = handler.page()
    _seen(customer_id)
    reasons = sending_rules().reasons
    return listing(*view.messages(wiring.outside().table, customer_id, limit, start, reasons))


@handler.routes.post("/v1/customers/<customer_id>/merge")
def post_merge(customer_id: str) -> Response[str]:
    body = handler.json()
    read = fields(body, ("other", "preview"))
    other, preview = read.text(body, "other"), read.flag(body, "preview")
    if not other and not read.errors:
        read.wrong("other", "is needed: the id of the other customer")
    done(read)
    for side in (customer_id, other):
        _check_store(side)
    outside = wiring.outside()
    now = outside.clock()
    by = handler.caller.name if handler.caller else ""
    merger = Merger(outside.table, rules_today(now), by, now)
    return answer(merger.preview(customer_id, other) if preview else merger.merge(customer_id, other))


@handler.routes.post("/v1/customers/<customer_id>/unmerge")
def post_unmerge(customer_id: str) -> Response[str]:
    body = handler.json() if handler.event.get("body") else {}
    if not isinstance(body, dict) or body.keys() - {"merge_id"} or not isinstance(body.get("merge_id", ""), str):
        raise Invalid([FieldError("body", 'must be empty or {"merge_id": "…"}')])
    _check_store(customer_id)
    ingestion = event_ingestion(wiring.outside().clock())
    by = handler.caller.name if handler.caller else ""
    lead, other = unmerge(ingestion, customer_id, body.get("merge_id"), by)
    return answer({"customers": [_view(lead), _view(other)]})


@handler.routes.get("/v1/segments")
def get_segments() -> Response[str]:
    return listing(list_segments.counts(wiring.outside().table), None)


@handler.routes.get("/v1/segments/<label>/customers")
def get_members(label: str) -> Response[str]:
    limit, start = handler.page()
    outside = wiring.outside()
    shown, after = list_segments.members(outside.table, label, rules_today(outside.clock()), limit, start)
    return listing(_own(shown), after)


@handler.routes.get("/v1/churn-risk")
def get_churn_risk() -> Response[str]:
    limit, start = handler.page()
    outside = wiring.outside()
    shown, after = scan_winback.at_risk(outside.table, rules_today(outside.clock()), limit, start)
    return listing(_own(shown), after)


def _seen(customer_id: str, suggests: Suggester | None = None) -> dict[str, Any]:
    """The 360° view, if the caller's stores reach it; raises NotFound or Forbidden."""
    seen = _view(customer_id, suggests)
    if handler.caller and not handler.caller.may_see(set(seen["stores"])):
        raise Forbidden("this customer belongs to stores the key has no access to")
    return seen


def _view(customer_id: str, suggests: Suggester | None = None) -> dict[str, Any]:
    outside = wiring.outside()
    now = outside.clock()
    return view.view(outside.table, customer_id, rules_today(now), lambda: roster(now), suggests)


def _check_store(customer_id: str) -> None:
    if handler.caller and handler.caller.stores:
        _seen(customer_id)


def _is_own(who: Identity) -> bool | None:
    """Whether an identity leads to a customer of the key's stores; None when it leads to nobody."""
    outside = wiring.outside()
    try:
        _seen(view.find(outside.table, who, outside.identity_key))
    except NotFound:
        return None
    except Forbidden:
        return False
    return True


def _own(shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A store's key sees its own customers in a list; a page may then be shorter than asked for."""
    caller = handler.caller
    return [entry for entry in shown if caller is None or caller.may_see(set(entry["stores"]))]
