"""What Zalo posts to us: whether it is Zalo's, and what it says in our words.

The signature is a plain SHA-256 over app id, raw body, timestamp and a secret. Sources disagree on which id and which
secret, so all documented variants are tried and the one that matched is named, to be settled in the log.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

from shared.adapters.webhooks.json_reading import inner, load, millis, objects, text
from shared.domain.common.attachment import Attachment
from shared.domain.errors import FieldError, Invalid
from shared.domain.inbox.provider_event import Incoming

SIGNATURE = "x-zevent-signature"


def verify(raw: bytes, headers: Mapping[str, str], *, ids: Mapping[str, str], secrets: Mapping[str, str]) -> str | None:
    """The name of the variant that signed this body, or None for a forgery.

    `ids` and `secrets` are what to try by name, such as {"app_id": …, "oa_id": …} and {"oa_secret": …, "app_secret":
    …}; empty ones are left out. Header names are in lower case. The body is taken as it came, byte by byte.
    """
    given = headers.get(SIGNATURE, "").strip()
    try:
        timestamp = text(load(raw), "timestamp")
    except Invalid:
        return None
    if not given or not timestamp:
        return None
    prefix = "mac=" if given.startswith("mac=") else ""
    mac = given.removeprefix("mac=").encode("utf-8", "replace")
    matched = None
    for (id_name, identity), (secret_name, secret) in product(ids.items(), secrets.items()):
        if identity and secret:
            ours = signature(raw, identity, timestamp, secret).encode()
            if hmac.compare_digest(ours, mac) and matched is None:
                matched = f"{prefix}{id_name}+{secret_name}"
    return matched


def signature(raw: bytes, identity: str, timestamp: str, secret: str) -> str:
    return hashlib.sha256(identity.encode() + raw + timestamp.encode() + secret.encode()).hexdigest()


def told_at(payload: Mapping[str, Any]) -> list[str | None]:
    """When Zalo told this, by the time that its signature covers; a repeated call keeps it."""
    return [millis(payload, "timestamp")]


def is_ours(payload: Mapping[str, Any], *, app_id: str, oa_id: str) -> bool:
    """Whether an event is about this app and this account: one app may serve several accounts with one secret.

    An event names the account itself, or as one of the two who talk; what it does not name it cannot contradict.
    """
    app, account = text(payload, "app_id"), text(payload, "oa_id") or text(payload, "oaId")
    parties = {text(payload, side, "id") for side in ("sender", "recipient")} - {""}
    named = {account} if account else parties
    return app in ("", app_id) and (not named or oa_id in named)


def translate(payload: Mapping[str, Any]) -> list[Incoming]:
    """The news of one event; none for events that tell us nothing. Raises Invalid for one that lacks what it needs."""
    name = text(payload, "event_name")
    translator = _TRANSLATORS.get(name) or (_spoken if name.startswith("user_send_") else None)
    if translator is None:
        return []
    at = millis(payload, "timestamp")
    if at is None:
        raise _missing("timestamp")
    return translator(payload, name, at)


def _spoken(payload: Mapping[str, Any], name: str, at: str) -> list[Incoming]:
    attachments = tuple(
        Attachment(kind=text(entry, "type"), url=text(entry, "payload", "url"))
        for entry in objects(payload, "message", "attachments")
    )
    return [
        Incoming(
            kind="inbound_message",
            channel="zalo",
            dedup=f"{name}:{_need(payload, 'message', 'msg_id')}",
            at=at,
            provider_id=text(payload, "message", "msg_id"),
            address=_need(payload, "sender", "id"),
            text=text(payload, "message", "text"),
            attachments=attachments,
            detail={"event": name, "replies_to": text(payload, "message", "quote_msg_id")},
        )
    ]


def _received(payload: Mapping[str, Any], name: str, at: str) -> list[Incoming]:
    """Two events share this name: a delivered template has a `delivery_time`, a receipt of a chat has none."""
    if inner(payload, "message", "delivery_time") is None:
        return _receipts(payload, name, at)
    return [
        Incoming(
            kind="delivered",
            channel="zns",
            dedup=f"{name}:{_need(payload, 'message', 'msg_id')}",
            at=millis(payload, "message", "delivery_time") or at,
            tracking_id=text(payload, "message", "tracking_id"),
            provider_id=text(payload, "message", "msg_id"),
            address=_person(text(payload, "recipient", "id")),
        )
    ]


def _receipts(payload: Mapping[str, Any], name: str, at: str) -> list[Incoming]:
    """Received or seen: one message or a list of them."""
    listed = inner(payload, "message", "msg_ids")
    found = [text(entry) for entry in listed] if isinstance(listed, list) else []
    ids = dict.fromkeys([text(payload, "message", "msg_id"), *found])
    return [
        Incoming(
            kind="opened" if name == "user_seen_message" else "delivered",
            channel="zalo",
            dedup=f"{name}:{message_id}",
            at=at,
            provider_id=message_id,
            # Direction is told differently by different sources; the message id is what counts.
            detail={"sender": text(payload, "sender", "id"), "recipient": text(payload, "recipient", "id")},
        )
        for message_id in ids
        if message_id
    ]


def _follow(payload: Mapping[str, Any], name: str, at: str) -> list[Incoming]:
    follower, account = _need(payload, "follower", "id"), text(payload, "oa_id")
    return [
        Incoming(
            kind="followed" if name == "follow" else "unfollowed",
            channel="zalo",
            dedup=f"{name}:{account}:{follower}:{text(payload, 'timestamp')}",
            at=at,
            address=follower,
            detail={"oa_id": account, "source": text(payload, "source")},
        )
    ]


def _phone_shared(payload: Mapping[str, Any], name: str, at: str) -> list[Incoming]:
    """The form a person filled in and sent within Zalo; `detail.phone` is as Zalo wrote it."""
    sender = _need(payload, "sender", "id")
    info = inner(payload, "info")
    address = inner(info, "full_address")
    # The older shape has the address flat.
    places = (
        [text(address, key) for key in ("user_address", "user_ward", "user_city")]
        if isinstance(address, dict)
        else [text(info, key) for key in ("address", "ward", "district", "city")]
    )
    detail = {
        "phone": _need(payload, "info", "phone"),
        "name": text(info, "name"),
        "birthday": text(info, "user_dob"),
        "gender": text(info, "gender"),
        "address": ", ".join(place for place in places if place),
        "link": "verified",
    }
    return [
        Incoming(
            kind="phone_shared",
            channel="zalo",
            dedup=f"{name}:{sender}:{text(payload, 'timestamp')}",
            at=at,
            address=sender,
            detail={key: value for key, value in detail.items() if value},
        )
    ]


def _template_status(payload: Mapping[str, Any], name: str, at: str) -> list[Incoming]:
    template = _need(payload, "template_id")
    return [
        Incoming(
            kind="template_status",
            channel="zns",
            dedup=f"{name}:{template}:{text(payload, 'timestamp')}",
            at=at,
            detail={
                "template_id": template,
                "status": _need(payload, "status", "new_status"),
                "before": text(payload, "status", "prev_status"),
                "reason": text(payload, "reason"),
            },
        )
    ]


def _rating(payload: Mapping[str, Any], name: str, at: str) -> list[Incoming]:
    """The answer to a rating template; its fields are read leniently, for they were not found in Zalo's own words."""
    message = inner(payload, "message")
    rate = text(message, "rate")
    if rate not in ("1", "2", "3", "4", "5"):
        raise Invalid([FieldError("message.rate", "is not 1 to 5")], "The callback cannot be read.")
    wishes = inner(message, "feedbacks")
    return [
        Incoming(
            kind="rating",
            channel="zns",
            dedup=f"{name}:{_need(payload, 'message', 'msg_id')}",
            at=millis(message, "submit_time") or at,
            tracking_id=text(message, "tracking_id"),
            provider_id=text(message, "msg_id"),
            text=text(message, "note"),
            detail={
                "score": int(rate),
                "chosen": [text(wish) for wish in wishes if text(wish)] if isinstance(wishes, list) else [],
            },
        )
    ]


_TRANSLATORS: dict[str, Callable[[Mapping[str, Any], str, str], list[Incoming]]] = {
    "user_received_message": _received,
    "user_seen_message": _receipts,
    "follow": _follow,
    "unfollow": _follow,
    "user_submit_info": _phone_shared,
    "change_template_status": _template_status,
    "user_feedback": _rating,
}


def _person(recipient: str) -> str:
    """A template's recipient: a phone number as we write it, or, where it was sent hashed, the hash."""
    is_phone = recipient.isascii() and recipient.isdecimal() and recipient.startswith("84") and len(recipient) < 13
    return f"+{recipient}" if is_phone else recipient


def _need(payload: Mapping[str, Any], *path: str) -> str:
    found = text(payload, *path)
    if not found:
        raise _missing(".".join(path))
    return found


def _missing(field: str) -> Invalid:
    return Invalid([FieldError(field, "is missing")], "The callback cannot be read.")
