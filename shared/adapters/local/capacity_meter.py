"""AWS's sizing rules as pure functions, and a meter that adds them up per door.

Sources: the DynamoDB developer guide, "Item sizes and formats", "Read and write operations", "Managing complex
workflows with transactions" and "Using global secondary indexes"; the SQS price list (a request is billed per 64 KB).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

KB = 1024
MAX_DEPTH = 32
# 38 significant digits is what a DynamoDB number holds; no whole number of ours comes near.
MAX_NUMBER = 10**38


def text_size(text: str) -> int:
    """Bytes of a string in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def number_size(number: int) -> int:
    """One byte per two significant digits, and one; zeros at either end are free."""
    return (len(str(abs(number)).strip("0")) + 1) // 2 + 1


def item_size(item: Mapping[str, Any]) -> int:
    """Bytes DynamoDB counts for an item; TypeError or ValueError for what DynamoDB (or this project) cannot store."""
    total = 0
    for name, value in item.items():
        try:
            total += _name_size(name) + (text_size(value) if type(value) is str else _value_size(value, 1))
        except (TypeError, ValueError) as error:
            raise type(error)(f"attribute {name!r}: {error}") from None
    return total


# Every write measures its item, and the same few names and numbers come again and again.
@lru_cache(maxsize=4096)
def _name_size(name: object) -> int:
    if not isinstance(name, str):
        raise TypeError(f"an attribute name must be a string, not {type(name).__name__}")
    if not name:
        raise ValueError("an attribute name must not be empty")
    return text_size(name)


@lru_cache(maxsize=4096)
def _number_size(number: int) -> int:
    if not -MAX_NUMBER < number < MAX_NUMBER:
        raise ValueError("a number must have at most 38 digits")
    return number_size(number)


def _value_size(value: object, depth: int) -> int:
    if isinstance(value, str):
        return text_size(value)
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, int):
        return _number_size(int(value))
    if not isinstance(value, (dict, list)):
        raise TypeError(f"{type(value).__name__} cannot be stored, only str, int, bool, None, list and dict")
    if depth > MAX_DEPTH:
        raise ValueError(f"maps and lists must not nest deeper than {MAX_DEPTH}")
    total = 3 + len(value)
    if isinstance(value, dict):
        total += sum(map(_name_size, value))
        value = value.values()
    for inner in value:
        # Most values are texts and numbers, and a call costs more than their measuring.
        kind = type(inner)
        if kind is str:
            total += len(inner) if inner.isascii() else len(inner.encode())
        elif kind is int:
            total += _number_size(inner)
        else:
            total += _value_size(inner, depth + 1)
    return total


def entry_size(pk: str, sk: str, due: str, due_at: str) -> int:
    """Bytes of one row of the due index, the attribute names included."""
    return len("pkskduedue_at") + text_size(pk) + text_size(sk) + text_size(due) + text_size(due_at)


def read_units(size: int, *, consistent: bool = True, transactional: bool = False) -> float:
    """Units to read `size` bytes (of one item, or of a whole query page); what is not there costs as much as 1 byte."""
    blocks = max(1, -(-size // (4 * KB)))
    return blocks * (2.0 if transactional else 1.0 if consistent else 0.5)


def write_units(before: int, after: int, *, transactional: bool = False) -> int:
    """Units to write an item, by the larger of its sizes before and after; a failed condition passes `after` 0."""
    return max(1, -(-max(before, after) // KB)) * (2 if transactional else 1)


def index_units(before: int, after: int, *, moved: bool) -> int:
    """Extra units for the due index: 1 KB blocks of an entry put or deleted, both when its key moved, none if it stays.

    The index follows the table on its own, so a transaction does not double them.
    """
    if before and after and not moved:
        return 0
    return -(-before // KB) + -(-after // KB)


def queue_requests(batch_bytes: int) -> int:
    """Billed requests of one send of a batch."""
    return max(1, -(-batch_bytes // (64 * KB)))


@dataclass(slots=True)
class Use:
    """What one door used."""

    requests: int = 0
    read_units: float = 0.0
    write_units: int = 0
    queue_sends: int = 0
    objects: int = 0
    object_bytes: int = 0


_door: ContextVar[str] = ContextVar("metered_door", default="house")


class Meter:
    """Adds up use per door; use outside of any door is booked on "house"."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._doors: dict[str, Use] = {}

    @contextmanager
    def door(self, name: str) -> Iterator[None]:
        """Use inside the block, in this context, is booked on this door."""
        token = _door.set(name)
        try:
            yield
        finally:
            _door.reset(token)

    def table_read(self, units: float) -> None:
        """One read request."""
        with self._lock:
            use = self._use()
            use.requests += 1
            use.read_units += units

    def table_write(self, units: int) -> None:
        """One write request."""
        with self._lock:
            use = self._use()
            use.requests += 1
            use.write_units += units

    def queue_send(self, batch_bytes: int) -> None:
        """One batch sent to a queue."""
        with self._lock:
            self._use().queue_sends += queue_requests(batch_bytes)

    def object_moved(self, size: int) -> None:
        """One object read or written."""
        with self._lock:
            use = self._use()
            use.objects += 1
            use.object_bytes += size

    def report(self) -> dict[str, dict[str, dict[str, int | float]]]:
        """`{"doors": {door: {requests, read_units, write_units, queue_sends, objects, object_bytes}}}`."""
        with self._lock:
            return {
                "doors": {
                    name: {
                        "requests": use.requests,
                        "read_units": int(use.read_units) if use.read_units.is_integer() else use.read_units,
                        "write_units": use.write_units,
                        "queue_sends": use.queue_sends,
                        "objects": use.objects,
                        "object_bytes": use.object_bytes,
                    }
                    for name, use in sorted(self._doors.items())
                }
            }

    def reset(self) -> None:
        """Start again from nothing."""
        with self._lock:
            self._doors.clear()

    def _use(self) -> Use:
        name = _door.get()
        use = self._doors.get(name)
        if use is None:
            use = self._doors[name] = Use()
        return use
