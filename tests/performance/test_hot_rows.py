"""P13, X4: no row takes part in the transactions of two customers, and no counter in anybody's."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

from shared.ports import Action, Item, Put
from tests.support.tickets import ANGRY, CALM, HOA, LAN, Helpdesk

COUNTERS = ("COUNTS", "DAY#", "SENT#", "DESK#", "CREDIT#", "PAIRS#", "BUDGET#", "STREAM#", "JOURNEY#")


class Watched:
    """A table that remembers which customers' transactions each row took part in."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self.customers_of: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.counted: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def write(self, *actions: Action) -> Item | None:
        keys = [action.key for action in actions]
        customers = {key.pk for key in keys if key.pk.startswith("C#")}
        # The stream's own transactions belong to nobody: they bring what many commits counted.
        if len(actions) > 1 and customers and not any(key.pk.startswith("STREAM#") for key in keys):
            for action, key in zip(actions, keys, strict=True):
                if not key.pk.startswith("C#"):
                    self.customers_of[key] |= customers
                    made = isinstance(action, Put) and "definition" in action.item
                    if key.pk.startswith(COUNTERS) and not made:
                        self.counted.add(f"{key.pk} {key.sk}")
        found: Item | None = self._table.write(*actions)
        return found


def test_p13_no_row_is_in_the_transactions_of_two_customers_and_no_counter_in_one():
    desk = Helpdesk()
    table = Watched(desk.stack.table)
    desk.stack.outside.table = table  # type: ignore[assignment]
    for number in range(8):
        phone = f"09770000{number:02}"
        goods = [{"sku": sku, "name": f"Áo {sku}", "price": 200_000, "quantity": 1} for sku in ("A1", "B1")]
        for order in range(2):
            desk.sell(
                f"HD{number}-{order}", phone, days_ago=40 * (1 - order), store="Q1", channel="store", products=goods,
                cashier="an", total=400_000,
            )  # fmt: skip
    for who in (LAN, HOA):
        ticket = desk.says(ANGRY, who={"phone": who, "zalo_user_id": f"z{who}"})
        desk.reply(ticket)
        desk.do(ticket, "resolve", by="care_1")
    desk.says(CALM, who={"phone": "0977000001", "zalo_user_id": "z1"})
    for _ in range(40):
        desk.stack.advance(desk.stack.now + timedelta(days=1))

    shared = {key: len(who) for key, who in table.customers_of.items() if len(who) > 1}
    assert shared == {}
    assert table.counted == set()
    assert len(table.customers_of) > 50
    desk.stack.read_stream()
    assert [item for item in desk.stack.table.query("COUNTS").items if item.get("lapsed_30") == 8]
    desk.stack.close()
