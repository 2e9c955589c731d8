"""X24: what the orders of one write key may send in an hour, and what one person may get in a day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.runtime.logs import KEY_CAP_REACHED
from shared.runtime.playbook.rules import sending_rules
from tests.support.shop import Shop, basic, shop

__all__ = ["shop"]

MOST = sending_rules().transactional_per_key_an_hour


def phone(number: int) -> str:
    return f"09012{number:05}"


def orders(shop: Shop, key: str, phones: list[str]) -> None:
    batch = [
        {"type": "track", "event": "Order Completed", "messageId": f"m{number}-{key[-4:]}", "userId": to,
         "properties": {"order_id": f"D{number}-{key[-4:]}", "total": 90_000, "channel": "online"}}
        for number, to in enumerate(phones)
    ]  # fmt: skip
    for start in range(0, len(batch), 100):
        body = {"batch": batch[start : start + 100]}
        assert shop.call("POST", "/v1/batch", body, key=None, authorization=basic(key)).json == {"success": True}


def sent(shop: Shop) -> list[dict[str, Any]]:
    received: list[dict[str, Any]] = shop.stack.providers.outbox()
    return received


def test_x24_five_hundred_orders_of_one_key_reach_its_cap_and_ring_the_alarm(
    shop: Shop, caplog: pytest.LogCaptureFixture
):
    orders(shop, shop.write_key, [phone(number) for number in range(500)])
    shop.stack.drain()

    # A message that takes a second channel counts once more.
    first = len(sent(shop))
    assert 0.9 * MOST <= first <= MOST
    held = [item for item in shop.items if item.get("reason") == "key_cap"]
    assert len(held) == 500 - first
    rung = [line for line in caplog.records if line.getMessage() == KEY_CAP_REACHED]
    assert {line.levelname for line in rung} == {"ERROR"}

    # Another key's orders are nobody else's business, and what waits goes out in the next hour.
    orders(shop, shop.key("write"), ["0987123654"])
    shop.stack.drain()
    assert len(sent(shop)) == first + 1
    assert len(shop.stack.providers.outbox("+84987123654")) == 1
    shop.stack.advance(shop.now + timedelta(minutes=62))
    assert len({message["to"] for message in sent(shop)}) == 501


def test_x24_one_person_gets_so_many_messages_about_orders_a_day(shop: Shop):
    most = sending_rules().caps["transactional"].messages

    orders(shop, shop.write_key, ["0987123654"] * 19 + [phone(1)])
    shop.stack.drain()
    for _number in range(3):
        shop.stack.advance(shop.now + timedelta(minutes=5))
        orders(shop, shop.key("write"), ["0987123654"] * 9)
        shop.stack.drain()

    assert len([message for message in sent(shop) if message["to"].endswith("987654321")]) <= most
