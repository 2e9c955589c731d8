"""Authorization and authentication: the roles of every route in one table, and how a caller is identified."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

from shared.domain.errors import Forbidden, Unauthenticated
from shared.repositories.api_keys import STORE_ROLES, Caller, look_up
from shared.runtime.wiring import Outside

_STAFF = frozenset(("store_staff", "store_manager", "sales", "care", "manager", "admin"))

# A route in none of these is closed; OPEN needs no key, WRITE_KEY the tracking protocol's own.
OPEN = frozenset(("GET /health", "GET /openapi.json"))
# The tracking protocol by its full and its short names, as SDKs of browsers call them.
TRACKING: Mapping[str, str] = {
    **{name: name for name in ("batch", "identify", "track", "page", "screen", "group", "alias")},
    **{"b": "batch", "i": "identify", "t": "track", "p": "page", "s": "screen", "g": "group", "a": "alias"},
    "import": "batch",
}
WRITE_KEY = frozenset(f"POST /v1/{call}" for call in (*TRACKING, "popups"))
# Providers sign their callbacks; the door verifies the signature on the raw bytes.
SIGNED = frozenset(
    (
        "POST /webhooks/zalo",
        "GET /webhooks/messenger",
        "POST /webhooks/messenger",
        "POST /webhooks/ses",
        "GET /webhooks/esms/{token}",
        "GET /webhooks/esms-short-code",
        "POST /webhooks/whatsapp",
        "POST /webhooks/sms",
    )
)
# Web pages. A link from a message identifies its recipient by the token in its path, which the door checks. The FAQ is
# public. The cashier's page holds no data: the calls it makes need a key.
BY_LINK = frozenset(
    (
        "GET /r/{token}",
        "GET /u/{token}",
        "POST /u/{token}",
        "GET /s/{token}",
        "POST /s/{token}",
        "GET /o/{code}",
        "GET /till",
        "GET /faq",
        "POST /faq",
    ),
)
ROLES: Mapping[str, frozenset[str]] = {
    "PUT /v1/customers": _STAFF | {"pos", "web"},
    "POST /v1/customers/search": _STAFF | {"pos"},
    "GET /v1/customers/{customer_id}": _STAFF | {"pos"},
    "GET /v1/customers/{customer_id}/timeline": _STAFF,
    "GET /v1/customers/{customer_id}/messages": _STAFF | {"marketing"},
    "POST /v1/customers/{customer_id}/merge": frozenset(("care", "manager", "admin")),
    "POST /v1/customers/{customer_id}/unmerge": frozenset(("care", "manager", "admin")),
    # Counts of the whole chain; a key with stores is refused by the door as well.
    "GET /v1/segments": (_STAFF - STORE_ROLES) | {"marketing"},
    "GET /v1/segments/{label}/customers": _STAFF | {"marketing"},
    "GET /v1/churn-risk": _STAFF | {"marketing"},
    "GET /v1/vouchers/{code}": _STAFF | {"pos"},
    "POST /v1/vouchers/{code}/redeem": _STAFF | {"pos"},
    "GET /v1/vouchers/reconciliation": frozenset(("store_manager", "marketing", "manager", "admin")),
    **dict.fromkeys(
        (
            "POST /v1/campaigns",
            "GET /v1/campaigns",
            "GET /v1/campaigns/{campaign_id}",
            "POST /v1/campaigns/{campaign_id}/preview",
            "POST /v1/campaigns/{campaign_id}/test",
            "POST /v1/campaigns/{campaign_id}/drafts",
            "POST /v1/campaigns/{campaign_id}/drafts/{draft_id}/approve",
            "POST /v1/campaigns/{campaign_id}/pause",
            "POST /v1/campaigns/{campaign_id}/resume",
            "POST /v1/campaigns/{campaign_id}/cancel",
        ),
        frozenset(("marketing", "manager", "admin")),
    ),
    # Marketing makes campaigns; managers, who answer for their cost, approve them (R18).
    "POST /v1/campaigns/{campaign_id}/approve": frozenset(("manager", "admin")),
    "GET /v1/reports/kpis": frozenset(("store_manager", "marketing", "manager", "admin")),
    "GET /v1/reports/kpis/{kpi}/facts": frozenset(("store_manager", "marketing", "manager", "admin")),
    **dict.fromkeys(
        ("GET /v1/reports/campaigns", "GET /v1/reports/funnel", "PUT /v1/reports/spend"),
        frozenset(("marketing", "manager", "admin")),
    ),
    "GET /v1/journeys": _STAFF | {"marketing"},
    "GET /v1/journeys/{journey_id}": _STAFF | {"marketing"},
    "GET /v1/tasks": _STAFF,
    "POST /v1/appointments": _STAFF | {"pos", "web"},
    "GET /v1/appointments": _STAFF | {"pos"},
    "POST /v1/appointments/{appointment_id}/cancel": _STAFF | {"pos"},
    "POST /v1/appointments/{appointment_id}/move": _STAFF | {"pos"},
    "POST /v1/tasks/{task_id}/outcome": _STAFF,
    "POST /v1/tasks/{task_id}/assign": _STAFF,
    "POST /v1/tasks/{task_id}/skip": _STAFF,
    "POST /v1/tasks/{task_id}/offer": _STAFF,
    "POST /v1/tickets": _STAFF | {"pos", "web"},
    # Customers write and rate through the shop's own web page too.
    "POST /v1/tickets/{ticket_id}/messages": _STAFF | {"pos", "web"},
    "POST /v1/tickets/{ticket_id}/rating": _STAFF | {"pos", "web"},
    **dict.fromkeys(
        (
            "GET /v1/tickets",
            "GET /v1/tickets/{ticket_id}",
            "POST /v1/tickets/{ticket_id}/resolve",
            "POST /v1/tickets/{ticket_id}/lock",
            "POST /v1/tickets/{ticket_id}/assign",
            "POST /v1/tickets/{ticket_id}/labels",
            "POST /v1/tickets/{ticket_id}/asks",
            "POST /v1/tickets/{ticket_id}/compensation",
            "POST /v1/tickets/{ticket_id}/draft-order",
        ),
        _STAFF,
    ),
    "POST /v1/tickets/{ticket_id}/compensation/approve": frozenset(("manager", "admin")),
}


def authenticate(
    route: str, authorization: str, origin: str, key_in_body: Callable[[], str], outside: Outside
) -> Caller | None:
    """The caller of a route; None where it is open. Raises Unauthenticated or Forbidden.

    Segment's Node and browser SDKs send the write key in the body only, so the tracking routes look there too. A
    browser states its page's `origin`; a browser key is for some origins only.
    """
    if route in OPEN | SIGNED | BY_LINK:
        return None
    scheme, _, credentials = authorization.strip().partition(" ")
    if route in WRITE_KEY:
        key = _basic_user(scheme, credentials.strip()) if scheme else key_in_body()
    elif scheme.lower() == "bearer":
        key = credentials.strip()
    else:
        raise Unauthenticated("send Authorization: Bearer <api key>")
    caller = look_up(outside.table, key, outside.memory.api_keys, outside.clock())
    if caller is None or (caller.kind != "api") != (route in WRITE_KEY):
        raise Unauthenticated("the key is unknown, revoked or expired")
    if caller.kind == "browser" and not caller.may_come_from(origin):
        raise Forbidden(f"the key is not for pages of {origin}")
    if route not in WRITE_KEY and not caller.roles & ROLES.get(route, frozenset()):
        raise Forbidden(f"none of the key's roles ({', '.join(sorted(caller.roles))}) may do this")
    return caller


def reads_customers(caller: Caller) -> bool:
    """Whether a key's roles may see customers at all. A web server's may not: it is answered with what it said itself,
    because a visitor can type any phone number into its form."""
    return bool(caller.roles & ROLES["GET /v1/customers/{customer_id}"])


def challenge(route: str) -> str:
    """The WWW-Authenticate header of a 401: the scheme by which this route takes a key."""
    return f'{"Basic" if route in WRITE_KEY else "Bearer"} realm="khach-quen"'


def _basic_user(scheme: str, credentials: str) -> str:
    """The write key as the user name of HTTP Basic, as the Segment SDKs send it."""
    if scheme.lower() != "basic":
        raise Unauthenticated("send the write key as the user name of HTTP Basic")
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
    except ValueError:
        raise Unauthenticated("the Basic credentials cannot be read") from None
