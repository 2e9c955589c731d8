"""The customer's message in a provider's event, as tickets take it (T6, T7, D14)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from shared.domain.common.attachment import Attachment
from shared.domain.customers.opt_out_phrases import asks_to_stop
from shared.domain.inbox.provider_event import Incoming
from shared.domain.tickets.ticket import ATTACHMENTS, SUBJECT_LENGTH, TEXT_LENGTH, ChannelOfTicket, CustomerMessage

CHANNELS: Mapping[str, ChannelOfTicket] = {
    "zalo": "zalo",
    "messenger": "messenger",
    "whatsapp": "whatsapp",
    "email": "email",
    "sms_care": "sms",
}
# Where providers keep what people send; an address anywhere else is forged.
HOSTS: Mapping[str, tuple[str, ...]] = {
    "zalo": ("zdn.vn", "zadn.vn", "zaloapp.com", "zalo.me", "dlfl.vn"),
    "messenger": ("fbcdn.net", "fbsbx.com", "facebook.com"),
    "whatsapp": ("fbcdn.net", "fbsbx.com", "facebook.com", "whatsapp.net"),
}
# A nod needs no answer.
_NODS = frozenset(("sticker", "reaction"))
# A customer who refuses adverts again within a day gets one confirmation.
OPT_OUT_AGAIN = 24 * 3600


def said(news: Incoming, customer_id: str, *, verified: bool, by_hand: bool = False) -> CustomerMessage | None:
    """The customer's message, or None for an event that needs no answer.

    `verified`: it surely is this customer who writes. `by_hand`: a comment that a person answers in private.
    """
    channel = "comment" if news.kind == "comment" else CHANNELS.get(news.channel)
    if news.kind not in ("inbound_message", "comment") or channel is None:
        return None
    attachments = [_trusted(news.channel, one) for one in news.attachments]
    stops = news.kind == "inbound_message" and asks_to_stop(news.text)
    # The carrier confirms a refusal by SMS, and an answer to it would be one more.
    if stops and channel == "sms":
        return None
    if not news.text.strip() and all(one.kind in _NODS for one in attachments) and not news.detail.get("subject"):
        return None
    return CustomerMessage(
        channel=channel,
        dedup="opt_out" if stops else str(news.detail.get("comment_id", news.dedup)),
        again=OPT_OUT_AGAIN if stops else 0,
        at=news.at,
        text=news.text[:TEXT_LENGTH],
        subject=str(news.detail.get("subject", ""))[:SUBJECT_LENGTH],
        attachments=tuple(attachments[:ATTACHMENTS]),
        customer_id=customer_id,
        verified=verified,
        comment_id=str(news.detail["comment_id"]) if by_hand else "",
    )


def _trusted(channel: str, attachment: Attachment) -> Attachment:
    """The attachment with its address only where it is the provider's own: staff will open it."""
    try:
        parts = urlsplit(attachment.url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return attachment.model_copy(update={"url": ""})
    ours = any(host == known or host.endswith(f".{known}") for known in HOSTS.get(channel, ()))
    safe = parts.scheme == "https" and ours and "@" not in parts.netloc
    return attachment if safe else attachment.model_copy(update={"url": ""})
