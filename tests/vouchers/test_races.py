"""Show 5: ten tills at once, over the doors and over the worst of tables; and a till against a cancellation."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from shared.domain.vouchers.voucher import came_back
from shared.repositories import table_keys
from tests.support.engine import START, faults, on, sale, track
from tests.support.races import Watched
from tests.support.voucher_engine import ask, shop, stored
from tests.support.vouchers import PHONE, Till

TILLS = 10


def at_once(work, number=TILLS):
    """Run the work in so many threads that start together; what each of them answered."""
    ready, answers = threading.Barrier(number), [None] * number

    def run(place):
        ready.wait()
        answers[place] = work(place)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_r21_ten_tills_over_the_doors_and_one_gets_the_value(till: Till):
    code = till.give(till.customer()).code
    answers = at_once(lambda place: till.redeem(code, f"HD{place}", store=f"S{place}", total=500_000))

    won = [answer for answer in answers if answer.status == 200]
    assert len(won) == 1
    assert won[0].json["value"] == 100_000
    lost = [answer.json for answer in answers if answer.status == 409]
    assert len(lost) == TILLS - 1
    order = won[0].json["redeemed"]["order_id"]
    assert all(problem["errors"] == [{"field": "code", "reason": "used"}] for problem in lost)
    assert all(order in problem["detail"] for problem in lost)


@pytest.mark.parametrize("seed", range(6))
def test_r21_ten_tills_over_a_hostile_table_and_one_gets_the_value(seed):
    engine = shop(faults(seed))
    answers = at_once(lambda place: ask(engine, f"HD{place}"))

    won = [answer for answer in answers if answer != "used"]
    assert len(won) == 1
    with engine.honest():
        assert stored(engine).redeemed.order_id == won[0]
        assert len(engine.items("VOUCHERS#")) == 2


def test_r21_the_same_order_from_ten_tills_is_one_use_with_one_answer():
    engine = shop()

    assert at_once(lambda _: ask(engine, "HD1")) == ["HD1"] * TILLS


def test_r21_a_till_and_the_orders_cancellation_race_at_every_point_and_a_cancelled_order_keeps_nothing():
    points = 0
    for cancelled_first in (True, False):
        for point in range(40):
            engine = shop()
            engine.take(sale("HD1", on(0), PHONE))
            cancel = track("Order Cancelled", on(0, 4), PHONE, order_id="HD1")
            engine.now = START + timedelta(hours=2)
            if cancelled_first:
                table = Watched(engine.table, at=point, before=lambda e=engine: ask(e, "HD1"))
                engine.take(cancel, table=table)
            else:
                table = Watched(engine.table, at=point, before=lambda e=engine, c=cancel: e.take(c))
                ask(engine, "HD1", table)
            if table.operations <= point:
                break
            points += 1
            engine.take(cancel)
            assert came_back(engine.table.get(table_keys.order("HD1")))
            assert stored(engine).redeemed is None
            assert ask(engine, "HD2") == "HD2"
    assert points > 10
