"""What both tables promise to writers: every test runs against SQLite and against DynamoDB as moto plays it."""

from __future__ import annotations

from typing import Any

import pytest

from shared.adapters.local.sqlite_table import SqliteTable
from shared.domain.errors import Conflict
from shared.ports import (
    Check,
    Clause,
    Delete,
    Key,
    Put,
    Table,
    Update,
    absent,
    absent_or_at_most,
    absent_or_equals,
    equals,
    present,
)
from tests.adapters.contract import PROFILE, item, walk

# Conditions

STORED = {
    "version": 3,
    "name": "mai",
    "flag": True,
    "nothing": None,
    "stamps": {"name": "2026-05", "n": 7},
    "l": [1, True],
}
HOLDS_WITHOUT_ITEM = [
    absent(),
    absent("version"),
    absent("stamps", "name"),
    absent_or_equals(("version",), 3),
    absent_or_at_most(("stamps", "name"), "2026"),
]
FAILS_WITHOUT_ITEM = [present(), present("version"), equals(("version",), 3)]
HOLDS = [
    present(),
    present("version"),
    present("nothing"),
    present("stamps", "name"),
    absent("other"),
    absent("stamps", "other"),
    absent("other", "deep", "deeper"),
    absent("name", "inside a text"),
    equals(("version",), 3),
    equals(("flag",), True),
    equals(("nothing",), None),
    equals(("stamps", "name"), "2026-05"),
    equals(("stamps",), {"n": 7, "name": "2026-05"}),
    equals(("l",), [1, True]),
    absent_or_equals(("name",), "mai"),
    absent_or_equals(("other",), "x"),
    absent_or_equals(("other", "deep"), "x"),
    absent_or_at_most(("version",), 3),
    absent_or_at_most(("version",), 10),
    absent_or_at_most(("name",), "mai"),
    absent_or_at_most(("name",), "mb"),
    absent_or_at_most(("name",), "maiô"),
    absent_or_at_most(("name",), "ă"),
    absent_or_at_most(("stamps", "name"), "2026-05-01"),
    absent_or_at_most(("stamps", "other"), "2026"),
    absent_or_at_most(("other", "deep"), "2026"),
]
FAILS = [
    absent(),
    absent("version"),
    absent("nothing"),
    absent("stamps", "name"),
    present("other"),
    present("stamps", "other"),
    present("name", "inside a text"),
    equals(("version",), 4),
    equals(("version",), "3"),
    equals(("flag",), "true"),
    equals(("nothing",), ""),
    equals(("stamps",), {"name": "2026-05"}),
    absent_or_equals(("name",), "Mai"),
    absent_or_at_most(("version",), 2),
    absent_or_at_most(("name",), "mah"),
    absent_or_at_most(("name",), "Z"),
    absent_or_at_most(("nothing",), "z"),
    absent_or_at_most(("stamps", "n"), 6),
]


# DynamoDB never finds values of different types equal or in order; moto compares them as Python would.
FAILS_BY_TYPE = [
    equals(("flag",), 1),
    equals(("other",), None),
    equals(("l",), [1, 1]),
    equals(("l",), [True, 1]),
    absent_or_at_most(("version",), "9"),
    absent_or_at_most(("flag",), 5),
]


@pytest.mark.parametrize("clause", HOLDS, ids=repr)
def test_conditions_that_hold_let_the_write_through(table: Table, clause: Clause) -> None:
    table.write(Put(item(**STORED)))
    table.write(Put(item(new=1), (clause,)))
    assert table.get(PROFILE) == item(new=1)


@pytest.mark.parametrize("clause", FAILS, ids=repr)
def test_conditions_that_fail_stop_the_write(table: Table, clause: Clause) -> None:
    table.write(Put(item(**STORED)))
    with pytest.raises(Conflict):
        table.write(Put(item(new=1), (clause,)))
    assert table.get(PROFILE) == item(**STORED)


@pytest.mark.parametrize("clause", FAILS_BY_TYPE, ids=repr)
def test_types_are_part_of_a_value(local_table: SqliteTable, clause: Clause) -> None:
    local_table.write(Put(item(**STORED)))
    with pytest.raises(Conflict):
        local_table.write(Put(item(new=1), (clause,)))


