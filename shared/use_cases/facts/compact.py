"""Compaction: what lies in a day's folder as many small raw objects becomes one Parquet part (X21).

A run may be killed anywhere, run twice at once, or stop for want of time. The part is written first, under a name of
its own, then the manifest names it in place of the former one by a conditional put; readers see the one or the other.
What is replaced stays for a day, for readers that still go by an older manifest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.domain.errors import Conflict
from shared.domain.facts.layout import PARTS, RAW, kind_and_day, manifest_name, part_name
from shared.domain.facts.manifest import Manifest
from shared.domain.facts.schema import KINDS, Kind
from shared.domain.vietnam_time import stamp
from shared.ports import NewId, ObjectStore
from shared.use_cases.facts.fetch import all_names, fetch

# How a day's raw objects and its former part become its new part.
Merge = Callable[[Kind, Sequence[bytes], bytes | None], bytes]

GRACE: Final = timedelta(days=1)
# A folder with fewer new objects waits for the night: rewriting its part would cost more than reading them.
WORTH_IT: Final = 16
# So many raw objects lie in memory at once at most …
_RAW_AT_ONCE: Final = 500
# … and so many folders are folded in vain when a run is killed.
_FOLDERS_PER_COMMIT: Final = 25
_ATTEMPTS: Final = 3


@dataclass
class Compacted:
    """What a run did: raw objects folded, parts written, old files deleted; `done`: nothing was left for want of time.
    `failed` names folders that could not be read, and why."""

    folded: int
    parts: int
    deleted: int
    done: bool
    failed: list[str]


class Compaction:
    """One run. `more` says whether there is time for another folder."""

    def __init__(
        self, store: ObjectStore, merge: Merge, *, now: datetime, new_id: NewId, more: Callable[[], bool]
    ) -> None:
        self._store = store
        self._merge = merge
        self._now = now
        self._new_id = new_id
        self._more = more
        self._done = Compacted(0, 0, 0, True, [])

    def run(self, *, thorough: bool) -> Compacted:
        """Fold the folders where it is worth it, or with `thorough` every one, and delete what its grace is over for.

        Raises Conflict when other runs were faster again and again, and Busy; what was committed stays.
        """
        for kind, folders in self._folders().items():
            busy = {day: raw for day, raw in folders.items() if thorough or len(raw) >= WORTH_IT}
            if not (busy or thorough):
                continue
            for attempt in range(_ATTEMPTS):
                try:
                    self._compact(kind, busy, thorough)
                    break
                except Conflict:
                    if attempt == _ATTEMPTS - 1:
                        raise
        return self._done

    def _folders(self) -> dict[Kind, dict[str, list[str]]]:
        """Kind → day → raw objects, folded ones too."""
        found: dict[Kind, dict[str, list[str]]] = {kind: defaultdict(list) for kind in KINDS}
        for name in all_names(self._store, f"{RAW}/"):
            if ours := kind_and_day(name):
                kind, day = ours
                found[kind][day].append(name)
        return found

    def _compact(self, kind: Kind, folders: Mapping[str, list[str]], thorough: bool) -> None:
        opened = _Opened(self._store, kind)
        least = 1 if thorough else WORTH_IT
        for day, raw in sorted(folders.items()):
            new = [name for name in raw if name not in opened.manifest.folded]
            if len(new) < least:
                continue
            for some in _slices(new, _RAW_AT_ONCE):
                if not self._more():
                    self._done.done = False
                    opened.commit()
                    return
                self._fold(opened, kind, day, some)
        if thorough:
            self._clear(opened, kind)
        opened.commit()

    def _fold(self, opened: _Opened, kind: Kind, day: str, raw: list[str]) -> None:
        former = opened.manifest.parts.get(day)
        stored = fetch(self._store, [former, *raw] if former else raw)
        part = stored.pop(0) if former else None
        if former and part is None:
            raise Conflict(f"{former} went while it was read")
        # What is not there any more was folded and deleted by another run after this one had listed it.
        bodies = [found.body for found in stored if found]
        if not bodies:
            return
        try:
            body = self._merge(kind, bodies, part and part.body)
        except ValueError as error:
            self._done.failed.append(f"{kind} {day}: {error}")
            return
        name = part_name(kind, day, self._new_id())
        self._store.put(name, body)
        opened.manifest.fold(day, name, raw, stamp(self._now))
        opened.changes += 1
        self._done.parts += 1
        self._done.folded += len(bodies)
        if opened.changes >= _FOLDERS_PER_COMMIT:
            opened.commit()

    def _clear(self, opened: _Opened, kind: Kind) -> None:
        opened.manifest.adopt(all_names(self._store, f"{PARTS}/{kind}/"), stamp(self._now))
        expired = opened.manifest.expired(stamp(self._now - GRACE))
        # Deleted before forgotten: a run that is killed between the two deletes once more.
        self._store.delete(expired)
        opened.manifest.forget(expired)
        opened.changes += 1
        self._done.deleted += len(expired)


class _Opened:
    """A manifest that is being changed; `commit` puts it in the place of the one that was read."""

    def __init__(self, store: ObjectStore, kind: Kind) -> None:
        self._store = store
        self._name = manifest_name(kind)
        stored = store.get(self._name)
        self._body = stored.body if stored else None
        self._etag = stored.etag if stored else None
        self.manifest = Manifest.read(self._body)
        self.changes = 0

    def commit(self) -> None:
        """Raises Conflict when another run was faster."""
        body = self.manifest.body()
        if body != (self._body or Manifest().body()):
            self._etag = self._store.put(self._name, body, if_absent=self._etag is None, if_match=self._etag)
            self._body = body
        self.changes = 0


def _slices(names: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(names), size):
        yield names[start : start + size]
