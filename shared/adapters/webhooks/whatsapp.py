"""What WhatsApp tells through AWS: statuses and people's words by SNS with Meta's JSON inside, bare statuses by
EventBridge, which names AWS's id of the message and neither ours nor the person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.adapters.webhooks.json_reading import inner, load, millis, objects, rfc3339, text
from shared.domain.common.attachment import Attachment
from shared.domain.errors import Invalid
from shared.domain.inbox.provider_event import Incoming, IncomingKind

_KINDS: Mapping[str, IncomingKind] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "opened",
    "failed": "failed",
    "undeliverable": "failed",
}
# Meta's code for a person who switched off a business's offers.
_STOPPED_MARKETING = "131050"


def numbers(event: Mapping[str, Any]) -> set[str]:
    """The business's numbers that an SNS event is about, by AWS's ids as one sends from them."""
    # arn:aws:social-messaging:<region>:<account>:phone-number-id/<id>
    arns = [text(entry, "arn") for entry in objects(event, "context", "MetaPhoneNumberIds")]
    return {arn.rpartition(":")[2].replace("/", "-") for arn in arns if arn}


def translate(event: Mapping[str, Any]) -> list[Incoming]:
    """The news of one SNS event: an entry of Meta's webhook, in which several changes may stand."""
    try:
        entry = load(text(event, "whatsAppWebhookEntry").encode())
    except Invalid:
        return []
    news = []
    for change in objects(entry, "changes"):
        value = inner(change, "value")
        if text(change, "field") == "message_template_status_update":
            news += _template(value, event)
        news += [found for status in objects(value, "statuses") for found in _status(status)]
        news += [found for message in objects(value, "messages") for found in _message(message)]
    return news


def translate_status(detail: Mapping[str, Any]) -> list[Incoming]:
    """The news of one EventBridge event; received messages come without their words and are left to SNS."""
    kind, provider_id = _KINDS.get(text(detail, "status").lower()), text(detail, "messageId")
    at = _seconds(detail, "eventTimestamp")
    if kind is None or not provider_id or at is None:
        return []
    return [Incoming(kind=kind, channel="whatsapp", dedup=f"{provider_id}:{kind}", at=at, provider_id=provider_id)]


def _status(status: Mapping[str, Any]) -> list[Incoming]:
    kind, meta_id, at = _KINDS.get(text(status, "status")), text(status, "id"), _seconds(status, "timestamp")
    if kind is None or not meta_id or at is None:
        return []
    codes = [text(error, "code") for error in objects(status, "errors")]
    if _STOPPED_MARKETING in codes:
        kind = "opted_out"
    return [
        Incoming(
            kind=kind,
            channel="whatsapp",
            dedup=f"{meta_id}:{text(status, 'status')}",
            at=at,
            tracking_id=text(status, "biz_opaque_callback_data"),
            provider_id=meta_id,
            address=_phone(text(status, "recipient_id")),
            detail={"codes": codes} if codes else {},
        )
    ]


def _message(message: Mapping[str, Any]) -> list[Incoming]:
    meta_id, at, kind = text(message, "id"), _seconds(message, "timestamp"), text(message, "type")
    if not meta_id or at is None:
        return []
    media = () if kind == "text" else (Attachment(kind=kind, url=text(message, kind, "link")),)
    return [
        Incoming(
            kind="inbound_message",
            channel="whatsapp",
            dedup=meta_id,
            at=at,
            provider_id=meta_id,
            address=_phone(text(message, "from")),
            text=text(message, "text", "body") or text(message, kind, "caption") or text(message, "button", "text"),
            attachments=media,
            detail={"media_id": text(message, kind, "id")} if text(message, kind, "id") else {},
        )
    ]


def _template(value: Any, event: Mapping[str, Any]) -> list[Incoming]:
    name, status, at = text(value, "message_template_name"), text(value, "event"), rfc3339(event, "message_timestamp")
    if not name or at is None:
        return []
    detail = {"template": name, "status": status, "reason": text(value, "reason")}
    return [
        Incoming(
            kind="template_status", channel="whatsapp", dedup=f"{text(event, 'messageId')}:{name}", at=at, detail=detail
        )
    ]


def _phone(digits: str) -> str:
    return f"+{digits.lstrip('+')}" if digits else ""


def _seconds(value: Any, *path: str) -> str | None:
    digits = text(value, *path)
    return millis(f"{digits}000") if digits.isdecimal() else rfc3339(value, *path)
