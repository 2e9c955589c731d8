"""What both tables promise to readers: every test runs against SQLite and against DynamoDB as moto plays it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from shared.ports import Delete, Key, Page, Put, Table, Update
from tests.adapters.contract import PROFILE, item, walk

# Reading one item


def test_what_was_put_is_read_back_as_it_was(table: Table) -> None:
    everything = item(
        name="Nguyễn Thị Ánh 🎂",
        empty="",
        revenue=12_500_000,
        below=-3,
        zero=0,
        huge=10**37 + 1,
        flag=True,
        off=False,
        nothing=None,
        list=["a", 1, None, [], {"deep": [True]}],
        map={"ngày sinh": "1990-05-21", "empty": {}},
    )
    table.write(Put(everything))
    read = table.get(PROFILE)
    assert read == everything
    assert read is not None
    assert isinstance(read["flag"], bool)
    assert isinstance(read["revenue"], int)
    assert table.get(PROFILE, consistent=False) == everything


def test_an_item_that_is_not_there_is_none(table: Table) -> None:
    table.write(Put(item()))
    assert table.get(Key("C#1", "Q")) is None
    assert table.get(Key("C#2", "P")) is None


def test_what_is_read_is_the_readers_own(table: Table) -> None:
    tags = ["vip"]
    table.write(Put(item(tags=tags)))
    tags.append("later")
    first = table.get(PROFILE)
    assert first == item(tags=["vip"])
    first["tags"].append("mine")
    assert table.get(PROFILE) == item(tags=["vip"])


def test_a_put_replaces_the_whole_item(table: Table) -> None:
    table.write(Put(item(old=1, both=1)))
    assert table.write(Put(item(both=2))) is None
    assert table.get(PROFILE) == item(both=2)


@pytest.mark.parametrize("key", [Key("", "P"), Key("C#1", "")])
def test_empty_keys_are_refused(table: Table, key: Key) -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        table.get(key)
    with pytest.raises(ValueError, match="must not be empty"):
        table.batch_get([key])
    with pytest.raises(ValueError, match="must not be empty"):
        table.write(Put(item(key)))


def test_keys_have_a_length_limit(table: Table) -> None:
    longest = Key("ạ" * 682, "x" * 1024)
    table.write(Put(item(longest)))
    assert table.get(longest) == item(longest)
    with pytest.raises(ValueError, match="2048"):
        table.get(Key("ạ" * 683, "x"))
    with pytest.raises(ValueError, match="1024"):
        table.get(Key("x", "x" * 1025))


# Batches


def test_a_batch_finds_those_that_exist_and_takes_more_than_a_hundred_keys(table: Table) -> None:
    for start in range(0, 230, 100):
        table.write(*(Put(item(Key(f"C#{n}", "P"), n=n)) for n in range(start, min(start + 100, 230))))
    keys = [Key(f"C#{n}", "P") for n in range(240)]
    found = table.batch_get(iter([*keys, *keys[:50]]))
    assert len(found) == 230
    assert found[Key("C#229", "P")] == item(Key("C#229", "P"), n=229)
    assert Key("C#230", "P") not in found


def test_an_empty_batch_is_empty(table: Table) -> None:
    assert table.batch_get([]) == {}


def test_a_batch_may_be_larger_than_one_answer(table: Table) -> None:
    keys = [Key("big", f"{n:03}") for n in range(45)]
    for key in keys:
        table.write(Put(item(key, pad="x" * 390_000)))
    assert sorted(table.batch_get(keys, consistent=False)) == keys


# Collections


@pytest.fixture
def collection(table: Table) -> Table:
    shuffled = [f"O#{n:02}" for n in range(20)]
    random.Random(1).shuffle(shuffled)
    table.write(*(Put(item(Key("C#1", sk))) for sk in shuffled))
    table.write(Put(item(Key("C#1", "P"))), Put(item(Key("C#2", "O#05"))), Put(item(Key("C#1", "Ô"))))
    return table


def orders(first: int, last: int) -> list[str]:
    return [f"O#{n:02}" for n in range(first, last + 1)]


def test_a_query_answers_one_collection_in_the_order_of_bytes(collection: Table) -> None:
    assert walk(collection, "C#1") == ([*orders(0, 19), "P", "Ô"], 1)
    assert walk(collection, "C#2") == (["O#05"], 1)
    assert walk(collection, "C#3") == ([], 1)
    assert collection.query("C#1", consistent=False).items == collection.query("C#1").items


def test_bounds_include_both_ends(collection: Table) -> None:
    assert walk(collection, "C#1", low="O#03", high="O#05")[0] == orders(3, 5)
    assert walk(collection, "C#1", low="O#18")[0] == [*orders(18, 19), "P", "Ô"]
    assert walk(collection, "C#1", high="O#01")[0] == orders(0, 1)
    assert walk(collection, "C#1", low="O#", high="O#~")[0] == orders(0, 19)
    assert walk(collection, "C#1", low="O#07", high="O#07")[0] == ["O#07"]


def test_crossed_bounds_hold_nothing(collection: Table) -> None:
    assert collection.query("C#1", low="O#09", high="O#03") == Page([], None)


def test_descending_starts_at_the_high_end(collection: Table) -> None:
    assert walk(collection, "C#1", low="O#", high="O#~", descending=True)[0] == orders(0, 19)[::-1]
    latest = collection.query("C#1", low="O#", high="O#~", descending=True, limit=1)
    assert [row["sk"] for row in latest.items] == ["O#19"]


@pytest.mark.parametrize("descending", [False, True])
def test_pages_join_without_gap_or_repetition(collection: Table, descending: bool) -> None:
    found, pages = walk(collection, "C#1", low="O#02", high="O#16", descending=descending, limit=4)
    assert found == (orders(2, 16)[::-1] if descending else orders(2, 16))
    assert pages == 4
    # A page that ends with the last item may still name a `next`.
    found, pages = walk(collection, "C#1", low="O#", high="O#~", descending=descending, limit=5)
    assert found == (orders(0, 19)[::-1] if descending else orders(0, 19))
    assert pages in (4, 5)


@pytest.mark.parametrize(
    ("start", "descending", "expected"),
    [
        ("O#03", False, orders(4, 8)),
        ("O#03x", False, orders(4, 8)),
        ("A", False, orders(3, 8)),
        ("O#08", False, []),
        ("Z", False, []),
        ("O#05", True, orders(3, 4)[::-1]),
        ("Z", True, orders(3, 8)[::-1]),
        ("O#03", True, []),
        ("A", True, []),
    ],
)
def test_start_goes_on_strictly_after_itself_and_may_lie_outside(
    collection: Table, start: str, descending: bool, expected: list[str]
) -> None:
    page = collection.query("C#1", low="O#03", high="O#08", start=start, descending=descending)
    assert [row["sk"] for row in page.items] == expected


def test_an_empty_start_is_the_beginning(collection: Table) -> None:
    assert len(collection.query("C#1", start="").items) == 22
    assert collection.query("C#1", start="", descending=True) == Page([], None)


def test_a_page_ends_at_one_megabyte(table: Table) -> None:
    for n in range(8):
        table.write(Put(item(Key("C#1", f"{n}"), pad="x" * 300_000)))
    found, pages = walk(table, "C#1")
    assert found == [str(n) for n in range(8)]
    assert pages in (2, 3)
    assert len(table.query("C#1", descending=True).items) in (3, 4)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_is_at_least_one(table: Table, limit: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        table.query("C#1", limit=limit)
    with pytest.raises(ValueError, match="at least one"):
        table.due("timer#0", "2027", limit=limit)


# The due index


def due_keys(table: Table, lane: str, until: str, limit: int = 100) -> list[tuple[str, str]]:
    return [(row.key.pk, row.due_at) for row in table.due(lane, until, limit=limit)]


def test_due_rows_come_in_order_up_to_the_moment(table: Table) -> None:
    moments = [f"2026-11-21T05:{minute:02}:00.000Z" for minute in range(30)]
    shuffled = list(enumerate(moments))
    random.Random(2).shuffle(shuffled)
    table.write(*(Put(item(Key(f"R#{n}", "T"), due="timer#0", due_at=at)) for n, at in shuffled))
    expected = [(f"R#{n}", at) for n, at in enumerate(moments)]
    assert due_keys(table, "timer#0", moments[9]) == expected[:10]
    assert due_keys(table, "timer#0", moments[-1], limit=7) == expected[:7]
    assert due_keys(table, "timer#0", "2027") == expected
    assert due_keys(table, "timer#0", "2026-11-21T04") == []
    assert due_keys(table, "timer#1", "2027") == []
    (row,) = table.due("timer#0", moments[0])
    assert row == (Key("R#0", "T"), moments[0])


def test_only_items_with_both_attributes_are_due(table: Table) -> None:
    table.write(
        Put(item(Key("a", "T"), due="timer#0")),
        Put(item(Key("b", "T"), due_at="2026")),
        Put(item(Key("c", "T"), due="timer#0", due_at="2026")),
        Put(item(Key("d", "T"))),
    )
    assert due_keys(table, "timer#0", "2027") == [("c", "2026")]


def test_a_due_row_moves_and_goes_with_its_item(table: Table) -> None:
    key = Key("a", "T")
    table.write(Put(item(key, due="timer#0", due_at="2026-01")))
    table.write(Update(key, set={("due_at",): "2026-02", ("note",): "x"}))
    assert due_keys(table, "timer#0", "2026-01~") == []
    assert due_keys(table, "timer#0", "2027") == [("a", "2026-02")]
    table.write(Update(key, set={("due",): "lifecycle#0"}))
    assert due_keys(table, "timer#0", "2027") == []
    assert due_keys(table, "lifecycle#0", "2027") == [("a", "2026-02")]
    table.write(Update(key, remove=[("due_at",)]))
    assert due_keys(table, "lifecycle#0", "2027") == []
    table.write(Update(key, set={("due_at",): "2026-03"}))
    assert due_keys(table, "lifecycle#0", "2027") == [("a", "2026-03")]
    table.write(Delete(key))
    assert due_keys(table, "lifecycle#0", "2027") == []


@pytest.mark.parametrize("value", [None, "", 5, True])
@pytest.mark.parametrize("name", ["due", "due_at"])
def test_a_due_attribute_is_text_or_not_there(table: Table, name: str, value: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=name):
        table.write(Put(item(**{name: value})))
    with pytest.raises((ValueError, TypeError), match=name):
        table.write(Update(PROFILE, set={(name,): value}))
    assert table.get(PROFILE) is None
