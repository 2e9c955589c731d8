"""What became of a task: one outcome, whoever says it how often, and what it means for the person."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from infra.local.measuring.synthetic_shop import phone
from shared.domain.errors import Conflict
from shared.domain.journeys.engine import Signal
from shared.domain.vietnam_time import stamp
from shared.ports import Put
from shared.repositories import table_keys
from shared.repositories.tasks import task_done_signal
from shared.use_cases.tasks.record_outcome import Report, record_outcome
from tests.messaging.conftest import MORNING
from tests.support.messaging import Care
from tests.support.races import Watched
from tests.support.shop import PHONE
from tests.support.tasks import Team

SAID_NO = {
    "call:marketing", "call:service", "call:transactional", "sms:marketing", "whatsapp:marketing", "zns:marketing",
}  # fmt: skip


def told_of(team: Team, customer: str, name: str):
    return [entry for entry in team.timeline(customer) if entry["name"] == name]


@pytest.mark.parametrize("outcome", ["reached", "no_answer", "purchased", "refused"])
def test_w9_an_outcome_moves_the_task_from_what_is_open_to_what_happened(team: Team, outcome: str):
    lan = team.customer(PHONE)
    call = team.open(lan, journey="winback", run="2026-11", step="call", offer="GIAM10")

    answer = team.tell(call, outcome, note="Hẹn ghé cuối tuần")

    assert (answer.status, answer.json["status"], answer.json["outcome"]) == (200, "done", outcome)
    assert team.listed() == team.view(lan)["tasks"] == []
    assert [task["task_id"] for task in team.listed("status=done")] == [call]
    (entry,) = told_of(team, lan, "Task Done")
    assert entry["at"] == stamp(team.now)
    assert entry["properties"] == {
        "task_id": call, "kind": "call", "outcome": outcome, "by": "test", "note": "Hẹn ghé cuối tuần",
        "journey": "winback", "run": "2026-11", "step": "call", "offer": "GIAM10",
    }  # fmt: skip
    assert team.view(lan)["consent"] == []


def test_x16_the_same_outcome_again_answers_the_same_and_another_one_is_refused(team: Team):
    lan = team.customer(PHONE)
    call = team.open(lan)
    first = team.tell(call, "purchased", note="Lấy 2 đôi")
    team.stack.advance(team.now + timedelta(hours=2))
    before = team.holdings()

    assert team.tell(call, "purchased").json == first.json
    other = team.tell(call, "refused")
    assert other.status == 409
    assert all(word in other.json["detail"] for word in ("purchased", "test", first.json["done_at"]))
    assert team.tell(call, "call_back", call_back_at=stamp(team.now + timedelta(days=1))).status == 409
    assert team.holdings() == before


def test_x16_of_two_agents_the_one_who_is_faster_counts_wherever_they_meet():
    for point in range(30):
        team = Team()
        lan = team.customer(PHONE)
        call = team.open(lan)
        team.open(lan, "call-2")
        table = Watched(team.stack.table, at=point, before=lambda team=team, call=call: team.tell(call, "purchased"))
        refusal = ""
        try:
            record_outcome(table, call, Report("do_not_call"), by="other", now=team.now)
        except Conflict as error:
            refusal = str(error)
        met = table.operations > point
        # The slower one is refused and leaves nothing behind.
        assert ("purchased" in refusal) == met
        assert [t["outcome"] for t in team.listed("status=done")] == ["purchased"] if met else ["do_not_call"] * 2
        assert len(told_of(team, lan, "Task Done")) == (1 if met else 2)
        assert len(team.listed()) == (1 if met else 0)
        assert bool(team.view(lan)["consent"]) != met
        team.stack.close()
        if not met:
            assert point > 3, "nothing was ever interrupted"
            return
    raise AssertionError("more points than expected")


def test_x16_many_at_once_leave_one_outcome(team: Team):
    lan = team.customer(PHONE)
    call = team.open(lan)
    outcomes = ["reached", "no_answer", "purchased", "refused"] * 2
    answers = {}

    def agent(number):
        answers[number] = team.call("POST", f"/v1/tasks/{call}/outcome", {"outcome": outcomes[number]})

    agents = [threading.Thread(target=agent, args=(number,)) for number in range(len(outcomes))]
    for one in agents:
        one.start()
    for one in agents:
        one.join()

    (entry,) = told_of(team, lan, "Task Done")
    won = entry["properties"]["outcome"]
    assert {outcomes[n] for n, answer in answers.items() if answer.status == 200} == {won}
    assert sorted(answer.status for answer in answers.values()) == [200] * 2 + [409] * 6


def test_x16_who_wants_to_be_called_back_stays_on_the_list_for_then(team: Team):
    lan = team.customer(PHONE)
    first, second = team.open(lan, "first", due=1), team.open(lan, "second", due=2)
    later = stamp(team.now + timedelta(days=1))

    answer = team.tell(first, "call_back", call_back_at=later, note="Đang họp")

    assert (answer.json["status"], answer.json["due_at"], answer.json["outcome"]) == ("open", later, "call_back")
    assert [task["task_id"] for task in team.listed()] == [second, first]
    assert [task.get("note") for task in team.view(lan)["tasks"] if task["task_id"] == first] == ["Đang họp"]
    before = team.holdings()
    assert team.tell(first, "call_back", call_back_at=later).json == answer.json
    assert team.holdings() == before
    (entry,) = told_of(team, lan, "Call Back Agreed")
    assert entry["properties"]["call_back_at"] == later

    assert team.open(lan, "first") == first
    assert [task["due_at"] for task in team.listed() if task["task_id"] == first] == [later]
    assert team.tell(first, "purchased").json["note"] is None
    assert [task["task_id"] for task in team.listed()] == [second]
    assert len(told_of(team, lan, "Task Done")) == 1


def test_r10_who_asks_not_to_be_called_is_called_by_nobody_for_anything_with_proof(team: Team):
    lan = team.customer(PHONE)
    call = team.open(lan)
    other, alarm = team.open(lan, "another call"), team.open(lan, "alarm", kind="alarm")

    assert team.tell(call, "do_not_call", note="Rất bực").json["phone"] is None

    said = {f"{one['channel']}:{one['purpose']}": one for one in team.view(lan)["consent"]}
    assert said.keys() == SAID_NO
    assert {(one["granted"], one["at"], one["proof"]) for one in said.values()} == {
        (False, stamp(team.now), f"told test in task {call}")
    }
    assert len(told_of(team, lan, "Consent Withdrawn")) == len(SAID_NO)
    done = {task["task_id"]: task for task in team.listed("status=done")}
    assert {task["outcome"] for task in done.values()} == {"do_not_call"}
    assert done.keys() == {call, other}
    assert (done[call]["note"], done[other]["note"]) == ("Rất bực", None)
    assert [(task["task_id"], task["phone"]) for task in team.listed()] == [(alarm, None)]


def test_r10_a_message_that_was_to_be_a_call_is_not_made_after_a_refusal():
    with Care(MORNING) as care:
        lan = care.customer(1, phone=phone(1))
        asked = care.plan(lan, "service", "1", channels=("call",))
        care.later(minutes=5)
        (task,) = care.call("GET", "/v1/tasks")["items"]
        care.call("POST", f"/v1/tasks/{task['task_id']}/outcome", {"outcome": "do_not_call"})
        later = care.plan(lan, "service", "2", channels=("call",))
        care.later(days=2)
        assert care.message(asked)["status"] == "sent"
        assert (care.message(later)["status"], care.message(later)["reason"]) == ("suppressed", "refused_by_customer")
        assert care.call("GET", "/v1/tasks")["items"] == []


def test_r5_a_wrong_number_is_called_no_more_until_there_is_a_new_one(team: Team):
    lan = team.customer(PHONE, email="lan@vidu.vn")
    call, other = team.open(lan), team.open(lan, "another call")
    alarm = team.open(lan, "alarm", kind="alarm")

    team.tell(call, "wrong_number")

    assert {task["task_id"]: task["outcome"] for task in team.listed("status=done")} == {
        call: "wrong_number", other: "wrong_number",
    }  # fmt: skip
    assert [(task["task_id"], task["phone"]) for task in team.listed()] == [(alarm, None)]
    assert team.view(lan)["consent"] == []
    assert {entry["properties"]["outcome"] for entry in told_of(team, lan, "Task Done")} == {"wrong_number"}

    team.stack.advance(team.now + timedelta(hours=1))
    team.call("PUT", "/v1/customers", {"identities": {"phone": "0987654118", "email": "lan@vidu.vn"}})
    assert [task["phone"] for task in team.listed()] == ["+84987654118"]


def test_x3_a_task_follows_its_customer_into_a_merge_and_out_of_it(team: Team):
    lan = team.customer(PHONE, name="Nguyễn Thị Lan")
    team.call("PUT", "/v1/customers", {"identities": {"email": "lan@vidu.vn"}})
    other = team.call("POST", "/v1/customers/search", {"email": "lan@vidu.vn"}).json["customer_id"]
    call = team.open(other)
    assert [task["phone"] for task in team.listed()] == [None]

    merged = team.call("PUT", "/v1/customers", {"identities": {"phone": PHONE, "email": "lan@vidu.vn"}}).json
    assert (merged["customer_id"], merged["merged"]) == (lan, [other])
    (task,) = team.listed()
    assert (task["customer_id"], task["customer_name"], task["phone"]) == (lan, "Nguyễn Thị Lan", "+84901234567")
    assert [task["task_id"] for task in team.view(lan)["tasks"]] == [call]
    mine = team.open(lan, "another call")

    assert team.tell(call, "do_not_call").json["customer_id"] == lan
    assert {task["task_id"] for task in team.listed("status=done")} == {call, mine}
    assert {f"{one['channel']}:{one['purpose']}" for one in team.view(lan)["consent"]} == SAID_NO
    assert len(told_of(team, lan, "Task Done")) == 2

    team.call("POST", f"/v1/customers/{lan}/unmerge")
    assert {task["customer_id"] for task in team.listed("status=done")} == {lan, other}


def test_w9_a_task_nobody_needs_any_more_is_withdrawn_and_says_why(team: Team):
    lan = team.customer(PHONE)
    call = team.open(lan)

    assert team.close(call, "Khách đã mua đơn HD2")
    assert not team.close(call, "Khách đã mua đơn HD2")

    assert team.listed() == team.view(lan)["tasks"] == []
    (entry,) = told_of(team, lan, "Task Withdrawn")
    assert entry["properties"]["note"] == "Khách đã mua đơn HD2"
    (task,) = team.listed("status=done")
    assert (task["outcome"], task["note"], task["by"]) == ("withdrawn", "Khách đã mua đơn HD2", None)
    late = team.tell(call, "purchased")
    assert (late.status, "withdrawn" in late.json["detail"]) == (409, True)
    assert team.open(lan) == call
    assert team.listed() == []


def test_x16_whoever_waits_for_the_outcome_hears_of_it_in_the_same_commit(team: Team):
    lan = team.customer(PHONE)
    call = team.open(lan, journey="winback", step="call", run="1")
    other = team.open(lan, "another call", journey="maintenance")
    heard = []

    def told(uow, members, task):
        heard.append((task_done_signal(task), members[0]["closed"]))
        uow.put(table_keys.seen_event("heard"), {"by": task["journey"]})

    record_outcome(team.stack.table, call, Report("wrong_number"), by="test", now=team.now, on_closed=told)
    record_outcome(team.stack.table, call, Report("wrong_number"), by="test", now=team.now, on_closed=told)

    said = {"outcome": "wrong_number", "kind": "call"}
    news = [
        said | {"task_id": call, "journey": "winback", "step": "call", "run": "1"},
        said | {"task_id": other, "journey": "maintenance", "step": "", "run": ""},
    ]
    assert heard == [(Signal("Task Done", stamp(team.now), properties), {"call": "unreachable"}) for properties in news]
    assert (team.stack.table.get(table_keys.seen_event("heard")) or {})["by"] == "maintenance"


def test_every_wrong_field_of_an_outcome_is_named(team: Team):
    lan = team.customer(PHONE)
    call = team.open(lan)
    before = team.holdings()
    past, far = (stamp(team.now + timedelta(days=days)) for days in (-1, 400))
    for body, fields in [
        ({}, ["outcome"]),
        ({"outcome": "sold", "note": "x" * 1001, "by": "me"}, ["by", "outcome", "note"]),
        ({"outcome": ["reached"], "note": ["x"]}, ["outcome", "note"]),
        ({"outcome": "call_back"}, ["call_back_at"]),
        ({"outcome": "call_back", "call_back_at": past}, ["call_back_at"]),
        ({"outcome": "call_back", "call_back_at": far}, ["call_back_at"]),
        ({"outcome": "call_back", "call_back_at": "tomorrow"}, ["call_back_at"]),
        ({"outcome": "reached", "call_back_at": stamp(team.now + timedelta(days=1))}, ["call_back_at"]),
        (["reached"], ["body"]),
    ]:
        answer = team.call("POST", f"/v1/tasks/{call}/outcome", body)
        assert (answer.status, answer.fields) == (400, fields), body
    assert team.holdings() == before


@pytest.mark.parametrize("task_id", ["x", "a" * 44, "%23" * 10, "đơn"])
def test_a_task_that_is_none_is_not_found(team: Team, task_id: str):
    assert team.tell(task_id, "reached").status == 404


def test_a_task_outlives_the_customer_it_was_about(team: Team):
    lan = team.customer(PHONE)
    call = team.open(lan)
    key = table_keys.profile(lan)
    team.stack.table.write(Put({"pk": key.pk, "sk": key.sk, "merged_into": {"customer_id": "nobody"}}))

    (task,) = team.listed()
    assert (task["customer_name"], task["phone"]) == (None, None)
    assert team.tell(call, "do_not_call").status == 200
