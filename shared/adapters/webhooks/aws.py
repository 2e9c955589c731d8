"""What AWS posts to us about e-mail, SMS and WhatsApp: one door for three services, in two envelopes.

EventBridge posts by an API destination, whose connection adds a header with a secret that only AWS and we know; that
costs no signature and is how our own stages are wired. SNS posts signed messages (see `sns`); WhatsApp's inbound texts
and e-mails to the shop come only so, and shops may have topics already. Either way: what is neither is a forgery.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shared.adapters.webhooks import aws_sms, ses, ses_inbound, sns, whatsapp
from shared.adapters.webhooks.json_reading import inner, load, rfc3339, text
from shared.domain.errors import Invalid
from shared.domain.inbox.provider_event import Incoming

TOKEN_HEADER = "x-webhook-token"  # noqa: S105


@dataclass(frozen=True, slots=True)
class AwsSecrets:
    """What proves that AWS is calling: the connection's token (and the former one, while it changes), and the ARNs of
    our topics."""

    tokens: tuple[str, ...] = ()
    topics: frozenset[str] = frozenset()


def verify(
    raw: bytes, headers: Mapping[str, str], secrets: AwsSecrets, certificates: sns.Certificates
) -> Literal["eventbridge", "sns"] | None:
    """Which envelope proved itself, or None for a forgery; header names are in lower case.

    Raises Busy when SNS's certificate cannot be had now: AWS then tries again.
    """
    given = headers.get(TOKEN_HEADER, "").encode("utf-8", "replace")
    if any(hmac.compare_digest(given, known.encode()) for known in secrets.tokens if known):
        return "eventbridge"
    return "sns" if sns.verify(raw, secrets.topics, certificates) else None


def told_at(payload: Mapping[str, Any]) -> list[str | None]:
    """When AWS told this: EventBridge's time, or the one that SNS's signature covers; repeated calls keep it."""
    return [rfc3339(payload, "time" if "detail-type" in payload else "Timestamp")]


def is_ours(payload: Mapping[str, Any], *, phone_number_id: str) -> bool:
    """Whether a verified payload is about the shop's account.

    What is published on the shop's topics, or over its connection, is the shop's; only WhatsApp publishes all numbers
    of a business account on one topic. SES and SMS name no account that is in our settings.
    """
    if text(payload, "source") == "aws.social-messaging":
        return text(payload, "detail", "originationPhoneNumberId") in ("", phone_number_id)
    numbers = whatsapp.numbers(_published(payload))
    return not numbers or phone_number_id in numbers


def translate(payload: Mapping[str, Any]) -> list[Incoming]:
    """The news in a verified payload of either envelope; none for what tells us nothing."""
    if "detail-type" in payload:
        translator = _BY_SOURCE.get(text(payload, "source"))
        detail = inner(payload, "detail")
        return translator(detail) if translator and isinstance(detail, dict) else []
    return _of_topic(_published(payload))


def refusal(payload: Mapping[str, Any]) -> str:
    """Why a verified payload holds a mail to the shop that is left out, as `ses_inbound.refusal` says, or ""."""
    event = _published(payload)
    return ses_inbound.refusal(event) if text(event, "notificationType") == ses_inbound.RECEIVED else ""


def _published(payload: Mapping[str, Any]) -> dict[str, Any]:
    """What was published to a topic, or nothing: SNS greets a new destination in plain words."""
    if text(payload, "Type") != sns.NOTIFICATION:
        return {}
    try:
        return load(text(payload, "Message").encode())
    except Invalid:
        return {}


def _of_topic(event: Mapping[str, Any]) -> list[Incoming]:
    if text(event, "notificationType") == ses_inbound.RECEIVED:
        return ses_inbound.translate(event)
    if "mail" in event:
        return ses.translate(event)
    if "whatsAppWebhookEntry" in event:
        return whatsapp.translate(event)
    return aws_sms.translate(event) if text(event, "eventType").startswith("TEXT_") else []


_BY_SOURCE: Mapping[str, Callable[[Mapping[str, Any]], list[Incoming]]] = {
    "aws.ses": ses.translate,
    "aws.sms-voice": aws_sms.translate,
    "aws.social-messaging": whatsapp.translate_status,
}
