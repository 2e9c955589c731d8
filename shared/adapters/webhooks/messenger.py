"""What Facebook posts to us of Messenger and of the page's comments: whether it is Meta's, and what it says in our
words."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from shared.adapters.webhooks.json_reading import inner, millis, objects, text
from shared.domain.common.attachment import Attachment
from shared.domain.inbox.provider_event import Incoming

SIGNATURE = "x-hub-signature-256"

_COMMENT_ID = re.compile(r"\d{1,40}(?:_\d{1,40}){0,2}")
# Our tracking ids, which an echo of our own message carries as `metadata`.
_TRACKING_ID = re.compile(r"[a-z0-9]{44}")


def verify(raw: bytes, headers: Mapping[str, str], *, app_secret: str) -> str | None:
    """The name of the signature's variant, or None for a forgery; header names are in lower case."""
    given = headers.get(SIGNATURE, "").strip()
    if not app_secret or not given.startswith("sha256="):
        return None
    ours = hmac.new(app_secret.encode(), raw, hashlib.sha256).hexdigest().encode()
    return "sha256" if hmac.compare_digest(ours, given.removeprefix("sha256=").encode("utf-8", "replace")) else None


def challenge(query: Mapping[str, str], *, verify_token: str) -> str | None:
    """The text to answer to Meta's GET when the webhook is being set up, or None when it is not for us."""
    given = query.get("hub.verify_token", "").encode("utf-8", "replace")
    if query.get("hub.mode") != "subscribe" or not verify_token:
        return None
    return query.get("hub.challenge") if hmac.compare_digest(given, verify_token.encode()) else None


def of_page(payload: Mapping[str, Any], page_id: str) -> dict[str, Any] | None:
    """What a delivery tells about our page, or None where all of it is about others: one app may serve several pages,
    and Meta may tell of them together."""
    told = objects(payload, "entry")
    ours = [_entry_of_page(entry, page_id) for entry in told if text(entry, "id") == page_id]
    if inner(payload, "object") == "page" and told and not any(ours):
        return None
    return {**payload, "entry": [entry for entry in ours if entry]}


def _entry_of_page(entry: Mapping[str, Any], page_id: str) -> dict[str, Any] | None:
    """An entry without what passed between others; None where that is all of it."""
    events = objects(entry, "messaging")
    ours = [event for event in events if page_id in (parties := _parties(event)) or not parties]
    return None if events and not ours and "changes" not in entry else {**entry, "messaging": ours}


def _parties(event: Mapping[str, Any]) -> set[str]:
    return {text(event, side, "id") for side in ("sender", "recipient")} - {""}


def told_at(payload: Mapping[str, Any]) -> list[str | None]:
    """When Meta told each entry: in milliseconds, or in seconds where it is about comments."""
    return [millis(entry, "time") or _seconds(entry, "time") for entry in objects(payload, "entry") if "time" in entry]


def translate(payload: Mapping[str, Any]) -> list[Incoming]:
    """The news of one delivery of events, in Meta's order; what is not for us or cannot be read is left out.

    Threads that another app owns (`standby`) are left to it.
    """
    if inner(payload, "object") != "page":
        return []
    found = []
    for entry in objects(payload, "entry"):
        for event in objects(entry, "messaging"):
            at = millis(event, "timestamp") or millis(entry, "time")
            if at is not None:
                found += _event(event, at)
        for change in objects(entry, "changes"):
            if text(change, "field") == "feed":
                found += _comment(inner(change, "value"), text(entry, "id"), _seconds(entry, "time"))
    return found


def _comment(value: Any, page_id: str, told_at: str | None) -> list[Incoming]:
    """A comment under a post; the page's own comments are no events.

    The author's id is of the page as well, but Meta promises nowhere that it is the one Messenger knows them by.
    """
    comment_id, author, at = text(value, "comment_id"), text(value, "from", "id"), _seconds(value, "created_time")
    verb = text(value, "verb")
    if text(value, "item") != "comment" or verb not in ("add", "edited") or author == page_id:
        return []
    if not _COMMENT_ID.fullmatch(comment_id) or not (at or told_at):
        return []
    # An edited comment is told again with the moment it was first written, so its news is told by the words.
    said = text(value, "message")
    version = f":{hashlib.sha256(said.encode()).hexdigest()[:16]}" if verb == "edited" else ""
    photo = text(value, "photo")
    pictures = (Attachment(kind="image", url=photo),) if photo else ()
    return [
        Incoming(
            kind="comment",
            channel="messenger",
            dedup=f"comment:{comment_id}{version}",
            at=at or told_at or "",
            # Without the permission to see the author, every comment counts as another person's.
            address=author or f"comment {comment_id}",
            text=said,
            attachments=(*pictures, Attachment(kind="link", url=f"https://www.facebook.com/{comment_id}")),
            detail={"comment_id": comment_id} | ({"edited": True} if version else {}),
        )
    ]


