"""The list of staff tasks: who sees what, in which order, and everything that makes work for staff is in it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from infra.local.measuring.synthetic_shop import phone
from shared.domain.vietnam_time import stamp
from shared.use_cases.tasks.list_tasks import TaskQuery, listed
from tests.messaging.conftest import MORNING
from tests.support.messaging import Care, sender
from tests.support.races import Killed, Watched, raising
from tests.support.shop import PHONE
from tests.support.tasks import Team


def ids(found):
    return [task["task_id"] for task in found]


def test_a5_a_call_is_listed_with_whom_to_call_why_and_what_to_say(team: Team):
    lan = team.customer(PHONE, store="Q1", name="Nguyễn Thị Lan")
    call = team.open(
        lan, script="Chào chị Lan, em gọi xác nhận đơn HD1", role="store_staff", offer="Freeship",
        journey="high_value_order", run="HD1", step="call",
    )  # fmt: skip

    (task,) = team.listed()

    assert task == {
        "task_id": call,
        "customer_id": lan,
        "customer_name": "Nguyễn Thị Lan",
        "phone": "+84901234567",
        "call_link": "tel:+84901234567",
        "zalo_link": "https://zalo.me/84901234567",
        "segments": {"lifecycle": "prospect", "value": "none", "tags": []},
        "review": None,
        "kind": "call",
        "title": "Gọi xác nhận đơn giá trị cao",
        "reason": "Đơn HD1 trị giá 5.000.000đ",
        "script": "Chào chị Lan, em gọi xác nhận đơn HD1",
        "store": "Q1",
        "assignee": None,
        "role": "store_staff",
        "opened_at": stamp(team.now),
        "due_at": stamp(team.now + timedelta(hours=1)),
        "callable_from": None,
        "status": "open",
        "deal": None,
        "outcome": None,
        "note": None,
        "by": None,
        "done_at": None,
        "order_by": None,
        "journey": "high_value_order",
        "run": "HD1",
        "step": "call",
        "offer": "Freeship",
        "suggestions": [],
    }
    (seen,) = team.view(lan)["tasks"]
    assert seen["task_id"] == call


def test_x16_the_same_task_opened_twice_is_one_also_once_it_is_done(team: Team):
    lan = team.customer(PHONE)
    assert team.open(lan) == team.open(lan, due=5)
    assert len(team.listed()) == len(team.view(lan)["tasks"]) == 1

    team.tell(team.open(lan), "reached")
    team.open(lan)

    assert team.listed() == team.view(lan)["tasks"] == []


def test_x16_what_is_due_first_stands_first_page_by_page(team: Team):
    lan = team.customer(PHONE)
    opened = {hours: team.open(lan, f"call-{hours}", due=hours) for hours in (7, 1, 5, 3, 9)}
    wanted = [opened[hours] for hours in sorted(opened)]

    found, after, pages = [], "", 0
    while after is not None:
        page = team.page(f"limit=2&next={after}")
        found, after, pages = found + ids(page["items"]), page["next"], pages + 1

    assert (found, pages) == (wanted, 3)


def test_x16_done_tasks_are_listed_the_latest_first_for_ninety_days(team: Team):
    lan = team.customer(PHONE)
    first, second = team.open(lan, "first"), team.open(lan, "second")
    team.tell(second, "reached")
    team.stack.advance(team.now + timedelta(days=1))
    team.tell(first, "refused", note="Chê đắt")

    done = team.listed("status=done")
    assert [(task["task_id"], task["status"], task["outcome"]) for task in done] == [
        (first, "done", "refused"),
        (second, "done", "reached"),
    ]
    assert (done[0]["note"], done[0]["by"], done[0]["done_at"]) == ("Chê đắt", "test", stamp(team.now))

    team.stack.advance(team.now + timedelta(days=89, hours=1))
    assert ids(team.listed("status=done")) == [first]
    assert team.tell(second, "reached").status == 404


def test_a_role_asks_for_its_own_work(team: Team):
    lan = team.customer(PHONE)
    call, alarm = team.open(lan, role="store_staff"), team.open(lan, "alarm", kind="alarm", role="care")

    assert ids(team.listed("assignee=care")) == [alarm]
    assert ids(team.listed("assignee=store_staff")) == [call]
    assert team.listed("assignee=manager") == []


def test_r7_staff_of_a_store_see_and_do_the_tasks_of_their_stores_only(team: Team):
    people = {store: team.customer(phone(n), store=store) for n, store in enumerate(["Q1", "Q3", "Q7"])}
    calls = {store: team.open(customer, due=n + 1) for n, (store, customer) in enumerate(people.items())}
    nobodys = team.open(team.customer(phone(9)), due=9)
    own = team.key("api", "store_staff", stores=("Q1",))
    two = team.key("api", "store_manager", stores=("Q7", "Q1"))

    assert ids(team.listed()) == [*calls.values(), nobodys]
    assert ids(team.listed("store=Q3")) == [calls["Q3"]]
    assert ids(team.listed(key=own)) == ids(team.listed("store=Q1", key=own)) == [calls["Q1"]]
    assert ids(team.listed(key=two)) == [calls["Q1"], calls["Q7"]]
    first = team.page("limit=1", key=two)
    assert ids(first["items"]) == [calls["Q1"]]
    second = team.page(f"limit=1&next={first['next']}", key=two)
    assert ids(second["items"]) == [calls["Q7"]]
    assert team.listed(f"limit=1&next={second['next']}", key=two) == []

    assert team.call("GET", "/v1/tasks", query="store=Q3", key=own).status == 403
    for forbidden in (calls["Q3"], nobodys):
        assert team.tell(forbidden, "reached", key=own).status == 403
    assert team.tell(calls["Q7"], "reached", key=two).status == 200
    assert ids(team.listed("status=done", key=two)) == [calls["Q7"]]
    assert team.listed("status=done", key=own) == []


class Short:
    """A table whose pages end early, as pages end at 1 MB; those of one store after every single row."""

    def __init__(self, table):
        self._table = table

    def __getattr__(self, name):
        return getattr(self._table, name)

    def query(self, pk, *, limit, **options):
        return self._table.query(pk, limit=1 if pk.endswith("Q1") else min(limit, 3), **options)


@pytest.mark.parametrize("status", ["open", "done"])
def test_r7_tasks_of_several_stores_stay_in_order_wherever_a_page_ends(team: Team, status):
    stores = ("Q1", "Q3", "Q7")
    people = [team.customer(phone(n), store=store) for n, store in enumerate(stores)]
    wanted = [team.open(people[n % 3], f"call-{n}", due=n) for n in (0, 3, 1, 6, 9, 2, 5, 4, 12)]
    if status == "done":
        for task_id in wanted:
            team.tell(task_id, "reached")
            team.stack.advance(team.now + timedelta(minutes=1))
    wanted = ids(team.listed(f"status={status}"))
    table, found, start = Short(team.stack.table), [], None
    while start or not found:
        page, start = listed(table, TaskQuery(status, stores), {}, limit=4, start=start)
        found += ids(page)

    assert len(wanted) == 9
    assert found == wanted


def test_what_cannot_be_asked_for_is_refused_by_the_name_of_the_field(team: Team):
    answer = team.call("GET", "/v1/tasks", query="status=late&assignee=nobody")
    assert (answer.status, answer.fields) == (400, ["status", "assignee"])
    lan = team.customer(PHONE)
    for name in ("a", "b"):
        team.open(lan, name)
    of_open = team.page("limit=1")["next"]
    answer = team.call("GET", "/v1/tasks", query=f"status=done&next={of_open}")
    assert (answer.status, answer.fields) == (400, ["next"])


def test_x3_customers_a_person_has_to_look_at_are_tasks_in_words_and_asked_of_once(team: Team):
    lan, hung = (
        team.customer(PHONE, store="Q1", name="Nguyễn Thị Lan"),
        team.customer("0912345678", name="Trần Văn Hùng"),
    )
    team.call("PUT", "/v1/customers", {"identities": {"phone": PHONE, "email": "nha@vidu.vn"}})
    team.call("PUT", "/v1/customers", {"identities": {"phone": "0912345678", "email": "nha@vidu.vn"}})

    mine, theirs = sorted(team.listed("assignee=care"), key=lambda task: task["customer_id"] != lan)
    assert [mine["customer_id"], theirs["customer_id"], mine["store"]] == [lan, hung, "Q1"]
    assert (mine["kind"], mine["title"]) == ("review", "Kiểm tra khách trùng")
    assert "tên khác nhau" in mine["reason"]
    (seen,) = team.view(lan)["tasks"]
    assert (seen["reason"], seen["with"], seen["task_id"]) == ("different_names", hung, mine["task_id"])

    assert team.tell(mine["task_id"], "reached", note="Hai mẹ con").status == 200
    team.call("PUT", "/v1/customers", {"identities": {"phone": "0912345678", "email": "nha@vidu.vn"}})
    assert ids(team.listed()) == [theirs["task_id"]]


def test_x3_a_shared_phone_is_one_task_however_many_names_it_gets(team: Team):
    for name in ("Nguyễn Thị Lan", "Trần Văn Hùng", "Lê Quốc Bảo"):
        lan = team.customer(PHONE, name=name)

    (task,) = team.listed()
    assert task["title"] == "Kiểm tra số điện thoại dùng chung"
    (seen,) = team.view(lan)["tasks"]
    assert seen["names"] == ["le quoc bao", "nguyen thi lan", "tran van hung"]


@pytest.fixture
def care():
    with Care(MORNING) as stack:
        stack.know_the_do_not_call_list()
        yield stack


def only_task(care):
    (task,) = care.call("GET", "/v1/tasks")["items"]
    return task


def test_n8_a_message_that_is_planned_as_a_call_is_a_task_with_an_outcome(care):
    lan = care.customer(1, phone=phone(1))
    planned = care.plan(lan, "service", channels=("call",))
    care.later(minutes=5)

    task = only_task(care)
    assert (task["customer_id"], task["kind"], task["title"]) == (lan, "call", "Gọi cho khách")
    assert "hài lòng" in task["script"]
    (seen,) = care.call("GET", f"/v1/customers/{lan}")["tasks"]
    assert (seen["task_id"], seen["message_id"]) == (task["task_id"], planned)

    assert care.call("POST", f"/v1/tasks/{task['task_id']}/outcome", {"outcome": "reached"})["status"] == "done"
    assert care.call("GET", "/v1/tasks")["items"] == care.call("GET", f"/v1/customers/{lan}")["tasks"] == []


def test_n8_wherever_the_sender_dies_the_call_is_one_task_and_is_not_asked_for_again():
    for point in range(20):
        with Care(MORNING) as care:
            lan = care.customer(1, phone=phone(1))
            planned = care.plan(lan, "service", channels=("call",), queued=False)
            table = Watched(care.stack.table, at=point, after=raising(Killed))
            try:
                sender(care, table).dispatch(planned)
            except Killed:
                # Staff may be faster than whoever notices that the sender is gone.
                for task in care.call("GET", "/v1/tasks")["items"]:
                    care.call("POST", f"/v1/tasks/{task['task_id']}/outcome", {"outcome": "no_answer"})
                care.later(hours=3)
            assert care.message(planned)["status"] == "sent"
            assert len(care.items("OT#%") + care.items("DT#%")) == 1
            if table.operations <= point:
                assert point > 5, "nothing was ever interrupted"
                return
    raise AssertionError("more points than expected")


def test_r14_a_message_no_channel_takes_is_a_call_for_staff_in_the_list(care):
    care.stack.providers.set_fault("zns", "error", 1.0)
    lan = care.customer(1, phone=phone(1))
    care.plan(lan, "transactional", channels=("zns",), journey="order_thanks")
    care.later(days=2)

    task = only_task(care)
    assert (task["kind"], task["title"]) == ("call", "Gọi cho khách thay tin nhắn")
    assert (task["customer_id"], task["journey"], task["phone"]) == (lan, "order_thanks", f"+84{phone(1)[1:]}")
    care.call("POST", f"/v1/tasks/{task['task_id']}/outcome", {"outcome": "reached"})
    assert care.call("GET", "/v1/tasks")["items"] == []


def test_x3_what_history_leaves_to_be_looked_at_does_not_stand_before_the_work_of_today(team: Team):
    lan = team.customer(PHONE, name="Nguyễn Thị Lan")
    call = team.open(lan, due=-1)
    hung = {"name": "Trần Văn Hùng"}
    said = {"type": "identify", "messageId": "m1", "userId": PHONE, "traits": hung, "timestamp": "2024-05-01T03:00:00Z"}
    team.call("POST", "/v1/batch", {"batch": [{**said, "context": {"backfill": True}}]})
    team.stack.drain()

    assert [task["kind"] for task in team.listed()] == ["call", "review"]
    assert ids(team.listed())[0] == call
