"""Co-purchase counts: orders by product and by pair of products, updated with every order (U1, U3).

An order counts while it is a purchase: its effect is the difference between its goods before and now, so that any order
and repetition of its facts converges. Imported history counts too. Goods that a customer
bought in different orders are not counted together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shared.domain.catalogue.product import Product
from shared.domain.common.playbook_rules import OrderRules
from shared.domain.common.text_folding import fold
from shared.domain.errors import Busy
from shared.domain.orders.order import OrderRow
from shared.domain.recommendations.recommendation import Counts
from shared.ports import Item, Key, Table, Update
from shared.repositories import table_keys
from shared.repositories.cached import ProcessMemory, known
from shared.repositories.unit_of_work import UnitOfWork

# An order with more different goods than these is a bulk order, which says nothing about a product.
MOST_GOODS = 8
# A row with more other goods than these drops those with a count of one, some at a time.
OTHERS_KEPT = 400
DROPPED_AT_ONCE = 50
_TOTAL = "orders"
# The product as the order names it is stored beside its counts: all a shop without a catalogue knows of it.
_SOLD_AS = ("name", "category", "price")


Line = Mapping[str, Any]


def basket(row: OrderRow | None, content: Mapping[str, Any], rules: OrderRules) -> dict[str, Line]:
    """The different goods of an order that counts, by SKU; empty for other orders and for bulk orders."""
    if row is None or not row.counts:
        return {}
    goods = {line["sku"]: line for line in content.get("lines", ()) if "sku" in line and is_goods(line, rules)}
    return goods if len(goods) <= MOST_GOODS else {}


def is_goods(line: Line, rules: OrderRules) -> bool:
    """Whether a line is a product, not a fee or a bag."""
    text = f" {fold(str(line.get('name', '')))} {fold(str(line.get('category', '')))} "
    return not any(f" {fold(word)} " in text for word in rules.no_goods)


def recount(uow: UnitOfWork, before: Mapping[str, Line], after: Mapping[str, Line]) -> None:
    """Move the counts from an order's goods before to those after, with the unit of work that ingests it."""
    if before.keys() == after.keys():
        return
    for goods, step in ((before, -1), (after, 1)):
        for sku, line in goods.items():
            key = table_keys.pairs(sku)
            uow.count(key, **{_TOTAL: step}, **{_name(other): step for other in goods if other != sku})
            if step > 0:
                uow.describe(key, **{name: line[name] for name in _SOLD_AS if name in line})


def _name(sku: str) -> str:
    return f"+{sku}"


@dataclass(frozen=True)
class CoPurchase:
    """The counts as one process sees them, through its cache."""

    table: Table
    memory: ProcessMemory

    def load(self, skus: Iterable[str]) -> dict[str, Counts]:
        """The counts of these products, cached for ten minutes."""
        wanted = dict.fromkeys(skus)
        found = self.known(wanted)
        if unread := [sku for sku in wanted if sku not in found]:
            found |= self.learn(unread, self.table.batch_get(keys(unread), consistent=False))
        return found

    def known(self, skus: Iterable[str]) -> dict[str, Counts]:
        """Those that are cached; a caller that reads the items of the others passes them to `learn`."""
        return known(self.memory.co_purchase, skus)

    def learn(self, skus: Iterable[str], items: Mapping[Key, Item]) -> dict[str, Counts]:
        """The counts of products whose items were just read."""
        found = {}
        for sku in skus:
            item = items.get(table_keys.pairs(sku), {})
            if item:
                self._keep_small(item)
            found[sku] = self.memory.co_purchase[sku] = _counts(sku, item)
        return found

    def _keep_small(self, item: Item) -> None:
        """Drop some goods with a count of one from a large row, which costs more with every order."""
        others = [name for name in item if name.startswith("+")]
        if len(others) > OTHERS_KEPT:
            once = sorted(name for name in others if item[name] <= 1)[:DROPPED_AT_ONCE]
            with suppress(Busy):  # the next reader does it
                self.table.write(Update(Key(item["pk"], item["sk"]), remove=[(name,) for name in once]))


def keys(skus: Iterable[str]) -> list[Key]:
    """The keys of the counts of these products."""
    return [table_keys.pairs(sku) for sku in skus]


def _counts(sku: str, item: Item) -> Counts:
    sold = Product(sku=sku, **{name: item[name] for name in _SOLD_AS if name in item}) if "name" in item else None
    together = {name[1:]: number for name, number in item.items() if name.startswith("+") and number > 0}
    return Counts(item.get(_TOTAL, 0), together, sold)
