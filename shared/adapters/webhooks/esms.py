"""What eSMS.vn tells us: results of SMS by GET, and what people write to a short code, such as a refusal of adverts.

Results carry no signature, so their URL holds an unguessable token, and a caller that wants to be sure asks the
gateway (`status` of the channel). Short-code messages are signed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from shared.adapters.channels.esms import international, whole
from shared.adapters.webhooks.json_reading import plain, text
from shared.domain.common.channels import ChannelName
from shared.domain.inbox.provider_event import Incoming, IncomingKind
from shared.domain.vietnam_time import VIETNAM, stamp

# TypeId: which channel it was; Viber (23) is none of ours.
_CHANNELS: Mapping[str, ChannelName] = {
    "": "sms_care",
    "1": "sms_ad",
    "2": "sms_care",
    "24": "zns",
    "25": "zns",
    "26": "zalo",
    "27": "zalo",
}
_REJECTED, _DONE, _SENT = "4", "5", "7"
_TIME_LENGTH = len("yyyymmddhhmmss")


def verify(token: str, tokens: Iterable[str]) -> bool:
    """Whether the token in a result's address is ours (or the former one, while it changes)."""
    given = token.encode("utf-8", "replace")
    return any(hmac.compare_digest(given, known.encode()) for known in tokens if known)


def translate(query: Mapping[str, str], at: datetime) -> list[Incoming]:
    """The news in a result; it names no time and no account, so `at` is when it came. Waiting states are no news.

    Who overheard the address knows its token and may tell what they like, old or new: a window would not stop them.

    A batch of advertisements has one result for all: `detail` counts, and its `kind` is `delivered` or `failed` when
    that is true of every number, else `sent`; `receivers` of the channel tells them apart.
    """
    channel = _CHANNELS.get(text(query, "TypeId"))
    sms_id, state = text(query, "SMSID"), text(query, "SendStatus")
    if channel is None or not sms_id or state not in (_REJECTED, _DONE, _SENT):
        return []
    succeeded, failed = whole(query.get("SendSuccess")), whole(query.get("SendFailed"))
    detail: dict[str, Any] = {"state": state, "succeeded": succeeded, "failed": failed}
    if state == _DONE:
        detail["price"] = whole(query.get("TotalPrice"))
    if (error := error_info(text(query, "error_info"))) is not None:
        detail["error"] = plain(error)
    person = text(query, "phonenumber")
    return [
        Incoming(
            kind=_kind(state, succeeded, failed),
            channel=channel,
            dedup=":".join((sms_id, person, state, str(succeeded), str(failed))),
            at=stamp(at),
            tracking_id=text(query, "RequestId"),
            provider_id=sms_id,
            address=person if channel == "zalo" else international(person),
            detail=detail,
        )
    ]


def _kind(state: str, succeeded: int, failed: int) -> IncomingKind:
    if state == _REJECTED:
        return "failed"
    if state == _DONE and succeeded and not failed:
        return "delivered"
    return "failed" if state == _DONE and failed and not succeeded else "sent"


def error_info(given: str) -> dict[str, Any] | None:
    """Zalo's answer within a result: JSON in a quoted string, or JSON encoded once more with a time behind it."""
    for shape in (given, unquote(given)):
        content: Any = shape.partition("____")[0].strip()
        # A quoted string holds JSON once more.
        for _ in range(2):
            try:
                content = json.loads(content)
            except (ValueError, RecursionError):
                break
            if isinstance(content, dict):
                return content
            if not isinstance(content, str):
                break
    return None


def verify_short_code(query: Mapping[str, str], private_key: str) -> bool:
    """Whether a short-code message is signed: MD5 of cpid, smsid, content, receiverTime and the key.

    The documentation's samples write it as base64, its prose as plain MD5: both are taken.
    """
    digest = _signed_digest(query, private_key)
    given = text(query, "sign").encode()
    as_base64 = hmac.compare_digest(given, base64.b64encode(digest))
    as_hex = hmac.compare_digest(given.lower(), digest.hex().encode())
    return bool(private_key) and (as_base64 or as_hex)


def short_code_mark(query: Mapping[str, str], private_key: str) -> str:
    """What a signed message is remembered by. Its signature covers neither the sender nor where one field ends and the
    next begins, so that who overheard one could tell it of another person, or under another smsid."""
    return hashlib.sha256(_signed_digest(query, private_key)).hexdigest()[:40]


def _signed_digest(query: Mapping[str, str], private_key: str) -> bytes:
    parts = [text(query, name) for name in ("cpid", "smsid", "content", "receiverTime")]
    return hashlib.md5("".join([*parts, private_key]).encode(), usedforsecurity=False).digest()


def short_code_told_at(query: Mapping[str, str]) -> list[str | None]:
    """When the gateway received the message; always 14 digits, or a digit of the text could change the time."""
    digits = text(query, "receiverTime")
    if not (digits.isascii() and digits.isdecimal() and len(digits) == _TIME_LENGTH):
        return [None]
    try:
        return [stamp(datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=VIETNAM))]
    except (ValueError, OverflowError):
        return [None]


def translate_short_code(query: Mapping[str, str], mark: str = "") -> list[Incoming]:
    """What a person wrote to the short code; whether it is a refusal is for the one who reads it.

    `mark`: see `short_code_mark`.
    """
    (at,), smsid = short_code_told_at(query), text(query, "smsid")
    if not smsid or at is None:
        return []
    return [
        Incoming(
            kind="inbound_message",
            channel="sms_care",
            dedup=smsid,
            at=at,
            provider_id=smsid,
            address=international(text(query, "sender")),
            text=text(query, "content"),
            detail={"short_code": text(query, "serviceNumber"), "keyword": text(query, "keyword")},
            mark=mark,
        )
    ]
