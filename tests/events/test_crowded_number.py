"""R4: a number that is typed at every sale, and its marketplace buyers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.domain.vietnam_time import stamp
from tests.support.shop import PHONE, Shop, shop

__all__ = ["shop"]

SALES, STEP = 1200, 100


def test_r4_a_number_with_thousands_of_buyers_costs_the_same_at_every_sale(shop: Shop):
    costs: list[dict[str, Any]] = []
    for start in range(0, SALES, STEP):
        batch = [
            {"type": "track", "event": "Order Completed", "messageId": f"m{number}", "userId": PHONE,
             "timestamp": stamp(shop.now - timedelta(minutes=SALES - number)),
             "context": {"traits": {"external": {"shopee": f"buyer{number}"}}},
             "properties": {"order_id": f"S{number}", "total": 100_000}}
            for number in range(start, start + STEP)
        ]  # fmt: skip
        shop.stack.meter.reset()
        assert shop.call("POST", "/v1/batch", {"batch": batch}).json == {"success": True}
        shop.stack.drain()
        costs.append(shop.stack.meter.report()["doors"]["events_worker"])

    assert shop.dead_letters == []
    assert sum(shop.stack.queue_state()["events"].values()) == 0
    found = shop.call("POST", "/v1/customers/search", {"phone": PHONE}).json
    assert (found["metrics"]["orders"], found["refused"]) == (SALES, "rate")
    assert len(found["identities"]["links"]) <= 21
    for unit in ("requests", "read_units", "write_units"):
        assert costs[-1][unit] <= 1.05 * costs[2][unit], (unit, costs)
    # The buyers' own links lead to the number all the same.
    late = shop.call("POST", "/v1/customers/search", {"external": {"shopee": "buyer1199"}})
    assert late.json["customer_id"] == found["customer_id"]
