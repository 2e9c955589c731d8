"""A draft: items read, changed in memory, and committed in one conditional write or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shared.ports import Action, Delete, Item, Key, Put, Table, Update, absent, equals

# DynamoDB takes 100 actions in one transaction; a caller that sees this many pending commits before it goes on. One
# order brings up to forty: its own items, a dozen of its customer's and the counts of its goods before and now.
FULL = 60


class UnitOfWork:
    """Reads through to the table, remembers what was read, and writes only what really changed.

    Every item it puts carries a `version`; the commit holds only if nobody else changed the item meanwhile, otherwise
    it raises `Conflict` and the caller starts again from a new draft.
    """

    def __init__(self, table: Table, known: dict[Key, Item | None] | None = None) -> None:
        self._table = table
        self._read = {} if known is None else known
        self._changed: dict[Key, Item | None] = {}
        self._counts: dict[Key, dict[str, int]] = {}
        self._told: dict[Key, dict[str, str | int]] = {}
        self._also: list[Action] = []

    def load(self, keys: Iterable[Key]) -> None:
        """Read these items with as few requests as possible; what is known already is not read again."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._read]
        if len(missing) == 1:
            self._read[missing[0]] = self._table.get(missing[0])
        elif missing:
            found = self._table.batch_get(missing)
            for key in missing:
                self._read[key] = found.get(key)

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
            found.update((item["sk"], item) for item in page.items)
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
        """Add to counters; never read, so that two writers do not collide over a version."""
        counter = self._counts.setdefault(key, {})
        for name, amount in amounts.items():
            counter[name] = counter.get(name, 0) + amount

    def tell(self, key: Key, **values: str | int) -> None:
        """Set values beside counters, where the counters move; the last writer wins."""
        self._told[key] = {**self._told.get(key, {}), **values}

    def also(self, action: Action) -> None:
        """Hold the commit to one more action with a condition of its own, on an item this draft does not touch."""
        self._also.append(action)

    def savepoint(self) -> tuple[dict[Key, Item | None], dict[Key, dict[str, int]]]:
        """What is pending now, for `rollback` when one of several facts turns out to be poison."""
        return dict(self._changed), {key: dict(counter) for key, counter in self._counts.items()}

    def rollback(self, to: tuple[dict[Key, Item | None], dict[Key, dict[str, int]]]) -> None:
        self._changed, self._counts = to

    def discard(self) -> None:
        """Drop all pending changes, so that the commit writes nothing."""
        self._changed.clear()
        self._counts.clear()
        self._told.clear()
        self._also.clear()

    @property
    def pending(self) -> bool:
        return bool(self._changed or self._counts)

    @property
    def full(self) -> bool:
        return len(self._changed) + len(self._counts) >= FULL

    def commit(self) -> None:
        """Write all changes in one go; raises Conflict or Busy with nothing written."""
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
            elif before is None:
                actions.append(Put({**item, "version": 1}, (absent(),)))
            else:
                actions.append(
                    Put({**item, "version": before["version"] + 1}, (equals(("version",), before["version"]),))
                )
        for key, counter in self._counts.items():
            amounts: dict[tuple[str, ...], int] = {(name,): amount for name, amount in counter.items() if amount}
            if amounts:
                told: dict[tuple[str, ...], str | int] = {
                    (name,): value for name, value in self._told.get(key, {}).items()
                }
                actions.append(Update(key, add=amounts, set=told))
        actions += self._also
        if actions:
            self._table.write(*actions)
        for key, item in self._changed.items():
            if item is not None and "version" in item:
                before = self._read.get(key)
                item = {**item, "version": (before["version"] if before else 0) + 1}
            self._read[key] = item
        self.discard()
