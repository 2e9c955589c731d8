"""The doors of a house as everybody in the demo calls them: tills, the web shop, staff, and customers."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from infra.local.stack.keys import Keys, issue
from infra.local.stack.local_stack import LocalStack
from shared.repositories.api_keys import KeyGrant

BATCH_EVENTS = 100
# Zalo takes nothing on these days, so that the messages of everybody find another way.
OUTAGES = frozenset((date(2010, 1, 12), date(2010, 7, 15)))
# A browser as people have it on their phones.
BROWSER = "Mozilla/5.0 (Linux; Android 9; SM-A505F) AppleWebKit/537.36 Chrome/96.0 Mobile Safari/537.36"

Event = dict[str, Any]


class RefusedError(RuntimeError):
    """A door said no to what the demo sent."""


@dataclass
class Doors:
    """Calls to a house, and how many there were. Every call raises RefusedError where a door says no."""

    stack: LocalStack
    keys: Keys
    events: int = 0
    calls: Counter[str] = field(default_factory=Counter)

    def key(self, name: str, *roles: str, stores: Sequence[str] = ()) -> str:
        """A new API key for somebody with these roles."""
        return issue(self.stack, KeyGrant("api", name, roles, stores))

    def get(self, path: str, query: str = "", key: str = "") -> Any:
        return json.loads(self._call("GET", path, query, self._bearer(key)))

    def post(self, path: str, body: Any, key: str = "") -> Any:
        self._count()
        sent = json.dumps(body, ensure_ascii=False).encode()
        return json.loads(self._call("POST", path, "", self._bearer(key), sent))

    def pages(self, path: str, query: str = "", key: str = "") -> list[Any]:
        """All items of a listing."""
        items: list[Any] = []
        after = ""
        while True:
            page = self.get(path, "&".join(part for part in ("limit=100", query, after) if part), key)
            items += page["items"]
            if not page["next"]:
                return items
            after = urlencode({"next": page["next"]})

    def tell(self, events: Sequence[Event]) -> None:
        """Events of the tracking protocol, in batches."""
        for start in range(0, len(events), BATCH_EVENTS):
            batch = events[start : start + BATCH_EVENTS]
            body = {"batch": batch, "sentAt": self.stack.now.isoformat()}
            answer = self._written("/v1/batch", body)
            if b'"rejected"' in answer:
                raise RefusedError(f"the events door left messages out: {answer.decode()}")
            self.events += len(batch)

    def popups(self, browser: str) -> list[Any]:
        """What the web shop shows a visitor."""
        found: list[Any] = json.loads(self._written("/v1/popups", {"anonymousId": browser}))["items"]
        return found

    def follow(self, path: str) -> None:
        """A customer taps a link."""
        self._count()
        self._call("GET", path, "", {"user-agent": BROWSER}, good=(302,))

    def fill_in(self, path: str, form: Mapping[str, str]) -> None:
        """A customer sends the form of a page behind a link."""
        self._count()
        headers = {"user-agent": BROWSER, "content-type": "application/x-www-form-urlencoded"}
        self._call("POST", path, "", headers, urlencode(form).encode())

    def let_pass(self, until: datetime) -> None:
        """Let it be that moment, with everything that is due before."""
        if until > self.stack.now:
            self._worked(self.stack.advance(until))

    def drain(self) -> None:
        self._worked(self.stack.drain())

    def _worked(self, done: Mapping[str, Any]) -> None:
        self.calls["lambda"] += sum(done["ticks"].values()) + sum(done["messages"].values()) + done["callbacks"]
        self.calls["http"] += done["callbacks"]
        if done["failed"]:
            raise RefusedError(f"doors failed: {done['failed']}")

    def _count(self) -> None:
        self.calls["http"] += 1
        self.calls["lambda"] += 1

    def _bearer(self, key: str) -> dict[str, str]:
        return {"authorization": f"Bearer {key or self.keys.api_key}"}

    def _written(self, path: str, body: Any) -> bytes:
        """A call with the write key, as programs of the shop make it."""
        self._count()
        basic = base64.b64encode(f"{self.keys.write_key}:".encode()).decode()
        headers = {"authorization": f"Basic {basic}", "content-type": "application/json"}
        return self._call("POST", path, "", headers, json.dumps(body, ensure_ascii=False).encode())

    def _call(
        self,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        good: Sequence[int] = (200, 201, 202),
    ) -> bytes:
        answer = self.stack.http(method, path, query, headers, body)
        if answer.status not in good:
            raise RefusedError(f"{method} {path}: {answer.status} {answer.body.decode()}")
        return answer.body
