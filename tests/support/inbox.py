"""A shop that people write to through its providers, and what staff then see and answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.local.providers.base import Received
from infra.local.stack.clock import LocalClock
from infra.local.stack.local_stack import LocalStack
from shared.adapters.local.fault_injection import FaultInjection
from shared.domain.errors import Busy
from shared.repositories import table_keys
from tests.support.shop import Shop, not_held_out

TEN = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)  # ten o'clock on a Tuesday
LAN = "0901234567"
TORN = "Áo bị rách chỉ ở vai, đổi giúp em với shop"


class Inbox(Shop):
    """The shop behind its stand-ins."""

    def __init__(self, faults: FaultInjection | None = None) -> None:
        self.stack = LocalStack(None, LocalClock(TEN, frozen=True), faults=faults, new_id=not_held_out)
        if faults:
            return
        self.write_key = self.key("write")
        self.admin_key = self.key("api", "admin")
        self.care_key = self.key("api", "care")

    @property
    def providers(self) -> Any:
        while True:
            with suppress(Busy):  # connecting the account meets a hostile table, as everybody does
                return self.stack.providers.stand_ins

    def hear(self) -> None:
        """Let everything that providers have to say come in, and be worked."""
        self.stack.drain()

    def later(self, **span: float) -> None:
        self.stack.advance(self.now + timedelta(**span))

    # ---- looking ----

    def tickets(self) -> list[dict[str, Any]]:
        """Every ticket with its thread, the oldest first."""
        statuses = ("open", "pending", "resolved")
        rows = [row for one in statuses for row in self.call("GET", "/v1/tickets", query=f"status={one}").json["items"]]
        found = {row["ticket_id"]: self.call("GET", f"/v1/tickets/{row['ticket_id']}").json for row in rows}
        return sorted(found.values(), key=lambda ticket: (ticket["opened_at"], ticket["ticket_id"]))

    def said(self, ticket: dict[str, Any]) -> list[str]:
        """What the customer said in a ticket, in order."""
        return [line["text"] for line in ticket["thread"] if line["author"] == "customer"]

    def answer(self, ticket: dict[str, Any], text: str) -> None:
        body = {"author": "agent", "text": text, "agent": "care_1"}
        answered = self.call("POST", f"/v1/tickets/{ticket['ticket_id']}/messages", body, key=self.care_key)
        assert answered.status < 300, answered
        self.hear()

    def resolve(self, ticket: dict[str, Any]) -> None:
        answered = self.call(
            "POST", f"/v1/tickets/{ticket['ticket_id']}/resolve", {"agent": "care_1"}, key=self.care_key
        )
        assert answered.status < 300, answered
        self.hear()

    def profile(self, customer_id: str) -> dict[str, Any]:
        return self.stack.table.get(table_keys.profile(customer_id)) or {}

    def received(self, *channels: str) -> list[Received]:
        """What the stand-ins took for customers, oldest first."""
        found = [one for place in self.providers for one in place.received if "nhamay.example.vn" not in one.to]
        return sorted((one for one in found if not channels or one.channel in channels), key=lambda one: one.at)

    def dead(self, queue: str) -> list[str]:
        return [str(message["body"]) for message in self.stack.queue_state()[f"{queue}-dlq"]["messages"]]


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    inbox = Inbox()
    yield inbox
    inbox.stack.close()
