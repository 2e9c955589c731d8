"""Providers' calls to our doors, signed as theirs are, with whatever time, account and content a test wants."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from email.message import EmailMessage
from typing import Any, NamedTuple
from urllib.parse import urlencode

from infra.local.providers.aws import SHOP_MAIL, TOPIC
from infra.local.providers.base import milliseconds
from shared.adapters.webhooks.aws import TOKEN_HEADER
from shared.domain.vietnam_time import VIETNAM, stamp
from tests.support.inbox import Inbox
from tests.support.shop import Answer

OUR_NUMBER = "arn:aws:social-messaging:ap-southeast-1:123456789012:phone-number-id/local"


class Sent(NamedTuple):
    """One call, ready to be made any number of times."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def to(self, inbox: Inbox) -> Answer:
        status, headers, content = inbox.stack.http(self.method, self.path, self.query, dict(self.headers), self.body)
        return Answer(status, headers, json.loads(content))


def raw(payload: Any) -> bytes:
    """A payload as JSON, unless it is written down already."""
    return payload if isinstance(payload, bytes) else json.dumps(payload).encode()


def post(path: str, payload: Any, **headers: str) -> Sent:
    body = raw(payload)
    return Sent("POST", path, "", {name.replace("_", "-"): value for name, value in headers.items()}, body)


def zalo(inbox: Inbox, payload: Any) -> Sent:
    """An event of Zalo as it is, signed."""
    account, body = inbox.providers.zalo, json.dumps(payload).encode()
    time = str(payload.get("timestamp", "")) if isinstance(payload, dict) else ""
    signed = account.app_id.encode() + body + time.encode("utf-8", "replace") + account.oa_secret.encode()
    return post("/webhooks/zalo", body, x_zevent_signature=f"mac={hashlib.sha256(signed).hexdigest()}")


def messenger(inbox: Inbox, payload: Any) -> Sent:
    """A delivery of Meta as it is, signed."""
    body = raw(payload)
    mac = hmac.new(inbox.providers.messenger.app_secret.encode(), body, hashlib.sha256).hexdigest()
    return post("/webhooks/messenger", body, x_hub_signature_256=f"sha256={mac}")


def sns(inbox: Inbox, event: Any, time: str, path: str = "/webhooks/ses") -> Sent:
    """What was published to the shop's topic, signed."""
    told = {"Type": "Notification", "MessageId": "n1", "TopicArn": TOPIC, "Message": json.dumps(event)}
    return post(path, inbox.providers.aws.signed({**told, "Timestamp": time}))


def eventbridge(inbox: Inbox, source: str, detail: Any, time: str, path: str = "/webhooks/ses") -> Sent:
    """An event of one of AWS's services with the token of the connection."""
    told = {"detail-type": "News", "source": source, "time": time, "detail": detail}
    return post(path, told, **{TOKEN_HEADER.replace("-", "_"): inbox.providers.aws.token})


def short_code(inbox: Inbox, **fields: str) -> Sent:
    """A notification of the gateway about an SMS, signed."""
    key = inbox.providers.esms.short_code_key
    text = "".join([*(fields[name] for name in ("cpid", "smsid", "content", "receiverTime")), key])
    sign = base64.b64encode(hashlib.md5(text.encode(), usedforsecurity=False).digest()).decode()
    return Sent("GET", "/webhooks/esms-short-code", urlencode({**fields, "sign": sign}))


# What a customer says at a moment, on each channel.


def zalo_event(inbox: Inbox, at: datetime, name: str = "user_send_text", **fields: Any) -> dict[str, Any]:
    account = inbox.providers.zalo
    talk = {"sender": {"id": "z1"}, "recipient": {"id": account.oa_id}} if name.startswith("user_s") else {}
    return {"app_id": account.app_id, "event_name": name, "timestamp": str(milliseconds(at)), **talk, **fields}


def on_zalo(inbox: Inbox, at: datetime, text: str) -> Sent:
    return zalo(inbox, zalo_event(inbox, at, message={"msg_id": "m1", "text": text}))


def page_event(inbox: Inbox, at: datetime, **fields: Any) -> dict[str, Any]:
    page, time = inbox.providers.messenger.page_id, milliseconds(at)
    event = {"sender": {"id": "p1"}, "recipient": {"id": page}, "timestamp": time, **fields}
    return {"object": "page", "entry": [{"id": page, "time": time, "messaging": [event]}]}


def on_messenger(inbox: Inbox, at: datetime, text: str) -> Sent:
    return messenger(inbox, page_event(inbox, at, message={"mid": "m1", "text": text}))


def page_comment(inbox: Inbox, at: datetime, text: str, **fields: Any) -> dict[str, Any]:
    page, time = inbox.providers.messenger.page_id, milliseconds(at) // 1000
    value = {"item": "comment", "verb": "add", "comment_id": "900_1", "from": {"id": "f1"}, "created_time": time}
    change = {"field": "feed", "value": {**value, "message": text, **fields}}
    return {"object": "page", "entry": [{"id": page, "time": time, "changes": [change]}]}


def whatsapp_event(at: datetime, value: Mapping[str, Any], number: str = OUR_NUMBER) -> dict[str, Any]:
    entry = {"id": "1", "changes": [{"field": "messages", "value": value}]}
    context = {"MetaPhoneNumberIds": [{"metaPhoneNumberId": "9", "arn": number}]}
    return {
        "context": context,
        "whatsAppWebhookEntry": json.dumps(entry),
        "message_timestamp": stamp(at),
        "messageId": "a1",
    }


def whatsapp_message(at: datetime, text: str) -> dict[str, Any]:
    time = str(milliseconds(at) // 1000)
    return {"id": "w1", "from": "84901234567", "timestamp": time, "type": "text", "text": {"body": text}}


def on_whatsapp(inbox: Inbox, at: datetime, text: str) -> Sent:
    event = whatsapp_event(at, {"messages": [whatsapp_message(at, text)]})
    return sns(inbox, event, stamp(at), "/webhooks/whatsapp")


def mail_event(at: datetime, text: str) -> dict[str, Any]:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "lan1@mail.example", SHOP_MAIL, "Áo rách"
    mail["Message-ID"] = "<1@mail.example>"
    mail.set_content(text)
    verdicts = {f"{name}Verdict": {"status": "PASS"} for name in ("spam", "virus", "spf", "dkim", "dmarc")}
    return {
        "notificationType": "Received",
        "mail": {"timestamp": stamp(at), "source": "lan1@mail.example", "messageId": "s1"},
        "receipt": {**verdicts, "recipients": [SHOP_MAIL], "action": {"encoding": "BASE64"}},
        "content": base64.b64encode(mail.as_bytes()).decode(),
    }


def by_mail(inbox: Inbox, at: datetime, text: str) -> Sent:
    return sns(inbox, mail_event(at, text), stamp(at))


def by_sms(inbox: Inbox, at: datetime, text: str) -> Sent:
    time = f"{at.astimezone(VIETNAM):%Y%m%d%H%M%S}"
    told = {"sender": "84901234567", "content": text, "serviceNumber": "8088", "keyword": "KQ", "cpid": "7"}
    return short_code(inbox, **told, smsid="s1", receiverTime=time)


SAYS: dict[str, Callable[[Inbox, datetime, str], Sent]] = {
    "zalo": on_zalo,
    "messenger": on_messenger,
    "whatsapp": on_whatsapp,
    "email": by_mail,
    "sms": by_sms,
}
