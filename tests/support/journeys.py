"""The shop that journeys are shown in: people, carts, orders, parcels and answers, and what came of all of it.

It opens on a Monday morning in March when everything may be sent. Everything is called over HTTP as callers do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from infra.local.measuring.synthetic_shop import phone
from infra.local.providers.base import Received
from shared.adapters.local.fault_injection import FaultInjection
from shared.domain.catalogue.product import Product
from shared.domain.messaging.policy import in_holdout
from shared.domain.messaging.tracked_links import MessageLinks, link_key
from shared.domain.vietnam_time import VIETNAM, local_day, moment, stamp
from shared.repositories import table_keys
from shared.repositories.products import Products
from shared.runtime.playbook.journeys import load_journeys
from shared.runtime.playbook.loader import PLAYBOOK
from tests.support.messaging import Care

MONDAY = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # ten o'clock


class Guest(NamedTuple):
    """A customer: our id, the phone number, and the name on Zalo and on Messenger."""

    id: str
    phone: str
    chat: str


class Shop(Care):
    """A house whose journeys are live, its customers and their year."""

    def __init__(self, start: datetime = MONDAY, *, seed: int = 0, faults: FaultInjection | None = None) -> None:
        super().__init__(start, seed=seed, faults=faults)
        self._patience = 20 if faults else 1
        self._numbers = count(1)
        self._held = {journey.id: journey.holdout_percent for journey in load_journeys(PLAYBOOK).values()}
        self.know_the_do_not_call_list()
        for _ in range(faults.lag + 1 if faults else 0):
            self.stack.table.get(table_keys.HALT)  # until everybody sees the keys

    # ---- time ----

    def at(self, hour: int, minute: int = 0, days: int = 0) -> datetime:
        """That local time, today or so many days on."""
        day = local_day(self.now) + timedelta(days=days)
        return datetime.combine(day, time(hour, minute), VIETNAM).astimezone(UTC)

    def until(self, hour: int, minute: int = 0, days: int = 0) -> None:
        """Let time pass until then; every week somebody brings the do-not-call list up to date."""
        end = self.at(hour, minute, days)
        while self.now < end:
            self.know_the_do_not_call_list()
            self.stack.advance(min(end, self.now + timedelta(days=5)))

    def later(self, **span: float) -> None:
        end = self.now + timedelta(**span)
        while self.now < end:
            self.know_the_do_not_call_list()
            self.stack.advance(min(end, self.now + timedelta(days=5)))

    def call(self, *args: Any, **more: Any) -> Any:
        """One call; where the table behaves badly on purpose, it is tried again as callers do."""
        for left in range(self._patience, 0, -1):
            try:
                return super().call(*args, **more)
            except AssertionError:
                if left == 1:
                    raise
        return None

    # ---- people ----

    def guest(self, *, chat: bool = False, consent: bool = True, traits: Any = None, mail: bool = True) -> Guest:
        """Somebody new who is in no hold-out; with `chat` they have written to the shop on Zalo and Messenger."""
        while True:
            number = next(self._numbers)
            name = f"chat-{number}"
            who = {"phone": phone(number)}
            who |= {"email": f"khach{number}@example.vn"} if mail else {}
            who |= {"zalo_user_id": name, "messenger_psid": name} if chat else {}
            traits = {"name": "Nguyễn Thị Lan", **(traits or {})}
            found = self.customer(number, consent=consent, traits=traits, **who)
            held = in_holdout(found, "*", self.rules.holdout_percent)
            if not held and not any(in_holdout(found, journey, share) for journey, share in self._held.items()):
                break
        guest = Guest(found, phone(number), name)
        if chat:
            self.says(guest, "chào shop", "zalo")
            self.says(guest, "chào shop", "messenger")
        return guest

    def says(self, guest: Guest, text: str, channel: str = "zalo") -> None:
        """Somebody writes to the shop, which opens the window of that channel."""
        (self.providers.zalo if channel == "zalo" else self.providers.messenger).say(guest.chat, text)
        self.stack.drain()

    # ---- what they do ----

    def tell(self, event: str, guest: Guest | None, /, *, at: datetime | None = None, context: Any = None,
             message_id: str = "", **properties: Any) -> None:  # fmt: skip
        """One event, taken in at once; the same `message_id` is the same event."""
        number = next(self._numbers)
        said = {"type": "track", "event": event, "messageId": message_id or f"{event}-{number}",
                "timestamp": stamp(at or self.now), "properties": properties, "context": context or {}}  # fmt: skip
        who = {"userId": guest.phone} if guest else {}
        self.call("POST", "/v1/batch", {"batch": [{**said, **who}]}, key="write")
        self.stack.drain()

    def cart(self, guest: Guest, *names: str, at: datetime | None = None, **more: Any) -> None:
        """The cart holds exactly this now."""
        lines = [{"sku": name.upper(), "name": name, "quantity": 1, "price": 450_000} for name in names]
        self.tell("Cart Updated", guest, at=at, cart_id=f"c-{guest.phone}", products=lines, **more)

    def order(self, guest: Guest | None, order_id: str = "DH1", total: int = 500_000, *, at: datetime | None = None,
              channel: str = "website", sku: str = "AO-LINEN", **more: Any) -> None:  # fmt: skip
        """An order; `channel="store"` is a sale in a store, where the goods are in hand at once."""
        line = {"sku": sku, "name": sku.capitalize(), "quantity": 1, "price": total}
        self.tell("Order Completed", guest, at=at, order_id=order_id, total=total, channel=channel,
                  **{"products": [line], **more})  # fmt: skip

    def parcel(self, news: str, order_id: str = "DH1", guest: Guest | None = None, *, at: datetime | None = None,
               **more: Any) -> None:  # fmt: skip
        """A carrier's word on an order, such as "Order Shipped" or "Order Delivered"; it knows no customer."""
        said = {"carrier": "Giao Hàng Nhanh", "tracking_code": "GHN7X2K91", **more}
        self.tell(news, guest, at=at, order_id=order_id, **said)

    def answer(self, message: dict[str, Any], score: int, comment: str = "") -> None:
        """Somebody fills in the survey page of a message."""
        key = link_key(self.stack.outside.identity_key)
        path = MessageLinks("", key, message["message_id"]).survey
        body = urlencode({"score": score, "comment": comment}).encode()
        kind = {"content-type": "application/x-www-form-urlencoded"}
        assert self.stack.http("POST", path, "", kind, body)[0] == 200
        self.later(minutes=1)

    def finish(self, task: dict[str, Any], outcome: str, **more: Any) -> None:
        """Staff report what became of a task."""
        self.call("POST", f"/v1/tasks/{task['task_id']}/outcome", {"outcome": outcome, **more})
        self.later(minutes=1)

    def sell(self, *products: Product) -> None:
        """Put products into the catalogue."""
        Products(self.stack.table, self.stack.outside.memory, self.now).put(products)

    # ---- what came of it ----

    def of(self, journey: str, guest: Guest | None = None) -> list[dict[str, Any]]:
        """The messages a journey decided on, the oldest first, sent or not."""
        found = [one for one in self.messages() if one["journey"] == journey]
        found = [one for one in found if guest is None or one["customer_id"] == guest.id]
        return sorted(found, key=lambda one: (one["created_at"], one["message_id"]))

    def got(self, journey: str, guest: Guest | None = None) -> list[Received]:
        """What of it the providers took, the oldest first: each message once, though it may go on to another channel
        when nobody opens it."""
        first: dict[str, Received] = {}
        for one, message_id in self.taken(journey, guest):
            first.setdefault(message_id, one)
        return list(first.values())

    def taken(self, journey: str, guest: Guest | None = None) -> list[tuple[Received, str]]:
        """Everything the providers took of it, with the id of the message it was."""
        ours: dict[str, str] = {}
        for message in self.of(journey, guest):
            ours |= {message["message_id"]: message["message_id"]}
            ours |= {message["provider_id"]: message["message_id"]} if message.get("provider_id") else {}
        found = [(one, ours.get(one.tracking_id) or ours.get(one.provider_id)) for one in self.received()]
        return [(one, message_id) for one, message_id in found if message_id]

    def tasks(self, guest: Guest, journey: str = "") -> list[dict[str, Any]]:
        """The open tasks about somebody."""
        shown: list[dict[str, Any]] = self.call("GET", f"/v1/customers/{guest.id}")["tasks"]
        return [task for task in shown if journey in ("", task.get("journey"))]

    def tags(self, guest: Guest) -> list[str]:
        """The marks somebody bears."""
        tags: list[str] = self.call("GET", f"/v1/customers/{guest.id}")["segments"]["tags"]
        return tags

    def inside(self, guest: Guest) -> dict[str, dict[str, Any]]:
        """The runs somebody is in, by journey; of several of one journey the last."""
        runs = (self.stack.table.get(table_keys.journeys_of(guest.id)) or {}).get("runs", {})
        return {run["journey"]: run for run in runs.values()}

    def ends(self, guest: Guest, journey: str = "") -> list[tuple[str, str]]:
        """The journeys that ended for somebody, and why, the oldest first, as the timeline shows it."""
        said = [item for item in self.entries(guest) if item.get("type") == "journey"]
        return [(item["journey"], item["why"]) for item in said if journey in ("", item["journey"])]

    def entries(self, guest: Guest) -> list[dict[str, Any]]:
        """Everything that stands on somebody's timeline, the oldest first."""
        return list(self._all(table_keys.profile(guest.id).pk, *table_keys.TIMELINE))

    def counts(self, journey: str) -> dict[str, int]:
        """How many entered a journey, stand at its steps and ended in which way."""
        found: dict[str, int] = {}
        for item in self._all(table_keys.JOURNEY + journey, "N#", "N#~"):
            for name, number in item.items():
                if name not in ("pk", "sk"):
                    found[name] = found.get(name, 0) + number
        return {name: number for name, number in found.items() if number}

    def _all(self, pk: str, low: str, high: str) -> Iterator[dict[str, Any]]:
        start = None
        while True:
            page = self.stack.table.query(pk, low=low, high=high, start=start)
            yield from page.items
            start = page.next
            if start is None:
                return

    def local(self, message: dict[str, Any] | Received) -> datetime:
        """When a message went to its provider, local time."""
        if isinstance(message, dict):
            sent = next(at for at, status, *_ in message["log"] if status == "sent")
            return moment(sent).astimezone(VIETNAM)
        return message.at.astimezone(VIETNAM)

    def shows(self, message: dict[str, Any]) -> tuple[str, str]:
        """Where a message stands and why."""
        said = self.message(message["message_id"])
        return said["status"], said["reason"]


@pytest.fixture
def shop() -> Iterator[Shop]:
    stack = Shop()
    yield stack
    stack.stack.close()


@pytest.fixture
def opened() -> Iterator[Callable[..., Shop]]:
    """Open a shop at another moment, or one whose table and queues behave as badly as they may."""
    houses: list[Shop] = []

    def at(start: datetime = MONDAY, **more: Any) -> Shop:
        houses.append(Shop(start, **more))
        return houses[-1]

    yield at
    for stack in houses:
        stack.stack.close()
