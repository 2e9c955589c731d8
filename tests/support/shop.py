"""A house with one shop's keys, called over HTTP as its callers do, and everything it holds to look at."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from infra.local.stack.clock import LocalClock
from infra.local.stack.keys import issue
from infra.local.stack.local_stack import LocalStack
from shared.domain.messaging.policy import in_holdout
from shared.domain.vietnam_time import stamp
from shared.repositories.api_keys import KeyGrant, Kind, revoke_key
from shared.runtime.auth import TRACKING
from shared.runtime.playbook.rules import sending_rules
from shared.runtime.wiring import new_id

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
PHONE = "0901234567"

Body = dict[str, Any] | list[Any] | str | bytes | int | None


class Answer(NamedTuple):
    """Status, headers with lower-case names, and the JSON body."""

    status: int
    headers: dict[str, str]
    json: Any

    @property
    def fields(self) -> list[str]:
        """The fields a problem document names."""
        return [error["field"] for error in self.json.get("errors", ())]


def not_held_out() -> str:
    """A random id of somebody outside the hold-out of 5 %, so that what a test shows does not hang on a draw."""
    return next(found for found in iter(new_id, "") if not in_holdout(found, "*", sending_rules().holdout_percent))


class Shop:
    """The house, its keys by name, and calls with them."""

    def __init__(self, now: datetime = NOW) -> None:
        self.stack = LocalStack(None, LocalClock(now, frozen=True), new_id=not_held_out)
        self.write_key = self.key("write")
        self.admin_key = self.key("api", "admin")

    @property
    def now(self) -> datetime:
        return self.stack.now

    def key(self, kind: Kind, *roles: str, stores: tuple[str, ...] = (), **more: Any) -> str:
        """A new key; `more` is the rest of its grant."""
        return issue(self.stack, KeyGrant(kind, "test", roles, stores, **more))

    def revoke(self, key: str) -> None:
        revoke_key(self.stack.table, key, self.now)

    def call(
        self, method: str, path: str, body: Body = None, *, key: str | None = "", query: str = "", **headers: str
    ) -> Answer:
        """One call with the key it takes, unless another is named; None sends none."""
        if key is not None:
            headers["authorization"] = bearer(key or self.admin_key)
            if not key and path.removeprefix("/v1/") in (*TRACKING, "popups"):
                headers["authorization"] = basic(self.write_key)
        sent = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        status, answered, content = self.stack.http(method, path, query, sent, raw)
        return Answer(status, answered, json.loads(content, parse_constant=_not_json))

    def put(self, key: str = "", **identities: str) -> Answer:
        return self.call("PUT", "/v1/customers", {"identities": identities}, key=key)

    def sell(self, order_id: str, user: str | None = PHONE, *, days_ago: int = 0, **properties: Any) -> None:
        """A sale through the tracking protocol, taken in by the worker."""
        message = {"type": "track", "event": "Order Completed", "messageId": f"m-{order_id}", "userId": user}
        message["timestamp"] = stamp(self.now - timedelta(days=days_ago))
        message["properties"] = {"order_id": order_id, "total": 500_000, **properties}
        assert self.call("POST", "/v1/batch", {"batch": [message]}).status == 200
        self.stack.drain()

    def holdings(self) -> tuple[list[Any], list[Any]]:
        """Everything in the table, and everything in the queues."""
        with self.stack.store.transaction() as db:
            items = db.execute("SELECT pk, sk, due, due_at, ttl, body FROM items ORDER BY pk, sk").fetchall()
            messages = db.execute("SELECT * FROM messages ORDER BY 1").fetchall()
        return [tuple(row) for row in items], [tuple(row) for row in messages]

    @property
    def items(self) -> list[dict[str, Any]]:
        """Everything in the table."""
        return [json.loads(body) | {"pk": pk, "sk": sk} for pk, sk, *_, body in self.holdings()[0]]

    @property
    def dead_letters(self) -> list[dict[str, Any]]:
        return [json.loads(message["body"]) for message in self.stack.queue_state()["events-dlq"]["messages"]]


CALLS = ("batch", "identify", "track", "page", "screen", "group", "alias")


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


def bearer(key: str) -> str:
    return f"Bearer {key}"


def _not_json(name: str) -> Any:
    raise AssertionError(f"the answer says {name}, which is not JSON")


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.stack.close()


@pytest.fixture
def refused(shop: Shop) -> Callable[..., Answer]:
    """Make a call that has to be refused with nothing stored; answers with the problem document."""

    def call(status: int, method: str, path: str, body: Body = None, **how: Any) -> Answer:
        before = shop.holdings()
        answer = shop.call(method, path, body, **how)
        assert answer.status == status, answer
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json["status"] == status
        assert {"type", "title", "detail"} <= answer.json.keys()
        assert shop.holdings() == before
        return answer

    return call
