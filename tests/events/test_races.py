"""Show 4: two at once, answers lost, killed half-way. Whatever happens at whatever point, one state comes of it.

The competitor runs between any two operations of the table, one run for each point, so nothing is left to luck; real
threads follow for what nobody thought of.
"""

from __future__ import annotations

import threading

import pytest

from shared.domain.customers.identity import identity
from shared.domain.errors import Busy, NotFound
from shared.use_cases.customers.unmerge import unmerge
from shared.use_cases.customers.upsert import Upsert, upsert
from shared.use_cases.segments.wake_due_customers import Waker
from tests.support.engine import LATER, START, Engine, differences, identify, on, raise_again, sale, track
from tests.support.races import Killed, everywhere, raising

PHONE, OTHER = "0901234567", "0912345678"


def events(*messages):
    return lambda engine, table=None: engine.take(*messages, table=table)


def shop():
    return Engine(LATER)


def known():
    """A shop that knows both people, one with an open COD order."""
    engine = shop()
    engine.take(sale("HD0", on(1), PHONE, total=100_000), sale("HD9", on(40), OTHER, payment="cod", total=90_000))
    return engine


CASES = {
    "first sight": (shop, [sale("HD1", on(2), PHONE)], [sale("HD2", on(3), PHONE)]),
    "first sight by different identities of one person": (
        shop,
        [identify(on(2), PHONE, email="lan@example.vn")],
        [identify(on(3), "lan@example.vn", loyalty_id="KH1")],
    ),
    "the very same event": (shop, [s := sale("HD1", on(2), PHONE)], [s]),
    "two orders of one customer": (known, [sale("HD1", on(2), PHONE)], [sale("HD2", on(3), PHONE, total=3_000_000)]),
    "two facts of one order": (
        known,
        [track("Order Delivered", on(41), order_id="HD9")],
        [track("Order Refunded", on(42), order_id="HD9", refund_id="R1", total=40_000)],
    ),
    "a return against a delivery": (
        known,
        [track("Order Delivered", on(41), order_id="HD9")],
        [track("Returned To Sender", on(43), order_id="HD9")],
    ),
    "an order while its customer is merged": (
        known,
        [sale("HD1", on(2), PHONE, total=70_000)],
        [identify(on(3), PHONE, loyalty_id="KH1"), identify(on(3), OTHER, loyalty_id="KH1")],
    ),
    "two merges of the same two": (
        known,
        [identify(on(3), PHONE, loyalty_id="KH1"), identify(on(3), OTHER, loyalty_id="KH1")],
        [identify(on(4), PHONE, email="a@b.vn"), identify(on(4), OTHER, email="a@b.vn")],
    ),
    "traits": (known, [identify(on(5), PHONE, city="Huế")], [identify(on(6), PHONE, city="Vinh", gender="nữ")]),
}
cases = pytest.mark.parametrize(("prepare", "mine", "theirs"), CASES.values(), ids=CASES)


def in_turn(prepare, *batches):
    engine = prepare()
    for batch in batches:
        engine.take(*batch)
    return engine.picture()


@cases
def test_two_at_once_end_as_if_one_came_after_the_other(prepare, mine, theirs):
    expected = in_turn(prepare, mine, theirs)
    for engine in everywhere(prepare, events(*mine), competitor=events(*theirs)):
        assert differences(engine.picture(), expected) == []


@cases
def test_killed_after_any_write_and_begun_again_ends_the_same(prepare, mine, theirs):
    batch = [*mine, *theirs]
    expected = in_turn(prepare, batch)
    for engine in everywhere(prepare, events(*batch), failure=raising(Killed())):
        assert differences(engine.picture(), expected) == []


@cases
def test_an_answer_lost_after_any_write_changes_nothing(prepare, mine, theirs):
    batch = [*mine, *theirs]
    expected = in_turn(prepare, batch)
    for engine in everywhere(prepare, events(*batch), failure=raising(Busy("lost")), writes_only=True):
        assert differences(engine.picture(), expected) == []


# ---- PUT, un-merge and wakes against events ----


def put(phone, **traits):
    def work(engine, table=None):
        wanted = Upsert((identity("phone", phone), identity("email", "lan@example.vn")), traits, (), "pos")
        return upsert(engine.ingestion(table), wanted)

    return work


