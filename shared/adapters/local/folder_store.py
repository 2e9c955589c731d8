"""An object store in a folder of the laptop: every write is whole, conditions hold between processes too."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from shared.adapters.local.capacity_meter import Meter
from shared.adapters.object_names import PAGE, check_name, check_put
from shared.domain.errors import Conflict
from shared.ports import Names, Stored

# Beside the objects and hidden from listings: no name begins with a dot.
_LOCK = ".lock"
_FRESH = ".fresh-"


class FolderStore:
    """`ports.ObjectStore` on a folder, made at the first write; without one, on a temporary folder that the store takes
    with it."""

    def __init__(self, folder: Path | None = None, *, meter: Meter | None = None) -> None:
        self._given = folder
        self._temporary: Path | None = None
        self._meter = meter

    def put(self, name: str, body: bytes, *, if_absent: bool = False, if_match: str | None = None) -> str:
        check_put(name, if_absent, if_match)
        path = self._folder() / name
        fresh = self._folder() / f"{_FRESH}{secrets.token_hex(8)}"
        fresh.write_bytes(body)
        try:
            with self._locked():
                if if_absent and path.exists():
                    raise Conflict(f"{name} is there already")
                if if_match is not None and (not path.exists() or _etag(path.read_bytes()) != if_match):
                    raise Conflict(f"{name} is not what it was")
                path.parent.mkdir(parents=True, exist_ok=True)
                fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
        self._count(body)
        return _etag(body)

    def get(self, name: str) -> Stored | None:
        check_name(name)
        try:
            body = (self._folder() / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        self._count(body)
        return Stored(body, _etag(body))

    def list(self, prefix: str, *, after: str = "") -> Names:
        root = self._folder()
        top = root / prefix.rpartition("/")[0]
        found = (Path(folder, file).relative_to(root).as_posix() for folder, _, files in os.walk(top) for file in files)
        names = sorted(name for name in found if name.startswith(prefix) and name > after and not name.startswith("."))
        return Names(names[:PAGE], names[PAGE - 1] if len(names) > PAGE else None)

    def delete(self, names: Sequence[str]) -> None:
        for name in names:
            check_name(name)
        with self._locked():
            for name in names:
                path = self._folder() / name
                path.unlink(missing_ok=True)
                # A listing walks through every folder, so what is empty goes too.
                with suppress(OSError):
                    path.parent.rmdir()

    def _folder(self) -> Path:
        folder = self._given or self._temporary
        if folder is None:
            folder = self._temporary = Path(tempfile.mkdtemp(prefix="kq-lake-"))
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone among all threads and processes that write here."""
        with (self._folder() / _LOCK).open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _count(self, body: bytes) -> None:
        if self._meter:
            self._meter.object_moved(len(body))


def _etag(body: bytes) -> str:
    return f'"{sha256(body).hexdigest()}"'
