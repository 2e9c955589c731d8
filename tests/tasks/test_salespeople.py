"""T9: customers have their salesperson; tasks find who does them, within stores, shifts and room, and change hands."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from shared.domain.customers.profile import Profile
from shared.domain.errors import Conflict
from shared.domain.tasks.task import NewTask
from shared.ports import Update
from shared.repositories import table_keys
from shared.repositories.cached import ProcessMemory
from shared.repositories.staff_absence import start_absence
from shared.repositories.task_assignment import calls_on
from shared.repositories.tasks import open_task
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime.factories import roster
from shared.runtime.playbook.staff import directory
from tests.support.call_lists import STORE, Floor
from tests.support.journeys import Guest

SALES = {"sales_cg_1", "staff_cg_1"}


def profile_of(floor: Floor, guest: Guest) -> Profile:
    return floor.stack.table.get(table_keys.profile(guest.id)) or {}


def put(floor: Floor, guest: Guest, **facts: object) -> None:
    """Write down what only time, or another hand, would have."""
    floor.stack.table.write(
        Update(
            table_keys.profile(guest.id), set={(name,): value for name, value in facts.items()}, add={("version",): 1}
        )
    )


def test_t9_a_buyer_has_a_salesperson_of_their_store_and_keeps_them(floor: Floor):
    """«Phân bổ khách hàng cho nhân viên kinh doanh»"""
    visitor, guests = floor.guest(), [floor.regular() for _ in range(6)]
    assert floor.view(visitor)["keeper"] is None
    keepers = {guest.id: floor.view(guest)["keeper"] for guest in guests}
    assert set(keepers.values()) == SALES  # spread over both, always the same way

    floor.morning()
    assert {guest.id: profile_of(floor, guest)["keeper"] for guest in guests} == keepers
    assert {task["customer_id"]: task["assignee"] for task in floor.listed("kind=call")} == keepers

    # Whoever moves house keeps their person.
    floor.call("PUT", "/v1/customers", {"identities": {"phone": guests[0].phone}, "traits": {"home_store": "Quận 1"}})
    assert floor.view(guests[0])["keeper"] == keepers[guests[0].id]


def test_t9_who_left_is_followed_by_somebody_else_at_the_next_touch(floor: Floor):
    lan = floor.regular()
    put(floor, lan, keeper="sales_who_left")
    assert floor.view(lan)["keeper"] in SALES
    floor.morning()
    assert profile_of(floor, lan)["keeper"] == floor.only_call(lan)["assignee"] == floor.view(lan)["keeper"]


def test_t9_a_merge_keeps_the_leads_salesperson(floor: Floor):
    lan = floor.regular()
    put(floor, lan, keeper="sales_cg_1")
    floor.later(days=1)
    other = floor.call("PUT", "/v1/customers", {"identities": {"email": "lan.cu@example.vn"}})["customer_id"]
    put(floor, Guest(other, "", ""), keeper="staff_cg_1")
    merged = floor.call("PUT", "/v1/customers", {"identities": {"phone": lan.phone, "email": "lan.cu@example.vn"}})
    assert (merged["customer_id"], merged["merged"]) == (lan.id, [other])
    assert floor.view(lan)["keeper"] == "sales_cg_1"


def test_t9_who_is_away_leaves_todays_calls_to_a_colleague_and_keeps_the_customers(floor: Floor):
    lan = floor.regular()
    put(floor, lan, keeper="sales_cg_1")
    start_absence(floor.stack.table, "sales_cg_1", date(2026, 3, 6))
    floor.morning()
    assert floor.only_call(lan)["assignee"] == "staff_cg_1"
    assert floor.view(lan)["keeper"] == "sales_cg_1"


@pytest.fixture
def small_team(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store's two salespeople make two calls a day each, and nobody else makes any."""
    ours = directory()
    calls = {
        name: person.model_copy(update={"calls_a_day": 2 * (name in SALES)}) for name, person in ours.people.items()
    }
    few = ours.model_copy(update={"people": calls})
    monkeypatch.setattr("shared.runtime.factories.roster.directory", lambda: few)


