"""What AWS End User Messaging tells about an SMS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.adapters.channels.aws_sms import TRACKING_KEY
from shared.adapters.webhooks.json_reading import millis, text
from shared.domain.inbox.provider_event import Incoming, IncomingKind

# Pending and queued are no news. TEXT_UNKNOWN comes after 72 hours without a report: it stays as sent.
_KINDS: Mapping[str, IncomingKind] = {
    "TEXT_SENT": "sent",
    "TEXT_SUCCESSFUL": "sent",
    "TEXT_UNKNOWN": "sent",
    "TEXT_DELIVERED": "delivered",
    "TEXT_INVALID": "failed",
    "TEXT_INVALID_MESSAGE": "failed",
    "TEXT_UNREACHABLE": "failed",
    "TEXT_CARRIER_UNREACHABLE": "failed",
    "TEXT_BLOCKED": "failed",
    "TEXT_CARRIER_BLOCKED": "failed",
    "TEXT_SPAM": "failed",
    "TEXT_TTL_EXPIRED": "failed",
    "TEXT_PROTECT_BLOCKED": "failed",
}


def translate(event: Mapping[str, Any]) -> list[Incoming]:
    """The news of one event, keyed by message and state: the same may come twice and in any order."""
    name = text(event, "eventType")
    kind, provider_id, at = _KINDS.get(name), text(event, "messageId"), millis(event, "eventTimestamp")
    if kind is None or not provider_id or at is None:
        return []
    return [
        Incoming(
            kind=kind,
            channel="sms_care",
            dedup=f"{provider_id}:{name}",
            at=at,
            tracking_id=text(event, "context", TRACKING_KEY),
            provider_id=provider_id,
            address=text(event, "destinationPhoneNumber"),
            detail={
                "state": name,
                "description": text(event, "messageStatusDescription"),
                "parts": text(event, "totalMessageParts"),
                "price_usd": text(event, "totalMessagePrice"),
            },
        )
    ]
