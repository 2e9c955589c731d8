"""The query parameters of every route in one table; any other is refused as an unknown field of a body is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shared.domain.errors import FieldError, Invalid
from shared.runtime.auth import BY_LINK, SIGNED, WRITE_KEY

_PAGE = ("limit", "next")

# A route that is not named here takes none.
QUERY: Mapping[str, tuple[str, ...]] = {
    "GET /v1/customers/{customer_id}/timeline": _PAGE,
    "GET /v1/customers/{customer_id}/messages": _PAGE,
    "GET /v1/segments/{label}/customers": _PAGE,
    "GET /v1/churn-risk": _PAGE,
    "GET /v1/vouchers/reconciliation": ("from", "to", "format", *_PAGE),
    "GET /v1/campaigns": _PAGE,
    "GET /v1/reports/kpis": ("from", "to", "by", "store", "channel", "segment"),
    "GET /v1/reports/kpis/{kpi}/facts": ("from", "to", "store", "channel", "segment", *_PAGE),
    "GET /v1/reports/campaigns": ("from", "to"),
    "GET /v1/reports/funnel": ("journey", "from", "to"),
    "GET /v1/tickets": ("status", "queue", "assignee", "store", *_PAGE),
    "GET /v1/tasks": ("assignee", "status", "store", "kind", "due", *_PAGE),
    "GET /v1/appointments": ("store", "from", "to", *_PAGE),
    "GET /webhooks/messenger": ("hub.mode", "hub.verify_token", "hub.challenge"),
}
# These take any, named above or not: trackers add theirs to the address of a page (utm_…), providers to that of a
# webhook. An SDK takes a refusal as final, and an event is worth more than its address (R35).
ANY_QUERY = BY_LINK | SIGNED | (WRITE_KEY - {"POST /v1/popups"})


def check_query(route: str, names: Iterable[str]) -> None:
    """Raises Invalid naming every query parameter that a route does not have."""
    known = QUERY.get(route, ())
    unknown = [] if route in ANY_QUERY else sorted(set(names).difference(known))
    if unknown:
        takes = f"parameters are {', '.join(known)}" if known else "it takes none"
        raise Invalid([FieldError(name, f"is no parameter of this call; {takes}") for name in unknown])
