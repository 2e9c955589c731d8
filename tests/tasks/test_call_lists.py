"""W2, W13, T10: what a call may promise, the call schedule by segment, and a list that is written twice or half-way."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from random import Random

import pytest

from shared.adapters.local.fault_injection import FaultInjection
from shared.repositories.task_assignment import calls_on
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime import wiring
from shared.runtime.factories.journeys import journeys
from shared.runtime.playbook.offers import offers
from shared.runtime.playbook.rules import rules
from shared.use_cases.segments.scan_winback import scan
from tests.support.call_lists import STORE, Floor
from tests.support.journey_customers import buys
from tests.support.journeys import Guest
from tests.support.races import Killed, Watched, raising

VIP = 9_000_000


def issued(floor: Floor) -> list[str]:
    return [item["sk"] for item in floor.items("I#%")]


# ---- the offer ----


def test_w2_the_list_names_an_offer_by_segment_and_the_code_is_issued_when_staff_tell_it(floor: Floor):
    """«nhận nhiệm vụ chủ động liên hệ chăm sóc (Clienteling) kèm ưu đãi đặc biệt»; no code, no liability."""
    lan = floor.regular()
    loyal = floor.regular(visits=4)
    floor.morning()
    book, by_value = offers(), rules().winback.offers
    for guest, value in ((lan, "regular"), (loyal, "loyal")):
        gift = book.gift(book.offers[by_value[value]]).in_language("vi")
        task = floor.only_call(guest)
        assert task["segments"]["value"] == value
        assert task["offer"] == gift
        assert gift in task["reason"]
        assert gift in task["script"]
    assert issued(floor) == []

    first = floor.do(floor.only_call(lan), "offer")
    assert floor.do(floor.only_call(lan), "offer").json == first.json
    code, _, gift = first.json["offer"].partition(": ")
    assert len(issued(floor)) == 1
    (seen,) = floor.view(lan)["tasks"]
    assert (seen["voucher"], seen["offer_id"]) == (code, "winback_60")
    redeemed = floor.call(
        "POST", f"/v1/vouchers/{code}/redeem", {"order_id": "HD-1", "store": STORE, "phone": lan.phone}
    )
    assert redeemed["value"] is not None or gift
    floor.later(minutes=1)
    assert floor.deal(lan) == "won"


def test_w2_nothing_is_promised_without_an_offer_or_after_the_call(floor: Floor):
    lan, mai = floor.regular(), floor.regular()
    for order_id in ("COD-1", "COD-2"):
        floor.order(mai, order_id, payment="cod")
        floor.parcel("Delivery Failed", order_id)
        floor.parcel("Returned To Sender", order_id)
    for task in floor.calls(mai):
        floor.do(task, "outcome", {"outcome": "no_answer"})
    floor.morning()
    # Who sends parcels back is promised nothing.
    (call,) = [task for task in floor.calls(mai) if task["journey"] == "call_list"]
    assert call["offer"] is None
    assert floor.do(call, "offer").status == 409
    task = floor.only_call(lan)
    floor.report(lan, "reached")
    assert floor.do(task, "offer").status == 409
    assert issued(floor) == []


def test_every_offer_of_the_call_list_is_in_the_book():
    assert set(rules().winback.offers.values()) <= offers().offers.keys()
    assert set(rules().winback.offers) <= set(rules().winback.actions)


# ---- by segment ----


def test_w13_a_new_customer_of_high_value_is_called_a_week_after_by_who_is_theirs(floor: Floor):
    """«Lên lịch gọi theo phân khúc»: new and of high value."""
    lan, mai = (floor.guest(traits={"name": "Nguyễn Thị Lan", "home_store": STORE}) for _ in range(2))
    floor.order(lan, "HD-LON", 6_000_000, channel="store", store=STORE)
    floor.order(mai, "HD-NHO", 300_000, channel="store", store=STORE)
    floor.morning(days=8, hour=9)
    (call,) = [task for task in floor.calls(lan) if task["journey"] == "welcome_call"]
    assert call["assignee"] == floor.view(lan)["keeper"]
    assert "Không mời mua" in call["script"]
    assert call["offer"] is None
    assert [task for task in floor.calls(mai) if task["journey"] == "welcome_call"] == []
    for _ in range(3):
        floor.do(
            next(t for t in floor.calls(lan) if t["journey"] == "welcome_call"), "outcome", {"outcome": "no_answer"}
        )
        floor.morning(hour=9)
    assert [task for task in floor.calls(lan) if task["journey"] == "welcome_call"] == []


def test_w13_a_vip_nobody_was_in_touch_with_for_four_weeks_is_called(floor: Floor):
    """«Lên lịch gọi theo phân khúc»: high value; whoever was spoken with is left in peace."""
    lan = floor.guest(traits={"name": "Nguyễn Thị Lan", "home_store": STORE})
    buys(floor, lan, 5, total=VIP, store=STORE)
    assert floor.view(lan)["segments"]["value"] == "vip"
    floor.morning(days=24, hour=9)
    assert [task for task in floor.calls(lan) if task["journey"] == "vip_care"] == []
    floor.morning(days=4, hour=9)
    (call,) = [task for task in floor.calls(lan) if task["journey"] == "vip_care"]
    assert "ngày chưa ai trò chuyện" in call["reason"]
    floor.do(call, "outcome", {"outcome": "reached"})
    floor.morning(days=14)
    assert [task for task in floor.calls(lan) if task["journey"] == "vip_care"] == []


def test_w13_a_vip_at_risk_is_called_by_the_manager_of_the_store(floor: Floor):
    lan = floor.regular(visits=5, total=VIP)
    floor.morning()
    task = floor.only_call(lan)
    assert (task["role"], task["assignee"], task["step"]) == ("store_manager", "store_cg_lead", "call_manager")
    floor.report(lan, "no_answer")
    floor.morning()
    assert floor.only_call(lan)["step"] == "call_manager"
    floor.later(hours=1)
    floor.report(lan, "reached")
    assert floor.deal(lan) == "contacted"


# ---- again, and half-way ----


def test_x16_the_scan_run_again_calls_nobody_twice_also_when_calls_were_made_meanwhile(floor: Floor):
    guests = [floor.regular(total=900_000 - 1000 * n) for n in range(4)]
    floor.morning()
    before = sorted(task["task_id"] for task in floor.listed("kind=call"))
    assert floor.scan()["called"] == 0
    floor.report(guests[0], "refused")
    assert floor.scan() == {"listed": 4, "called": 0, "looked_at": 4}
    assert sorted(t["task_id"] for t in [*floor.listed("kind=call"), *floor.listed("status=done")]) == before
    for _ in range(13):  # who was listed rests, whatever came of it
        floor.morning()
    assert floor.calls(guests[0]) == []


def test_x16_wherever_the_scan_dies_everybody_is_called_once():
    for point in range(60):
        floor = Floor(seed=point)
        guests = [floor.regular(total=900_000 - 1000 * n) for n in range(2)]
        floor.stack.advance(floor.at(5, 50, days=1))
        table = Watched(floor.stack.table, at=point, after=raising(Killed), writes_only=True)
        token = wiring.install(floor.stack.outside)
        try:
            scan(replace(journeys(floor.now), table=table))
        except Killed:
            pass
        finally:
            wiring.uninstall(token)
        floor.morning(days=0)
        calls = floor.listed("kind=call")
        assert sorted(task["customer_id"] for task in calls) == sorted(guest.id for guest in guests)
        uow, day = UnitOfWork(floor.stack.table), date(2026, 3, 3)
        assert sum(calls_on(uow, who, day) for who in {task["assignee"] for task in calls}) == 2
        floor.stack.close()
        if table.operations <= point:
            assert point >= 2, "nothing was ever interrupted"
            return
    raise AssertionError("more points than expected")


def test_x16_the_same_outcome_again_moves_no_deal_twice(floor: Floor):
    lan = floor.regular()
    floor.morning()
    task = floor.only_call(lan)
    first = floor.do(task, "outcome", {"outcome": "no_answer"})
    floor.later(minutes=5)
    assert floor.do(task, "outcome", {"outcome": "no_answer"}).json["done_at"] == first.json["done_at"]
    assert floor.do(task, "outcome", {"outcome": "reached"}).status == 409
    floor.morning()
    (again,) = floor.calls(lan)
    assert again["task_id"] != task["task_id"]
    assert floor.inside(lan)["call_list"]["rounds"]["call"] == 2


@pytest.mark.parametrize("seed", range(3))
def test_x16_the_list_lives_through_a_table_that_behaves_as_badly_as_it_may(opened_at, seed: int):
    floor: Floor = opened_at(seed=seed, faults=FaultInjection(Random(seed), lost_answers=0.05))
    guests: list[Guest] = [floor.regular() for _ in range(3)]
    floor.morning()
    assert sorted(task["customer_id"] for task in floor.listed("kind=call")) == sorted(guest.id for guest in guests)


def test_t10_a_call_back_comes_at_the_customers_hour_and_an_order_that_was_promised_is_reminded_of(floor: Floor):
    """«Nhắc lịch gọi lại hoặc lên đơn»"""
    lan = floor.regular()
    floor.morning()
    floor.report(lan, "call_back", call_back_at="2026-03-04T15:30:00+07:00")
    assert floor.clock(floor.only_call(lan)["due_at"]) == "04/03 15:30"
    assert floor.calls(lan, "kind=call&due=today") == []

    floor.until(15, 31, days=1)
    assert floor.calls(lan, "kind=call&due=today")
    floor.report(lan, "reached", note="Sẽ đặt tối thứ Năm", order_by="2026-03-05T20:00:00+07:00")
    assert floor.calls(lan) == []
    floor.morning(days=4)
    reminder = floor.only_call(lan)
    assert (reminder["step"], reminder["deal"]) == ("remind_order", "contacted")
    floor.order(lan, "HD-T10", 700_000, channel="store", store="Cầu Giấy")
    assert (floor.deal(lan), floor.calls(lan)) == ("won", [])
