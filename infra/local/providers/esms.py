"""A stand-in for eSMS.vn: care messages, advertisements, status calls, and the GET callbacks it makes afterwards.

Where its documentation is silent we chose, by constructor: the code for the same text to the same number within five
minutes, the pause between callback retries, and how long an advertisement waits for approval.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from infra.local.providers.base import Callback, Received, Reply, Request, StandIn, json_reply
from shared.domain.messaging.sms_encoding import advertisement_errors, measured
from shared.domain.vietnam_time import VIETNAM
from shared.ports import Clock

PATH = "/MainService.svc/json"
CARE = f"{PATH}/SendMultipleMessage_V4_post_json/"
ADS = f"{PATH}/SendMultipleSMSBrandname_json/"

REQUEST_IDS_KEPT = timedelta(hours=24)
SAME_TEXT_REFUSED = timedelta(minutes=5)
STATUS_KEPT = timedelta(days=7)


@dataclass(slots=True)
class _Order:
    """A message or batch that was taken."""

    sms_id: str
    request_id: str
    kind: str
    phones: list[str]
    taken_at: datetime
    done_at: datetime
    price: int
    failing: set[str] = field(default_factory=set)


class EsmsStandIn(StandIn):
    """Takes what its account is allowed; numbers in `failing` are never reached, those in `blocked` are refused.

    `templates` are beginnings of registered care texts; none means that any text is registered.
    """

    name = "esms"
    sends: Mapping[str, str] = {CARE: "sms_care", ADS: "sms_ad"}
    retry_after = (timedelta(minutes=1),) * 5

    def __init__(
        self,
        *,
        clock: Clock,
        api_key: str = "esms-key",
        secret_key: str = "esms-secret",  # noqa: S107
        brandname: str = "KHACHQUEN",
        balance: int = 1_000_000_000,
        price_per_part: int = 850,
        same_text_code: str = "99",
        approval: timedelta = timedelta(minutes=30),
        short_code_key: str = "esms-short-code",
        seed: int = 0,
    ) -> None:
        self.keys = (api_key, secret_key)
        self.brandname = brandname
        self.balance = balance
        self.price_per_part = price_per_part
        self.same_text_code = same_text_code
        self.approval = approval
        self.short_code_key = short_code_key
        self.templates: list[str] = []
        self.failing: set[str] = set()
        self.blocked: set[str] = set()
        self._orders: dict[str, _Order] = {}
        self._by_request: dict[str, _Order] = {}
        self._ids = 0
        self._texts: dict[tuple[str, str], datetime] = {}
        super().__init__(clock=clock, seed=seed)

    def write(self, phone: str, text: str) -> None:
        """A customer writes an SMS to the short code; the gateway signs its notification."""
        self._ids += 1
        fields = {
            "cpid": "1",
            "smsid": f"mo-{self._ids}",
            "content": text,
            "receiverTime": f"{self.clock().astimezone(VIETNAM):%Y%m%d%H%M%S}",
            "sender": phone.lstrip("+"),
            "serviceNumber": "8088",
            "keyword": text.split(" ", maxsplit=1)[0],
        }
        signed = "".join(
            [fields["cpid"], fields["smsid"], fields["content"], fields["receiverTime"], self.short_code_key]
        )
        sign = base64.b64encode(hashlib.md5(signed.encode(), usedforsecurity=False).digest()).decode()
        query = urlencode({**fields, "sign": sign})
        self.call_back(Callback("GET", f"/webhooks/esms-short-code?{query}", {}, b"", self.clock()))

    def handle(self, request: Request) -> Reply:
        asked: Mapping[str, Any] = request.json() if request.method == "POST" else request.query
        name = "CodeResponse" if request.path == f"{PATH}/GetSendStatus" else "CodeResult"
        if (asked.get("ApiKey"), asked.get("SecretKey")) != self.keys:
            return json_reply({name: "101", "CountRegenerate": 0, "ErrorMessage": "Authorize Failed"})
        if (request.method, request.path) == ("POST", CARE):
            return self._care(asked)
        if (request.method, request.path) == ("POST", ADS):
            return self._ads(asked)
        if (request.method, request.path) == ("GET", f"{PATH}/GetSendStatus"):
            return self._status(asked)
        if (request.method, request.path) == ("GET", f"{PATH}/GetSmsReceiverStatus_get"):
            return self._receivers(asked)
        return Reply(404)

    def error_reply(self, request: Request) -> Reply:  # noqa: ARG002
        return Reply(503, b"<html>Service Unavailable</html>", {"Content-Type": "text/html"})

    def rate_limit_reply(self, request: Request) -> Reply:  # noqa: ARG002
        return _refused("160", "Over TPS")

    def accepted(self, status: int) -> bool:
        """It repeats a callback that ran into a timeout, and takes any answer for a good one."""
        return status not in (0, 504)

    def _care(self, asked: Mapping[str, Any]) -> Reply:
        phone, text, request_id = (
            str(asked.get("Phone", "")),
            str(asked.get("Content", "")),
            str(asked.get("RequestId", "")),
        )
        now = self.clock()
        if asked.get("SmsType") != "2":
            return _refused("300", "SmsType is missing")
        earlier = self._by_request.get(request_id)
        if earlier and now < earlier.taken_at + REQUEST_IDS_KEPT:
            return _refused("124", "Request exist 1", SendStatus=str(self._state(earlier)))
        if refusal := self._refusal(asked, [phone]):
            return refusal
        if self.templates and not text.startswith(tuple(self.templates)):
            return _refused("146", "Sai template Brandname CSKH", SMSID=self._new_id())
        if now < self._texts.get((phone, text), now):
            return _refused(self.same_text_code, "Same content within 5 minutes")
        price = self._price(text)
        if price > self.balance:
            return _refused("103", "Not enough money")
        self._texts[phone, text] = now + SAME_TEXT_REFUSED
        order = _Order(self._new_id(), request_id, "2", [phone], now, now + timedelta(seconds=30), price)
        return self._take(order, asked, "sms_care", text)

    def _ads(self, asked: Mapping[str, Any]) -> Reply:
        phones, text, now = list(asked.get("Phones") or []), str(asked.get("Content", "")), self.clock()
        if asked.get("SmsType") != "1":
            return _refused("300", "SmsType is missing")
        if refusal := self._refusal(asked, phones):
            return refusal
        if len(set(phones)) < 30:
            return _refused("107", "Each request has at least 30 numbers to be approved")
        if len(phones) > 5000:
            return _refused("120", "Too many numbers")
        price = self._price(text) * len(phones)
        if price > self.balance:
            return _refused("103", "Not enough money")
        order = _Order(self._new_id(), "", "1", phones, now, now + self.approval, price)
        if advertisement_errors(text):
            # The approving side looks for the label and the way to refuse.
            order.kind, order.phones = "rejected", []
        return self._take(order, asked, "sms_ad", text)

    def _refusal(self, asked: Mapping[str, Any], phones: list[str]) -> Reply | None:
        if asked.get("Brandname") != self.brandname:
            return _refused("104", "Brand name code is not exist")
        if any(not (phone.isdecimal() and len(phone) in (10, 11)) for phone in phones):
            return _refused("108", "Phone is not valid")
        if self.blocked.intersection(phones):
            return _refused("99", "Phone is blocked")
        return None

    def _take(self, order: _Order, asked: Mapping[str, Any], channel: str, text: str) -> Reply:
        if asked.get("Sandbox") == "1":
            return json_reply({"CodeResult": "100", "CountRegenerate": 0, "SMSID": order.sms_id})
        order.failing = self.failing.intersection(order.phones)
        self.balance -= order.price
        self._orders[order.sms_id] = order
        if order.request_id:
            self._by_request[order.request_id] = order
        self.received += [
            Received(
                at=order.taken_at,
                channel=channel,
                to=f"+84{phone.removeprefix('0').removeprefix('84')}",
                text=text,
                tracking_id=order.request_id,
                provider_id=order.sms_id,
            )
            for phone in order.phones
        ]
        self._announce(order, urlsplit(str(asked.get("CallbackUrl", ""))))
        return json_reply({"CodeResult": "100", "CountRegenerate": 0, "SMSID": order.sms_id})

    def _announce(self, order: _Order, url: Any) -> None:
        """Callbacks: sent, then the result; a rejected advertisement has only the one."""
        if not url.path:
            return
        states = [(4, order.done_at)] if order.kind == "rejected" else [(7, order.done_at), (5, self._result_at(order))]
        for state, at in states:
            found = {
                "SMSID": order.sms_id,
                **self._counts(order, state, text=True),
                "RequestId": order.request_id,
                "TypeId": "2" if order.kind == "2" else "1",
            }
            if order.kind == "2":
                found |= {"telcoid": "1", "phonenumber": order.phones[0], "switchsmsid": ""}
            self.call_back(Callback("GET", f"{url.path}?{urlencode(found)}", {}, b"", at))

    def _result_at(self, order: _Order) -> datetime:
        return order.done_at + timedelta(seconds=30)

    def _state(self, order: _Order) -> int:
        now = self.clock()
        if now < order.done_at:
            return 2 if order.kind == "2" else 1
        if order.kind == "rejected":
            return 4
        return 7 if now < self._result_at(order) else 5

    def _counts(self, order: _Order, state: int, *, text: bool) -> dict[str, Any]:
        failed = len(order.failing) if state == 5 else 0
        counts = {
            "SendFailed": failed,
            "SendStatus": state,
            "SendSuccess": len(order.phones) - failed if state == 5 else 0,
            "TotalPrice": float(order.price),
            "TotalReceiver": len(order.phones),
            "TotalSent": len(order.phones) if state in (5, 7) else 0,
        }
        if not text:
            return counts
        return {name: f"{value:.4f}" if isinstance(value, float) else str(value) for name, value in counts.items()}

    def _status(self, asked: Mapping[str, Any]) -> Reply:
        order = self._find(str(asked.get("RefId", "")))
        if order is None:
            return json_reply({"CodeResponse": "105", "SMSID": asked.get("RefId", "")})
        counts = self._counts(order, self._state(order), text=False)
        return json_reply({"CodeResponse": "100", "SMSID": order.sms_id, **counts})

    def _receivers(self, asked: Mapping[str, Any]) -> Reply:
        order = self._find(str(asked.get("RefId", "")))
        if order is None:
            return json_reply({"CodeResult": "105", "ErrorMessage": "SMSID not found"})
        sent = self._state(order) == 5
        entries = [
            {
                "IsSent": sent,
                "NetworkName": "Viettel",
                "Phone": phone,
                "Retry": 0,
                "SentResult": sent and phone not in order.failing,
            }
            for phone in order.phones
        ]
        return json_reply({"CodeResult": "100", "ReceiverList": entries})

    def _find(self, reference: str) -> _Order | None:
        order = self._orders.get(reference) or self._by_request.get(reference)
        return order if order and self.clock() < order.taken_at + STATUS_KEPT else None

    def _price(self, text: str) -> int:
        return measured(text, self.price_per_part).price

    def _new_id(self) -> str:
        self._ids += 1
        return hashlib.sha256(f"esms {self._ids}".encode()).hexdigest()[:32]


def _refused(code: str, message: str, **more: str) -> Reply:
    return json_reply({"CodeResult": code, "CountRegenerate": 0, "ErrorMessage": message, **more})
