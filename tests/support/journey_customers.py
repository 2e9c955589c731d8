"""What people of these tests do beyond the shop's own verbs: fall silent, read a message, are said to be valuable."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from shared.domain.messaging.tracked_links import MessageLinks, link_key
from shared.domain.vietnam_time import local_day
from shared.repositories import table_keys
from tests.support.journeys import Guest, Shop

PHONE = "Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36"


def buys(shop: Shop, guest: Guest, times: int = 2, *, at: datetime | None = None, **more: Any) -> None:
    """So many sales in the store on days in a row, the last of them at this moment (now)."""
    last = at or shop.now
    for number in range(times):
        when = last - timedelta(days=times - 1 - number)
        shop.order(guest, f"HD-{guest.phone[-6:]}-{when:%y%m%d%H%M}", channel="store", at=when, **more)


def silent(shop: Shop, days: int, *, hour: int = 9, minute: int = 31) -> None:
    """Time passes until that hour of the day on which the last purchase, made today, lies so many days back."""
    shop.until(hour, minute, days=days)


def reads(shop: Shop, message: dict[str, Any]) -> None:
    """Half an hour from now the customer taps the link in a message."""
    shop.later(minutes=30)
    path = MessageLinks("", link_key(shop.stack.outside.identity_key), message["message_id"]).click(0)
    assert shop.stack.http("GET", path, "", {"user-agent": PHONE}, b"")[0] == 302
    shop.later(minutes=1)


def sent(shop: Shop, guest: Guest, journey: str) -> list[tuple[str, str]]:
    """What a journey sent somebody that the providers took: the step, day and hour."""
    return [(message["step"], f"{shop.local(message):%d/%m %H:%M}") for message in shop.of(journey, guest)
            if any(line[1] == "sent" for line in message["log"])]  # fmt: skip


def deals(shop: Shop, guest: Guest, journey: str) -> list[str]:
    """How the deals of a journey ended, as the timeline tells it."""
    low, high = table_keys.TIMELINE
    told = shop.stack.table.query(table_keys.profile(guest.id).pk, low=low, high=high).items
    return [item["deal"] for item in told if item.get("journey") == journey and "deal" in item]


def days_until(shop: Shop, month: int, day: int, year: int) -> int:
    """How many days from today a date is."""
    return (date(year, month, day) - local_day(shop.now)).days
