"""The laptop's clock: runs with real time or stands still, can be moved forward, and never goes back."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


def present() -> datetime:
    """The wall clock, in UTC: nothing else on the laptop reads it."""
    return datetime.now(UTC)


class LocalClock:
    """A clock that starts at `start` (the present when None); frozen, it moves only by `set`.

    It ticks in milliseconds, as time stamps and queues do, so that "due now" means the same to all of them.
    """

    def __init__(self, start: datetime | None = None, *, frozen: bool = False) -> None:
        self.frozen = frozen
        self._lock = threading.Lock()
        # The monotonic clock carries the running time, so that a correction of the machine's clock cannot turn it back.
        self._base = _milliseconds(start or present())
        self._since = time.monotonic()

    def now(self) -> datetime:
        """The present moment, in UTC."""
        if self.frozen:
            return self._base
        with self._lock:
            return self._running()

    def set(self, to: datetime) -> None:
        """Move forward to `to`; a running clock goes on from there. Raises ValueError for a moment that has passed."""
        with self._lock:
            if to < (self._base if self.frozen else self._running()):
                raise ValueError("the clock never goes back")
            self._base = _milliseconds(to)
            self._since = time.monotonic()

    def run(self) -> None:
        """From now on time passes, if it did not before."""
        with self._lock:
            if self.frozen:
                self._since = time.monotonic()
                self.frozen = False

    def _running(self) -> datetime:
        return _milliseconds(self._base + timedelta(seconds=time.monotonic() - self._since))


def _milliseconds(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)