@pytest.mark.parametrize("clause", HOLDS_WITHOUT_ITEM, ids=repr)
def test_conditions_that_hold_where_nothing_is(table: Table, clause: Clause) -> None:
    table.write(Put(item(new=1), (clause,)))
    assert table.get(PROFILE) == item(new=1)


@pytest.mark.parametrize("clause", FAILS_WITHOUT_ITEM, ids=repr)
def test_conditions_that_fail_where_nothing_is(table: Table, clause: Clause) -> None:
    with pytest.raises(Conflict):
        table.write(Put(item(new=1), (clause,)))
    assert table.get(PROFILE) is None


def test_all_clauses_of_an_action_must_hold(table: Table) -> None:
    table.write(Put(item(**STORED)))
    both = (equals(("version",), 3), absent_or_at_most(("stamps", "name"), "2026-04"))
    with pytest.raises(Conflict):
        table.write(Update(PROFILE, set={("name",): "lan"}, when=both))
    table.write(Update(PROFILE, set={("name",): "lan"}, when=both[:1]))
    assert table.get(PROFILE) == item(**{**STORED, "name": "lan"})


def test_updates_and_deletes_take_conditions_too(table: Table) -> None:
    table.write(Put(item(version=3)))
    with pytest.raises(Conflict):
        table.write(Delete(PROFILE, (equals(("version",), 2),)))
    with pytest.raises(Conflict):
        table.write(Update(Key("C#9", "P"), set={("a",): 1}, when=(present(),)))
    assert table.get(Key("C#9", "P")) is None
    table.write(Delete(PROFILE, (equals(("version",), 3),)))
    assert table.get(PROFILE) is None


@pytest.mark.parametrize("value", [True, None, ["a"], {"a": 1}])
def test_only_texts_and_numbers_have_an_order(table: Table, value: Any) -> None:
    with pytest.raises(TypeError, match="compared by size"):
        table.write(Put(item(), (absent_or_at_most(("a",), value),)))


def test_an_unknown_condition_is_refused(table: Table) -> None:
    with pytest.raises(ValueError, match="no such condition"):
        table.write(Put(item(), (Clause("begins_with", ("a",), "x"),)))


# Updates


def test_an_update_sets_adds_and_removes_and_answers_with_the_whole_item(table: Table) -> None:
    table.write(Put(item(count=1, name="a", old="x", stamps={"name": "1", "old": "1"}, size=5)))
    after = table.write(
        Update(
            PROFILE,
            set={("name",): "b", ("stamps", "name"): "2", ("stamps", "phone"): "3", ("new",): {"deep": []}},
            add={("count",): 2, ("size",): -7, ("fresh",): 4},
            remove=[("old",), ("stamps", "old"), ("never",), ("stamps", "never")],
        )
    )
    expected = item(count=3, size=-2, fresh=4, name="b", stamps={"name": "2", "phone": "3"}, new={"deep": []})
    assert after == expected
    assert table.get(PROFILE) == expected


def test_an_update_creates_what_is_not_there(table: Table) -> None:
    assert table.write(Update(PROFILE, add={("count",): 5})) == item(count=5)
    assert table.get(PROFILE) == item(count=5)


def test_nested_counters_add_up(table: Table) -> None:
    table.write(Put(item(days={"2026": {"x": 1}})))
    table.write(Update(PROFILE, add={("days", "2026", "x"): 4, ("days", "2026", "y"): 1}))
    assert table.get(PROFILE) == item(days={"2026": {"x": 5, "y": 1}})


def test_attribute_names_may_be_anything(table: Table) -> None:
    table.write(Put(item(attributes={})))
    names = ["a.b", "ngày sinh", "name", "#0", ":v", "size"]
    table.write(Update(PROFILE, set={("attributes", name): name for name in names}))
    table.write(Update(PROFILE, set={("x",): 1}, when=tuple(equals(("attributes", name), name) for name in names)))
    assert table.get(PROFILE) == item(x=1, attributes={name: name for name in names})


@pytest.mark.parametrize(
    "update",
    [
        Update(PROFILE, set={("stamps", "name"): "x"}),
        Update(PROFILE, add={("stamps", "count"): 1}),
        Update(PROFILE, remove=[("stamps", "name")]),
        Update(PROFILE, set={("map", "missing", "deep"): "x"}),
    ],
    ids=repr,
)
def test_the_parent_of_a_changed_attribute_must_be_a_map(table: Table, update: Update) -> None:
    before = item(name="a", list=[1], map={})
    table.write(Put(before))
    with pytest.raises(ValueError):  # noqa: PT011 (each table has its own words)
        table.write(update)
    assert table.get(PROFILE) == before


