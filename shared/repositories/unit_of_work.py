"""A draft: items read, changed in memory, and committed in one conditional write or not at all.

Counters and reports are no business of a customer's transaction: what a commit adds to them travels in one of the items
that it puts, as `news`, and the table's stream brings it to the counter rows, once (see `repositories/news.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shared.domain.common.stored_item import without
from shared.ports import Action, Delete, Item, Key, Put, Table, absent, equals
from shared.repositories.news import NEWS, News
from shared.repositories.table_keys import is_streamed

# DynamoDB takes 100 actions in one transaction; a caller that sees this many pending commits before it goes on. One
# order brings up to twenty: its own items and a dozen of its customer's.
FULL = 60


class UnitOfWork:
    """Reads through to the table, remembers what was read, and writes only what really changed.

    Every item it puts carries a `version`; the commit holds only if nobody else changed the item meanwhile, otherwise
    it raises `Conflict` and the caller starts again from a new draft.
    """

    def __init__(self, table: Table, known: dict[Key, Item | None] | None = None) -> None:
        self._table = table
        self._read = {} if known is None else known
        for key, item in self._read.items():
            self._read[key] = _own(item)
        self._changed: dict[Key, Item | None] = {}
        self._news = News()
        self._also: list[Action] = []

    def load(self, keys: Iterable[Key]) -> None:
        """Read these items with as few requests as possible; what is known already is not read again."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._read]
        if len(missing) == 1:
            self._read[missing[0]] = _own(self._table.get(missing[0]))
        elif missing:
            found = self._table.batch_get(missing)
            for key in missing:
                self._read[key] = _own(found.get(key))

    def get(self, key: Key) -> Item | None:
        if key in self._changed:
            return self._changed[key]
        if key not in self._read:
            self.load([key])
        return self._read[key]

    def collection(self, pk: str, low: str, high: str) -> list[Item]:
        """All items of a collection between two sort keys, with this draft's own changes in place."""
        found: dict[str, Item] = {}
        start = None
        while True:
            page = self._table.query(pk, low=low, high=high, start=start)
            found.update((item["sk"], own) for item in page.items if (own := _own(item)))
            start = page.next
            if start is None:
                break
        for item in found.values():
            self._read.setdefault(Key(item["pk"], item["sk"]), item)
        for key, changed in self._changed.items():
            if key.pk == pk and low <= key.sk <= high:
                if changed is None:
                    found.pop(key.sk, None)
                else:
                    found[key.sk] = changed
        return [found[sk] for sk in sorted(found)]

    def put(self, key: Key, body: Mapping[str, Any]) -> None:
        """Set the whole item; `pk`, `sk` and `version` are the draft's business."""
        before = self.get(key)
        item = {**body, "pk": key.pk, "sk": key.sk, "version": before["version"] if before else 0}
        item.pop(NEWS, None)
        if item != before:
            self._changed[key] = item

    def create(self, key: Key, body: Mapping[str, Any]) -> None:
        """Put an item under a key that was made up just now, so there is nothing to read first."""
        self.assume_absent(key)
        self.put(key, body)

    def assume_absent(self, key: Key) -> None:
        """Take it that there is no such item, unless it was read; the commit raises Conflict where there is."""
        self._read.setdefault(key, None)

    def mark(self, key: Key, body: Mapping[str, Any]) -> None:
        """Put an item that no writer reads first and that is the same from every writer."""
        self._changed[key] = {**body, "pk": key.pk, "sk": key.sk}

    def delete(self, key: Key) -> None:
        self._changed[key] = None

    def count(self, key: Key, **amounts: int) -> None:
        """Let the stream add to the counters of a row, some moments after the commit."""
        self._news.count(key, amounts)

    def describe(self, key: Key, **values: str | int) -> None:
        """Let the stream set values beside the counters of a row; the last writer wins."""
        self._news.describe(key, values)

    def tell(self, event: Mapping[str, Any]) -> None:
        """Let the stream make a fact of an event that no item keeps."""
        self._news.tell(event)

    def also(self, action: Action) -> None:
        """Hold the commit to one more action with a condition of its own, on an item this draft does not touch."""
        self._also.append(action)

    def savepoint(self) -> tuple[dict[Key, Item | None], News]:
        """What is pending now, for `rollback` when one of several facts turns out to be poison."""
        return dict(self._changed), self._news.copy()

    def rollback(self, to: tuple[dict[Key, Item | None], News]) -> None:
        self._changed, self._news = to

    def discard(self) -> None:
        """Drop all pending changes, so that the commit writes nothing."""
        self._changed.clear()
        self._news = News()
        self._also.clear()

    @property
    def pending(self) -> bool:
        return bool(self._changed)

    @property
    def full(self) -> bool:
        return len(self._changed) >= FULL

    def commit(self) -> None:
        """Write all changes in one go; raises Conflict or Busy with nothing written."""
        carrier = self._carrier()
        actions: list[Action] = []
        for key, item in self._changed.items():
            before = self._read.get(key)
            if item is None:
                # Deleting what was never read, or is not there, needs no condition.
                when = (equals(("version",), before["version"]),) if before and "version" in before else ()
                if key not in self._read or before is not None:
                    actions.append(Delete(key, when))
            elif "version" not in item:
                actions.append(Put(item))
            else:
                version = before["version"] + 1 if before else 1
                when = (equals(("version",), before["version"]),) if before else (absent(),)
                carried = {NEWS: self._news.as_item(version)} if key == carrier else {}
                actions.append(Put({**item, "version": version} | carried, when))
        actions += self._also
        if actions:
            self._table.write(*actions)
        for key, item in self._changed.items():
            if item is not None and "version" in item:
                before = self._read.get(key)
                item = {**item, "version": (before["version"] if before else 0) + 1}
            self._read[key] = item
        self.discard()

    def _carrier(self) -> Key | None:
        """The item that takes the news along: the first one put that the stream reads, or else one that was read."""
        if not self._news:
            return None
        for key, item in (*self._changed.items(), *self._read.items()):
            streamed = item is not None and "version" in item and is_streamed(key)
            if streamed and self._changed.setdefault(key, item) is not None:
                return key
        raise ValueError(f"nothing of this commit can take along what it counts on {self._news.keys()}")


def _own(item: Item | None) -> Item | None:
    """An item without the news of the commit that wrote it, which are not to be told again."""
    return without(item, NEWS) if item is not None and NEWS in item else item