def _seconds(value: Any, *path: str) -> str | None:
    """The stamp of seconds since 1970 at a path, or None."""
    digits = text(value, *path)
    return millis(f"{digits}000") if digits.isascii() and digits.isdecimal() else None


def _event(event: Mapping[str, Any], at: str) -> list[Incoming]:
    person = text(event, "sender", "id")
    if not person:
        return []
    if isinstance(event.get("message"), dict):
        return _message(event, person, at)
    if isinstance(event.get("postback"), dict):
        return _postback(event, person, at)
    if isinstance(event.get("delivery"), dict):
        return _delivered(event, person, at)
    if isinstance(event.get("read"), dict):
        return _up_to(event, "read", person, at)
    return []


def _message(event: Mapping[str, Any], person: str, at: str) -> list[Incoming]:
    message = event["message"]
    mid = text(message, "mid")
    if not mid:
        return []
    if message.get("is_echo"):
        return _echo(event, mid, at)
    return [
        Incoming(
            kind="inbound_message",
            channel="messenger",
            dedup=f"message:{mid}",
            at=at,
            provider_id=mid,
            address=person,
            text=text(message, "text"),
            attachments=tuple(
                # The large thumb is a picture to Meta.
                Attachment(
                    kind="sticker" if text(entry, "payload", "sticker_id") else text(entry, "type"),
                    url=text(entry, "payload", "url"),
                )
                for entry in objects(message, "attachments")
            ),
            detail=_said(payload=text(message, "quick_reply", "payload"), replies_to=text(message, "reply_to", "mid")),
        )
    ]


def _echo(event: Mapping[str, Any], mid: str, at: str) -> list[Incoming]:
    """What the page itself said: no news, unless it is ours and tells that Messenger took it."""
    tracking_id = text(event, "message", "metadata")
    if not _TRACKING_ID.fullmatch(tracking_id):
        return []
    return [
        Incoming(
            kind="sent",
            channel="messenger",
            dedup=f"echo:{mid}",
            at=at,
            tracking_id=tracking_id,
            provider_id=mid,
            address=text(event, "recipient", "id"),
        )
    ]


def _postback(event: Mapping[str, Any], person: str, at: str) -> list[Incoming]:
    """A tapped button: what stood on it is what the person said."""
    postback = event["postback"]
    mid, payload = text(postback, "mid"), text(postback, "payload")
    return [
        Incoming(
            kind="inbound_message",
            channel="messenger",
            dedup=f"postback:{mid or f'{person}:{at}:{payload}'}",
            at=at,
            provider_id=mid,
            address=person,
            text=text(postback, "title"),
            detail=_said(payload=payload, referral=text(postback, "referral", "ref")),
        )
    ]


def _delivered(event: Mapping[str, Any], person: str, at: str) -> list[Incoming]:
    """Delivered messages by id, or, without ids, everything up to the watermark."""
    listed = inner(event, "delivery", "mids")
    mids = dict.fromkeys(text(mid) for mid in listed) if isinstance(listed, list) else {}
    found = [
        Incoming(kind="delivered", channel="messenger", dedup=f"delivery:{mid}", at=at, provider_id=mid, address=person)
        for mid in mids
        if mid
    ]
    return found or _up_to(event, "delivery", person, at)


def _up_to(event: Mapping[str, Any], name: str, person: str, at: str) -> list[Incoming]:
    mark = millis(event, name, "watermark")
    if mark is None:
        return []
    return [
        Incoming(
            kind="opened" if name == "read" else "delivered",
            channel="messenger",
            dedup=f"{name}:{person}:{mark}",
            at=at,
            address=person,
            detail={"up_to": mark},
        )
    ]


def _said(**values: str) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