def test_w1_nobody_has_more_calls_than_they_make_in_a_day_and_the_best_go_first(floor: Floor, small_team: None):
    """«trong năng lực gọi của từng người»: what is above goes to the next day, in order of value."""
    assert small_team is None
    guests = [floor.regular(total=900_000 - 50_000 * n) for n in range(7)]
    floor.morning()
    assert called(floor) == guests[:4]
    assert sorted(task["assignee"] for task in floor.listed("kind=call")) == sorted([*SALES] * 2)
    # Two are made today; two are not, and take up room tomorrow.
    floor.report(guests[0], "refused")
    floor.report(guests[1], "refused")

    floor.morning()
    assert called(floor) == guests[2:6]
    for guest in guests[2:6]:
        floor.report(guest, "refused")
    floor.morning()
    assert called(floor) == [guests[6]]


def test_w1_a_day_nobody_works_off_brings_nobody_new(floor: Floor, small_team: None):
    assert small_team is None
    guests = [floor.regular(total=900_000 - 50_000 * n) for n in range(6)]
    for _ in range(3):
        floor.morning()
        assert called(floor) == guests[:4]


def called(floor: Floor) -> list[Guest]:
    """Who is to be called by today's end, the most valuable first."""
    to_call = {task["customer_id"] for task in floor.listed("kind=call&due=today")}
    ranked = [entry["customer_id"] for entry in floor.call("GET", "/v1/churn-risk")["items"]]
    return [floor.known[customer] for customer in ranked if customer in to_call]


# ---- hands ----


def test_x16_a_task_is_handed_over_with_its_room_and_its_place_in_the_lists(floor: Floor):
    lan = floor.regular()
    floor.morning()
    task = floor.only_call(lan)
    was, other = task["assignee"], next(iter(SALES - {task["assignee"]}))
    assert [one["task_id"] for one in floor.listed(f"assignee={was}")] == [task["task_id"]]

    over = floor.do(task, "assign", {"assignee": other, "note": "Chị Lan quen bạn ấy hơn"})
    assert (over.status, over.json["assignee"]) == (200, other)
    assert floor.do(task, "assign", {"assignee": other}).json == over.json
    assert floor.listed(f"assignee={was}") == []
    assert [one["task_id"] for one in floor.listed(f"assignee={other}")] == [task["task_id"]]
    counted = {who: calls_on(UnitOfWork(floor.stack.table), who, date(2026, 3, 3)) for who in (was, other)}
    assert counted == {was: 0, other: 1}
    (entry,) = [item for item in floor.entries(lan) if item["name"] == "Task Handed Over"]
    assert was in entry["properties"]
    assert other in entry["properties"]

    floor.report(lan, "refused")
    assert floor.do(task, "assign", {"assignee": was}).status == 409


def test_x16_nobody_is_handed_a_task_who_is_not_there_or_serves_another_store(floor: Floor):
    lan = floor.regular()
    floor.morning()
    task = floor.only_call(lan)
    for body, fields in (
        ({"assignee": "nobody"}, ["assignee"]),
        ({"assignee": "sales_q1_1"}, ["assignee"]),
        ({}, ["assignee"]),
        ({"assignee": ["x"], "to": "y", "note": "z" * 1001}, ["to", "assignee", "note"]),
    ):
        answer = floor.do(task, "assign", body)
        assert (answer.status, answer.fields) == (400, fields)
    theirs = floor.key("sales_q1_1", "sales", stores=("Quận 1",))
    for what, body in (("assign", {"assignee": "sales_cg_1"}), ("skip", {"reason": "x"}), ("offer", None)):
        assert floor.do(task, what, body, key=theirs).status == 403
    assert floor.ask("POST", "/v1/tasks/none/skip", {"reason": "x"}).status == 404


