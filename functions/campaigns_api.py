"""Door: campaigns. Write one down, see what it would reach and cost, try it out, approve, pause, resume, cancel."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.event_handler import Response

from shared.domain.campaigns.campaign import Verb
from shared.domain.errors import Forbidden
from shared.ports import Item
from shared.runtime import settings, wiring
from shared.runtime.factories.campaigns import campaigns, people, preview
from shared.runtime.http import HttpDoor, answer, listing
from shared.runtime.playbook.loader import sending_rules
from shared.use_cases.campaigns.preview import show
from shared.use_cases.customers.view import told_as

SETTINGS = (
    settings.STAGE,
    settings.TABLE,
    settings.IDENTITY,
    settings.MESSAGES,
    settings.CHANNELS,
    settings.PUBLIC,
)

handler = HttpDoor()


@handler.routes.post("/v1/campaigns")
def post_campaign() -> Response[str]:
    made = campaigns(wiring.outside().clock())
    return answer(made.show(made.create(handler.json(), _by(), _stores())), 201)


@handler.routes.get("/v1/campaigns")
def get_campaigns() -> Response[str]:
    limit, start = handler.page()
    return listing(*campaigns(wiring.outside().clock()).listed(limit, start))


@handler.routes.get("/v1/campaigns/<campaign_id>")
def get_campaign(campaign_id: str) -> Response[str]:
    now = wiring.outside().clock()
    seen = campaigns(now)
    row = seen.row(campaign_id)
    return answer(seen.show(row) | {"preview": _previewed(row, preview(now).last(campaign_id))})


@handler.routes.post("/v1/campaigns/<campaign_id>/preview")
def post_preview(campaign_id: str) -> Response[str]:
    """Counts the next people of a large base with every call, until `complete` is true."""
    now = wiring.outside().clock()
    row = _own(campaign_id)
    return answer(_previewed(row, preview(now).go_on(row, people(row, now))))


@handler.routes.post("/v1/campaigns/<campaign_id>/test")
def post_test(campaign_id: str) -> Response[str]:
    body = handler.json()
    return answer(campaigns(wiring.outside().clock()).test(_own(campaign_id), body, _stores()), 202)


@handler.routes.post("/v1/campaigns/<campaign_id>/approve")
def post_approve(campaign_id: str) -> Response[str]:
    return _tell(campaign_id, "approve")


@handler.routes.post("/v1/campaigns/<campaign_id>/pause")
def post_pause(campaign_id: str) -> Response[str]:
    return _tell(campaign_id, "pause")


@handler.routes.post("/v1/campaigns/<campaign_id>/resume")
def post_resume(campaign_id: str) -> Response[str]:
    return _tell(campaign_id, "resume")


@handler.routes.post("/v1/campaigns/<campaign_id>/cancel")
def post_cancel(campaign_id: str) -> Response[str]:
    return _tell(campaign_id, "cancel")


def _tell(campaign_id: str, verb: Verb) -> Response[str]:
    _own(campaign_id)
    told = campaigns(wiring.outside().clock())
    owner = handler.caller is not None and "admin" in handler.caller.roles
    return answer(told.show(told.tell(campaign_id, verb, _by(), owner=owner)))


def _by() -> str:
    return handler.caller.name if handler.caller else ""


def _stores() -> frozenset[str]:
    """The stores the caller's key is bound to, none for all."""
    return handler.caller.stores if handler.caller else frozenset()


def _own(campaign_id: str) -> Item:
    """The campaign's row, if it stays within the stores of the caller's key; raises NotFound or Forbidden."""
    row = campaigns(wiring.outside().clock()).row(campaign_id)
    stores = _stores()
    named = set(row["campaign"]["audience"].get("stores", ()))
    if stores and not (named and named <= stores):
        raise Forbidden("this campaign reaches stores the key has no access to")
    return row


def _previewed(row: Item, seen: Item | None) -> dict[str, Any] | None:
    """A preview with its reasons in words, or None where nobody has made one."""
    if seen is None:
        return None
    outside = wiring.outside()
    rules = sending_rules()
    shown, reasons = show(seen, row, rules, outside.table, outside.clock()), rules.reasons
    for name in ("not_reachable", "waits"):
        shown[name] = [{"reason": r, "people": n, **told_as(r, reasons)} for r, n in shown[name].items()]
    shown["warnings"] = [{"reason": r, **told_as(r, reasons)} for r in shown["warnings"]]
    return shown
