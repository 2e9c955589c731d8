"""The catalogue in the table: written once, remembered for a while, read with what belongs to it (R9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cachetools import TTLCache

from infra.local.stack.clock import LocalClock
from infra.local.stack.local_stack import LocalStack
from shared.domain.catalogue.product import Product
from shared.repositories import products as catalogue
from shared.repositories import table_keys
from shared.repositories.cached import ProcessMemory
from shared.repositories.products import Products, Written

NOW = datetime(2026, 11, 21, 5, tzinfo=UTC)
SHOE = Product(
    sku="giày", name="Giày", category="Giày", price=500_000, margin=200_000, warranty_days=365, complements=("lót",),
    replaced_by="giày 2", stock={"Quận 1": {"39": 3, "40": 0}, "": {"": 7}},
)  # fmt: skip
INSOLE = Product(sku="lót", name="Lót giày")


def fresh() -> ProcessMemory:
    """The memory of a process that has just begun."""
    return ProcessMemory(lambda: NOW)


@pytest.fixture
def table():
    stack = LocalStack(None, LocalClock(NOW, frozen=True))
    yield stack.table
    stack.close()


def test_r9_a_product_comes_back_as_it_was_put(table):
    assert Products(table, fresh(), NOW).put([SHOE, INSOLE]) == Written(new=2)

    assert Products(table, fresh(), NOW).load(["giày", "lót", "mũ", ""]) == {
        "giày": SHOE,
        "lót": INSOLE,
    }


def test_r9_only_what_differs_is_written_and_the_last_writer_wins(table):
    products = Products(table, fresh(), NOW)
    products.put([SHOE, INSOLE])
    dearer = INSOLE.model_copy(update={"price": 90_000})

    assert products.put([SHOE, dearer]) == Written(changed=1, same=1)
    assert products.put([SHOE, dearer]) == Written(same=2)
    assert products.load(["lót"]) == {"lót": dearer}


def test_r9_many_products_are_written_in_pages(table):
    many = [Product(sku=str(n), name=f"Món {n}") for n in range(2 * catalogue.PAGE + 1)]

    assert Products(table, fresh(), NOW).put(many).new == len(many)
    assert len(Products(table, fresh(), NOW).load(product.sku for product in many)) == len(many)


def test_r9_what_was_read_and_what_was_not_there_is_remembered_for_ten_minutes(table):
    now = NOW
    memory = ProcessMemory(lambda: now)
    Products(table, memory, NOW).put([SHOE])
    assert Products(table, memory, NOW).load(["giày", "lót"]) == {"giày": SHOE}
    dearer = SHOE.model_copy(update={"price": 550_000})
    Products(table, fresh(), NOW).put([dearer, INSOLE])

    now = NOW + timedelta(minutes=9)
    assert Products(table, memory, now).load(["giày", "lót"]) == {"giày": SHOE}
    now = NOW + timedelta(minutes=10)
    assert Products(table, memory, now).load(["giày", "lót"]) == {"giày": dearer, "lót": INSOLE}


def test_r9_what_is_remembered_is_bounded(table):
    memory = ProcessMemory(lambda: NOW)
    memory.products = TTLCache(3, ttl=600)
    Products(table, memory, NOW).put([SHOE, INSOLE])
    products = Products(table, memory, NOW)

    for skus in (["giày", "lót"], ["a", "b"], ["giày", "c", "d", "e", "f"]):
        found = products.load(skus)
        assert set(found) == {"giày", "lót"} & set(skus)
        assert len(memory.products) <= 3


def test_a16_a_product_is_read_with_its_complements_and_what_replaces_them(table):
    chain = [Product(sku="giày 2", name="Giày 2", replaced_by="giày 3"), Product(sku="giày 3", name="Giày 3")]
    Products(table, fresh(), NOW).put([SHOE, INSOLE, *chain, Product(sku="mũ", name="Mũ")])

    assert set(Products(table, fresh(), NOW).around(["giày"])) == {"giày", "lót", "giày 2", "giày 3"}


def test_a_product_of_the_table_has_no_key_without_a_name(table):
    """DynamoDB takes no empty key in a map, which "the whole shop" and "all sizes" would be."""
    Products(table, fresh(), NOW).put([SHOE])

    assert table.get(table_keys.product("giày"))["stock"] == [["Quận 1", "39", 3], ["Quận 1", "40", 0], ["", "", 7]]
