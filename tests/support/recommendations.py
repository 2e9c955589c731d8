"""A shop with goods on its shelves, whose customers write to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shared.domain.catalogue.product import Product
from shared.repositories.products import Products
from tests.support.tickets import LAN, Helpdesk

Q1, Q7 = "Quận 1", "Quận 7"
RUNNER = Product(sku="GIAY-39", name="Giày Chạy Bộ Nhẹ", category="Giày", price=900_000, margin=300_000)
INSOLE = Product(sku="LOT-1", name="Lót giày êm chân", category="Phụ kiện", price=150_000, margin=90_000,
                 stock={Q1: {"39": 2, "40": 5}, Q7: {"40": 1}})  # fmt: skip
SOCKS = Product(sku="VO-1", name="Vớ cao cấp", category="Vớ", price=120_000, margin=60_000, url="https://nha.example/vo",
                stock={"": {"": 40}})  # fmt: skip
BAG = Product(sku="TUI-9", name="Túi xách da", category="Túi", price=2_000_000, margin=900_000)


class Counter(Helpdesk):
    """The helpdesk, and the shop's catalogue."""

    def shelve(self, *products: Product) -> None:
        Products(self.stack.table, self.stack.outside.memory, self.now).put(products)
        self.forget()

    def forget(self) -> None:
        """Processes remember goods and counts for ten minutes; these begin anew."""
        memory = self.stack.outside.memory
        for cache in (memory.products, memory.shelves, memory.co_purchase):
            cache.clear()

    def buys(self, order_id: str, *products: Product, user: str | None = LAN, days_ago: int = 1, **more: Any) -> None:
        """A sale of these products; `size` is that of all of them."""
        size = {"size": more.pop("size")} if "size" in more else {}
        lines = [
            {"sku": one.sku, "name": one.name, "category": one.category, "quantity": 1, "price": one.price, **size}
            for one in products
        ]
        total = sum(one.price or 0 for one in products)
        said = {"total": total, "products": lines, "channel": "store", "store": Q1, **more}
        self.sell(order_id, user, days_ago=days_ago, **said)
        self.forget()

    def crowd(self, *products: Product, orders: int, first: int = 0) -> None:
        """Other people's orders of these products."""
        for number in range(first, first + orders):
            skus = "-".join(one.sku for one in products)
            self.buys(f"crowd-{skus}-{number}", *products, user=f"09{80_000_000 + number}", days_ago=30)

    def offered(self, ticket: Any) -> list[str]:
        return [one["sku"] for one in ticket["suggestions"]]


@pytest.fixture
def shop() -> Iterator[Counter]:
    counter = Counter()
    yield counter
    counter.stack.close()


EXCHANGE = "Em đổi size giày 39 sang 40 giúp em với ạ, hơi chật"
