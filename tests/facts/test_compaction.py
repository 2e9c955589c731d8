"""X21: compaction loses nothing and doubles nothing, wherever it stops, whoever reads meanwhile."""

from __future__ import annotations

import json
import random
import shutil
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.local.folder_store import FolderStore
from shared.analytics.compaction import merge
from shared.domain.errors import Busy, Conflict
from shared.domain.facts.schema import Kind, columns
from shared.ports import ObjectStore
from shared.use_cases.facts.compact import GRACE, WORTH_IT
from shared.use_cases.facts.live_files import live_files
from shared.use_cases.facts.write_facts import write
from tests.facts.lake_world import NOW, Killed, Mortal, compact, fact, latest, read_lake

DAYS = ("2026-11-30", "2026-12-01", "2026-12-02")


@pytest.fixture
def store() -> FolderStore:
    return FolderStore()


def names(store: ObjectStore, prefix: str = "") -> list[str]:
    return store.list(prefix).names


def test_raw_objects_of_a_day_become_one_part_with_the_latest_versions(store: FolderStore, tmp_path: Path) -> None:
    told = [fact(version=1, total=100), fact(version=3, total=300, promo=True), fact(version=2, total=200)]
    told += [fact(fact_id="o2", day="2026-11-30"), fact("cart", "c1", value=5)]
    for number, one in enumerate(told):
        write(store, [one], f"s{number}")

    done = compact(store)

    assert (done.folded, done.parts, done.deleted, done.done, done.failed) == (5, 3, 0, True, [])
    assert len(names(store, "parquet/order/dt=2026-12-01/")) == 1
    files = live_files(store, ["order", "cart"], tmp_path)
    assert {kind: [file.suffix for file in found] for kind, found in files.items()} == {
        "order": [".parquet"] * 2,
        "cart": [".parquet"],
    }
    assert read_lake(store, tmp_path) == latest(told)


def test_late_facts_and_facts_taken_back_reach_an_old_day(store: FolderStore, tmp_path: Path) -> None:
    told = [fact(version=1, total=100), fact(fact_id="o2", version=1, total=7)]
    write(store, told, "first")
    compact(store)
    late = [fact(version=2, total=90), fact(fact_id="o2", version=2, deleted=True), fact(fact_id="o0", version=1)]
    write(store, late, "late")

    assert read_lake(store, tmp_path) == latest(told + late)
    assert compact(store).folded == 1
    assert read_lake(store, tmp_path) == latest(told + late)
    # An older version that comes last brings nothing back.
    write(store, told, "again")
    compact(store)
    assert read_lake(store, tmp_path) == latest(told + late)


def test_a_run_without_news_changes_nothing(store: FolderStore) -> None:
    write(store, [fact()], "s")
    compact(store)
    before = {name: store.get(name) for name in names(store)}
    again = compact(store)

    assert (again.folded, again.parts, again.deleted) == (0, 0, 0)
    assert {name: store.get(name) for name in names(store)} == before


def test_files_are_deleted_when_nobody_can_read_them_any_more(store: FolderStore, tmp_path: Path) -> None:
    write(store, [fact(version=1)], "a")
    compact(store, now=NOW)
    write(store, [fact(version=2)], "b")
    compact(store, now=NOW + timedelta(hours=1))

    assert len(names(store, "facts/")) == len(names(store, "parquet/")) == 2
    compact(store, now=NOW + GRACE - timedelta(minutes=1))
    assert len(names(store, "facts/")) == 2
    compact(store, now=NOW + GRACE)
    assert names(store, "facts/") == ["facts/order/dt=2026-12-01/b.jsonl.gz"]
    assert len(names(store, "parquet/")) == 2
    compact(store, now=NOW + GRACE + timedelta(hours=1))
    assert names(store, "facts/") == []
    assert len(names(store, "parquet/")) == 1

    (manifest,) = names(store, "manifests/")
    stored = store.get(manifest)
    assert stored is not None
    kept = json.loads(stored.body)
    assert (kept["folded"], kept["retired"]) == ({}, {})
    assert read_lake(store, tmp_path) == latest([fact(version=2)])


def test_a_reader_with_an_older_manifest_still_finds_its_files(store: FolderStore, tmp_path: Path) -> None:
    write(store, [fact(version=1)], "a")
    compact(store)

    class Slow(FolderStore):
        """Between its reading of the manifest and of the files, another run compacts."""

        def list(self, prefix: str, *, after: str = "") -> Any:
            write(store, [fact(version=2)], "b")
            compact(store)
            return super().list(prefix, after=after)

    assert read_lake(Slow(store._folder()), tmp_path, ["order"]) == latest([fact(version=2)])