def test_x16_a_skipped_task_goes_to_the_back_or_is_closed_with_its_reason(floor: Floor):
    lan, mai = floor.regular(), floor.regular()
    floor.morning()
    put_off, closed = floor.only_call(lan), floor.only_call(mai)
    until = {"reason": "Khách đi công tác", "until": "2026-03-06T09:00:00+07:00"}

    back = floor.do(put_off, "skip", until)
    assert (back.status, back.json["status"], back.json["note"]) == (200, "open", "Khách đi công tác")
    assert (floor.clock(back.json["callable_from"]), floor.clock(back.json["due_at"])) == ("06/03 09:00", "06/03 17:00")
    assert floor.do(put_off, "skip", until).json == back.json
    assert [task["task_id"] for task in floor.listed("due=today")] == [closed["task_id"]]
    assert [task["task_id"] for task in floor.listed("due=2026-03-06")] == [closed["task_id"], put_off["task_id"]]

    over = floor.do(closed, "skip", {"reason": "Khách đang ở nước ngoài"})
    assert (over.json["status"], over.json["outcome"], over.json["note"]) == (
        "done",
        "skipped",
        "Khách đang ở nước ngoài",
    )
    assert floor.do(closed, "skip", {"reason": "Khách đang ở nước ngoài"}).json == over.json
    assert floor.do(closed, "outcome", {"outcome": "reached"}).status == 409
    floor.later(minutes=1)
    assert floor.deal(mai) == "nurturing"
    assert floor.deal(lan) == "open"


def test_t9_tasks_are_asked_for_by_person_role_kind_and_day(floor: Floor):
    lan, mai = floor.regular(), floor.regular(store="Quận 1")
    floor.morning()
    of_lan, of_mai = floor.only_call(lan), floor.only_call(mai)
    assert of_mai["assignee"] in {"sales_q1_1", "sales_q1_2"}
    assert [task["task_id"] for task in floor.listed(f"assignee={of_lan['assignee']}")] == [of_lan["task_id"]]
    assert {task["task_id"] for task in floor.listed("assignee=sales")} == {of_lan["task_id"], of_mai["task_id"]}
    assert floor.listed("assignee=care") == floor.listed("kind=alarm") == floor.listed("due=2026-03-02") == []
    own = floor.key("store_cg_lead", "store_manager", stores=(STORE,))
    assert [task["task_id"] for task in floor.listed(key=own)] == [of_lan["task_id"]]
    assert floor.listed(f"assignee={of_mai['assignee']}", key=own) == []
    refused = floor.ask("GET", "/v1/tasks", query="assignee=nobody&kind=sale&due=soon&status=late")
    assert refused.fields == ["status", "assignee", "kind", "due"]


def test_w1_of_two_who_take_the_last_room_of_a_day_at_once_one_looks_again(floor: Floor, small_team: None):
    assert small_team is None
    guests = [floor.guest(traits={"home_store": STORE}) for _ in range(5)]
    team = roster.roster_of(floor.stack.table, ProcessMemory(lambda: floor.now), floor.now)

    def opening(guest: Guest) -> tuple[UnitOfWork, str]:
        uow = UnitOfWork(floor.stack.table)
        new = NewTask(guest.id, "call", "call", "Hàng mới", floor.now + timedelta(hours=6), store=STORE, role="sales",
                      sells=True)  # fmt: skip
        return uow, open_task(uow, new, floor.now, team)

    for guest in guests[:3]:
        opening(guest)[0].commit()
    (first, _), (second, _) = opening(guests[3]), opening(guests[4])
    first.commit()
    with pytest.raises(Conflict):
        second.commit()
    opening(guests[4])[0].commit()
    due = [floor.clock(floor.only_call(guest)["due_at"])[:5] for guest in guests]
    assert due == ["02/03"] * 4 + ["03/03"]
