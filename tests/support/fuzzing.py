"""A shop with a past behind its real HTTP server, and its description as schemathesis draws requests from it."""

from __future__ import annotations

import copy
import hashlib
import hmac
from datetime import timedelta
from typing import Any

import requests
import schemathesis
from schemathesis import Case, Response
from schemathesis.schemas import APIOperation

from infra.local.providers.provider_set import CALLBACK_TOKEN
from infra.local.stack.http_server import HttpServer
from shared.domain.messaging.message import Intent, planned, with_log_entry
from shared.domain.messaging.tracked_links import MessageLinks, link_key
from shared.domain.orders.order_event import CART_EVENTS, ORDER_EVENTS
from shared.domain.vietnam_time import stamp
from shared.repositories import table_keys
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime.auth import WRITE_KEY
from tests.support.content_help import name_a_model
from tests.support.openapi import DOCUMENT
from tests.support.shop import PHONE, basic, bearer
from tests.support.vouchers import Till

OTHER_PHONE = "0987654118"
STORE = "Cầu Giấy"
TARGET = "https://nhamay.example/hang-moi"
SECONDS = 30
_REQUEST = {"method", "url", "headers", "params", "cookies", "data", "json", "files"}


class LivedIn(Till):
    """Customers, sales, a ticket, a task, an appointment, a campaign, vouchers and sent messages, over HTTP."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, list[str]] = {}
        self._live()
        self.server = HttpServer(self.stack)
        self.server.start()
        self.session = requests.Session()

    def close(self) -> None:
        self.session.close()
        self.server.stop()
        self.stack.close()

    def _live(self) -> None:
        lan, nam = self.customer(PHONE), self.customer(OTHER_PHONE)
        line = {"sku": "A", "name": "Áo", "category": "Áo", "quantity": 2, "price": 250_000}
        for number in range(3):
            self.sell(f"A{number}", days_ago=100 + number, store=STORE, channel="store", products=[line])
        self.put(email="nam@vidu.vn")
        self.call("PUT", "/v1/customers", {"identities": {"email": "nam@vidu.vn"}, "traits": {"name": "Trần Văn Nam"}})
        # Names of different people stop a merge and leave a task.
        self.call("PUT", "/v1/customers", {"identities": {"phone": PHONE}, "traits": {"name": "Nguyễn Thị Lan"}})
        self.put(phone=PHONE, email="nam@vidu.vn")
        says = {"customer": {"identities": {"phone": PHONE}}, "channel": "hotline", "text": "Áo bị rách, shop ơi"}
        ticket = self.call("POST", "/v1/tickets", says).json["ticket_id"]
        comes = {"identities": {"phone": PHONE}}, stamp(self.now + timedelta(days=2))
        booked = self.call(
            "POST",
            "/v1/appointments",
            {"customer": comes[0], "store": STORE, "service": "cắt may", "starts_at": comes[1]},
        )
        content = {"template": "winback_30", "variables": {"new_url": TARGET}, "channels": ["email"]}
        campaigns = [
            self.call("POST", "/v1/campaigns", {"name": f"11.{day}", "content": content}).json["campaign_id"]
            for day in (11, 12)
        ]
        name_a_model(self.stack)
        asked = {"channel": "email", "brief": {"goal": "Mời khách xem hàng mới"}}
        drafts = self.call("POST", f"/v1/campaigns/{campaigns[0]}/drafts", asked).json["drafts"]
        codes = [self.give(customer).code for customer in (lan, nam)]
        links = self._sent(lan)
        self.stack.drain()
        self.stack.advance(self.now + timedelta(hours=1))
        tasks = [task["task_id"] for task in self.call("GET", "/v1/tasks").json["items"]]
        assert tasks
        assert booked.status == 201, booked
        self.known = {
            "customer_id": [lan, nam],
            "ticket_id": [ticket],
            "task_id": tasks[:3],
            "appointment_id": [booked.json["appointment_id"]],
            "campaign_id": campaigns,
            "draft_id": [draft["draft_id"] for draft in drafts],
            "code": codes,
            "store": [STORE],
            "order_id": ["A0", "A1", "A2"],
            "template": ["winback_30"],
            "other": [lan, nam],
            "event": [*ORDER_EVENTS, *CART_EVENTS],
            "service": ["cắt may"],
            "email": ["nam@vidu.vn"],
            "to": ["store", "warehouse"],
            "offer": ["birthday"],
            "journey_id": [journey["id"] for journey in self.call("GET", "/v1/journeys").json["items"]][:2],
            "/r/{token}": [links.click(0).removeprefix("/r/")],
            "/u/{token}": [links.unsubscribe.removeprefix("/u/")],
            "/s/{token}": [links.survey.removeprefix("/s/")],
            "/webhooks/esms/{token}": [CALLBACK_TOKEN],
        }

    def _sent(self, customer: str) -> MessageLinks:
        """The links of a message that asks how it was."""
        intent = Intent(customer, "after_ticket", "run-1", "csat", "service", "csat")
        sent = with_log_entry(planned(intent, self.now), "sent", "ok", self.now, "email")
        uow = UnitOfWork(self.stack.table)
        uow.put(table_keys.message(intent.message_id), {**sent, "links": [TARGET, ""]})
        uow.commit()
        return MessageLinks("", link_key(self.stack.outside.identity_key), intent.message_id)

    def described(self) -> Any:
        """The API's description with what exists here among what is asked, so that requests find something.

        `default` is left out: it stands for a failure of ours, and would let every status pass as described.
        """
        document = copy.deepcopy(DOCUMENT)
        for path, calls in document["paths"].items():
            for call in calls.values():
                call["responses"].pop("default", None)
                for parameter in call.get("parameters", ()):
                    known = self.known.get(path if parameter["name"] == "token" else parameter["name"])
                    if known and parameter["in"] == "path":
                        parameter["schema"] = _some_of(known)
                if "requestBody" in call:
                    call["requestBody"] = self._asked(call["requestBody"])
        schemas = document["components"]["schemas"]
        schemas |= {f"Asked{name}": self._asked(schema) for name, schema in schemas.items()}
        schemas["AskedPhone"] = _some_of([PHONE, OTHER_PHONE], "integer", "null")
        days = (-400, -3, 0, 2, 9)
        near = [stamp(self.now + timedelta(days=day)) for day in days]
        schemas["AskedTime"] = {"enum": [*near, "0002-01-01T00:00:00Z", "9998-12-31T23:59:59Z"]}
        return schemathesis.openapi.from_dict(document)

    def _asked(self, schema: Any) -> Any:
        """A schema of requests, which may differ from the one of answers: words of this shop among any."""
        if isinstance(schema, list):
            return [self._asked(inner) for inner in schema]
        if not isinstance(schema, dict):
            return schema
        asked = {name: self._asked(inner) for name, inner in schema.items()}
        if "$ref" in schema:
            asked["$ref"] = schema["$ref"].replace("/schemas/", "/schemas/Asked")
        for name, inner in (schema.get("properties") or {}).items():
            if name in self.known and "string" in inner.get("type", ()):
                asked["properties"][name] = _some_of(self.known[name])
        return asked

    def send(self, case: Case, checks: list[Any]) -> Response:
        """Send a request with the key its route takes, and hold the answer to the description."""
        sent = case.as_transport_kwargs(
            base_url=self.server.url, headers={"Authorization": self.key_of(case.operation)}
        )
        request = requests.Request(**{name: sent[name] for name in _REQUEST & sent.keys()})
        prepared = self.session.prepare_request(request)
        raw = prepared.body or b""
        prepared.headers.update(self._signature(case.operation.path, raw.encode() if isinstance(raw, str) else raw))
        answered = self.session.send(prepared, timeout=SECONDS, allow_redirects=False)
        response = Response.from_requests(answered, verify=False)
        case.validate_response(response, checks=checks)
        return response

    def raw(self, method: str, path: str) -> requests.Response:
        """A request without a key."""
        return self.session.request(method, self.server.url + path, timeout=SECONDS, allow_redirects=False)

    def key_of(self, operation: APIOperation) -> str:
        route = f"{operation.method.upper()} {operation.path}"
        return basic(self.write_key) if route in WRITE_KEY else bearer(self.admin_key)

    def _signature(self, path: str, raw: bytes) -> dict[str, str]:
        """What proves a callback to be its provider's, whatever nonsense it tells."""
        stand_ins = self.stack.providers.stand_ins
        if path == "/webhooks/messenger":
            mac = hmac.new(stand_ins.messenger.app_secret.encode(), raw, hashlib.sha256).hexdigest()
            return {"X-Hub-Signature-256": f"sha256={mac}"}
        if path in ("/webhooks/ses", "/webhooks/sms", "/webhooks/whatsapp"):
            return {"X-Webhook-Token": stand_ins.aws.token}
        return {}


def _some_of(known: list[str], *types: str) -> dict[str, Any]:
    """A schema of these texts and shorter ones: of all texts, none of these would ever be drawn."""
    return {"anyOf": [{"enum": known}, {"type": ["string", *types], "maxLength": min(map(len, known)) - 1}]}
