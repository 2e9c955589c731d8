"""A crowded little world: few people with many names, many events about few orders; whatever happens, every door keeps
its promises. Worlds are drawn from a seed, so that a broken one can be lived again."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from shared.domain.orders.order_event import CART_EVENTS, ORDER_EVENTS
from shared.domain.vietnam_time import stamp
from tests.support.openapi import holds_to_it
from tests.support.shop import Shop

EVENTS = [*ORDER_EVENTS, *CART_EVENTS, "Rang The Bell"]


class World:
    """Draws messages about few people; every third fact contradicts another."""

    def __init__(self, seed: int, shop: Shop) -> None:
        self.draw = Random(seed)
        self.shop = shop

    def chance(self, percent: int) -> bool:
        return self.draw.randrange(100) < percent

    def number(self, below: int) -> int:
        return self.draw.randrange(below)

    def identities(self, most: int) -> dict[str, Any]:
        """Up to `most` identities, at least one."""
        found: dict[str, Any] = {}
        for _ in range(1 + self.number(most)):
            kind = self.draw.choice(["phone", "email", "loyalty_id", "zalo_user_id", "external"])
            found[kind] = {
                "phone": f"090123456{self.number(6)}",
                "email": f"a{self.number(5)}@vidu.vn",
                "loyalty_id": f"L{self.number(5)}",
                "zalo_user_id": f"z{self.number(4)}",
                "external": {self.draw.choice(["kiotviet", "sapo"]): str(1 + self.number(4))},
            }[kind]
        return found

    def name(self) -> str:
        return self.draw.choice(["Nguyễn Thị Lan", "Trần Văn Nam", "chị Lan", "Lê Hoa"])

    def message(self) -> dict[str, Any]:
        kind = self.draw.choice(["track"] * 6 + ["identify", "alias", "page", "group"])
        ago = timedelta(days=self.number(900), hours=self.number(24))
        message: dict[str, Any] = {
            "type": kind,
            "messageId": f"m{self.number(300)}",
            "timestamp": stamp(self.shop.now - ago),
            "anonymousId": f"d{self.number(4)}",
            "traits": self.identities(3) if self.chance(70) else {},
            "context": {"source": self.draw.choice(["pos", "chat", "web"]), "backfill": self.chance(20)},
        }
        if self.chance(30):
            message["traits"]["name"] = self.name()
        if self.chance(20):
            message["context"]["consent"] = [{"channel": "sms", "purpose": "marketing", "granted": self.chance(50)}]
        if kind == "alias":
            message["previousId"] = self.draw.choice([f"d{self.number(4)}", "0901234561", "a1@vidu.vn"])
        if kind == "track":
            message["event"] = self.draw.choice(EVENTS)
            message["properties"] = self.properties()
        return message

    def properties(self) -> dict[str, Any]:
        said: dict[str, Any] = {
            "order_id": f"o{self.number(12)}",
            "total": self.draw.choice([0, -50_000, 500_000, 9_000_000]),
            "payment": self.draw.choice(["cod", "cash"]),
            "store": self.draw.choice(["Q1", "Q7"]),
            "carrier": "GHN",
            "status": self.draw.choice(["picked", "delivering", "delivered", "lost"]),
            "products": [{"sku": f"s{self.number(4)}", "price": 1000, "quantity": 1 + self.number(3)}],
        }
        for name in ("exchange_of", "invoice_of"):
            if self.chance(15):
                said[name] = f"o{self.number(12)}"
        return said | ({"coupon": "C", "discount": 20_000} if self.chance(20) else {})


@pytest.mark.parametrize("seed", range(6))
def test_every_door_keeps_its_promises_in_a_crowded_world(shop: Shop, seed: int):
    world = World(seed, shop)
    for _ in range(5):
        batch = [world.message() for _ in range(1 + world.number(40))]
        assert shop.call("POST", "/v1/batch", {"batch": batch}).status == 200
        assert not shop.stack.drain()["failed"]
        assert shop.dead_letters == []
        for _ in range(3):
            _look_closely(world)
        shop.stack.advance(shop.now + timedelta(days=1 + world.number(20)))
        _compare_counts_with_members(shop)


def _look_closely(world: World) -> None:
    """Put somebody, perhaps merge or part them, and look at them in every way."""
    shop = world.shop
    body = {"identities": world.identities(4), "traits": {"name": world.name()}}
    put = holds_to_it("PUT /v1/customers", shop.call("PUT", "/v1/customers", body))
    assert put.status in (200, 201)
    path, route = f"/v1/customers/{put.json['customer_id']}", "GET /v1/customers/{customer_id}"
    if world.chance(30):
        second = shop.call("PUT", "/v1/customers", {"identities": world.identities(1)})
        assert second.status in (200, 201), second
        other = second.json["customer_id"]
        asked = {"other": other, "preview": world.chance(30)}
        merged = holds_to_it("POST /v1/customers/{customer_id}/merge", shop.call("POST", f"{path}/merge", asked))
        assert merged.status in (200, 400, 409)
    if world.chance(50):
        parted = holds_to_it("POST /v1/customers/{customer_id}/unmerge", shop.call("POST", f"{path}/unmerge"))
        assert parted.status in (200, 404)
    assert holds_to_it(route, shop.call("GET", path)).status == 200
    assert holds_to_it(f"{route}/timeline", shop.call("GET", f"{path}/timeline", query="limit=200")).status == 200


def _compare_counts_with_members(shop: Shop) -> None:
    for row in shop.call("GET", "/v1/segments").json["items"]:
        members = shop.call("GET", f"/v1/segments/{row['label']}/customers", query="limit=200")
        holds_to_it("GET /v1/segments/{label}/customers", members)
        assert len(members.json["items"]) == row["customers"], row
    holds_to_it("GET /v1/churn-risk", shop.call("GET", "/v1/churn-risk", query="limit=200"))
