"""Channels without a provider: a call task for staff, and the slot on the shop's own page."""

from __future__ import annotations

from datetime import timedelta

from shared.domain.vietnam_time import stamp
from shared.ports import Clock, Key, Outgoing, Put, Sent, Table

# A slot nobody came to see is forgotten after this.
SHOWN_FOR = timedelta(days=14)


class StaffCall:
    """`call`: the message becomes a task with its script; doing it twice leaves one task."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def send(self, message: Outgoing) -> Sent:
        key = self._key(message.tracking_id)
        task = {"kind": "call", "reason": "planned_call", "at": stamp(self._clock()), "script": message.text}
        self._table.write(Put({**task, "pk": key.pk, "sk": key.sk, "message_id": message.tracking_id}))
        return Sent(f"{key.sk.removeprefix('OT#')}", 0)

    def was_taken(self, tracking_id: str) -> Sent | None:
        key = self._key(tracking_id)
        return Sent(f"{key.sk.removeprefix('OT#')}", 0) if self._table.get(key) else None

    def _key(self, tracking_id: str) -> Key:
        return Key(f"C#{tracking_id[:-20]}", f"OT#call-{tracking_id[-20:]}")


class WebSlot:
    """`web`: what the shop's page shows this visitor next; the page asks for it with the customer."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def send(self, message: Outgoing) -> Sent:
        key = self._key(message.tracking_id)
        now = self._clock()
        slot = {"at": stamp(now), "title": message.subject, "text": message.text, "message_id": message.tracking_id}
        forget = {"ttl": int((now + SHOWN_FOR).timestamp())}
        self._table.write(Put({**slot, **forget, "pk": key.pk, "sk": key.sk}))
        return Sent(key.sk, 0)

    def was_taken(self, tracking_id: str) -> Sent | None:
        key = self._key(tracking_id)
        return Sent(key.sk, 0) if self._table.get(key) else None

    def _key(self, tracking_id: str) -> Key:
        return Key(f"C#{tracking_id[:-20]}", f"OW#{tracking_id[-20:]}")
