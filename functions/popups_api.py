"""Door: what the shop's page shows this visitor next. The page asks with its browser key and the browser's own id."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import Response

from shared.domain.customers.identity import identity
from shared.domain.errors import FieldError, Invalid, NotFound
from shared.runtime import wiring
from shared.runtime.http import HttpDoor, answer
from shared.use_cases.customers.view import find
from shared.use_cases.messaging.web_popups import waiting_for

handler = HttpDoor()


@handler.routes.post("/v1/popups")
def popups() -> Response[str]:
    """Only the browser's own random id opens a slot: an account's id could be guessed by a reader of the page."""
    body = handler.json()
    if not isinstance(body, dict):
        raise Invalid([FieldError("body", "must be an object")])
    raw = body.get("anonymousId")
    # A page's script may put its key where the SDKs do.
    if body.keys() - {"writeKey"} != {"anonymousId"} or not isinstance(raw, str):
        raise Invalid([FieldError("anonymousId", "is needed, and nothing else")])
    try:
        who = identity("anonymous", raw)
    except ValueError as error:
        raise Invalid([FieldError("anonymousId", str(error))]) from None
    outside = wiring.outside()
    try:
        customer = find(outside.table, who, outside.identity_key)
    except NotFound:
        return answer({"items": []})
    return answer({"items": waiting_for(outside.table, customer, outside.clock())})
