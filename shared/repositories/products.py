"""The catalogue in the table: one item a product, read often and changed by imports (R9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from shared.domain.catalogue.product import Product
from shared.domain.common.text_folding import fold
from shared.ports import Action, Delete, Item, Key, Put, Table, Update
from shared.repositories import event_sources, table_keys
from shared.repositories.cached import ProcessMemory, cached, known

# A page is one transaction; a product with stock in hundreds of stores has some 50 KB.
PAGE = 25
# What replaces a product may have been replaced itself; longer chains are not followed.
REPLACEMENTS = 3
# Of a category so many are looked at, those that leave most.
ON_SHOW = 40


@dataclass
class Written:
    """What a `put` did, in products."""

    new: int = 0
    changed: int = 0
    same: int = 0


@dataclass(frozen=True)
class Products:
    """The catalogue as one process sees it at `now`, through its cache."""

    table: Table
    memory: ProcessMemory
    now: datetime

    def load(self, skus: Iterable[str]) -> dict[str, Product]:
        """The products that exist; what was read, and that a product does not exist, is cached for ten minutes."""
        wanted = dict.fromkeys(sku for sku in skus if sku)
        found = self.known(wanted)
        if unread := [sku for sku in wanted if sku not in found]:
            found |= self.learn(unread, self.table.batch_get(map(table_keys.product, unread), consistent=False))
        return {sku: product for sku, product in found.items() if product}

    def known(self, skus: Iterable[str]) -> dict[str, Product | None]:
        """Those that are cached; a caller that reads the items of the others passes them to `learn`."""
        return known(self.memory.products, skus)

    def learn(self, skus: Iterable[str], items: Mapping[Key, Item]) -> dict[str, Product | None]:
        """The products whose items were just read; None: it does not exist."""
        found = {sku: _product(items[key]) if (key := table_keys.product(sku)) in items else None for sku in skus}
        self.memory.products.update(found)
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
        rest = iter(products)
        while some := list(islice(rest, PAGE)):
            page = {product.sku: product for product in some}.values()
            stored = self._read([product.sku for product in page], consistent=True)
            differing = [product for product in page if stored.get(product.sku) != product]
            if differing:
                self.table.write(*map(_put, differing), *self._shelve(differing, stored))
            for product in differing:
                self.memory.products.pop(product.sku, None)
            done.new += sum(product.sku not in stored for product in page)
            done.changed += sum(product.sku in stored for product in differing)
            done.same += len(page) - len(differing)
        if done != Written():
            event_sources.note(self.table, self.memory, ["catalogue"], self.now)
        return done

    def categories(self) -> dict[str, str]:
        """The names of all categories, by what `shelf` knows them by; "" is that of products without one."""
        names: Item = cached(
            self.memory.shelves, "", lambda: self.table.get(table_keys.SHELVES, consistent=False) or {}
        )
        return {name[1:]: said for name, said in names.items() if name.startswith("=")}

    def shelf(self, category: str) -> dict[str, str]:
        """Some products of a category, by name: those of which a piece leaves most."""
        pk = table_keys.shelf(category)
        rows: list[Item] = cached(
            self.memory.shelves, f"={category}", lambda: self.table.query(pk, limit=ON_SHOW, consistent=False).items
        )
        return {row["sku"]: row["name"] for row in rows}

    def _shelve(self, products: Iterable[Product], stored: Mapping[str, Product]) -> list[Action]:
        """What moves products to where they stand in their categories now."""
        moves: list[Action] = []
        names: dict[str, str] = {}
        for product in products:
            former = stored.get(product.sku)
            before, after = _place(former) if former else None, _place(product)
            if former is None or before != after or former.name != product.name:
                moves.append(Put({"pk": after.pk, "sk": after.sk, "sku": product.sku, "name": product.name}))
                names[fold(product.category)] = product.category
            if before and before != after:
                moves.append(Delete(before))
        if names:
            moves.append(Update(table_keys.SHELVES, set={(f"={name}",): names[name] for name in sorted(names)}))
        return moves

    def _read(self, skus: Sequence[str], *, consistent: bool) -> dict[str, Product]:
        items = self.table.batch_get([table_keys.product(sku) for sku in skus], consistent=consistent)
        return {product.sku: product for product in map(_product, items.values())}


def _put(product: Product) -> Action:
    key = table_keys.product(product.sku)
    item: Item = product.model_dump(mode="json", exclude_defaults=True)
    if product.stock:
        # Rows instead of maps, for a map's key may not be empty.
        item["stock"] = [[store, size, n] for store, sizes in product.stock.items() for size, n in sizes.items()]
    return Put({"pk": key.pk, "sk": key.sk, **item})


def _place(product: Product) -> Key:
    # Where nobody said what a piece leaves, a third of its price is near enough for an order on the shelf.
    leaves = product.margin if product.margin is not None else (product.price or 0) // 3
    return table_keys.on_shelf(fold(product.category), leaves, product.sku)


def _product(item: Item) -> Product:
    stock: dict[str, dict[str, int]] = {}
    for store, size, pieces in item.get("stock", ()):
        stock.setdefault(store, {})[size] = pieces
    return Product.model_validate({**item, "stock": stock})
