"""A shop's helpdesk: customers write, agents answer; every response is checked against the API's description."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.local.stack.clock import LocalClock
from infra.local.stack.local_stack import LocalStack
from shared.ports import Put
from shared.repositories import table_keys
from shared.runtime.playbook.staff import directory
from tests.support.openapi import holds_to_it
from tests.support.shop import Shop, not_held_out

LAN, HOA = "0901234567", "0912345678"
TEN = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)  # ten o'clock on a Tuesday

ANGRY = "Áo rách toạc, nhắn 3 lần không ai trả lời, làm ăn kiểu gì vậy?"
CRITICAL = "Con tôi bị bỏng phải nhập viện vì cái máy sấy mua ở shop phát nổ"
CALM = "Cho em đổi size M sang size L giúp em với ạ"
ASKS_HOURS = "Shop mở cửa mấy giờ ạ?"


class Helpdesk(Shop):
    """The shop as customers and agents use its tickets."""

    def __init__(self) -> None:
        self.stack = LocalStack(None, LocalClock(TEN, frozen=True), new_id=not_held_out)
        self.write_key = self.key("write")
        self.admin_key = self.key("api", "admin")
        self._staff: dict[str, str] = {}

    # ---- people ----

    def agent(self, person: str) -> str:
        """The API key of a member of staff, by id."""
        if person not in self._staff:
            from infra.local.stack.keys import issue
            from shared.repositories.api_keys import KeyGrant

            role = directory().people[person].role
            stores = list(directory().people[person].stores) if role.startswith("store") else []
            self._staff[person] = issue(self.stack, KeyGrant("api", person, [role], stores))
        return self._staff[person]

    def vip(self, phone: str = LAN, **identities: str) -> str:
        """A VIP customer; returns the customer id."""
        for number in range(3):
            self.sell(f"VIP{phone[-3:]}{number}", phone, days_ago=20 * number + 1, total=30_000_000)
        return str(self.put(phone=phone, **identities).json["customer_id"])

    # ---- customers ----

    def says(
        self, text: str, channel: str = "zalo", *, status: int = 201, key: str = "", who: Any = None, **more: Any
    ) -> Any:
        body = {
            "customer": {"identities": who or {"phone": LAN, "zalo_user_id": "z1"}},
            "channel": channel,
            "text": text,
        }
        answer = self.call("POST", "/v1/tickets", body | more, key=key)
        assert answer.status == status, answer
        return holds_to_it("POST /v1/tickets", answer).json

    # ---- staff ----

    def do(self, ticket: Any, what: str, body: Any = None, *, by: str = "", status: int | None = None) -> Any:
        ticket_id = ticket if isinstance(ticket, str) else ticket["ticket_id"]
        answer = self.call("POST", f"/v1/tickets/{ticket_id}/{what}", body, key=self.agent(by) if by else "")
        assert answer.status == status if status else answer.status < 300, answer
        return holds_to_it(f"POST /v1/tickets/{{ticket_id}}/{what}", answer).json

    def reply(self, ticket: Any, text: str = "Dạ em kiểm tra ngay ạ", *, by: str = "care_1", **more: Any) -> Any:
        return self.do(ticket, "messages", {"author": "agent", "text": text}, by=by, **more)

    def open(self, ticket: Any, *, by: str = "") -> Any:
        ticket_id = ticket if isinstance(ticket, str) else ticket["ticket_id"]
        answer = self.call("GET", f"/v1/tickets/{ticket_id}", key=self.agent(by) if by else "")
        assert answer.status == 200, answer
        return holds_to_it("GET /v1/tickets/{ticket_id}", answer).json

    def page(self, query: str = "", *, by: str = "") -> Any:
        answer = self.call("GET", "/v1/tickets", query=query, key=self.agent(by) if by else "")
        assert answer.status == 200, answer
        return holds_to_it("GET /v1/tickets", answer).json

    def listed(self, query: str = "", *, by: str = "") -> list[str]:
        return [row["ticket_id"] for row in self.page(query, by=by)["items"]]

    # ---- time and effects ----

    def later(self, **span: float) -> None:
        self.stack.advance(self.now + timedelta(**span))

    def sent(self, channel: str = "") -> list[dict[str, Any]]:
        """What the fake providers received for customers, in order."""
        self.stack.drain()
        staff = {person.email for person in directory().people.values()}
        staff |= {person.zalo_user_id for person in directory().people.values()}
        sent = [one for one in self.stack.providers.outbox() if one["to"] not in staff]
        return [one for one in sent if channel in ("", one["channel"])]

    def answers(self, channel: str = "") -> list[dict[str, Any]]:
        """What was sent, without automatic acknowledgements."""
        return [one for one in self.sent(channel) if "đã nhận được thư" not in one["text"]]

    def view(self, customer: str) -> Any:
        answer = self.call("GET", f"/v1/customers/{customer}")
        return holds_to_it("GET /v1/customers/{customer_id}", answer).json

    def timeline(self, customer: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", f"/v1/customers/{customer}/timeline").json["items"]
        return found

    def happened(self, customer: str) -> list[str]:
        return [entry["name"] for entry in self.timeline(customer)]

    def items(self, like: str) -> list[dict[str, Any]]:
        import json

        self.stack.read_stream()
        with self.stack.store.lock:
            rows = self.stack.store.db.execute("SELECT body FROM items WHERE pk LIKE ?", (like,)).fetchall()
        return [json.loads(body) for (body,) in rows]

    def notes(self, kind: str = "") -> list[dict[str, Any]]:
        """The notifications to staff."""
        return [note for note in self.items("NOTE#%") if kind in ("", note["kind"])]

    def loads(self) -> dict[str, int]:
        """How many open tickets each agent has."""
        return dict(Counter(item["pk"][8:] for item in self.items("TICKETS@_%") if item["sk"].startswith("open#")))

    def put_item(self, item: dict[str, Any]) -> None:
        self.stack.table.write(Put(item))

    def profile(self, customer: str) -> dict[str, Any]:
        return self.stack.table.get(table_keys.profile(customer)) or {}


@pytest.fixture
def helpdesk() -> Iterator[Helpdesk]:
    helpdesk = Helpdesk()
    yield helpdesk
    helpdesk.stack.close()
