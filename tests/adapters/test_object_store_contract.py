"""What both object stores promise: every test runs against a folder and against S3 as moto plays it."""

from __future__ import annotations

import random

import pytest

from shared.domain.errors import Conflict
from shared.ports import ObjectStore

NAME = "facts/order/dt=2026-12-01/a.jsonl.gz"


def test_what_was_put_is_read_back_with_its_etag(objects: ObjectStore) -> None:
    body = bytes(range(256)) * 4
    etag = objects.put(NAME, body)

    assert objects.get(NAME) == (body, etag)
    assert objects.get(NAME) == objects.get(NAME)


def test_an_object_may_be_empty_and_one_that_is_not_there_is_none(objects: ObjectStore) -> None:
    objects.put(NAME, b"")

    stored = objects.get(NAME)
    assert stored is not None
    assert stored.body == b""
    assert objects.get("facts/order/dt=2026-12-01/b.jsonl.gz") is None
    assert objects.get("facts/order/dt=2026-12-01") is None
    assert objects.get(f"{NAME}/a") is None


def test_a_put_replaces_the_object_and_only_other_bytes_change_its_etag(objects: ObjectStore) -> None:
    first = objects.put(NAME, b"one")
    again = objects.put(NAME, b"one")
    other = objects.put(NAME, b"two")

    assert first == again != other
    assert objects.get(NAME) == (b"two", other)


def test_if_absent_writes_once(objects: ObjectStore) -> None:
    etag = objects.put(NAME, b"one", if_absent=True)
    with pytest.raises(Conflict):
        objects.put(NAME, b"two", if_absent=True)

    assert objects.get(NAME) == (b"one", etag)


def test_if_match_writes_over_what_was_read_and_over_nothing_else(objects: ObjectStore) -> None:
    first = objects.put(NAME, b"one")
    second = objects.put(NAME, b"two", if_match=first)
    with pytest.raises(Conflict):
        objects.put(NAME, b"three", if_match=first)
    with pytest.raises(Conflict):
        objects.put("manifests/order.json", b"three", if_match=first)

    assert objects.get(NAME) == (b"two", second)
    assert objects.get("manifests/order.json") is None


def test_after_a_delete_the_name_is_free(objects: ObjectStore) -> None:
    etag = objects.put(NAME, b"one")
    objects.delete([NAME, "facts/never/there"])
    objects.delete([])

    assert objects.get(NAME) is None
    assert objects.list("") == ([], None)
    with pytest.raises(Conflict):
        objects.put(NAME, b"two", if_match=etag)
    objects.put(NAME, b"two", if_absent=True)


def test_names_are_listed_in_order_of_their_bytes_whatever_folders_they_are_in(objects: ObjectStore) -> None:
    names = ["a/b", "a-b", "a.b", "a=b/c", "A/z", "a/b.c", "a0", "b/dt=2026-12-01/x", "b/dt=2026-12-02/a"]
    for name in random.Random(1).sample(names, len(names)):
        objects.put(name, name.encode())

    assert objects.list("") == (sorted(names), None)
    assert objects.list("a") == (sorted(name for name in names if name.startswith("a")), None)
    assert objects.list("b/dt=2026-12-0").names == ["b/dt=2026-12-01/x", "b/dt=2026-12-02/a"]
    assert objects.list("b/dt=2026-12-02/").names == ["b/dt=2026-12-02/a"]
    assert objects.list("a/", after="a/b").names == ["a/b.c"]
    assert objects.list("c/") == ([], None)


def test_a_long_listing_comes_in_pages_and_goes_in_one_delete(objects: ObjectStore) -> None:
    names = [f"raw/{number:04}" for number in range(1001)]
    for name in names:
        objects.put(name, b"x")

    first = objects.list("raw/")
    assert first == (names[:1000], "raw/0999")
    assert objects.list("raw/", after="raw/0999") == (names[1000:], None)
    assert objects.list("raw/", after="raw/0000") == (names[1:], None)

    objects.delete(names)
    assert objects.list("raw/") == ([], None)


@pytest.mark.parametrize(
    "name", ["", "/a", "a/", "a//b", "../a", "a/../b", ".lock", "a/.b", "a b", "đơn/a", "a\n", "a\\b", "x" * 1025]
)
def test_what_is_no_name_is_refused_before_anything_is_asked(objects: ObjectStore, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        objects.put(name, b"x")
    with pytest.raises(ValueError, match="name"):
        objects.get(name)
    with pytest.raises(ValueError, match="name"):
        objects.delete(["fine", name])


def test_two_conditions_at_once_are_refused(objects: ObjectStore) -> None:
    with pytest.raises(ValueError, match="absent and matched"):
        objects.put(NAME, b"x", if_absent=True, if_match="etag")
