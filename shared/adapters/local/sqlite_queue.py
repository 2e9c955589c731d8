"""A standard queue in the laptop's SQLite file: durable, at least once, with a dead-letter queue."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from sqlite3 import Connection
from typing import Any, NamedTuple

from shared.adapters.local.capacity_meter import Meter
from shared.adapters.local.fault_injection import FaultInjection
from shared.adapters.local.sqlite_store import SqliteStore
from shared.adapters.sqs_limits import batches, check_send
from shared.ports import Clock

# Times are milliseconds since 1970. A row has a receipt while its message is in flight.
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, body TEXT NOT NULL, visible_at INTEGER NOT NULL,
        first_sent INTEGER NOT NULL, receives INTEGER NOT NULL DEFAULT 0, receipt TEXT,
        repeats INTEGER NOT NULL DEFAULT 0, attributes TEXT NOT NULL DEFAULT '{}')""",
    "CREATE INDEX IF NOT EXISTS messages_visible ON messages (queue, visible_at)",
)
_READ = "SELECT id, body, receives, first_sent, receipt, attributes, repeats FROM messages WHERE queue = ? "


class QueueMessage(NamedTuple):
    """A message as a consumer receives it; `receives` counts this receive too."""

    id: str
    receipt: str
    body: str
    receives: int
    first_sent: datetime
    attributes: dict[str, Any]


class Counts(NamedTuple):
    """Numbers of messages that are visible, in flight and delayed."""

    visible: int
    in_flight: int
    delayed: int


