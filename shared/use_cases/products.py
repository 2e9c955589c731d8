"""The catalogue in the table: one item a product, read often and changed by imports (R9)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from shared.domain.product import Product
from shared.ports import Action, Item, Put, Table
from shared.use_cases import layout, sources

REMEMBERED_FOR = timedelta(minutes=10)
REMEMBERED = 5_000
# A page is one transaction; a product with stock in hundreds of stores has some 50 KB.
PAGE = 25
# What replaces a product may have been replaced itself; longer chains are not followed.
REPLACEMENTS = 3


@dataclass
class Written:
    """What a `put` did, in products."""

    new: int = 0
    changed: int = 0
    same: int = 0


@dataclass(frozen=True)
class Products:
    """The catalogue as one process sees it at `now`; `memory` is the process's own."""

    table: Table
    memory: dict[str, Any]
    now: datetime

    def load(self, skus: Iterable[str]) -> dict[str, Product]:
        """The products that exist; what was read, and what was not there, is remembered for ten minutes."""
        known: dict[str, tuple[datetime, Product | None]] = self.memory.setdefault("products", {})
        wanted = dict.fromkeys(sku for sku in skus if sku)
        fresh = {sku for sku in wanted if sku in known and self.now - known[sku][0] < REMEMBERED_FOR}
        found = {sku: product for sku in fresh if (product := known[sku][1])}
        if unknown := [sku for sku in wanted if sku not in fresh]:
            read = self._read(unknown, consistent=False)
            if len(known) + len(unknown) > REMEMBERED:
                known.clear()
            known.update((sku, (self.now, read.get(sku))) for sku in unknown[:REMEMBERED])
            found |= read
        return found

    def around(self, skus: Iterable[str]) -> dict[str, Product]:
        """Products with their complements and replacements: what `suggest` and `replacement` choose from."""
        found = self.load(skus)
        named = {sku for product in found.values() for sku in product.complements}
        for _ in range(REPLACEMENTS):
            named |= {product.replaced_by for product in found.values()}
            more = self.load(named - found.keys())
            if not more:
                break
            found |= more
        return found

    def put(self, products: Iterable[Product]) -> Written:
        """Write what differs from what stands there; the last writer wins, and a repetition writes nothing."""
        done = Written()
        known = self.memory.setdefault("products", {})
        rest = iter(products)
        while some := list(islice(rest, PAGE)):
            page = {product.sku: product for product in some}.values()
            stored = self._read([product.sku for product in page], consistent=True)
            differing = [product for product in page if stored.get(product.sku) != product]
            if differing:
                self.table.write(*map(_put, differing))
            for product in differing:
                known.pop(product.sku, None)
            done.new += sum(product.sku not in stored for product in page)
            done.changed += sum(product.sku in stored for product in differing)
            done.same += len(page) - len(differing)
        if done != Written():
            sources.note(self.table, self.memory, ["catalogue"], self.now)
        return done

    def _read(self, skus: Sequence[str], *, consistent: bool) -> dict[str, Product]:
        items = self.table.batch_get([layout.product(sku) for sku in skus], consistent=consistent)
        return {product.sku: product for product in map(_product, items.values())}


def _put(product: Product) -> Action:
    key = layout.product(product.sku)
    item: Item = product.model_dump(mode="json", exclude_defaults=True)
    if product.stock:
        # Rows instead of maps, for a map's key may not be empty.
        item["stock"] = [[store, size, n] for store, sizes in product.stock.items() for size, n in sizes.items()]
    return Put({"pk": key.pk, "sk": key.sk, **item})


def _product(item: Item) -> Product:
    stock: dict[str, dict[str, int]] = {}
    for store, size, pieces in item.get("stock", ()):
        stock.setdefault(store, {})[size] = pieces
    return Product.model_validate({**item, "stock": stock})
