"""What a commit adds to counters and reports, and how it travels: inside an item that the commit writes anyway (X21).

A counter row in the transaction of every order would be one hot row for all customers, and double its price. So the
commit says what to add in the attribute `news` of one of its items; the stream of the table reads every new state of
that item once and adds it up.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, NamedTuple

from shared.ports import Item, Key

NEWS = "news"


class Addition(NamedTuple):
    """What to add to the counters of a row, and what to set beside them."""

    key: Key
    add: dict[str, int]
    set: dict[str, str | int]


class News:
    """The additions and events of one commit."""

    def __init__(self) -> None:
        self._add: dict[Key, dict[str, int]] = {}
        self._set: dict[Key, dict[str, str | int]] = {}
        self._events: list[dict[str, Any]] = []

    def count(self, key: Key, amounts: Mapping[str, int]) -> None:
        counter = self._add.setdefault(key, {})
        for name, amount in amounts.items():
            counter[name] = counter.get(name, 0) + amount

    def describe(self, key: Key, values: Mapping[str, str | int]) -> None:
        self._set[key] = {**self._set.get(key, {}), **values}

    def tell(self, event: Mapping[str, Any]) -> None:
        self._events.append(dict(event))

    def copy(self) -> News:
        return deepcopy(self)

    def keys(self) -> list[Key]:
        return [key for key, counter in self._add.items() if any(counter.values())]

    def __bool__(self) -> bool:
        return bool(self.keys() or self._events)

    def as_item(self, version: int) -> Item:
        """The news as the carrying item holds them. `v` is that item's version: a later write of another kind, which
        leaves the attribute where it is, does not tell them again."""
        rows = []
        for key in self.keys():
            amounts = {name: amount for name, amount in self._add[key].items() if amount}
            rows.append([key.pk, key.sk, amounts, *([self._set[key]] if key in self._set else [])])
        item: Item = {"v": version}
        if rows:
            item["add"] = rows
        if self._events:
            item["events"] = self._events
        return item


def additions(old: Item | None, new: Item | None) -> list[Addition]:
    """What a change of an item adds to counters."""
    return [
        Addition(Key(pk, sk), amounts, values[0] if values else {})
        for pk, sk, amounts, *values in _told(old, new).get("add", ())
    ]


def events(old: Item | None, new: Item | None) -> list[dict[str, Any]]:
    """The events that a change of an item tells."""
    told: list[dict[str, Any]] = _told(old, new).get("events", [])
    return told


def _told(old: Item | None, new: Item | None) -> Item:
    """The news that a change brings; empty where they came with an earlier one."""
    news: Item = (new or {}).get(NEWS, {})
    fresh = news and new is not None and news["v"] == new["version"] != (old or {}).get("version")
    return news if fresh else {}
