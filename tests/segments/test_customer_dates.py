"""A3, R8, X17: the early hours of an occasion find the customer, whatever happened to them before."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from shared.domain.segments.segmentation import due_at
from shared.domain.vietnam_time import VIETNAM, day_start, local_day, stamp
from shared.ports import Update
from shared.repositories import table_keys
from shared.use_cases.customers.upsert import Upsert, upsert
from shared.use_cases.segments.wake_due_customers import Waker
from tests.support.engine import Engine, identify, raise_again, sale, track
from tests.support.wake import Counted, weekly

LAN = "0901234567"
# Sunday 1 March 2026, ten in the morning.
BORN = "1990-03-05"
BIRTHDAY = date(2026, 3, 5)


def sweep(engine):
    return Waker(engine.journeys(), raise_again).sweep(engine.now, clock=lambda: engine.now, seconds=60).worked


def due(engine):
    """The local day on which the one customer is looked at next, if any."""
    (lead,) = engine.leads()
    return local_day(datetime.fromisoformat(lead["due_at"])) if "due_at" in lead else None


def at(day, hour=0, minute=0):
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=VIETNAM)


def born(**attributes):
    engine = Engine()
    engine.take(identify(stamp(engine.now), LAN, birthday=BORN, **attributes))
    return engine


def test_a3_a_prospect_is_woken_on_the_birthday_and_on_the_next():
    engine = born()
    assert due(engine) == BIRTHDAY
    engine.now = at(BIRTHDAY, 3)
    assert sweep(engine) == 1
    assert due(engine) == date(2027, 3, 5)
    assert sweep(engine) == 0


def test_x17_a_lunar_birthday_wakes_on_its_day():
    # 5 March 1990 was the ninth of the second month; so is 27 March 2026.
    assert due(born(birthday_calendar="lunar")) == date(2026, 3, 27)


def test_r8_points_wake_thirty_and_seven_days_before_they_expire_and_spent_points_do_not():
    engine = Engine()
    engine.take(identify(stamp(engine.now), LAN, points=120, points_expire_on="2026-05-01"))
    assert due(engine) == date(2026, 4, 1)
    engine.now = at(date(2026, 4, 1), 3)
    assert sweep(engine) == 1
    assert due(engine) == date(2026, 4, 24)
    engine.take(identify(stamp(engine.now), LAN, points=0))
    engine.now = at(date(2026, 4, 24), 3)
    sweep(engine)
    assert due(engine) is None


@pytest.mark.parametrize("event", ["sale", "view"])
def test_a3_what_happens_after_midnight_does_not_take_the_birthdays_wake_away(event):
    engine = born()
    (lead,) = engine.leads()
    wake = due_at(lead["customer_id"], BIRTHDAY)
    engine.now = day_start(BIRTHDAY)
    assert engine.now < wake
    said = sale("HD1", stamp(engine.now), LAN) if event == "sale" else track("Product Viewed", stamp(engine.now), LAN)
    engine.take(said)
    assert engine.leads()[0]["due_at"] == stamp(wake)
    engine.now = wake + timedelta(seconds=1)
    assert sweep(engine) == 1
    assert due(engine) > BIRTHDAY


def test_after_its_wake_nothing_brings_an_occasion_back_on_the_same_day():
    engine = born()
    engine.now = at(BIRTHDAY, 3)
    sweep(engine)
    engine.take(identify(stamp(engine.now), LAN, birthday=BORN, city="Huế"))
    assert due(engine) == date(2027, 3, 5)


def test_sundays_pass_finds_who_has_to_be_woken_sooner_than_the_rules_of_then_knew():
    engine = Engine()
    engine.take(sale("HD1", stamp(engine.now), LAN))
    (lead,) = engine.leads()
    assert due(engine) == date(2026, 3, 31)
    engine.table.write(Update(table_keys.profile(lead["customer_id"]), set={("traits", "birthday"): BORN}))
    weekly(engine)
    assert due(engine) == BIRTHDAY
    before = engine.leads()
    weekly(engine)
    assert engine.leads() == before


# ---- the upsert in place (P1) ----


def put(engine, table=None, **traits):
    (who,) = (i for i in engine.event(identify(stamp(engine.now), LAN)).identities if i.kind == "phone")
    ingestion = engine.ingestion(table)
    if table:
        table.operations.clear()
    upsert(ingestion, Upsert((who,), traits, (), "pos"))


@pytest.mark.parametrize(
    ("traits", "first", "then"),
    [
        # An early date need not move; the wake moves on from it.
        ({"birthday": "1990-04-20"}, BIRTHDAY, date(2026, 4, 20)),
        ({"birthday": "1990-03-03"}, date(2026, 3, 3), date(2027, 3, 3)),
        ({"@birthday_calendar": "lunar"}, BIRTHDAY, date(2026, 3, 27)),
        ({"@points": 5, "@points_expire_on": "2026-04-02"}, date(2026, 3, 3), BIRTHDAY),
    ],
)
def test_a3_r8_a_put_that_moves_an_occasion_moves_the_wake(traits, first, then):
    engine = born()
    engine.now += timedelta(minutes=1)
    put(engine, **traits)
    assert due(engine) == first
    engine.now = at(first, 3)
    sweep(engine)
    assert due(engine) == then


def test_p1_a_till_that_repeats_a_birthday_pays_for_one_update_in_place():
    engine = born()
    engine.now += timedelta(minutes=1)
    table = Counted(engine.table)
    put(engine, table, birthday=BORN, city="Huế")
    assert sum(table.operations.values()) == 2, table.operations
    assert engine.leads()[0]["traits"]["city"] == "Huế"
    assert due(engine) == BIRTHDAY
