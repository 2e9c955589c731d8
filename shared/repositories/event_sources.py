"""Which sources are connected: what kind of news has come in, since when and when last (D2, D5, R27).

Noted once a day by each process and kind, so that it costs nothing per event.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from shared.domain.errors import Busy, Conflict
from shared.domain.events.event import Event
from shared.domain.orders.order_event import PARCEL_FACTS
from shared.domain.vietnam_time import local_day
from shared.ports import Table, Update, absent, absent_or_at_most
from shared.repositories import table_keys
from shared.repositories.cached import ProcessMemory

# What is told by each kind of source. History is what came as such, of whichever kind.
KINDS = ("history", "store_orders", "online_orders", "carts", "web", "carriers", "zalo", "messenger",
         "catalogue")  # fmt: skip
CHATS = frozenset(("zalo", "messenger"))


class Seen(NamedTuple):
    """The local days on which a kind of news came first and last."""

    first_on: str
    last_on: str


def kinds_of(event: Event, store_channels: Iterable[str]) -> set[str]:
    """The kinds of source that an event is a sign of."""
    if event.backfill:
        return {"history"}
    found = set()
    if event.order and event.order.kind == "placed":
        in_store = event.order.content.get("channel", "") in store_channels
        found.add("store_orders" if in_store else "online_orders")
    elif event.order and event.order.kind in PARCEL_FACTS:
        found.add("carriers")
    if event.cart:
        found.add("carts")
    if event.type == "page" or event.name == "Product Viewed":
        found.add("web")
    return found


def note(table: Table, memory: ProcessMemory, kinds: Iterable[str], now: datetime) -> None:
    """Keep that these kinds of news came today: one write per kind, day and process."""
    today = local_day(now).isoformat()
    known = memory.sources_noted
    for kind in sorted(kinds):
        if known.get(kind) == today:
            continue
        key = table_keys.source(kind)
        try:
            table.write(Update(key, set={("first_on",): today, ("last_on",): today}, when=(absent(),)))
        except Conflict:
            later = (absent_or_at_most(("last_on",), today),)
            try:
                table.write(Update(key, set={("last_on",): today}, when=later))
            except (Conflict, Busy):
                continue  # another process noted a later day, or the next event does
        except Busy:
            continue
        known[kind] = today


def seen(table: Table) -> dict[str, Seen]:
    """Every kind of news that ever came."""
    page = table.query(table_keys.SOURCES, consistent=False)
    return {item["sk"]: Seen(item["first_on"], item["last_on"]) for item in page.items}
