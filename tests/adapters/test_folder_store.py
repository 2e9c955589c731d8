"""The laptop's object store: whole writes, conditions between processes, metering, no traces."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.adapters.local.capacity_meter import Meter
from shared.adapters.local.folder_store import FolderStore
from shared.domain.errors import Conflict


def test_objects_are_plain_files_that_another_store_on_the_folder_reads(tmp_path: Path) -> None:
    folder = tmp_path / "lake"
    etag = FolderStore(folder).put("facts/order/a", b"one")

    assert (folder / "facts/order/a").read_bytes() == b"one"
    assert FolderStore(folder).get("facts/order/a") == (b"one", etag)
    assert not list(folder.glob(".fresh-*"))


def test_nothing_is_made_before_the_first_use(tmp_path: Path) -> None:
    FolderStore(tmp_path / "lake")

    assert not (tmp_path / "lake").exists()


def test_of_many_conditional_writers_one_wins_each_round(tmp_path: Path) -> None:
    stores = [FolderStore(tmp_path) for _ in range(4)]

    def add_one(store: FolderStore) -> None:
        while True:
            stored = store.get("manifests/order.json")
            try:
                if stored is None:
                    store.put("manifests/order.json", b"1", if_absent=True)
                else:
                    store.put("manifests/order.json", b"%d" % (int(stored.body) + 1), if_match=stored.etag)
            except Conflict:
                continue
            return

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add_one, stores * 25))

    stored = stores[0].get("manifests/order.json")
    assert stored is not None
    assert stored.body == b"100"


def test_a_refused_write_leaves_nothing_behind(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put("a", b"one")
    with pytest.raises(Conflict):
        store.put("a", b"two", if_absent=True)

    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "a"]


def test_what_is_read_and_written_is_metered() -> None:
    meter = Meter()
    store = FolderStore(meter=meter)
    with meter.door("facts_stream"):
        store.put("a", b"12345")
        store.get("a")
        store.get("b")

    use = meter.report()["doors"]["facts_stream"]
    assert (use["objects"], use["object_bytes"]) == (2, 10)


def test_a_temporary_folder_goes_with_its_store() -> None:
    store = FolderStore()
    store.put("a", b"x")
    folder = store._folder()
    assert folder.exists()

    del store
    gc.collect()
    assert not folder.exists()
