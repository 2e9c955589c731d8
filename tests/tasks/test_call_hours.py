"""R17, A5, A11: when staff may call, how often, and whom they never call to sell something."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.common.lunar_calendar import rest_until
from shared.domain.messaging.legal_limits import Hours
from shared.domain.messaging.policy import in_holdout
from shared.domain.tasks.call_scheduling import SlotRequest, find_slot
from shared.domain.vietnam_time import VIETNAM
from shared.ports import Put, Update
from shared.repositories import table_keys
from shared.repositories.cached import ProcessMemory
from shared.repositories.tasks import NewTask, open_task
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime.factories.roster import roster_of
from shared.runtime.playbook.rules import sending_rules
from shared.runtime.playbook.staff import directory
from shared.use_cases.messaging.do_not_call_list import DoNotCall
from tests.support.call_lists import MONDAY, Floor
from tests.support.journeys import Guest
from tests.support.max_examples import max_examples

RULES = sending_rules()
LEGAL = RULES.hours("marketing", "call")
SERVICE = RULES.windows["service"]


# ---- hours ----


@pytest.mark.parametrize(
    ("ordered", "due"),
    [
        ((23, 30), ("03/03 08:00", "03/03 12:00")),  # the night counts for nothing
        ((10, 0), (None, "02/03 14:00")),
        ((19, 30), (None, "02/03 21:00")),
        ((5, 0), ("03/03 08:00", "03/03 09:00")),
    ],
)
def test_a5_an_order_of_high_value_is_confirmed_by_a_call_in_the_day(opened_at, ordered, due):
    """«sản phẩm giá trị cao, có thể gọi điện xác nhận», never at night."""
    hour, minute = ordered
    at = datetime.combine(MONDAY.astimezone(VIETNAM).date(), time(hour, minute), VIETNAM) + timedelta(days=hour < 8)
    floor: Floor = opened_at(at.astimezone(UTC))
    lan = floor.guest()
    floor.order(lan, "DH-LON", 6_000_000, channel="website")
    floor.later(minutes=2)
    task = floor.only_call(lan)
    assert task["journey"] == "high_value_order"
    assert (task["callable_from"] and floor.clock(task["callable_from"]), floor.clock(task["due_at"])) == due
    assert task["assignee"] in directory().people


def test_a11_a_low_rating_of_the_night_is_called_in_the_day(floor: Floor):
    """«Gọi điện kiểm tra nếu … phản hồi tiêu cực»: an alarm reaches the care desk at once, the call its hours."""
    lan = floor.guest()
    floor.until(23)
    said = NewTask(lan.id, "angry", "call", "Khách phàn nàn", floor.now + timedelta(hours=2), role="care")
    uow = UnitOfWork(floor.stack.table)
    open_task(uow, said, floor.now, roster_of(floor.stack.table, ProcessMemory(lambda: floor.now), floor.now))
    uow.commit()
    task = floor.only_call(lan)
    assert (floor.clock(task["callable_from"]), floor.clock(task["due_at"])) == ("03/03 08:00", "03/03 10:00")
    assert task["assignee"].startswith("care_")


moments = st.integers(0, 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@max_examples(300)
@given(
    moments,
    st.integers(1, 72),
    st.booleans(),
    st.sampled_from(["sales", "store_staff", "store_manager", "care"]),
    st.sampled_from(["", "Quận 1", "Cầu Giấy", "Ga Huế"]),
    st.integers(0, 40),
)
def test_r17_no_call_is_ever_listed_outside_its_hours_or_on_who_is_not_there(at, within, sells, role, store, load):
    window = LEGAL if sells else Hours(SERVICE.opens, SERVICE.closes)
    rests = RULES.tet_rests if sells else ()
    wanted = SlotRequest(role, store, "", at, at + timedelta(hours=within), "x", window, sells, rests)
    slot = find_slot(wanted, directory(), lambda _person, _day: load)
    for when in (slot.start, slot.due_at):
        clock = when.astimezone(VIETNAM)
        assert window.opens <= clock.time() <= window.closes
        assert not directory().hours.days_off.has(clock.date())
    assert at <= slot.start < slot.due_at
    if sells:
        assert rest_until(slot.start.astimezone(VIETNAM).date(), RULES.tet_rests) is None
    if slot.assignee:
        person = directory().people[slot.assignee]
        assert person.serves(store)
        assert not sells or load < person.calls_a_day
        assert any(
            shift.on(day)[0] < slot.due_at <= shift.on(day)[1]
            for name in person.shifts
            for shift in directory().shifts[name]
            for day in (slot.due_at.astimezone(VIETNAM).date(),)
        )


# ---- once a day ----


def test_r17_one_advertising_call_a_day_over_all_stores_and_people(floor: Floor):
    lan = floor.regular()
    floor.morning()
    call = floor.only_call(lan)
    # Another store has the same person on a list of its own.
    uow = UnitOfWork(floor.stack.table)
    new = NewTask(lan.id, "theirs", "call", "Hàng mới", floor.now + timedelta(hours=6), store="Quận 1", role="sales",
                  sells=True)  # fmt: skip
    theirs = open_task(uow, new, floor.now, roster_of(floor.stack.table, ProcessMemory(lambda: floor.now), floor.now))
    uow.commit()
    assert floor.listed("store=Qu%E1%BA%ADn+1&due=today") != []

    floor.until(10)
    floor.do(call, "outcome", {"outcome": "no_answer"})
    (moved,) = [task for task in floor.listed("kind=call") if task["task_id"] == theirs]
    assert (floor.clock(moved["callable_from"]), floor.clock(moved["due_at"])[:5]) == ("04/03 10:00", "04/03")
    assert floor.listed("store=Qu%E1%BA%ADn+1&due=today") == []

    # A call that was agreed keeps its hour.
    floor.until(10, 30, days=1)
    agreed = "2026-03-04T16:30:00+07:00"
    floor.do(moved, "outcome", {"outcome": "call_back", "call_back_at": agreed})
    assert next(t for t in floor.listed("kind=call") if t["task_id"] == theirs)["due_at"] == "2026-03-04T09:30:00.000Z"
    # As long as somebody else is to call, the list asks nobody to call as well.
    assert [task["task_id"] for task in floor.listed("kind=call")] == [theirs]
    assert floor.deal(lan) == "nurturing"


def test_r17_of_two_calls_that_sell_only_one_is_open_at_a_time(floor: Floor):
    """Whoever is on the list is not called by the win-back journey as well."""
    lan = floor.regular(days_ago=60, visits=2)
    floor.morning()
    (call,) = floor.calls(lan)
    assert call["journey"] == "call_list"
    for _ in range(40):
        floor.morning()
        assert len(floor.calls(lan)) <= 1


# ---- never ----


def mark(floor: Floor, guest: Guest, **facts: object) -> None:
    floor.stack.table.write(
        Update(
            table_keys.profile(guest.id), set={(name,): value for name, value in facts.items()}, add={("version",): 1}
        )
    )


def test_r10_r17_r26_nobody_is_called_to_be_sold_something_who_is_not_to_be(floor: Floor):
    fine, refused, listed, unhappy, wrong = (floor.regular() for _ in range(5))
    held = floor.stack.outside
    held_out = next(n for n in range(500, 900) if in_holdout(f"held{n:020d}", "*", RULES.holdout_percent))
    ids, held.new_id = held.new_id, lambda: f"held{held_out:020d}"
    somebody = Guest(floor.customer(77, phone="0987654118", traits={"name": "Lê Thị Mai"}), "0987654118", "")
    held.new_id = ids
    for n in range(2):
        floor.order(somebody, f"HD-H-{n}", 900_000, at=floor.now - timedelta(days=40 + n), channel="store",
                    store="Cầu Giấy", context={"backfill": True})  # fmt: skip
    consent = [
        {"channel": "call", "purpose": "marketing", "granted": False, "at": "2026-03-02T03:00:00Z", "proof": "gọi"}
    ]
    floor.call("PUT", "/v1/customers", {"identities": {"phone": refused.phone}, "consent": consent, "source": "pos"})
    DoNotCall(floor.stack.table, floor.stack.outside.identity_key).take([f"+84{listed.phone[1:]}"], floor.now)
    mark(floor, unhappy, complaints=["a-ticket"])
    mark(floor, wrong, closed={"call": "unreachable"})

    floor.morning()
    assert {task["customer_id"] for task in floor.listed("kind=call")} == {fine.id}
    # A complaint passes, and then it is their turn; what was said for good stays.
    mark(floor, unhappy, complaints=[])
    floor.morning()
    assert {task["customer_id"] for task in floor.listed("kind=call")} == {fine.id, unhappy.id}


def test_r17_without_a_fresh_do_not_call_list_nobody_is_called_to_be_sold_something(floor: Floor):
    lan = floor.regular()
    state = table_keys.DO_NOT_CALL_STATE
    floor.stack.table.write(Put({"pk": state.pk, "sk": state.sk, "checked_on": "2026-02-22"}))
    floor.stack.advance(floor.at(8, 5, days=1))
    assert floor.calls(lan) == []
    floor.morning()
    assert len(floor.calls(lan)) == 1


def test_r15_nobody_is_called_to_be_sold_something_at_tet(opened_at):
    """«Promotions rest from 28 Chạp to mùng 6 Tết»: 15 to 22 February 2026."""
    floor: Floor = opened_at(datetime(2026, 2, 14, 3, 0, tzinfo=UTC))
    lan = floor.regular()
    for _ in range(8):
        floor.morning()
        assert floor.calls(lan) == []
    floor.morning()
    assert floor.clock(floor.only_call(lan)["opened_at"]) == "23/02 06:00"
