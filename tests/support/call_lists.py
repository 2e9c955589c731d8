"""A shop whose staff call customers: people who bought long ago, the list of every morning, what staff say of calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.local.stack.keys import issue
from shared.adapters.local.fault_injection import FaultInjection
from shared.domain.errors import Busy
from shared.domain.vietnam_time import VIETNAM, stamp
from shared.repositories.api_keys import KeyGrant
from tests.support.journeys import Guest, Shop
from tests.support.openapi import holds_to_it
from tests.support.shop import Answer

MONDAY = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # ten o'clock; nothing is at rest
STORE = "Cầu Giấy"


class Floor(Shop):
    """The shop's floor: customers of its stores, and its staff at the list."""

    def __init__(self, start: datetime = MONDAY, *, seed: int = 0, faults: FaultInjection | None = None) -> None:
        super().__init__(start, seed=seed, faults=faults)
        self._staff: dict[tuple[str, ...], str] = {}
        self.known: dict[str, Guest] = {}
        while not self._staff:
            with suppress(Busy):
                self.key("admin")

    def key(self, name: str, *roles: str, stores: tuple[str, ...] = ()) -> str:
        """The key of somebody, by their id in the directory."""
        who = (name, *roles, *stores)
        if who not in self._staff:
            self._staff[who] = issue(self.stack, KeyGrant("api", name, roles or ["admin"], stores))
        return self._staff[who]

    def ask(self, method: str, path: str, body: Any = None, *, query: str = "", key: str = "") -> Answer:
        """One call as staff make it, whatever it is answered with; where the table behaves badly it is tried again."""
        sent = {"authorization": f"Bearer {key or self.key('admin')}", "content-type": "application/json"}
        raw = b"" if body is None else json.dumps(body).encode()
        for left in range(self._patience, 0, -1):
            status, headers, content = self.stack.http(method, path, query, sent, raw)
            if status not in (401, 503) or left == 1:
                return Answer(status, headers, json.loads(content))
        raise AssertionError("nobody is that patient")

    # ---- customers ----

    def regular(self, days_ago: int = 40, *, visits: int = 2, total: int = 900_000, store: str = STORE,
                name: str = "Nguyễn Thị Lan", **more: Any) -> Guest:  # fmt: skip
        """Somebody who came so often, a week apart, the last time so many days ago; known from the shop's old books."""
        guest = self.guest(traits={"name": name, "home_store": store}, **more)
        for visit in range(visits):
            at = self.now - timedelta(days=days_ago + 7 * visit)
            self.order(guest, f"HD-{guest.phone[-6:]}-{visit}", total, at=at, channel="store", store=store,
                       context={"backfill": True})  # fmt: skip
        self.known[guest.id] = guest
        return guest

    # ---- the list ----

    def morning(self, days: int = 1, hour: int = 8, minute: int = 5) -> None:
        """Time passes until the morning, so many days on."""
        self.until(hour, minute, days=days)

    def listed(self, query: str = "", key: str = "") -> list[dict[str, Any]]:
        answer = holds_to_it("GET /v1/tasks", self.ask("GET", "/v1/tasks", query=query, key=key))
        assert answer.status == 200, answer
        found: list[dict[str, Any]] = answer.json["items"]
        return found

    def calls(self, guest: Guest, query: str = "kind=call") -> list[dict[str, Any]]:
        """The calls that are to be made to somebody."""
        return [task for task in self.listed(query) if task["customer_id"] == guest.id]

    def only_call(self, guest: Guest) -> dict[str, Any]:
        (task,) = self.calls(guest)
        return task

    def report(self, guest: Guest, outcome: str, **more: Any) -> dict[str, Any]:
        """Staff report the one call to somebody; journeys have gone on a minute later."""
        task = self.only_call(guest)
        answer = self.ask("POST", f"/v1/tasks/{task['task_id']}/outcome", {"outcome": outcome, **more})
        assert holds_to_it("POST /v1/tasks/{task_id}/outcome", answer).status == 200, answer
        self.later(minutes=1)
        done: dict[str, Any] = answer.json
        return done

    def do(self, task: dict[str, Any], what: str, body: Any = None, **how: Any) -> Answer:
        answer = self.ask("POST", f"/v1/tasks/{task['task_id']}/{what}", body, **how)
        return holds_to_it(f"POST /v1/tasks/{{task_id}}/{what}", answer)

    def scan(self) -> dict[str, Any]:
        """The morning's scan, once more."""
        found: dict[str, Any] = self.stack.invoke("winback_schedule", {"job": "winback", "time": stamp(self.now)})
        self.stack.drain()
        return found

    def view(self, guest: Guest) -> dict[str, Any]:
        answer = self.ask("GET", f"/v1/customers/{guest.id}")
        seen: dict[str, Any] = holds_to_it("GET /v1/customers/{customer_id}", answer).json
        return seen

    def deal(self, guest: Guest, journey: str = "call_list") -> str:
        """How the deal of a journey stands, or how it ended."""
        if run := self.inside(guest).get(journey):
            return str(run["deal"])
        ended = [item for item in self.entries(guest) if item.get("journey") == journey and "deal" in item]
        return str(ended[-1]["deal"]) if ended else ""

    def clock(self, at: str) -> str:
        """A stamp as people read it."""
        return datetime.fromisoformat(at).astimezone(VIETNAM).strftime("%d/%m %H:%M")


@pytest.fixture
def floor() -> Iterator[Floor]:
    floor = Floor()
    yield floor
    floor.stack.close()


@pytest.fixture
def opened_at() -> Iterator[Callable[..., Floor]]:
    """Open the floor at another moment, or one whose table and queues behave as badly as they may."""
    floors: list[Floor] = []

    def at(start: datetime = MONDAY, **more: Any) -> Floor:
        floors.append(Floor(start, **more))
        return floors[-1]

    yield at
    for one in floors:
        one.stack.close()
