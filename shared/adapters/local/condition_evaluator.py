"""Conditions and partial updates on one item, as DynamoDB evaluates them; pure, for the local table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from shared.ports import Clause, Item, Update

_MISSING = object()


def holds(clauses: Sequence[Clause], item: Item | None) -> bool:
    """Whether all conditions hold for the item as it is (None: there is none)."""
    return all(_clause_holds(clause, item) for clause in clauses)


def updated(item: Item, update: Update) -> Item:
    """The item after the update, changed in place and returned; ValueError where DynamoDB rejects the expression."""
    for path, value in update.set.items():
        _parent(item, path)[path[-1]] = value
    for path, step in update.add.items():
        parent = _parent(item, path)
        number = parent.get(path[-1], 0)
        if isinstance(number, bool) or not isinstance(number, int):
            raise ValueError(f"{'.'.join(path)} is not a number, nothing can be added to it")
        parent[path[-1]] = number + step
    for path in update.remove:
        _parent(item, path).pop(path[-1], None)
    return item


def _parent(item: Item, path: tuple[str, ...]) -> dict[str, Any]:
    parent: Any = item
    for name in path[:-1]:
        parent = parent.get(name) if isinstance(parent, dict) else None
    if not isinstance(parent, dict):
        raise ValueError(f"{'.'.join(path)} has no parent map in the item")
    return parent


def _clause_holds(clause: Clause, item: Item | None) -> bool:
    value: Any = item
    for name in clause.path:
        value = value.get(name, _MISSING) if isinstance(value, dict) else _MISSING
    if value is _MISSING:
        return clause.kind not in ("present", "equals")
    if clause.kind == "present":
        return True
    if clause.kind == "absent":
        return False
    if clause.kind == "absent_or_at_most":
        # Python orders strings by code point, which is the order of their UTF-8 bytes.
        return _kind(value) is _kind(clause.value) and value <= clause.value
    return _same(value, clause.value)


def _kind(value: Any) -> type:
    """The DynamoDB type: a boolean is no number, and different types never compare."""
    return bool if isinstance(value, bool) else int if isinstance(value, int) else type(value)


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, (dict, list)):
        return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
    return _kind(left) is _kind(right) and bool(left == right)
