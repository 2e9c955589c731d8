"""X4, G7: lists follow the days by themselves, at the price of those whose day it is, and catch up after an outage."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.segments.segmentation import classify
from shared.domain.vietnam_time import day_start, local_day, moment, stamp
from shared.ports import Key, Put
from shared.repositories import table_keys
from shared.repositories.profiles import metrics_of
from shared.use_cases.segments.wake_due_customers import Waker
from shared.use_cases.segments.weekly_cutoffs import relabel_pass
from tests.support.engine import START, Engine, faults, on, raise_again, sale, track
from tests.support.max_examples import max_examples
from tests.support.wake import Counted, weekly

PHONES = [f"09012345{n:02d}" for n in range(30)]


def sweep(engine, table=None, seconds=60):
    return Waker(engine.journeys(table), raise_again).sweep(engine.now, clock=lambda: engine.now, seconds=seconds)


def labels(engine, phone=PHONES[0]):
    name = f"phone:+84{phone[1:]}"
    return set(next(p["labels"] for p in engine.leads() if name in p["identities"]))


# ---- a year, day by day, against brute force ----


@max_examples(2)
@given(st.integers(0, 2**32))
def test_x4_for_a_year_the_lists_equal_brute_force_at_noon(seed):
    random = Random(seed)
    engine = Engine(START, bad_manners=faults(seed, lag=3, busy=0.05, lost_answers=0.05))
    orders = 0
    for day in range(0, 400):
        if day < 200 and random.random() < 0.15:
            orders += 1
            engine.take(
                sale(
                    f"HD{orders}",
                    stamp(engine.now - timedelta(days=random.choice([0, 0, 0, 1, 9]))),
                    random.choice(PHONES[:6]),
                    total=random.choice([200_000, 2_500_000, -100_000]),
                    payment=random.choice(["cash", "cod"]),
                )
            )
        if day < 200 and random.random() < 0.05:
            fate = random.choice(["Order Delivered", "Delivery Failed", "Returned To Sender", "Order Cancelled"])
            engine.take(track(fate, stamp(engine.now), order_id=f"HD{random.randint(1, orders + 1)}"))
        if random.random() < 0.03:
            engine.take(track("Product Viewed", stamp(engine.now), random.choice(PHONES[:6]), sku="ao"))
        engine.pass_days(1)
        if day % 4 == 0:
            engine.check_lists()
    assert orders > 5
    # A year and more after everything, nobody is left with a date.
    engine.pass_days(400)
    engine.check_lists()
    assert [p for p in engine.leads() if "due_at" in p] == []


@pytest.mark.parametrize(("days", "label"), [(30, "lapsed_30"), (60, "lapsed_60"), (90, "lapsed_90"), (180, "lost")])
def test_g7_the_list_changes_in_the_early_hours_of_exactly_that_local_day(days, label):
    for hour, minute in ((16, 59), (17, 0)):
        engine = Engine(START.replace(hour=hour, minute=minute))
        engine.take(sale("HD1", stamp(engine.now), PHONES[0]))
        last = local_day(engine.now)
        engine.pass_days(days - 1)
        assert local_day(engine.now) == last + timedelta(days=days - 1)
        assert label not in labels(engine)
        engine.now = day_start(last + timedelta(days=days)) + timedelta(hours=3)
        sweep(engine)
        assert label in labels(engine)


def test_an_order_moves_the_boundary_and_nobody_is_moved_who_bought():
    engine = Engine()
    engine.take(sale("HD1", on(0), PHONES[0]))
    engine.pass_days(29)
    engine.take(sale("HD2", stamp(engine.now), PHONES[0]))
    engine.pass_days(29)
    assert "active" in labels(engine)
    engine.pass_days(1)
    assert "lapsed_30" in labels(engine)


# ---- what it costs ----


@pytest.mark.parametrize("others", [0, 200])
def test_x4_a_sweep_costs_what_is_due_and_not_what_is_there(others):
    engine = Engine()
    engine.take(*(sale(f"HD{n}", on(0), PHONES[n]) for n in range(10)))
    engine.now = START + timedelta(days=20)
    for batch in range(0, others, 50):
        engine.take(*(sale(f"X{n}", on(20), f"0912345{n:03d}") for n in range(batch, batch + 50)))
    engine.now = START + timedelta(days=30)
    table = Counted(engine.table)
    assert sweep(engine, table).worked == 10
    assert sum(table.operations.values()) <= 18
    table.operations.clear()
    assert sweep(engine, table).worked == 0
    assert table.operations == {"due": 1}


# ---- outages, lag, interruptions ----


def thirty(bad=None):
    engine = Engine(bad_manners=bad)
    engine.take(*(sale(f"HD{n}", on(0), PHONES[n]) for n in range(30)))
    return engine


def test_what_was_overdue_after_ten_days_without_a_sweep_is_caught_up():
    engine = thirty()
    engine.now = START + timedelta(days=40)
    assert sweep(engine).worked == 30
    assert len(engine.lists()["lapsed_30"]) == 30
    engine.check_lists()


def test_after_a_long_outage_a_customer_goes_straight_to_where_they_stand():
    engine = thirty()
    engine.now = START + timedelta(days=200)
    assert sweep(engine).worked == 30
    assert len(engine.lists()["lost"]) == 30
    engine.check_lists()


@pytest.mark.parametrize("seed", range(4))
def test_a_lagging_index_and_a_throttled_table_forget_nobody(seed):
    engine = thirty(faults(seed, lag=12))
    engine.now = START + timedelta(days=31)
    engine.ticks(12)
    assert len(engine.lists()["lapsed_30"]) == 30
    engine.check_lists()


def test_a_sweep_out_of_time_leaves_the_rest_to_the_next():
    engine = thirty()
    engine.now = START + timedelta(days=31)
    assert sweep(engine, seconds=0).worked == 0
    assert sweep(engine).worked == 30


def test_a_sweep_while_another_holds_the_lease_does_nothing():
    engine = thirty()
    engine.now = START + timedelta(days=31)
    inside = []

    class Meanwhile(Counted):
        def write(self, *actions):
            if not inside:
                inside.append(None)
                answer = self._table.write(*actions)
                inside[0] = sweep(engine)
                return answer
            return self._table.write(*actions)

    assert sweep(engine, Meanwhile(engine.table)).worked == 30
    assert inside[0].worked == 0


def test_a_customer_who_cannot_be_woken_is_put_off_ever_longer_ends_and_holds_up_nobody():
    engine = thirty()
    first = min(engine.leads(), key=lambda lead: lead["due_at"])
    engine.table.write(Put({**first, "metrics": ["broken"] * 99}))
    engine.now = START + timedelta(days=31)
    heard = []
    pauses = []
    for _ in range(12):
        Waker(engine.journeys(), lambda _row, error, last: heard.append((type(error), last))).sweep(
            engine.now, clock=lambda: engine.now, seconds=60
        )
        due = engine.table.get(Key(first["pk"], first["sk"])).get("due_at")
        if due:
            pauses.append(moment(due) - engine.now)
            engine.now = moment(due)
        assert len(engine.lists()["lapsed_30"]) == 29
    assert heard == [(TypeError, False)] * 9 + [(TypeError, True)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(minutes=15), timedelta(days=1))


# ---- cash on delivery (R2) ----


@pytest.mark.parametrize("phone", [PHONES[0], None])
def test_r2_a_cod_order_matures_by_itself_after_fourteen_days(phone):
    engine = Engine()
    engine.take(sale("HD1", on(0), phone, total=300_000, payment="cod", store="Q1"))
    engine.pass_days(13)
    assert sum(total.get("kept", 0) for total in engine.days().values()) == 0
    engine.pass_days(1)
    assert sum(total["kept"] for total in engine.days().values()) == 300_000
    engine.check_lists()
    if phone:
        assert labels(engine) >= {"new", "one_time"}


def test_r2_an_event_between_midnight_and_the_wake_does_not_lose_the_maturing():
    engine = Engine()
    engine.take(sale("HD1", on(0), PHONES[0], payment="cod"))
    engine.now = day_start(local_day(START) + timedelta(days=14)) + timedelta(seconds=1)
    engine.take(track("Product Viewed", stamp(engine.now), PHONES[0], sku="ao"))
    sweep(engine)
    engine.check_lists()
    assert "new" in labels(engine)


@pytest.mark.parametrize("event", ["Order Delivered", "Returned To Sender"])
@pytest.mark.parametrize("phone", [PHONES[0], None])
def test_r2_word_from_the_carrier_during_an_outage_counts_once(event, phone):
    engine = Engine()
    engine.take(sale("HD1", on(0), phone, payment="cod"))
    engine.now = START + timedelta(days=16)
    engine.take(track(event, stamp(engine.now), order_id="HD1"))
    engine.check_lists()
    engine.pass_days(3)
    engine.check_lists()


def test_r2_a_walk_ins_cod_order_that_finds_its_customer_is_no_longer_due_by_itself():
    engine = Engine()
    engine.take(sale("HD1", on(0), payment="cod"))
    assert "due" in engine.table.get(table_keys.order("HD1"))
    engine.take(track("Order Updated", on(0), PHONES[0], order_id="HD1"))
    assert "due" not in engine.table.get(table_keys.order("HD1"))
    engine.pass_days(14)
    engine.check_lists()


def test_more_maturing_orders_than_one_transaction_holds_mature_all_the_same():
    engine = Engine()
    engine.take(*(sale(f"HD{n}", on(0, 2, n % 60), PHONES[0], payment="cod", total=10_000) for n in range(70)))
    engine.now = START + timedelta(days=20)
    engine.ticks()
    engine.check_lists()
    assert sum(total["kept"] for total in engine.days().values()) == 700_000


# ---- VIPs and new cut-offs (R8) ----


def with_a_vip():
    engine = thirty()
    engine.take(*(sale(f"V{n}", on(0, 1), PHONES[0], total=30_000_000) for n in range(2)))
    engine.now = START + timedelta(days=2)
    engine.take(sale("V3", on(2), PHONES[0], total=30_000_000))
    return engine


def test_r8_a_vip_is_kept_twelve_months_and_no_longer():
    engine = with_a_vip()
    weekly(engine)
    assert "vip" in labels(engine)
    (until,) = {p["vip_until"] for p in engine.leads() if "vip_until" in p}
    assert until == str(local_day(engine.now) + timedelta(days=365))
    engine.take(track("Order Refunded", on(2), order_id="V3"), track("Order Cancelled", on(2), order_id="V0"))
    engine.take(track("Order Cancelled", on(2), order_id="V1"))
    assert "vip" in labels(engine)
    engine.pass_days(364)
    assert "vip" in labels(engine)
    engine.pass_days(1)
    assert "vip" not in labels(engine)


def test_a_relabel_pass_stopped_after_every_page_goes_on_where_it_was():
    engine, once = with_a_vip(), with_a_vip()
    journeys, done = weekly(engine, pages=1)
    rounds = 1
    while done and not done.done:
        done = relabel_pass(journeys, pages=1)
        rounds += 1
    assert rounds > 1
    weekly(once)
    assert sorted(len(v) for v in engine.lists().values()) == sorted(len(v) for v in once.lists().values())
    assert relabel_pass(journeys, pages=1) is None
    assert "due" not in engine.table.get(table_keys.CUTOFFS_PASS)


def test_value_labels_equal_the_rule_under_the_cut_offs_in_force():
    engine = with_a_vip()
    journeys, _ = weekly(engine)
    for lead in engine.leads():
        expected = classify(
            metrics_of(lead), lead, journeys.rules_today.today, journeys.rules_today.rules, journeys.rules_today.cutoffs
        )
        assert tuple(lead["labels"]) == expected.labels
