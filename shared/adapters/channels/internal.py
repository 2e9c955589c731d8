"""Channels without a provider: a call task for staff, and the slot on the shop's own page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from shared.domain.vietnam_time import stamp
from shared.ports import Clock, Key, Outgoing, Put, Sent, Table

# A slot nobody came to see is forgotten after this.
SHOWN_FOR = timedelta(days=14)


class StaffCall:
    """`call`: the message becomes a task with its script; doing it twice leaves one task.

    `open_call` opens the task a message's tracking id and text make and answers with its id; `find_call` tells that id
    where the task was opened before, else "".
    """

    def __init__(self, open_call: Callable[[str, str], str], find_call: Callable[[str], str]) -> None:
        self._open = open_call
        self._find = find_call

    def send(self, message: Outgoing) -> Sent:
        return Sent(self._open(message.tracking_id, message.text), 0)

    def was_taken(self, tracking_id: str) -> Sent | None:
        task_id = self._find(tracking_id)
        return Sent(task_id, 0) if task_id else None


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
