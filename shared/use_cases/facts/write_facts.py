"""Puts facts into the lake: one object of compressed JSON lines per kind and local day."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.domain.facts.layout import raw_name
from shared.domain.facts.schema import COLUMNS, COMMON, Kind, Type, columns
from shared.ports import ObjectStore

_BIGINT: Final = range(-(2**63), 2**63)


def write(store: ObjectStore, facts: Iterable[Mapping[str, Any]], source: str) -> None:
    """Write facts, each its columns and its `kind`, under names that `source` makes unique.

    The same facts of the same source become the same objects with the same bytes, so that a retry overwrites them.
    Columns without a value may be left out. Raises ValueError, before anything is written, for an unknown kind or
    column, a value of another type, or one of the common columns missing; Busy when some objects may be written and
    others not.
    """
    objects: dict[str, list[str]] = defaultdict(list)
    for fact in facts:
        kind, row = check(fact)
        objects[raw_name(kind, row["day"], source)].append(
            json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        )
    for name, lines in sorted(objects.items()):
        text = "".join(f"{line}\n" for line in sorted(lines))
        store.put(name, gzip.compress(text.encode(), mtime=0))


def check(fact: Mapping[str, Any]) -> tuple[Kind, dict[str, Any]]:
    """The kind of a fact, and its columns that have a value; raises ValueError as `write` does."""
    kind = _kind(fact)
    row = {name: value for name, value in fact.items() if name != "kind" and value is not None}
    _check(kind, row)
    return kind, row


def _kind(fact: Mapping[str, Any]) -> Kind:
    kind = fact.get("kind")
    if kind not in COLUMNS:
        raise ValueError(f"there are no facts of kind {kind!r}")
    known: Kind = kind
    return known


def _check(kind: Kind, row: Mapping[str, Any]) -> None:
    """ValueError that names kind and column, and no value."""
    types = columns(kind)
    for name, value in row.items():
        if name not in types:
            raise ValueError(f"a fact of kind {kind} has no column {name!r}")
        if not _is(types[name], value):
            raise ValueError(f"{kind}.{name} is {types[name]}, not {type(value).__name__}")
    if missing := COMMON.keys() - row.keys():
        raise ValueError(f"a fact of kind {kind} lacks {', '.join(sorted(missing))}")


def _is(wanted: Type, value: Any) -> bool:
    if isinstance(value, bool):
        return wanted == "BOOLEAN"
    if isinstance(value, str):
        return wanted == "VARCHAR"
    if isinstance(value, int):
        return wanted == "DOUBLE" or (wanted == "BIGINT" and value in _BIGINT)
    # NaN and the infinities are no JSON.
    return isinstance(value, float) and wanted == "DOUBLE" and value - value == 0
