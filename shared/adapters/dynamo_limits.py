"""What DynamoDB refuses before it reads any item, checked by both tables alike, so that a laptop finds it first.

Everything here is a programming error: ValueError or TypeError, never a domain error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.ports import Action, Check, Clause, Key, Put, Update

MAX_ACTIONS = 100
BATCH_KEYS = 100
MAX_PK_BYTES = 2048
MAX_SK_BYTES = 1024
# An expression may have 4 KB: a condition takes up to 60 bytes of it, a change up to 40.
MAX_CLAUSES = 64
MAX_CHANGES = 100
KEY_NAMES = ("pk", "sk")
INDEX_NAMES = ("due", "due_at")
CLAUSE_KINDS = frozenset({"absent", "present", "equals", "absent_or_equals", "absent_or_at_most"})


def check_key(key: Key) -> None:
    """Both parts must be strings of an allowed length."""
    pk, sk = key
    # A character has four bytes at most, so short texts need no counting.
    if type(pk) is type(sk) is str and 0 < len(pk) <= MAX_PK_BYTES // 4 and 0 < len(sk) <= MAX_SK_BYTES // 4:
        return
    _check_text("pk", key[0], MAX_PK_BYTES)
    _check_text("sk", key[1], MAX_SK_BYTES)


def check_actions(actions: Sequence[Action]) -> list[Key]:
    """1 to 100 actions, each on another item, each well formed; returns their keys."""
    if not 1 <= len(actions) <= MAX_ACTIONS:
        raise ValueError(f"a write takes 1 to {MAX_ACTIONS} actions, not {len(actions)}")
    keys = [action.key for action in actions]
    if len(set(keys)) < len(keys):
        raise ValueError("a write must not act twice on one item")
    for key, action in zip(keys, actions, strict=True):
        check_key(key)
        if isinstance(action, Put):
            for name in INDEX_NAMES:
                if name in action.item:
                    _check_index_key(name, action.item[name])
        elif isinstance(action, Update):
            _check_update(action)
        elif isinstance(action, Check) and not action.when:
            raise ValueError("a check without conditions checks nothing")
        if len(action.when) > MAX_CLAUSES:
            raise ValueError(f"an action takes at most {MAX_CLAUSES} conditions, not {len(action.when)}")
        for clause in action.when:
            _check_clause(clause)
    return keys


def _check_text(name: str, value: Any, limit: int) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {type(value).__name__}")
    if not value:
        raise ValueError(f"{name} must not be empty")
    if (len(value) if value.isascii() else len(value.encode())) > limit:
        raise ValueError(f"{name} must be at most {limit} bytes")


def _check_index_key(name: str, value: Any) -> None:
    # An item whose index key is null, a number or empty is refused whole; to leave the index, remove the attribute.
    _check_text(name, value, MAX_SK_BYTES)


def _check_update(update: Update) -> None:
    paths = [*update.set, *update.add, *update.remove]
    if not paths:
        raise ValueError("an update must change something")
    if len(paths) > MAX_CHANGES:
        raise ValueError(f"an update makes at most {MAX_CHANGES} changes, not {len(paths)}")
    known = set(paths)
    if len(known) < len(paths) or any(path[:end] in known for path in paths for end in range(1, len(path))):
        raise ValueError("the paths of an update must not overlap")
    for path in paths:
        if not path or not all(path):
            raise ValueError("a path must not be empty")
        if path[0] in KEY_NAMES:
            raise ValueError(f"{path[0]} is part of the key and cannot change")
        if path[0] in INDEX_NAMES and path not in update.remove:
            if path not in update.set:
                raise ValueError(f"{path[0]} can only be set or removed whole")
            _check_index_key(path[0], update.set[path])
    for path, step in update.add.items():
        if isinstance(step, bool) or not isinstance(step, int):
            raise TypeError(f"only a whole number can be added to {'.'.join(path)}")


def _check_clause(clause: Clause) -> None:
    if clause.kind not in CLAUSE_KINDS:
        raise ValueError(f"no such condition: {clause.kind}")
    if not clause.path:
        raise ValueError("a path must not be empty")
    if clause.kind == "absent_or_at_most" and (
        isinstance(clause.value, bool) or not isinstance(clause.value, (str, int))
    ):
        raise TypeError("only strings and numbers can be compared by size")