@pytest.mark.parametrize("parent", ["text", [1], 5, None])
def test_a_text_or_a_list_is_no_parent(local_table: SqliteTable, parent: Any) -> None:  # moto overwrites texts
    local_table.write(Put(item(parent=parent)))
    with pytest.raises(ValueError, match="no parent map"):
        local_table.write(Update(PROFILE, set={("parent", "inside"): "x"}))


@pytest.mark.parametrize("value", ["5", None, [1]])
def test_only_numbers_can_be_added_to(table: Table, value: Any) -> None:
    table.write(Put(item(count=value)))
    with pytest.raises(ValueError):  # noqa: PT011 (each table has its own words)
        table.write(Update(PROFILE, add={("count",): 1}))


@pytest.mark.parametrize(
    "update",
    [
        Update(PROFILE),
        Update(PROFILE, set={("a",): {}, ("a", "b"): 1}),
        Update(PROFILE, set={("a",): 1}, add={("a",): 1}),
        Update(PROFILE, set={("a", "b"): 1}, remove=[("a",)]),
        Update(PROFILE, remove=[("a",), ("a",)]),
        Update(PROFILE, set={("pk",): "x"}),
        Update(PROFILE, remove=[("sk",)]),
        Update(PROFILE, set={(): 1}),
        Update(PROFILE, set={("a", ""): 1}),
    ],
    ids=repr,
)
def test_updates_that_cannot_mean_anything_are_refused(table: Table, update: Update) -> None:
    table.write(Put(item(a={})))
    with pytest.raises(ValueError, match=r"update|path|key"):
        table.write(update)
    assert table.get(PROFILE) == item(a={})


# Deletes and checks


def test_deleting_what_is_not_there_is_fine(table: Table) -> None:
    assert table.write(Delete(PROFILE)) is None
    table.write(Put(item()))
    table.write(Delete(PROFILE))
    table.write(Delete(PROFILE))
    assert table.get(PROFILE) is None


def test_a_lone_check_only_looks(table: Table) -> None:
    table.write(Put(item(version=1)))
    assert table.write(Check(PROFILE, (equals(("version",), 1),))) is None
    with pytest.raises(Conflict):
        table.write(Check(PROFILE, (equals(("version",), 2),)))
    with pytest.raises(ValueError, match="checks nothing"):
        table.write(Check(PROFILE, ()))
    assert table.get(PROFILE) == item(version=1)


# Transactions


def test_a_transaction_does_everything(table: Table) -> None:
    put, changed, gone, checked = (Key("C#1", sk) for sk in "abcd")
    table.write(Put(item(changed, n=1)), Put(item(gone)), Put(item(checked, version=4)))
    answer = table.write(
        Put(item(put, n=1), (absent(),)),
        Update(changed, add={("n",): 1}, when=(present(),)),
        Delete(gone, (present(),)),
        Check(checked, (equals(("version",), 4),)),
    )
    assert answer is None
    assert walk(table, "C#1")[0] == ["a", "b", "d"]
    assert table.get(changed) == item(changed, n=2)


@pytest.mark.parametrize("failing", range(4))
def test_a_transaction_does_nothing_when_one_condition_fails(table: Table, failing: int) -> None:
    put, changed, gone, checked = (Key("C#1", sk) for sk in "abcd")
    before = [item(changed, n=1), item(gone), item(checked, version=4)]
    table.write(*map(Put, before))
    wrong = (equals(("never",), 1),)
    fine = (absent("never"),)
    with pytest.raises(Conflict, match=f"action {failing + 1} of 4"):
        table.write(
            Put(item(put), wrong if failing == 0 else fine),
            Update(changed, add={("n",): 1}, when=wrong if failing == 1 else fine),
            Delete(gone, wrong if failing == 2 else fine),
            Check(checked, wrong if failing == 3 else fine),
        )
    assert table.query("C#1").items == before


def test_a_transaction_names_every_action_that_failed(table: Table) -> None:
    with pytest.raises(Conflict, match="action 1, 3 of 3"):
        table.write(
            Put(item(Key("a", "P")), (present(),)),
            Put(item(Key("b", "P")), (absent(),)),
            Put(item(Key("c", "P")), (present(),)),
        )


