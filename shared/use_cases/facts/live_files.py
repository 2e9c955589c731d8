"""Copies of the lake's files that are to be read now, on the local disk, where DuckDB reads them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from shared.domain.errors import Busy
from shared.domain.facts.layout import RAW, manifest_name
from shared.domain.facts.manifest import Manifest
from shared.domain.facts.schema import Kind
from shared.ports import ObjectStore
from shared.use_cases.facts.fetch import all_names, fetch

# So much lies in memory at once at most, while it is copied.
_FILES_AT_ONCE = 200


def live_files(store: ObjectStore, kinds: Iterable[Kind], folder: Path) -> dict[Kind, list[Path]]:
    """The files that hold all facts of these kinds, copied below `folder`: Parquet by the manifest, and the raw objects
    that it does not contain yet.

    What an earlier call has copied is not read again, for a name never gets other bytes; what is live no more is
    removed. One fact may be in several files, in several versions. Raises Busy when a file went while it was read.
    """
    live: dict[Kind, list[Path]] = {}
    for kind in kinds:
        names = _live_names(store, kind)
        live[kind] = [folder / name for name in names]
        _copy(store, names, folder)
        for file in _copies(folder, kind) - set(live[kind]):
            file.unlink(missing_ok=True)
    return live


def _live_names(store: ObjectStore, kind: Kind) -> list[str]:
    stored = store.get(manifest_name(kind))
    manifest = Manifest.read(stored.body if stored else None)
    # Read after the manifest: what another run folds meanwhile is still there, and is then in both.
    raw = [name for name in all_names(store, f"{RAW}/{kind}/") if name not in manifest.folded]
    return [*(part for _, part in sorted(manifest.parts.items())), *raw]


def _copy(store: ObjectStore, names: list[str], folder: Path) -> None:
    missing = [name for name in names if not (folder / name).exists()]
    for start in range(0, len(missing), _FILES_AT_ONCE):
        some = missing[start : start + _FILES_AT_ONCE]
        for name, stored in zip(some, fetch(store, some), strict=True):
            if stored is None:
                raise Busy(f"{name} went while the lake was read")
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_name(f".{path.name}")
            fresh.write_bytes(stored.body)
            fresh.replace(path)


def _copies(folder: Path, kind: Kind) -> set[Path]:
    return {file for file in folder.glob(f"*/{kind}/*/*") if file.is_file()}
