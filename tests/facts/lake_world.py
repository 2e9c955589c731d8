"""Helpers of the lake's tests: facts by the dozen, what they come to by brute force, and a store that gets killed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from shared.analytics.compaction import merge
from shared.domain.facts.schema import KINDS, Kind, columns
from shared.ports import Names, ObjectStore, Stored
from shared.use_cases.facts.compact import Compacted, Compaction
from shared.use_cases.facts.live_files import live_files

NOW = datetime(2026, 12, 3, 20, tzinfo=UTC)
Rows = dict[tuple[str, str], dict[str, Any]]


def fact(kind: Kind = "order", fact_id: str = "o1", version: int = 1, **values: Any) -> dict[str, Any]:
    """One fact; its version is a number that sorts as text."""
    at = "2026-12-01T03:04:05.678Z"
    common = {"fact_id": fact_id, "version": f"{version:04}", "deleted": False, "day": "2026-12-01", "at": at}
    return {"kind": kind, **common, **values}


def compact(
    store: ObjectStore, *, now: datetime = NOW, thorough: bool = True, more: Callable[[], bool] = lambda: True
) -> Compacted:
    """One run, with ids of its own."""
    ids = (f"{random.getrandbits(60):x}" for _ in itertools.count())
    return Compaction(store, merge, now=now, new_id=lambda: next(ids), more=more).run(thorough=thorough)


def latest(facts: Iterable[dict[str, Any]]) -> Rows:
    """By brute force: the greatest version of each fact, all columns, with those that were taken back."""
    found: Rows = {}
    for told in facts:
        key = (told["kind"], told["fact_id"])
        if key not in found or told["version"] > found[key]["version"]:
            found[key] = {name: told.get(name) for name in columns(told["kind"])}
    return found


def read_lake(store: ObjectStore, folder: Path, kinds: Sequence[Kind] = KINDS) -> Rows:
    """The latest facts as a reader sees them: the live files, the greatest version of each."""
    found: Rows = {}
    for kind, files in live_files(store, kinds, folder).items():
        parts = [str(file) for file in files if file.suffix == ".parquet"]
        raw = [str(file) for file in files if file.suffix == ".gz"]
        rows = _rows("SELECT * FROM read_parquet(?)", parts)
        rows += _rows(f"SELECT * FROM read_json(?, columns = {columns(kind)!r})", raw)  # noqa: S608 - our own schema
        found |= latest({"kind": kind, **row} for row in rows)
    return found


@cache
def _database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


def _rows(query: str, files: list[str]) -> list[dict[str, Any]]:
    if not files:
        return []
    answer = _database().execute(query, [files])
    names = [column[0] for column in answer.description]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


class Killed(Exception):
    """The process died here."""


class Mortal:
    """A store whose process is killed at its n-th call: before it does anything, or after it has done it."""

    def __init__(self, store: ObjectStore, at: int, *, done: bool) -> None:
        self._store = store
        self._calls = itertools.count(1)
        self._at = at
        self._done = done

    def _call(self, method: Callable[..., Any], *args: Any, **options: Any) -> Any:
        last = next(self._calls) == self._at
        if last and not self._done:
            raise Killed
        answer = method(*args, **options)
        if last:
            raise Killed
        return answer

    def put(self, name: str, body: bytes, *, if_absent: bool = False, if_match: str | None = None) -> str:
        etag: str = self._call(self._store.put, name, body, if_absent=if_absent, if_match=if_match)
        return etag

    def get(self, name: str) -> Stored | None:
        stored: Stored | None = self._call(self._store.get, name)
        return stored

    def list(self, prefix: str, *, after: str = "") -> Names:
        names: Names = self._call(self._store.list, prefix, after=after)
        return names

    def delete(self, names: Sequence[str]) -> None:
        self._call(self._store.delete, names)
