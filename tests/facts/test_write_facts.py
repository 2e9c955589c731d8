"""X21, X22: how facts lie in the lake, and what does not get into it."""

from __future__ import annotations

import gzip
import json
import random
from typing import Any

import pytest

from shared.adapters.local.folder_store import FolderStore
from shared.domain.facts.schema import KINDS, columns
from shared.use_cases.facts.write_facts import write

VALUES = {"VARCHAR": "Việt", "BIGINT": 7, "BOOLEAN": True, "DOUBLE": 0.5}


def fact(kind: str = "order", **columns: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "fact_id": "o1",
        "version": "2026-12-01T03:04:05.678Z#1",
        "deleted": False,
        "day": "2026-12-01",
        "at": "2026-12-01T03:04:05.678Z",
        **columns,
    }


@pytest.fixture
def store() -> FolderStore:
    return FolderStore()


def rows(store: FolderStore, name: str) -> list[dict[str, Any]]:
    stored = store.get(name)
    assert stored is not None
    return [json.loads(line) for line in gzip.decompress(stored.body).splitlines()]


def test_facts_lie_by_kind_and_local_day_as_compressed_json_lines(store: FolderStore) -> None:
    order = fact(total=125_000, customer_id="c1", margin=None)
    write(store, [order, fact(fact_id="o2", day="2026-11-30"), fact("cart", value=-1)], "shard1-17-42")

    assert store.list("").names == [
        "facts/cart/dt=2026-12-01/shard1-17-42.jsonl.gz",
        "facts/order/dt=2026-11-30/shard1-17-42.jsonl.gz",
        "facts/order/dt=2026-12-01/shard1-17-42.jsonl.gz",
    ]
    # What has no value takes no room.
    told = {name: value for name, value in order.items() if name not in ("kind", "margin")}
    assert rows(store, "facts/order/dt=2026-12-01/shard1-17-42.jsonl.gz") == [told]


@pytest.mark.parametrize("kind", KINDS)
def test_every_column_of_every_kind_can_be_told(store: FolderStore, kind: str) -> None:
    told = {name: VALUES[type_] for name, type_ in columns(kind).items()} | fact()  # type: ignore[arg-type]
    write(store, [told | {"kind": kind}], "s")

    (row,) = rows(store, f"facts/{kind}/dt=2026-12-01/s.jsonl.gz")
    assert row.keys() == columns(kind).keys()  # type: ignore[arg-type]


def test_a_retry_overwrites_the_same_objects_with_the_same_bytes(store: FolderStore) -> None:
    facts = [fact(fact_id=f"o{number}", day=f"2026-12-0{number % 3 + 1}") for number in range(20)]
    write(store, facts, "s")
    before = {name: store.get(name) for name in store.list("").names}
    random.Random(2).shuffle(facts)
    write(store, [dict(reversed(fact.items())) for fact in facts], "s")

    assert len(before) == 3
    assert {name: store.get(name) for name in store.list("").names} == before


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (fact("orders"), "kind 'orders'"),
        ({"fact_id": "o1"}, "kind None"),
        (fact(phone="0912345678"), "column 'phone'"),
        (fact(total="125000"), "order.total is BIGINT, not str"),
        (fact(total=1.5), "order.total is BIGINT, not float"),
        (fact(total=True), "order.total is BIGINT, not bool"),
        (fact(total=2**63), "order.total is BIGINT, not int"),
        (fact(promo=1), "order.promo is BOOLEAN, not int"),
        (fact(status=["placed"]), "order.status is VARCHAR, not list"),
        (fact(version=None), "lacks version"),
        ({name: value for name, value in fact().items() if name not in ("at", "day")}, "lacks at, day"),
        (fact(day="2026-13-01"), "day that is none"),
        (fact(day="20261201"), "day that is none"),
        (fact(day="../../2026-12-01"), "day that is none"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_fact_is_an_error_that_shows_no_value_and_nothing_is_written(
    store: FolderStore, wrong: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        write(store, [fact(fact_id="o2"), wrong], "s")

    assert "0912345678" not in str(caught.value)
    assert store.list("").names == []


@pytest.mark.parametrize("source", ["", "a/b", ".a", "a b", "ổ", "x" * 257])
def test_a_source_that_cannot_stand_in_a_name_is_refused(store: FolderStore, source: str) -> None:
    with pytest.raises(ValueError, match="source"):
        write(store, [fact()], source)
