"""A shop whose customers write to it at two in the morning, when nobody but the bot is there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.local.stack.clock import LocalClock
from infra.local.stack.local_stack import LocalStack
from shared.domain.vietnam_time import stamp
from tests.support.shop import Shop, not_held_out, shop

__all__ = ["shop"]

NIGHT = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)  # two o'clock on a Tuesday morning
LAN, HOA = "0901234567", "0912345678"
# How the bot begins and ends its first answer; what stands between them is the answer.
FIRST, LAST = "ạ.\n", "\nEm là trợ lý"


class Chats(Shop):
    """The shop and the apps of its customers. Lan is known by phone, Zalo, Messenger and e-mail."""

    def __init__(self) -> None:
        self.stack = LocalStack(None, LocalClock(NIGHT, frozen=True), new_id=not_held_out)
        self.write_key = self.key("write")
        self.admin_key = self.key("api", "admin")
        self.web_key = self.key("api", "web")
        who = {"phone": LAN, "zalo_user_id": "z1", "messenger_psid": "p1", "email": "lan@mail.example"}
        said = {"identities": who, "traits": {"name": "Nguyễn Thị Lan", "gender": "female"}}
        self.lan = str(self.call("PUT", "/v1/customers", said).json["customer_id"])

    @property
    def providers(self) -> Any:
        return self.stack.providers.stand_ins

    # ---- what customers do ----

    def writes(self, channel: str, text: str) -> None:
        """Lan writes on a channel, and everything that comes of it happens."""
        if channel == "zalo":
            self.providers.zalo.say("z1", text)
        elif channel == "messenger":
            self.providers.messenger.say("p1", text)
        elif channel == "email":
            self.providers.aws.write_mail("Lan <lan@mail.example>", "Hỏi shop", text)
        else:
            self.asks_on_the_web(text, {"phone": LAN}, channel=channel, key=self.admin_key)
        self.stack.drain()

    def asks_on_the_web(self, text: str, who: dict[str, str], *, channel: str = "web", key: str = "") -> Any:
        body = {"customer": {"identities": who}, "channel": channel, "text": text}
        answer = self.call("POST", "/v1/tickets", body, key=key or self.web_key)
        assert answer.status in (200, 201), answer
        return answer.json

    def buys(self, order_id: str = "HD1", **properties: Any) -> None:
        self.sell(order_id, LAN, days_ago=1, channel="website", **properties)

    def carrier_says(self, event: str, order_id: str = "HD1", **properties: Any) -> None:
        said = {"event": event, "messageId": f"{event} {order_id}", "timestamp": stamp(self.now)}
        assert self.call("POST", "/v1/track", {**said, "properties": {"order_id": order_id, **properties}}).status < 300
        self.stack.drain()

    # ---- what comes of it ----

    def replies(self, channel: str = "") -> list[str]:
        """What the bot said in Lan's tickets, in order; on one channel or all."""
        lines = [
            line
            for ticket in self.tickets()
            for line in ticket["thread"]
            if line["author"] == "bot" and channel in ("", ticket["channel"])
        ]
        return [line["text"] for line in sorted(lines, key=lambda line: line["at"])]

    def reply(self, channel: str = "") -> str:
        return self.replies(channel)[-1]

    def received(self, channel: str) -> list[str]:
        """What the provider of a channel brought to a customer; staff have addresses of the shop."""
        found = [one for place in self.providers for one in place.received if "nhamay.example.vn" not in one.to]
        return [one.text for one in sorted(found, key=lambda one: one.at) if one.channel == channel]

    def tickets(self, customer: str = "") -> list[dict[str, Any]]:
        """A customer's tickets with their threads, Lan's unless somebody else's are asked for."""
        rows = [
            row
            for status in ("open", "pending", "resolved")
            for row in self.call("GET", "/v1/tickets", query=f"status={status}").json["items"]
        ]
        full = [self.call("GET", f"/v1/tickets/{row['ticket_id']}").json for row in rows]
        return [one for one in full if one["customer_id"] == (customer or self.lan)]

    def refuses(self) -> set[str]:
        """The channels on which Lan refuses advertising."""
        consent = self.call("GET", f"/v1/customers/{self.lan}").json["consent"]
        return {one["channel"] for one in consent if one["purpose"] == "marketing" and not one["granted"]}


def core(reply: str) -> str:
    """A first answer without its greeting and the line that says who speaks."""
    return reply.partition(FIRST)[2].partition(LAST)[0]


@pytest.fixture
def chats() -> Iterator[Chats]:
    chats = Chats()
    yield chats
    chats.stack.close()