def test_two_doors_racing_on_first_sight_make_one_customer():
    for engine in everywhere(shop, put(PHONE, city="Huế"), competitor=put("+84901234567", gender="female")):
        (lead,) = engine.leads()
        assert lead["traits"] == {"city": "Huế", "gender": "female"}
        engine.check_lists()


def test_a_put_racing_with_an_order_loses_neither():
    for engine in everywhere(known, put(PHONE, city="Huế"), competitor=events(sale("HD1", on(2), PHONE))):
        seen = engine.picture()["customers"]["email:lan@example.vn phone:+84901234567"]
        assert (seen["metrics"]["orders"], seen["traits"]["city"]) == (2, "Huế")


def merged():
    engine = known()
    engine.take(identify(on(3), PHONE, loyalty_id="KH1"), identify(on(3), OTHER, loyalty_id="KH1"))
    return engine


def part(engine, table=None):
    (lead,) = engine.leads()
    return unmerge(engine.ingestion(table), lead["customer_id"], None, "quản lý")


def test_an_order_while_its_customer_is_parted_stays_with_its_own_identity():
    order = events(sale("HD1", on(2), OTHER, total=70_000))
    for engine in everywhere(merged, part, competitor=order):
        customers = engine.picture()["customers"]
        mine = next(c for name, c in customers.items() if OTHER[1:] in name)
        assert (len(customers), mine["metrics"]["revenue"]) == (2, 70_000)


def test_a_parting_racing_with_a_parting_parts_once():
    def again(engine, table=None):
        if len(engine.leads()) == 1:
            part(engine, table)

    def tolerant(engine, table=None):
        try:
            part(engine, table)
        except NotFound:
            assert len(engine.leads()) == 2

    for engine in everywhere(merged, tolerant, competitor=again):
        assert len(engine.leads()) == 2
        engine.picture()


def tomorrow_morning(engine, table=None):
    Waker(engine.journeys(table), raise_again).sweep(engine.now, clock=lambda: engine.now, seconds=60)


def due():
    """The day the COD order matures and the other customer lapses, before anybody was woken."""
    engine = Engine(START)
    engine.take(sale("HD0", on(-16), PHONE, total=100_000), sale("HD9", on(0), OTHER, payment="cod", total=90_000))
    engine.take(sale("HD8", on(0), payment="cod", total=50_000))
    engine.now = LATER.replace(month=3, day=15, hour=12)
    return engine


@pytest.mark.parametrize(
    "theirs",
    [
        sale("HD1", on(14), PHONE),
        track("Order Delivered", on(14), order_id="HD9"),
        track("Returned To Sender", on(14), order_id="HD9"),
        track("Order Delivered", on(14), order_id="HD8"),
        track("Product Viewed", on(14), OTHER, sku="ao"),
    ],
    ids=lambda m: f"{m['event']}-{m['properties'].get('order_id', '')}",
)
def test_a_wake_racing_with_an_event_ends_as_if_one_came_after_the_other(theirs):
    calm = due()
    tomorrow_morning(calm)
    calm.take(theirs)
    tomorrow_morning(calm)
    expected = calm.picture()
    for engine in everywhere(due, tomorrow_morning, competitor=events(theirs)):
        tomorrow_morning(engine)
        assert differences(engine.picture(), expected) == []


def test_two_sweeps_at_once_wake_everybody_once():
    expected = due()
    tomorrow_morning(expected)
    for engine in everywhere(due, tomorrow_morning, competitor=tomorrow_morning):
        tomorrow_morning(engine)
        assert differences(engine.picture(), expected.picture()) == []


def test_a_sweep_killed_anywhere_is_finished_by_the_next_one():
    expected = due()
    tomorrow_morning(expected)
    for engine in everywhere(due, tomorrow_morning, failure=raising(Killed())):
        # The lease of the one that died runs out first.
        engine.now = engine.now.replace(hour=13)
        tomorrow_morning(engine)
        assert differences(engine.picture(), expected.picture()) == []


# ---- real threads ----


def test_eight_threads_seeing_one_customer_for_the_first_time_make_one_customer():
    engine = shop()
    batches = [[sale(f"HD{n}{i}", on(n, 3, i), PHONE, traits={"email": "lan@example.vn"}) for i in range(5)]
               for n in range(8)]  # fmt: skip
    failures = []

    def run(batch):
        try:
            engine.take(*batch)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=run, args=(batch,)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    (customer,) = engine.picture()["customers"].values()
    assert customer["metrics"]["orders"] == 40
