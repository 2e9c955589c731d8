"""Door: customers. Upsert, find, the 360° view, timeline, segments, the churn-risk list, merges by hand and undone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aws_lambda_powertools.event_handler import Response

from shared.domain.common.field_reader import done, fields
from shared.domain.customers.identity import Identity
from shared.domain.customers.reach import stores_of
from shared.domain.errors import FieldError, Forbidden, Invalid, NotFound
from shared.repositories.api_keys import Caller
from shared.runtime import wiring
from shared.runtime.auth import reads_customers
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
from shared.use_cases.customers.written_by_key import allowed
from shared.use_cases.recommendations.suggest_products import Suggester
from shared.use_cases.segments import list_segments, scan_winback

# Roles of people who speak with customers; tills and web shops only pass on what was typed there.
CONFIRMING = frozenset(("store_staff", "store_manager", "sales", "care", "manager"))

handler = HttpDoor()


@handler.routes.put("/v1/customers")
def put_customer() -> Response[str]:
    ingestion = event_ingestion(wiring.outside().clock())
    caller = _caller()
    by_staff = bool(caller.roles & CONFIRMING)
    wanted = replace(read_upsert(handler.json(), ingestion.now, rules()), by_staff=by_staff)
    reads = reads_customers(caller)
    done = upsert(ingestion, allowed(ingestion, wanted, caller.stores, reads=reads))
    body: dict[str, Any] = {"customer_id": done.customer_id, "created": done.created, "merged": []}
    if reads and caller.may_see(stores_of(done.members)):
        body |= {"merged": done.merged, "customer": view.describe(done.members, ingestion.rules_today)}
    else:
        body["customer"] = {"customer_id": done.customer_id}
    return answer(body, 201 if done.created else 200)


@handler.routes.post("/v1/customers/search")
def search() -> Response[str]:
    who: Identity = read_search(handler.json())
    outside = wiring.outside()
    try:
        return answer(_seen(view.find(outside.table, who, outside.identity_key)))
    except Forbidden:
        # A key that may not see a customer may not learn either that the customer exists.
        raise NotFound(view.NOBODY) from None


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
    by = _caller().name
    sides = [_view(side) for side in unmerge(ingestion, customer_id, body.get("merge_id"), by)]
    return answer({"customers": _own(sides)})


@handler.routes.get("/v1/segments")
def get_segments() -> Response[str]:
    if _caller().stores:
        # The counters are the chain's. One store's would be a second write for every label that changes, and counting
        # its customers here a read of the whole table.
        raise Forbidden("the counts are of all stores; the customers with a label are listed for the key's stores")
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
    if not _caller().may_see(seen["stores"]):
        raise Forbidden("this customer belongs to stores the key has no access to")
    return seen


def _view(customer_id: str, suggests: Suggester | None = None) -> dict[str, Any]:
    outside = wiring.outside()
    now = outside.clock()
    return view.view(outside.table, customer_id, rules_today(now), lambda: roster(now), suggests)


def _check_store(customer_id: str) -> None:
    if _caller().stores:
        _seen(customer_id)


def _own(shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A store's key sees its own customers in a list; a page may then be shorter than asked for."""
    return [entry for entry in shown if _caller().may_see(entry["stores"])]


def _caller() -> Caller:
    caller = handler.caller
    assert caller is not None  # every route of this door takes a key
    return caller
