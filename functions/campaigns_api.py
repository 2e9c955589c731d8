"""Door: campaigns. Create, have words drafted, preview reach and cost, send a test message, approve, pause, resume,
cancel."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.event_handler import Response

from shared.domain.campaigns.campaign import StoredCampaign, StoredPreview, Verb
from shared.domain.errors import Forbidden
from shared.runtime import wiring
from shared.runtime.factories.campaigns import audience_judge, campaigns, draft_content, preview
from shared.runtime.http import HttpDoor, answer, listing
from shared.runtime.playbook.rules import sending_rules
from shared.use_cases.campaigns.manage import within
from shared.use_cases.campaigns.preview import show
from shared.use_cases.customers.view import told_as

handler = HttpDoor()


@handler.routes.post("/v1/campaigns")
def post_campaign() -> Response[str]:
    made = campaigns(wiring.outside().clock())
    return answer(made.show(made.create(handler.json(), _by(), _stores())), 201)


@handler.routes.get("/v1/campaigns")
def get_campaigns() -> Response[str]:
    limit, start = handler.page()
    return listing(*campaigns(wiring.outside().clock()).listed(_stores(), limit, start))


@handler.routes.get("/v1/campaigns/<campaign_id>")
def get_campaign(campaign_id: str) -> Response[str]:
    now = wiring.outside().clock()
    row = _own(campaign_id)
    return answer(campaigns(now).show(row) | {"preview": _previewed(row, preview(now).last(campaign_id))})


@handler.routes.post("/v1/campaigns/<campaign_id>/preview")
def post_preview(campaign_id: str) -> Response[str]:
    """Each call judges the next customers of the audience, until `complete` is true."""
    now = wiring.outside().clock()
    row = _own(campaign_id)
    return answer(_previewed(row, preview(now).advance(row, audience_judge(row, now))))


@handler.routes.post("/v1/campaigns/<campaign_id>/test")
def post_test(campaign_id: str) -> Response[str]:
    body = handler.json()
    return answer(campaigns(wiring.outside().clock()).test(_own(campaign_id), body, _stores()), 202)


@handler.routes.post("/v1/campaigns/<campaign_id>/drafts")
def post_drafts(campaign_id: str) -> Response[str]:
    body = handler.json()
    return answer(draft_content(wiring.outside().clock()).draft(_own(campaign_id), body, _by()))


@handler.routes.post("/v1/campaigns/<campaign_id>/drafts/<draft_id>/approve")
def post_draft_approve(campaign_id: str, draft_id: str) -> Response[str]:
    now, body = wiring.outside().clock(), handler.json()
    _own(campaign_id)
    return answer(campaigns(now).show(draft_content(now).approve(campaign_id, draft_id, body, _by())))


@handler.routes.post("/v1/campaigns/<campaign_id>/approve")
def post_approve(campaign_id: str) -> Response[str]:
    return _change_state(campaign_id, "approve")


@handler.routes.post("/v1/campaigns/<campaign_id>/pause")
def post_pause(campaign_id: str) -> Response[str]:
    return _change_state(campaign_id, "pause")


@handler.routes.post("/v1/campaigns/<campaign_id>/resume")
def post_resume(campaign_id: str) -> Response[str]:
    return _change_state(campaign_id, "resume")


@handler.routes.post("/v1/campaigns/<campaign_id>/cancel")
def post_cancel(campaign_id: str) -> Response[str]:
    return _change_state(campaign_id, "cancel")


def _change_state(campaign_id: str, verb: Verb) -> Response[str]:
    _own(campaign_id)
    managed = campaigns(wiring.outside().clock())
    owner = handler.caller is not None and "admin" in handler.caller.roles
    return answer(managed.show(managed.change_state(campaign_id, verb, _by(), owner=owner)))


def _by() -> str:
    return handler.caller.name if handler.caller else ""


def _stores() -> frozenset[str]:
    """The stores the caller's key is bound to; empty means all stores."""
    return handler.caller.stores if handler.caller else frozenset()


def _own(campaign_id: str) -> StoredCampaign:
    """The campaign, if its audience stays within the stores of the caller's key; raises NotFound or Forbidden."""
    row = campaigns(wiring.outside().clock()).row(campaign_id)
    if not within(row, _stores()):
        raise Forbidden("this campaign reaches stores the key has no access to")
    return row


def _previewed(row: StoredCampaign, seen: StoredPreview | None) -> dict[str, Any] | None:
    """A preview with its reasons in words, or None where there is none yet."""
    if seen is None:
        return None
    outside = wiring.outside()
    rules = sending_rules()
    shown, reasons = show(seen, row, rules, outside.table, outside.clock()), rules.reasons
    for name in ("not_reachable", "waits"):
        shown[name] = [{"reason": r, "people": n, **told_as(r, reasons)} for r, n in shown[name].items()]
    shown["warnings"] = [{"reason": r, **told_as(r, reasons)} for r in shown["warnings"]]
    return shown
