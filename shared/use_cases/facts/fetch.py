"""Reads many small objects at once: a request takes its milliseconds whatever it brings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from shared.ports import ObjectStore, Stored

# As many connections as a botocore client keeps.
_AT_ONCE = 10


def fetch(store: ObjectStore, names: Sequence[str]) -> list[Stored | None]:
    """The objects in order, None for those that are not there."""
    # Each call in a context of its own, so that it is metered on the door that asked.
    calls = [(copy_context(), name) for name in names]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(lambda call: call[0].run(store.get, call[1]), calls))


def all_names(store: ObjectStore, prefix: str) -> Iterator[str]:
    """Every name that begins with `prefix`, page by page."""
    after: str | None = ""
    while after is not None:
        names, after = store.list(prefix, after=after)
        yield from names
