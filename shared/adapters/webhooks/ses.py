"""What Amazon SES tells about an e-mail, from EventBridge or SNS: the same object in both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.adapters.channels.ses import TRACKING_TAG
from shared.adapters.webhooks.json_reading import inner, objects, rfc3339, text
from shared.domain.inbox.provider_event import Incoming, IncomingKind
from shared.domain.messaging.machine_opens import Touch, TouchKind, judge
from shared.domain.vietnam_time import moment


def translate(event: Mapping[str, Any]) -> list[Incoming]:
    """The news of one event; none for delays, and for mail that is not ours to follow.

    The same event may come twice and in any order, so its key is made of what happened, not of the delivery.
    """
    name = text(event, "eventType") or text(event, "notificationType")
    translator = _TRANSLATORS.get(name)
    provider_id = text(event, "mail", "messageId")
    sent_at = rfc3339(event, "mail", "timestamp")
    if translator is None or not provider_id or sent_at is None:
        return []
    common = {
        "channel": "email",
        "provider_id": provider_id,
        "tracking_id": _first(inner(event, "mail", "tags", TRACKING_TAG)),
        # One message goes to one address.
        "address": _first(inner(event, "mail", "destination")),
    }
    kind, what, detail = translator(event)
    at = rfc3339(event, what, "timestamp") or sent_at
    machine = False
    if kind in ("opened", "clicked"):
        machine, reason = _machine(kind, event, what, at, sent_at)
        detail |= {"machine": reason} if reason else {}
    # Whatever else happens once per message; opening and clicking may happen again.
    again = f"{at}:{detail.get('link', '')}" if kind in ("opened", "clicked") else ""
    dedup = f"{provider_id}:{name}:{text(event, what, 'feedbackId') or again}"
    told = {"kind": kind, "dedup": dedup, "at": at, "detail": detail, "machine": machine}
    return [Incoming.model_validate(common | told)]


def _first(value: Any) -> str:
    return text(value[0]) if isinstance(value, list) and value else ""


def _machine(kind: TouchKind, event: Mapping[str, Any], what: str, at: str, sent_at: str) -> tuple[bool, str]:
    """By what this event alone tells; delivery is later than sending, so a caller that knows it may judge again."""
    touch = Touch(kind, moment(at), text(event, what, "userAgent"), text(event, what, "ipAddress"))
    return judge(touch, delivered_at=moment(sent_at))


_Told = tuple[IncomingKind, str, dict[str, Any]]


def _sent(event: Mapping[str, Any]) -> _Told:  # noqa: ARG001
    return "sent", "send", {}


def _delivered(event: Mapping[str, Any]) -> _Told:  # noqa: ARG001
    return "delivered", "delivery", {}


def _bounced(event: Mapping[str, Any]) -> _Told:
    """Only a permanent bounce says that the address is no good; a full mailbox is a failure of this message."""
    detail = {"type": text(event, "bounce", "bounceType"), "subtype": text(event, "bounce", "bounceSubType")}
    codes = [text(entry, "status") for entry in objects(event, "bounce", "bouncedRecipients")]
    if any(codes):
        detail["status"] = next(filter(None, codes))
    return ("bounced" if detail["type"] == "Permanent" else "failed"), "bounce", detail


def _complained(event: Mapping[str, Any]) -> _Told:
    return "complained", "complaint", {"type": text(event, "complaint", "complaintFeedbackType")}


def _opened(event: Mapping[str, Any]) -> _Told:
    return "opened", "open", {"user_agent": text(event, "open", "userAgent")}


def _clicked(event: Mapping[str, Any]) -> _Told:
    detail = {"user_agent": text(event, "click", "userAgent"), "link": text(event, "click", "link")}
    return "clicked", "click", detail


def _rejected(event: Mapping[str, Any]) -> _Told:
    return "failed", "reject", {"reason": text(event, "reject", "reason")}


def _not_rendered(event: Mapping[str, Any]) -> _Told:
    return "failed", "failure", {"reason": text(event, "failure", "errorMessage")}


_TRANSLATORS: Mapping[str, Callable[[Mapping[str, Any]], _Told]] = {
    "Send": _sent,
    "Delivery": _delivered,
    "Bounce": _bounced,
    "Complaint": _complained,
    "Open": _opened,
    "Click": _clicked,
    "Reject": _rejected,
    "Rendering Failure": _not_rendered,
}
