"""The morning of each store at 08:00: its managers read once what waits in their store, and of no other (R24)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.tasks.task import NewTask
from shared.domain.vietnam_time import stamp
from shared.repositories import table_keys
from shared.repositories.tasks import open_task
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime.playbook.staff import directory
from tests.support.call_lists import floor
from tests.support.messaging import Care

__all__ = ("floor",)  # a fixture of the neighbours

EVENING = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)  # five in the afternoon
EIGHT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
Q1, TD = "Quận 1", "Thủ Đức"
LEADS = {Q1: directory().people["store_q1_lead"], TD: directory().people["store_td_lead"]}


@pytest.fixture
def care():
    with Care(EVENING) as stack:
        yield stack


def customer(care, number: int, name: str, store: str, **traits: str) -> str:
    return care.customer(number, consent=False, traits={"name": name, "home_store": store, **traits})


def to_call(care, who: str, title: str, due: datetime) -> None:
    uow = UnitOfWork(care.stack.table)
    open_task(uow, NewTask(who, title, "call", "told by a test", due, title=title), care.now)
    uow.commit()


def to_pick_up(care, number: int, order: str, store: str, **more) -> None:
    email = f"khach{number}@example.vn"
    care.event("Order Completed", None, order_id=order, total=500_000, store=store, pickup=True,
               context={"traits": {"email": email}}, visitor=f"v{number}", **more)  # fmt: skip


def complaint(care, number: int, text: str) -> None:
    body = {"customer": {"identities": {"email": f"khach{number}@example.vn"}}, "channel": "email", "text": text}
    care.call("POST", "/v1/tickets", body)


def digests(care) -> list:
    leads = {person.email for person in directory().people.values() if person.role == "store_manager"}
    return [one for one in care.received() if one.to in leads and "việc trong ngày" in str(one.detail.get("subject"))]


def text_for(care, store: str) -> str:
    (one,) = [one for one in digests(care) if one.to == LEADS[store].email]
    return one.text


def test_r24_each_store_manager_reads_their_store_s_day_at_eight(care):
    lan = customer(care, 1, "Nguyễn Thị Lan", Q1, birthday="1990-03-02")
    minh = customer(care, 2, "Trần Minh", TD, birthday="1988-03-03")
    hoa = customer(care, 3, "Lê Hoa", TD, birthday="1979-03-02")
    to_call(care, lan, "Gọi cảm ơn", EIGHT + timedelta(hours=2))
    to_call(care, hoa, "Gọi hẹn thử đồ", EIGHT + timedelta(hours=3))
    to_call(care, minh, "Gọi tuần sau", EIGHT + timedelta(days=3))
    to_pick_up(care, 1, "DH-LAY-1", Q1)
    to_pick_up(care, 2, "DH-LAY-2", TD)
    to_pick_up(care, 3, "DH-LAY-3", TD)
    care.event("Order Delivered", None, order_id="DH-LAY-3", context={"traits": {"email": "khach3@example.vn"}})
    complaint(care, 2, "Áo mới mua hôm qua đã rách đường chỉ, shop làm ăn kiểu gì vậy, tôi rất bực mình")

    care.stack.advance(EIGHT + timedelta(minutes=3))

    assert sorted(one.to for one in digests(care)) == sorted(person.email for person in LEADS.values())
    assert all(EIGHT <= one.at <= EIGHT + timedelta(minutes=2) for one in digests(care))
    first, second = text_for(care, Q1), text_for(care, TD)

    assert "Cần gọi và xử lý: 1" in first
    assert "10:00 Nguyễn Thị Lan: Gọi cảm ơn" in first
    assert "Sinh nhật hôm nay: 1\n- Nguyễn Thị Lan" in first
    assert "Khiếu nại đang mở: 0" in first
    assert "Đơn chờ khách tới lấy: 1\n- Đơn DH-LAY-1, Nguyễn Thị Lan" in first
    assert "Hoa" not in first
    assert "Minh" not in first

    assert "11:00 Lê Hoa: Gọi hẹn thử đồ" in second
    assert "Gọi tuần sau" not in second
    assert "Sinh nhật hôm nay: 1\n- Lê Hoa" in second
    assert re.search(r"Khiếu nại đang mở: 1\n- \[P\d\] (hàng lỗi|đổi trả), phiếu PH-", second)
    assert "Đơn chờ khách tới lấy: 1\n- Đơn DH-LAY-2, Trần Minh" in second
    assert "Lan" not in second


def somebody_to_call_everywhere(care, due: datetime = EIGHT) -> None:
    for number, store in enumerate((Q1, TD, "Cầu Giấy"), start=1):
        to_call(care, customer(care, number, "Nguyễn Thị Lan", store), "Gọi cảm ơn", due)


def test_r24_a_subject_names_store_and_day_and_no_customer(care):
    somebody_to_call_everywhere(care)
    care.stack.advance(EIGHT + timedelta(minutes=3))
    subjects = {one.detail["subject"] for one in digests(care)}
    assert subjects == {f"Cửa hàng {store}, 02/03/2026: việc trong ngày" for store in (Q1, TD, "Cầu Giấy")}


def test_r24_a_store_where_nothing_waits_is_left_in_peace(care):
    customer(care, 1, "Nguyễn Thị Lan", Q1, birthday="1990-07-02")
    care.stack.advance(EIGHT + timedelta(minutes=3))
    assert digests(care) == []


def test_r24_a_morning_told_twice_is_told_once_and_the_next_one_anew(care):
    somebody_to_call_everywhere(care)
    care.stack.advance(EIGHT + timedelta(minutes=3))
    before = len(digests(care))
    for _ in range(3):
        assert care.stack.invoke("digest_schedule", {"job": "digest", "time": stamp(EIGHT)}) == {"told": 0}
    care.later(minutes=30)
    assert len(digests(care)) == before == 3
    care.stack.advance(EIGHT + timedelta(days=1, minutes=3))
    assert len(digests(care)) == 6


def test_r24_a_long_list_names_the_first_ten(care):
    who = customer(care, 1, "Nguyễn Thị Lan", Q1)
    for number in range(14):
        to_call(care, who, f"Việc {number:02d}", EIGHT + timedelta(minutes=number))
    care.stack.advance(EIGHT + timedelta(minutes=3))
    text = text_for(care, Q1)
    assert "Cần gọi và xử lý: 14" in text
    assert [line for line in text.splitlines() if "Việc" in line and line.startswith("-")] == [
        f"- 08:{number:02d} Nguyễn Thị Lan: Việc {number:02d}" for number in range(10)
    ]


def test_r24_a_digest_that_dies_between_two_stores_is_finished_by_the_next_try(care):
    somebody_to_call_everywhere(care)
    table = care.stack.table
    real, writes = table.write, []

    def write(*actions):
        writes.append(actions)
        if len(writes) == 2:
            raise RuntimeError("died")
        return real(*actions)

    table.write = write
    with pytest.raises(RuntimeError):
        care.stack.invoke("digest_schedule", {"job": "digest", "time": stamp(EIGHT)})
    del table.write
    assert care.stack.invoke("digest_schedule", {"job": "digest", "time": stamp(EIGHT)}) == {"told": 2}
    care.stack.advance(EIGHT + timedelta(minutes=5))
    assert len(digests(care)) == 3


def test_r24_the_calls_of_the_morning_s_scan_are_in_it(floor):
    """Somebody valuable has not come for long: the scan of six o'clock opens the call that the store reads at eight."""
    guest = floor.regular(name="Nguyễn Thị Lan")
    floor.morning()
    (call,) = floor.calls(guest)
    (mail,) = floor.stack.providers.outbox("store_cg_lead@nhamay.example.vn")
    assert "Cần gọi và xử lý: 1" in mail["text"]
    assert f"Nguyễn Thị Lan: {call['title']}" in mail["text"]


