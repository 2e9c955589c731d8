"""Which goods go into one order: counts by product and by pair, kept up with every order (U1, U3).

An order counts while it is a purchase: its effect on the counts is the difference between what stood in it before and
what stands in it now, in the write that takes it in, so that any order and repetition of its facts ends in the same
counts. History counts as today's orders do. Goods that one customer bought in several orders are not counted together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.domain.catalogue.product import Product
from shared.domain.common.playbook_rules import OrderRules
from shared.domain.common.text_folding import fold
from shared.domain.errors import Busy
from shared.domain.orders.order import OrderRow
from shared.domain.recommendations.recommendation import Counts
from shared.ports import Item, Key, Table, Update
from shared.repositories import table_keys
from shared.repositories.unit_of_work import UnitOfWork

# Whoever orders more different goods than these buys for a shop or an office; that tells nothing about a product.
MOST_GOODS = 8
REMEMBERED_FOR = timedelta(minutes=10)
REMEMBERED = 2_000
# A row that holds more other goods than these loses those that came once, some at a time.
OTHERS_KEPT = 400
DROPPED_AT_ONCE = 50
_TOTAL = "orders"
# What an order says of a product stands beside its counts: all that a shop without a catalogue knows of it.
_SOLD_AS = ("name", "category", "price")


Line = Mapping[str, Any]


def basket(row: OrderRow | None, content: Mapping[str, Any], rules: OrderRules) -> dict[str, Line]:
    """The different goods of an order that counts today, by SKU; empty for one that does not or says too much."""
    if row is None or not row.counts:
        return {}
    goods = {line["sku"]: line for line in content.get("lines", ()) if "sku" in line and is_goods(line, rules)}
    return goods if len(goods) <= MOST_GOODS else {}


def is_goods(line: Line, rules: OrderRules) -> bool:
    """Whether a line is something one buys, and not a fee or a bag."""
    said = f" {fold(str(line.get('name', '')))} {fold(str(line.get('category', '')))} "
    return not any(f" {fold(word)} " in said for word in rules.no_goods)


def recount(uow: UnitOfWork, order_id: str, before: Mapping[str, Line], after: Mapping[str, Line]) -> None:
    """Bring the counts from what an order was to what it is, in the draft that takes it in."""
    if before.keys() == after.keys():
        return
    for goods, step in ((before, -1), (after, 1)):
        for sku, line in goods.items():
            key = table_keys.pairs_of_order(sku, order_id)
            uow.count(key, **{_TOTAL: step}, **{_name(other): step for other in goods if other != sku})
            if step > 0:
                uow.tell(key, **{name: line[name] for name in _SOLD_AS if name in line})


def _name(sku: str) -> str:
    return f"+{sku}"


@dataclass(frozen=True)
class CoPurchase:
    """The counts as one process sees them at `now`; `memory` is the process's own."""

    table: Table
    memory: dict[str, Any]
    now: datetime

    def load(self, skus: Iterable[str]) -> dict[str, Counts]:
        """The counts of these products, remembered for ten minutes."""
        wanted = dict.fromkeys(skus)
        if unknown := self.unknown(wanted):
            return self.learn(wanted, self.table.batch_get(keys(unknown), consistent=False))
        return self.learn(wanted, {})

    def unknown(self, skus: Iterable[str]) -> list[str]:
        """Those that are not remembered; whoever reads their items hands them to `learn`."""
        known: dict[str, tuple[datetime, Counts]] = self.memory.setdefault("co_purchase", {})
        return [sku for sku in skus if sku not in known or self.now - known[sku][0] >= REMEMBERED_FOR]

    def learn(self, skus: Iterable[str], items: Mapping[Key, Item]) -> dict[str, Counts]:
        """The counts of these products, those that were not remembered taken from items that were just read."""
        wanted = dict.fromkeys(skus)
        unknown = dict.fromkeys(self.unknown(wanted))
        known: dict[str, tuple[datetime, Counts]] = self.memory["co_purchase"]
        found = {sku: known[sku][1] for sku in wanted if sku not in unknown}
        for sku in unknown:
            shards = [items[key] for key in keys([sku]) if key in items]
            for item in shards:
                self._keep_small(item)
            found[sku] = _sum(sku, shards)
        if len(known) + len(unknown) > REMEMBERED:
            known.clear()
        known.update((sku, (self.now, found[sku])) for sku in list(unknown)[:REMEMBERED])
        return found

    def _keep_small(self, item: Item) -> None:
        """Drop some of what came once from a row that has grown large: it would cost more with every order."""
        others = [name for name in item if name.startswith("+")]
        if len(others) > OTHERS_KEPT:
            once = sorted(name for name in others if item[name] <= 1)[:DROPPED_AT_ONCE]
            with suppress(Busy):  # whoever looks next does it
                self.table.write(Update(Key(item["pk"], item["sk"]), remove=[(name,) for name in once]))


def keys(skus: Iterable[str]) -> list[Key]:
    """Where the counts of these products stand."""
    return [table_keys.pairs(sku, shard) for sku in skus for shard in range(table_keys.PAIR_SHARDS)]


def _sum(sku: str, shards: Iterable[Item]) -> Counts:
    together: dict[str, int] = {}
    orders = 0
    sold = None
    for item in shards:
        orders += item.get(_TOTAL, 0)
        if "name" in item:
            sold = Product(sku=sku, **{name: item[name] for name in _SOLD_AS if name in item})
        for name, number in item.items():
            if name.startswith("+"):
                together[name[1:]] = together.get(name[1:], 0) + number
    return Counts(orders, {other: number for other, number in together.items() if number > 0}, sold)