def test_a_transaction_takes_a_hundred_actions_and_not_one_more(table: Table) -> None:
    puts = [Put(item(Key("C#1", f"{n:03}"))) for n in range(101)]
    table.write(*puts[:100])
    assert len(walk(table, "C#1")[0]) == 100
    with pytest.raises(ValueError, match="1 to 100"):
        table.write(*puts)
    with pytest.raises(ValueError, match="1 to 100"):
        table.write()


def test_an_expression_stays_within_its_four_kilobytes(table: Table) -> None:
    names = [f"{n:03d}" for n in range(101)]
    table.write(Put(item(traits={}, stamps={})))
    table.write(
        Update(
            PROFILE,
            add={("traits", name): 1 for name in names[:100]},
            when=tuple(absent_or_at_most(("stamps", name), "2026") for name in names[:64]),
        )
    )
    with pytest.raises(ValueError, match="at most 100 changes"):
        table.write(Update(PROFILE, add={("traits", name): 1 for name in names}))
    with pytest.raises(ValueError, match="at most 64 conditions"):
        table.write(Put(item(), tuple(absent(name) for name in names[:65])))


def test_a_transaction_acts_once_on_an_item(table: Table) -> None:
    with pytest.raises(ValueError, match="twice"):
        table.write(Put(item(n=1)), Check(PROFILE, (absent(),)))
    assert table.get(PROFILE) is None


def test_an_error_in_one_action_stops_all(table: Table) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (each table has its own words)
        table.write(Put(item()), Update(Key("C#2", "P"), set={("no", "parent"): 1}))
    assert table.get(PROFILE) is None


# Limits and types


@pytest.mark.parametrize("value", [1.5, 2.0, ("a",), {"a"}, b"x", object()])
def test_types_that_cannot_be_stored_are_refused_by_name(table: Table, value: Any) -> None:
    for broken in ({"field": value}, {"field": {"deep": [value]}}):
        with pytest.raises(TypeError, match=f"field.*{type(value).__name__} cannot be stored"):
            table.write(Put(item(**broken)))
    with pytest.raises(TypeError, match="cannot be stored"):
        table.write(Update(PROFILE, set={("field",): value}))
    with pytest.raises(TypeError, match="must be a string"):
        table.write(Put(item(field={1: "a"})))
    assert table.get(PROFILE) is None


@pytest.mark.parametrize("step", [1.5, True, "1"])
def test_only_whole_numbers_can_be_added(table: Table, step: Any) -> None:
    with pytest.raises(TypeError, match="whole number"):
        table.write(Update(PROFILE, add={("count",): step}))


def test_an_item_has_at_most_400_kb(table: Table) -> None:
    fits, over = "x" * 400_000, "x" * 410_000
    table.write(Put(item(pad=fits)))
    with pytest.raises(ValueError, match=r"(?i)item"):
        table.write(Put(item(pad=over)))
    with pytest.raises(ValueError, match=r"(?i)item"):
        table.write(Update(PROFILE, set={("more",): "x" * 10_000}))
    with pytest.raises(ValueError, match=r"(?i)item|transaction"):
        table.write(Put(item(pad=over)), Put(item(Key("C#2", "P"))))
    assert table.get(PROFILE) == item(pad=fits)
    assert table.get(Key("C#2", "P")) is None


def test_the_last_byte_counts(local_table: SqliteTable) -> None:
    room = 400 * 1024 - len("pkC#1skPpad")
    local_table.write(Put(item(pad="x" * room)))
    with pytest.raises(ValueError, match="409600"):
        local_table.write(Put(item(pad="x" * (room + 1))))


def test_a_transaction_has_at_most_four_megabytes(local_table: SqliteTable) -> None:
    puts = [Put(item(Key("C#1", f"{n:02}"), pad="x" * 390_000)) for n in range(11)]
    local_table.write(*puts[:10])
    with pytest.raises(ValueError, match="4194304"):
        local_table.write(*puts)


def test_maps_nest_only_so_deep(local_table: SqliteTable) -> None:
    deep: dict[str, Any] = {}
    for _ in range(31):
        deep = {"d": deep}
    local_table.write(Put(item(deep=deep)))
    with pytest.raises(ValueError, match="deeper than 32"):
        local_table.write(Put(item(deep={"d": deep})))