# ---- the lists behind it ----


def waiting(care, store: str) -> list[str]:
    return [row["order_id"] for row in care.stack.table.query(table_keys.pickups(store)).items]


def test_an_order_waits_in_its_store_until_it_is_collected_cancelled_or_returned(care):
    for number, order in enumerate(("A", "B", "C", "D"), start=1):
        to_pick_up(care, number, order, Q1)
    assert waiting(care, Q1) == ["A", "B", "C", "D"]
    for name, order in (("Order Delivered", "A"), ("Order Cancelled", "B"), ("Returned To Sender", "C")):
        care.event(name, None, order_id=order)
    assert waiting(care, Q1) == ["D"]
    care.event("Order Updated", None, order_id="D", store=TD)
    assert (waiting(care, Q1), waiting(care, TD)) == ([], ["D"])
    care.later(minutes=1)
    care.event("Order Updated", None, order_id="D", pickup=False)
    assert waiting(care, TD) == []


def test_what_was_collected_before_it_was_ordered_does_not_wait(care):
    care.event("Order Delivered", None, order_id="A")
    to_pick_up(care, 1, "A", Q1)
    assert waiting(care, Q1) == []


def test_history_does_not_wait_and_an_answer_that_is_none_is_refused(care):
    care.event("Order Completed", None, order_id="OLD", total=1, store=Q1, pickup=True, context={"backfill": True},
               at=EVENING - timedelta(days=200))  # fmt: skip
    assert waiting(care, Q1) == []
    event = {"type": "track", "event": "Order Completed", "messageId": "m", "userId": "0901234567",
             "properties": {"order_id": "X", "total": 1, "pickup": "yes"}}  # fmt: skip
    answer = care.call("POST", "/v1/batch", {"batch": [event]}, key="write")
    assert "pickup" in str(answer)


def test_a_birthday_is_listed_in_the_store_that_cares_for_the_customer(care):
    who = customer(care, 1, "Nguyễn Thị Lan", Q1, birthday="1990-03-02")
    customer(care, 2, "Trần Minh", "", birthday="1990-03-02")
    care.stack.advance(EIGHT)
    rows = care.stack.table.query(table_keys.birthdays("2026-03-02", Q1)).items
    assert [row["sk"] for row in rows] == [who]
    assert rows[0]["ttl"] > EIGHT.timestamp()
