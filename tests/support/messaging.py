"""A house with customers who may be written to, plans for them, and everything that came of each."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from infra.local.measuring.synthetic_shop import phone
from infra.local.providers.base import Received
from infra.local.stack.clock import LocalClock
from infra.local.stack.keys import issue
from infra.local.stack.local_stack import LocalStack
from shared.domain.errors import Busy
from shared.domain.messaging.message import FINAL, PROGRESS, WAITING, Intent
from shared.domain.vietnam_time import local_day, stamp
from shared.ports import Put
from shared.repositories import table_keys
from shared.repositories.api_keys import KeyGrant
from shared.repositories.messages import enqueue, plan
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime import wiring
from shared.runtime.factories.channels import dispatcher
from shared.runtime.playbook.rules import sending_rules

TEMPLATES: dict[str, tuple[str, dict[str, Any]]] = {
    "transactional": ("order_thanks", {"order_code": "DH1", "total": 500_000, "ordered_on": "2026-03-02"}),
    "service": ("survey_day7", {"order_code": "DH1"}),
    "marketing": ("winback_30", {"new_url": "https://nhamay.example/hang-moi"}),
}
ALL_CHANNELS = ("zns", "zalo", "sms", "email", "messenger", "web", "call")


class Care:
    """The house, called over HTTP as its callers do; messages are planned as journeys plan them."""

    def __init__(self, start: datetime, *, seed: int = 0, faults: Any = None) -> None:
        ids = count()
        self.stack = LocalStack(None, LocalClock(start, frozen=True), faults=faults,
                           new_id=lambda: f"{seed:03d}care{next(ids):017d}")  # fmt: skip
        # The hold-out and every draw below hang on ids and this key.
        self.stack.outside.identity_key = b"k" * 32
        self.stack.outside.public_url = "https://nhamay.example"
        self.rules = sending_rules()
        self._keys = {
            "api": f"Bearer {issue(self.stack, KeyGrant('api', 'test', ['admin']))}",
            "write": "Basic " + base64.b64encode(f"{issue(self.stack, KeyGrant('write', 'test'))}:".encode()).decode(),
        }

    def __enter__(self) -> Care:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    @property
    def now(self) -> datetime:
        return self.stack.now

    @property
    def providers(self) -> Any:
        return self.stack.providers.stand_ins

    # ---- doing ----

    def call(self, method: str, path: str, body: Any = None, *, key: str = "api", status: int | None = None) -> Any:
        raw = json.dumps(body).encode() if body is not None else b""
        answered, _, content = self.stack.http(method, path, "", {"authorization": self._keys[key]}, raw)
        assert answered == status if status else answered < 300, (answered, content)
        return json.loads(content)

    def customer(self, number: int, *, consent: bool = True, traits: Any = None, **identities: str) -> str:
        """Somebody with a phone and, unless other identities are named, an e-mail; asked for advertising or not."""
        who = identities or {"phone": phone(number), "email": f"khach{number}@example.vn"}
        said = [
            {"channel": channel, "purpose": "marketing", "granted": consent, "at": stamp(self.now), "proof": "QR"}
            for channel in ALL_CHANNELS
        ]
        body = {"identities": who, "traits": traits or {"name": "Nguyễn Thị Lan"}, "consent": said, "source": "pos"}
        return str(self.call("PUT", "/v1/customers", body)["customer_id"])

    def event(self, name: str, user: str | None, *, at: datetime | None = None, context: Any = None, visitor: str = "",
              **properties: Any) -> None:  # fmt: skip
        said = {"type": "track", "event": name, "messageId": f"{name}-{properties.get('order_id')}-{self.now}",
                "timestamp": stamp(at or self.now), "properties": properties, "context": context or {}}  # fmt: skip
        who = {"userId": user} if user else {}
        who |= {"anonymousId": visitor} if visitor else {}
        self.call("POST", "/v1/batch", {"batch": [{**said, **who}]}, key="write")
        self.stack.drain()

    def know_the_do_not_call_list(self) -> None:
        state = {"pk": table_keys.DO_NOT_CALL_STATE.pk, "sk": table_keys.DO_NOT_CALL_STATE.sk}
        while True:
            with suppress(Busy):  # whoever writes it down tries again, as everybody does at a busy table
                self.stack.table.write(Put({**state, "checked_on": local_day(self.now).isoformat()}))
                return

    def plan(self, customer_id: str, purpose: str, run: str = "1", *, journey: str = "winback_30", template: str = "",
             variables: Any = None, queued: bool = True, **more: Any) -> str:  # fmt: skip
        """Plan a message as a journey does, and hand it to its queue; the id of the message."""
        name, sample = TEMPLATES[purpose]
        intent = Intent(customer_id, journey, run, "step", purpose, template or name,  # type: ignore[arg-type]
                        sample if variables is None else variables, **more)  # fmt: skip
        uow = UnitOfWork(self.stack.table)
        plan(uow, intent, self.now, self.rules)
        uow.commit()
        if queued:
            enqueue(self.stack.outside.messages[purpose], [intent.message_id])
        return intent.message_id

    def later(self, **span: float) -> None:
        self.stack.advance(self.now + timedelta(**span))

    # ---- looking ----

    def received(self, message_id: str = "") -> list[Received]:
        """What the stand-ins took: everything, or one message."""
        found = [one for place in self.providers for one in place.received]
        return sorted((one for one in found if message_id in ("", one.tracking_id)), key=lambda one: one.at)

    def message(self, message_id: str) -> dict[str, Any]:
        return self.stack.table.get(table_keys.message(message_id)) or {}

    def shown(self, customer_id: str) -> list[dict[str, Any]]:
        """What a care agent sees."""
        found: list[dict[str, Any]] = self.call("GET", f"/v1/customers/{customer_id}/messages")["items"]
        return found

    def items(self, like: str) -> list[dict[str, Any]]:
        with self.stack.store.lock:
            rows = self.stack.store.db.execute("SELECT body FROM items WHERE sk LIKE ?", (like,)).fetchall()
        return [json.loads(body) for (body,) in rows]

    def messages(self) -> list[dict[str, Any]]:
        return self.items("X#%")

    def consents(self, message_id: str) -> bool:
        profile = self.stack.table.get(table_keys.profile(message_id[:24])) or {}
        return any(said["granted"] for slot, said in profile["consent"].items() if slot.endswith(":marketing"))

    def all_have_ended_with_words(self) -> None:
        """Every message has one outcome, in words, and nothing of it is still to be done."""
        words = self.rules.reasons
        for message in self.messages():
            assert message["status"] in {*FINAL, *PROGRESS, *WAITING}, message
            told = {line[2] for line in message["log"]} | {message["reason"]}
            assert told <= words.keys(), told - words.keys()
            if message["status"] in FINAL:
                assert "due_at" not in message, message
        for name, state in self.stack.queue_state().items():
            assert state["visible"] == state["in_flight"] == state["delayed"] == 0, (name, state)


def sender(care, table=None):
    """A worker of its own, which knows nothing yet."""
    token = wiring.install(replace(care.stack.outside, table=table or care.stack.table))
    try:
        return dispatcher()
    finally:
        wiring.uninstall(token)