def test_an_hourly_run_leaves_quiet_folders_to_the_night(store: FolderStore, tmp_path: Path) -> None:
    busy = [fact(fact_id=f"o{number}") for number in range(WORTH_IT)]
    quiet = [fact(fact_id="q", day="2026-11-30"), fact("cart", "c")]
    for number, one in enumerate(busy):
        write(store, [one], f"s{number}")
    write(store, quiet, "s")

    assert compact(store, thorough=False).folded == WORTH_IT
    assert len(names(store, "parquet/")) == 1
    assert compact(store, thorough=False).folded == 0
    assert read_lake(store, tmp_path) == latest(busy + quiet)
    assert compact(store, thorough=True).folded == 2


def test_a_run_stops_when_its_time_is_over_and_the_next_one_goes_on(store: FolderStore, tmp_path: Path) -> None:
    told = [fact(fact_id=day, day=day) for day in DAYS]
    write(store, told, "s")
    time = iter([True, False, True, True])

    first = compact(store, more=lambda: next(time))
    assert (first.parts, first.done) == (1, False)
    assert read_lake(store, tmp_path) == latest(told)
    second = compact(store, more=lambda: next(time))
    assert (second.parts, second.done) == (2, True)


def test_a_folder_that_cannot_be_read_is_named_and_holds_up_no_other(store: FolderStore) -> None:
    write(store, [fact(day=day) for day in DAYS], "s")
    store.put("facts/order/dt=2026-12-01/broken.jsonl.gz", b"no gzip")

    done = compact(store)
    assert done.parts == 2
    assert done.failed == ["order 2026-12-01: an object is no gzip"]
    store.delete(["facts/order/dt=2026-12-01/broken.jsonl.gz"])
    assert compact(store).parts == 1


def test_what_others_put_beside_the_facts_is_left_alone(store: FolderStore) -> None:
    for name in ("facts/unknown/dt=2026-12-01/a", "facts/order/a", "facts/order/dt=someday/a", "facts/README"):
        store.put(name, b"x")

    assert compact(store).folded == 0


def test_the_part_has_the_columns_of_today_whatever_an_older_one_had(store: FolderStore, tmp_path: Path) -> None:
    old = tmp_path / "old.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE old AS SELECT 'x' AS gone, 7::INTEGER AS total, 'o2' AS fact_id, '0001' AS version, "
            "false AS deleted, '2026-12-01' AS day, '2026-12-01T03:04:05.678Z' AS at"
        )
        connection.table("old").write_parquet(str(old))
    write(store, [fact(total=2**40)], "a")
    (raw,) = [stored.body for name in names(store) if (stored := store.get(name))]

    (tmp_path / "new.parquet").write_bytes(merge("order", [raw], old.read_bytes()))
    with duckdb.connect() as connection:
        answer = connection.execute("FROM read_parquet(?)", [str(tmp_path / "new.parquet")])
        types = {column[0]: str(column[1]) for column in answer.description}
        rows = [dict(zip(types, row, strict=True)) for row in answer.fetchall()]
    assert types == columns("order")
    assert [(row["fact_id"], row["total"], row["store"]) for row in rows] == [("o1", 2**40, None), ("o2", 7, None)]


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_run_that_is_killed_at_any_call_loses_and_doubles_nothing(tmp_path: Path, done: bool) -> None:
    told = [fact(fact_id=f"o{n % 3}", version=n, day=DAYS[n % 3], total=n) for n in range(6)]
    for number, one in enumerate(told):
        write(FolderStore(tmp_path / "lake"), [one], f"s{number}")
        if number == 2:
            compact(FolderStore(tmp_path / "lake"), now=NOW - GRACE)
    killed = 0
    for at in range(1, 60):
        folder = tmp_path / str(at)
        store = FolderStore(Path(shutil.copytree(tmp_path / "lake", folder / "lake")))
        try:
            compact(Mortal(store, at, done=done))
        except Killed:
            killed += 1
        assert read_lake(store, folder / "copies", ["order"]) == latest(told)

        # The next nights leave exactly what is live, and nothing of the dead run.
        compact(store, now=NOW + GRACE / 2)
        assert read_lake(store, folder / "copies", ["order"]) == latest(told)
        compact(store, now=NOW + 2 * GRACE)
        assert names(store, "facts/") == []
        assert len(names(store, "parquet/")) == 3
        assert read_lake(store, folder / "copies", ["order"]) == latest(told)
        if killed < at:
            break
    # Every call of an uninterrupted run was a place to die.
    assert 20 < killed < 59


