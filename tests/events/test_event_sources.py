"""Kinds of sources are noted once a day, by whoever hears of them first, and never lose their first day (R27)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.repositories import event_sources
from shared.repositories.cached import ProcessMemory
from shared.repositories.event_sources import Seen, kinds_of, note, seen
from tests.support.engine import START, Engine, faults, identify, on, sale, track

TILLS = ("store", "")
PHONE = "0901234567"


@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        (sale("HD1", on(0), PHONE, channel="store"), {"store_orders"}),
        (sale("HD1", on(0), PHONE, channel="website"), {"online_orders"}),
        (track("Order Completed", on(0), PHONE, context={"backfill": True}, order_id="HD1", total=1), {"history"}),
        (track("Order Delivered", on(0), order_id="HD1"), {"carriers"}),
        (track("Product Viewed", on(0), PHONE, sku="A"), {"web"}),
        (track("Cart Updated", on(0), PHONE, products=[]), {"carts"}),
        (identify(on(0), PHONE, city="Huế"), set()),
    ],
)
def test_an_event_is_a_sign_of_its_kind_of_source(message, kinds):
    assert kinds_of(Engine().event(message), TILLS) == kinds


def test_a_source_costs_one_write_a_day_and_process():
    engine, memory = Engine(), ProcessMemory(lambda: START)
    writes = []
    write = engine.table.write
    engine.table.write = lambda *actions: writes.append(actions) or write(*actions)  # type: ignore[method-assign]
    for _ in range(5):
        note(engine.table, memory, {"web", "carts"}, START)
    assert len(writes) == 2
    note(engine.table, memory, {"web"}, START + timedelta(days=1))
    assert seen(engine.table) == {
        "carts": Seen("2026-03-01", "2026-03-01"),
        "web": Seen("2026-03-01", "2026-03-02"),
    }


def test_a_late_process_takes_back_neither_the_first_day_nor_the_last():
    engine = Engine()
    for days in (0, 3, 1):
        note(engine.table, ProcessMemory(lambda: START), {"web"}, START + timedelta(days=days))
    assert seen(engine.table)["web"] == Seen("2026-03-01", "2026-03-04")


def test_a_busy_table_is_asked_again_with_the_next_event():
    engine = Engine(bad_manners=faults(7, busy=0.6))
    memory = ProcessMemory(lambda: START)
    for _ in range(40):
        note(engine.table, memory, event_sources.KINDS, START)
    with engine.honest():
        assert seen(engine.table).keys() == set(event_sources.KINDS)
