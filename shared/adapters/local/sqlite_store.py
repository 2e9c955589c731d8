"""The one SQLite database of the laptop: a connection, its lock and its transactions, shared by table and queues."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import NamedTuple

from shared.domain.errors import Busy

BUSY_SECONDS = 30.0


class Row(NamedTuple):
    """An item as it is stored: JSON, its size by AWS's rules, and copies of the attributes that indexes need."""

    body: str
    size: int
    due: str | None
    due_at: str | None
    ttl: int | None


class SqliteStore:
    """One database file (or ":memory:"); threads share the lock, processes the file.

    In WAL mode with synchronous=NORMAL a commit survives the death of the process, though not always of the machine.
    """

    def __init__(self, path: str | Path = ":memory:") -> None:
        self.lock = RLock()
        # Autocommit: a transaction exists exactly where `transaction` opens one.
        self.db = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=NORMAL")
        self.db.execute("PRAGMA cache_size=-65536")

    def define(self, *statements: str) -> None:
        """Create tables and indexes that are not there yet."""
        with self.transaction() as db:
            for statement in statements:
                db.execute(statement)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write under the lock, all or nothing; Busy when another process keeps the file locked."""
        with self.lock:
            db = self.db
            try:
                db.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                raise Busy("another process keeps the database locked") from error
            try:
                yield db
                db.execute("COMMIT")
            finally:
                # Still open only when something was raised.
                if db.in_transaction:
                    db.execute("ROLLBACK")

    def close(self) -> None:
        """Give the file back; the last process to do so folds the write-ahead log into it."""
        with self.lock:
            self.db.close()