def test_a_run_that_another_one_overtook_starts_again(store: FolderStore, tmp_path: Path) -> None:
    told = [fact(version=1, total=1)]
    write(store, told, "a")
    overtaken = False

    class Overtaken(FolderStore):
        """Just before its manifest is put, another run is done, which has seen a later fact."""

        def put(self, name: str, body: bytes, *, if_absent: bool = False, if_match: str | None = None) -> str:
            nonlocal overtaken
            if name.startswith("manifests/") and not overtaken:
                overtaken = True
                told.append(fact(version=2, total=2))
                write(store, told[1:], "late")
                compact(store)
            return super().put(name, body, if_absent=if_absent, if_match=if_match)

    assert compact(Overtaken(store._folder())).done

    assert overtaken
    assert read_lake(store, tmp_path) == latest(told)
    # The part of the overtaken run is not left behind.
    assert len(names(store, "parquet/")) == 2
    compact(store, now=NOW + GRACE)
    assert len(names(store)) == 2
    assert read_lake(store, tmp_path) == latest(told)


def test_a_run_that_is_always_overtaken_gives_up(store: FolderStore) -> None:
    class Hopeless(FolderStore):
        def put(self, name: str, body: bytes, *, if_absent: bool = False, if_match: str | None = None) -> str:
            if name.startswith("manifests/"):
                raise Conflict("always")
            return super().put(name, body, if_absent=if_absent, if_match=if_match)

    write(store, [fact()], "a")
    with pytest.raises(Conflict):
        compact(Hopeless(store._folder()))


# Copies on the local disk


def test_a_second_reading_copies_only_what_is_new_and_drops_what_is_old(store: FolderStore, tmp_path: Path) -> None:
    write(store, [fact("order")], "a")
    write(store, [fact("cart")], "a")
    compact(store)
    write(store, [fact(version=2)], "b")
    first = live_files(store, ["order"], tmp_path)["order"]
    before = {file: file.stat().st_ino for file in first}
    compact(store)
    write(store, [fact(version=3)], "c")
    second = live_files(store, ["order", "cart"], tmp_path)

    assert [file.suffix for file in first] == [file.suffix for file in second["order"]] == [".parquet", ".gz"]
    assert not set(first) & set(second["order"])
    assert not [file for file in first if file.exists()]
    third = live_files(store, ["order", "cart"], tmp_path)
    assert third == second
    assert len(before) == 2


def test_files_already_copied_are_not_read_again(store: FolderStore, tmp_path: Path) -> None:
    write(store, [fact(day=day) for day in DAYS], "a")
    compact(store)
    live_files(store, ["order"], tmp_path)

    calls: list[str] = []

    class Counted(FolderStore):
        def get(self, name: str) -> Any:
            calls.append(name)
            return super().get(name)

    live_files(Counted(store._folder()), ["order"], tmp_path)
    assert calls == ["manifests/order.json"]


def test_a_file_that_goes_while_it_is_read_makes_the_reader_start_again(store: FolderStore, tmp_path: Path) -> None:
    write(store, [fact()], "a")
    compact(store)
    store.delete(names(store, "parquet/"))

    with pytest.raises(Busy, match="went while"):
        live_files(store, ["order"], tmp_path)


# Anything goes

batches = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(["order", "customer"]), st.integers(0, 4), st.integers(1, 5), st.sampled_from(DAYS[:2])
        ),
        min_size=1,
        max_size=6,
    ),
    min_size=1,
    max_size=6,
)


def told_by(kind: Kind, number: int, version: int, day: str) -> dict[str, Any]:
    """A fact whose values follow from its id and version, as one state of one item tells them."""
    values = {"total": number * version} if kind == "order" else {"lead": f"c{number * version % 3}"}
    # A fact keeps its day.
    return fact(kind, f"{day}-{number}", version, day=day, deleted=version == 4, **values)


@given(batches=batches, seed=st.integers(0, 2**32), deaths=st.lists(st.integers(1, 25), max_size=4))
@settings(max_examples=25)
def test_doubled_shuffled_and_interrupted_batches_read_back_as_brute_force_has_them(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Any]], seed: int, deaths: list[int]
) -> None:
    chance = random.Random(seed)
    store = FolderStore()
    copies = tmp_path_factory.mktemp("copies")
    facts = [[told_by(*one) for one in batch] for batch in batches]
    deliveries = [*enumerate(facts), *chance.choices(list(enumerate(facts)), k=3)]
    chance.shuffle(deliveries)
    told: list[dict[str, Any]] = []
    for number, (source, batch) in enumerate(deliveries):
        again = chance.sample(batch, len(batch))
        write(store, again, f"s{source}" if chance.random() < 0.7 else f"retry{number}")
        told += batch
        if deaths and chance.random() < 0.6:
            mortal = Mortal(store, deaths.pop(), done=chance.random() < 0.5)
            with suppress(Killed):
                compact(mortal, now=NOW + number * GRACE * 0.4, thorough=chance.random() < 0.7)
        assert read_lake(store, copies, ["order", "customer"]) == latest(told)
    compact(store, now=NOW + 20 * GRACE)
    assert read_lake(store, copies, ["order", "customer"]) == latest(told)
    compact(store, now=NOW + 40 * GRACE)
    assert names(store, "facts/") == []
    assert read_lake(store, copies, ["order", "customer"]) == latest(told)