class SqliteQueue:
    """`ports.Queue` and the consumer's side of it."""

    def __init__(
        self,
        store: SqliteStore,
        name: str,
        *,
        clock: Clock,
        visibility_seconds: int = 30,
        max_receives: int | None = None,
        dead_letters: str | None = None,
        faults: FaultInjection | None = None,
        meter: Meter | None = None,
    ) -> None:
        if (max_receives is None) != (dead_letters is None):
            raise ValueError("a limit on receives and a dead-letter queue come together")
        store.define(*_SCHEMA)
        self.name = name
        self._store = store
        self._clock = clock
        self._visibility = visibility_seconds * 1000
        self._max_receives = max_receives
        self._dead_letters = dead_letters
        self._faults = faults
        self._meter = meter

    def send(self, bodies: Sequence[str], *, delay_seconds: int = 0) -> None:
        check_send(bodies, delay_seconds)
        now = self._now()
        rows = [(self.name, body, now + delay_seconds * 1000, now, self._draw_repeats()) for body in bodies]
        with self._store.transaction() as db:
            db.executemany(
                "INSERT INTO messages (queue, body, visible_at, first_sent, repeats) VALUES (?, ?, ?, ?, ?)", rows
            )
        if self._meter:
            for _, size in batches(bodies):
                self._meter.queue_send(size)

    def receive(self, max_messages: int = 10) -> list[QueueMessage]:
        """Visible messages, hidden from now on for the visibility timeout; spent ones go to the dead letters."""
        now = self._now()
        with self._store.transaction() as db:
            rows = self._visible(db, now, max_messages)
            while spent := self._spent(rows):
                db.executemany(
                    "UPDATE messages SET queue = ?, visible_at = ?, receives = 0, receipt = NULL, repeats = 0, "
                    "attributes = json_object('source', queue, 'receives', receives) WHERE id = ?",
                    [(self._dead_letters, now, number) for number in spent],
                )
                rows = self._visible(db, now, max_messages)
            messages = []
            for number, body, receives, first_sent, _, attributes, repeats in rows:
                # Another receipt each time: only the latest holder may delete.
                receipt = f"{number}.{repeats}.{receives + 1}"
                messages.append(_message(number, body, receives + 1, first_sent, receipt, attributes))
            db.executemany(
                "UPDATE messages SET receives = receives + 1, receipt = ?, visible_at = ? WHERE id = ?",
                [(message.receipt, now + self._visibility, message.id) for message in messages],
            )
        return messages

    def delete(self, receipts: Iterable[str]) -> None:
        """Done with these; a receipt that is no longer the message's latest does nothing."""
        keys = [(self.name, *_parts(receipt)) for receipt in receipts]
        with self._store.transaction() as db:
            if self._faults:
                db.executemany(
                    "UPDATE messages SET repeats = repeats - 1, receives = 0, receipt = NULL, visible_at = ? "
                    "WHERE queue = ? AND id = ? AND receipt = ? AND repeats > 0",
                    [(self._now(), *key) for key in keys],
                )
            db.executemany("DELETE FROM messages WHERE queue = ? AND id = ? AND receipt = ?", keys)

    def release(self, receipt: str, delay_seconds: int = 0) -> None:
        """Not done: visible again after the delay instead of the visibility timeout; the receive stays counted."""
        with self._store.transaction() as db:
            db.execute(
                "UPDATE messages SET receipt = NULL, visible_at = ? WHERE queue = ? AND id = ? AND receipt = ?",
                (self._now() + delay_seconds * 1000, self.name, *_parts(receipt)),
            )

    def recover(self) -> int:
        """Make messages in flight visible at once, because their consumer has died; returns their number."""
        with self._store.transaction() as db:
            now = self._now()
            return db.execute(
                "UPDATE messages SET receipt = NULL, visible_at = ? "
                "WHERE queue = ? AND receipt IS NOT NULL AND visible_at > ?",
                (now, self.name, now),
            ).rowcount

    def counts(self) -> Counts:
        """The numbers of messages by their state."""
        now = self._now()
        with self._store.lock:
            row = self._store.db.execute(
                "SELECT count(*) FILTER (WHERE visible_at <= ?1), "
                "count(*) FILTER (WHERE visible_at > ?1 AND receipt IS NOT NULL), "
                "count(*) FILTER (WHERE visible_at > ?1 AND receipt IS NULL) FROM messages WHERE queue = ?2",
                (now, self.name),
            ).fetchone()
        return Counts(*row)

    @staticmethod
    def first_visible(queues: Sequence[SqliteQueue]) -> list[datetime | None]:
        """When the first message of each queue of one store becomes visible, in one query: now or earlier if one waits,
        None if there is none."""
        store = queues[0]._store
        looks = ", ".join(["(SELECT min(visible_at) FROM messages WHERE queue = ?)"] * len(queues))
        with store.lock:
            found = store.db.execute(f"SELECT {looks}", [queue.name for queue in queues]).fetchone()
        return [None if first is None else _moment(first) for first in found]

    def peek(self, limit: int = 10) -> list[QueueMessage]:
        """The first messages in any state, without receiving them."""
        with self._store.lock:
            rows = self._store.db.execute(_READ + "ORDER BY id LIMIT ?", (self.name, limit)).fetchall()
        return [_message(*row[:6]) for row in rows]

    def purge(self) -> int:
        """Delete every message; returns their number."""
        with self._store.transaction() as db:
            return db.execute("DELETE FROM messages WHERE queue = ?", (self.name,)).rowcount

    def _now(self) -> int:
        return round(self._clock().timestamp() * 1000)

    def _draw_repeats(self) -> int:
        if self._faults and self._faults.strikes(self._faults.repeats):
            return self._faults.random.randint(1, 4)
        return 0

    def _visible(self, db: Connection, now: int, limit: int) -> list[tuple[Any, ...]]:
        """The rows that have waited longest; with reordering, drawn from five times as many."""
        reorders = self._faults is not None and self._faults.reorders
        rows = db.execute(
            _READ + "AND visible_at <= ? ORDER BY visible_at, id LIMIT ?",
            (self.name, now, limit * 5 if reorders else limit),
        ).fetchall()
        if self._faults and reorders:
            self._faults.random.shuffle(rows)
        return rows[:limit]

    def _spent(self, rows: list[tuple[Any, ...]]) -> list[int]:
        """Ids of rows that were received as often as allowed."""
        return [row[0] for row in rows if self._max_receives is not None and row[2] >= self._max_receives]


def _message(
    number: int, body: str, receives: int, first_sent: int, receipt: str | None, attributes: str
) -> QueueMessage:
    return QueueMessage(str(number), receipt or "", body, receives, _moment(first_sent), json.loads(attributes))


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _parts(receipt: str) -> tuple[int, str]:
    return int(receipt.split(".")[0]), receipt
