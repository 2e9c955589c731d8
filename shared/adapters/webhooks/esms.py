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
from shared.adapters.webhooks.json_reading import plain
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


def verify(token: str, tokens: Iterable[str]) -> bool:
    """Whether the token in a result's address is ours (or the former one, while it changes)."""
    return any(hmac.compare_digest(token.encode(), known.encode()) for known in tokens if known)


def translate(query: Mapping[str, str], at: datetime) -> list[Incoming]:
    """The news in a result; it names no time, so `at` is when it came. Waiting states are no news.

    A batch of advertisements has one result for all: `detail` counts, and its `kind` is `delivered` or `failed` when
    that is true of every number, else `sent`; `receivers` of the channel tells them apart.
    """
    channel = _CHANNELS.get(query.get("TypeId", ""))
    sms_id, state = query.get("SMSID", ""), query.get("SendStatus", "")
    if channel is None or not sms_id or state not in (_REJECTED, _DONE, _SENT):
        return []
    succeeded, failed = whole(query.get("SendSuccess")), whole(query.get("SendFailed"))
    detail: dict[str, Any] = {"state": state, "succeeded": succeeded, "failed": failed}
    if state == _DONE:
        detail["price"] = whole(query.get("TotalPrice"))
    if (error := error_info(query.get("error_info", ""))) is not None:
        detail["error"] = plain(error)
    person = query.get("phonenumber", "")
    return [
        Incoming(
            kind=_kind(state, succeeded, failed),
            channel=channel,
            dedup=":".join((sms_id, person, state, str(succeeded), str(failed))),
            at=stamp(at),
            tracking_id=query.get("RequestId", ""),
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


def error_info(text: str) -> dict[str, Any] | None:
    """Zalo's answer within a result: JSON in a quoted string, or JSON encoded once more with a time behind it."""
    for shape in (text, unquote(text)):
        content: Any = shape.partition("____")[0].strip()
        # A quoted string holds JSON once more.
        for _ in range(2):
            try:
                content = json.loads(content)
            except ValueError:
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
    parts = [query.get(name, "") for name in ("cpid", "smsid", "content", "receiverTime")]
    digest = hashlib.md5("".join([*parts, private_key]).encode(), usedforsecurity=False).digest()
    given = query.get("sign", "").encode()
    as_base64 = hmac.compare_digest(given, base64.b64encode(digest))
    as_hex = hmac.compare_digest(given.lower(), digest.hex().encode())
    return bool(private_key) and (as_base64 or as_hex)


def translate_short_code(query: Mapping[str, str], at: datetime) -> list[Incoming]:
    """What a person wrote to the short code; whether it is a refusal is for the one who reads it."""
    if not query.get("smsid"):
        return []
    return [
        Incoming(
            kind="inbound_message",
            channel="sms_care",
            dedup=query["smsid"],
            at=stamp(_local(query.get("receiverTime", "")) or at),
            provider_id=query["smsid"],
            address=international(query.get("sender", "")),
            text=query.get("content", ""),
            detail={"short_code": query.get("serviceNumber", ""), "keyword": query.get("keyword", "")},
        )
    ]


def _local(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=VIETNAM)
    except ValueError:
        return None
