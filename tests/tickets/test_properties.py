"""Random tickets, staff and clocks: no critical VIP meets the bot or waits, every ticket is in one place, and every
missed deadline is escalated once (T1, T3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from shared.domain.customers.phone import BadPhone, parse_phone
from shared.domain.errors import Conflict
from shared.domain.staff.directory import Directory
from shared.domain.tickets.ticket import vip_in_need
from shared.domain.tickets.transitions import SEVERITIES
from shared.runtime.playbook.staff import directory
from shared.use_cases.tickets import agent_actions, ask_and_compensate, close_and_rate
from shared.use_cases.tickets.internal_questions import NewQuestion
from tests.support.engine import faults
from tests.support.max_examples import max_examples
from tests.support.ticket_engine import Engine
from tests.support.tickets import ANGRY, ASKS_HOURS, CALM, CRITICAL

TEXTS = (
    ASKS_HOURS, CALM, ANGRY, CRITICAL, "alo", "Cảm ơn shop nhiều nha", "Cho gặp nhân viên",
    "Mã giảm giá nhập không được", "Trừ tiền hai lần rồi mà chưa thấy hoàn, 8 triệu của tôi đâu?",
    "ship cham qua dat tu tuan truoc gio chua thay", "Nhân viên cửa hàng nói chuyện rất khó chịu",
    "Tôi sẽ kiện ra tòa và báo chí vì máy nổ làm bỏng tay", "ok em", "size L con k shop",
)  # fmt: skip
CHANNELS = ("zalo", "messenger", "email", "web", "hotline", "form", "comment", "store")


def _numbers() -> list[int]:
    found = []
    for number in range(31_234_567, 31_300_000, 1111):
        try:
            parse_phone(f"09{number:08d}")
        except BadPhone:
            continue
        found.append(number)
    return found[:4]


PEOPLE = _numbers()
STARTS = st.datetimes(datetime(2026, 1, 20), datetime(2026, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001 - has one
SHIFTS = sorted(directory().shifts)


@st.composite
def staff(draw: st.DrawFn) -> Directory:
    """One to five people of care and sales, one or two managers; few hands and odd hours."""
    base = directory().model_dump(by_alias=True, mode="json")
    people: dict[str, Any] = {}
    for number in range(draw(st.integers(1, 5))):
        people[f"p_{number}"] = {
            "title": {"vi": f"Người {number}"},
            "role": draw(st.sampled_from(("care", "care", "sales", "store_staff", "store_manager"))),
            "stores": draw(st.sampled_from(((), ("Quận 1",)))),
            "capacity": draw(st.integers(1, 3)),
            "shifts": [draw(st.sampled_from(SHIFTS))],
            "email": f"p_{number}@example.vn",
        }
    for number in range(draw(st.integers(1, 2))):
        people[f"senior_{number}"] = {
            "title": {"vi": f"Quản lý {number}"}, "role": "manager", "senior": True, "capacity": 1,
            "shifts": [draw(st.sampled_from(SHIFTS))], "email": f"s_{number}@example.vn",
        }  # fmt: skip
    return Directory.model_validate({**base, "people": people})


STEPS = st.one_of(
    st.tuples(st.just("says"), st.integers(0, 3), st.sampled_from(CHANNELS), st.sampled_from(TEXTS)),
    st.tuples(st.just("says"), st.integers(0, 1), st.just("zalo"), st.sampled_from(TEXTS)),
    st.tuples(st.just("passes"), st.sampled_from((1, 5, 30, 90, 400, 1500, 5000))),
    st.tuples(st.just("replies"), st.integers(0, 9), st.integers(0, 6)),
    st.tuples(st.just("resolves"), st.integers(0, 9), st.integers(0, 6)),
    st.tuples(st.just("hands over"), st.integers(0, 9), st.integers(0, 6)),
    st.tuples(st.just("moves"), st.integers(0, 9), st.sampled_from(("care", "sales", "senior_manager"))),
    st.tuples(st.just("labels"), st.integers(0, 9), st.sampled_from(SEVERITIES)),
    st.tuples(st.just("asks"), st.integers(0, 9)),
    st.tuples(st.just("locks"), st.integers(0, 9), st.integers(0, 6)),
)


def make_vips(engine: Engine) -> None:
    """The first two customers are VIPs by what they bought."""
    with engine.honest():
        for who in PEOPLE[:2]:
            engine.buys(who, orders=3, total=30_000_000)


def do(engine: Engine, step: tuple[Any, ...]) -> None:
    what, *with_ = step
    context = engine.context()
    if what == "says":
        engine.says(PEOPLE[with_[0]], with_[1], with_[2])
        return
    if what == "passes":
        engine.passes(timedelta(minutes=with_[0]))
        return
    known = sorted(engine.tickets(), key=lambda ticket: ticket["ticket_id"])
    if not known:
        return
    ticket = known[with_[0] % len(known)]["ticket_id"]
    people = sorted(context.directory.people)
    somebody = people[with_[1] % len(people)] if len(with_) > 1 and isinstance(with_[1], int) else ""
    try:
        if what == "replies":
            engine.replies(ticket, somebody)
        elif what == "resolves":
            close_and_rate.resolve(context, ticket, by=somebody, note="xong")
        elif what == "hands over":
            agent_actions.reassign(context, ticket, "p_0", person=somebody, queue="", note="")
        elif what == "moves":
            agent_actions.reassign(context, ticket, "p_0", person="", queue=with_[1], note="")
        elif what == "labels":
            agent_actions.relabel(context, ticket, {"severity": with_[1]}, "p_0")
        elif what == "asks":
            ask_and_compensate.ask(context, ticket, NewQuestion("store", "Còn hàng không?", 45), "p_0")
        elif what == "locks":
            agent_actions.lock(context, ticket, somebody, release=False)
    except Conflict:
        pass  # resolved meanwhile, locked by somebody else, or a VIP who needs a person by name


def live(engine: Engine, steps: list[tuple[Any, ...]]) -> None:
    make_vips(engine)
    for step in steps:
        before = {ticket["ticket_id"]: ticket for ticket in engine.tickets()}
        do(engine, step)
        with engine.honest():
            engine.check()
            for ticket in engine.tickets():
                _never_meets_the_bot(engine, before.get(ticket["ticket_id"]), ticket)


def _never_meets_the_bot(engine: Engine, before: Any, after: Any) -> None:
    """What the bot says comes before the matter turned critical, or not at all."""
    if not vip_in_need(after):
        return
    said = [line for line in engine.thread(after["ticket_id"]) if line["author"] == "bot"]
    if before is None:
        assert said == []
    elif vip_in_need(before):
        assert len(said) == len([x for x in said if x["at"] <= before["last_at"] or x["at"] < after["last_at"]])


COMMON = {"suppress_health_check": list(HealthCheck)}


@max_examples(40, **COMMON)
@given(start=STARTS, people=staff(), steps=st.lists(STEPS, min_size=4, max_size=22))
def test_t3_whatever_happens_every_ticket_is_in_one_place_and_no_vip_in_need_waits(start, people, steps):
    engine = Engine(start, people)
    try:
        live(engine, steps)
        engine.passes(timedelta(days=9))
        engine.check()
    finally:
        engine.stack.close()


@max_examples(20, **COMMON)
@given(start=STARTS, people=staff(), steps=st.lists(STEPS, min_size=4, max_size=12), seed=st.integers(0, 10**6))
def test_also_where_the_table_is_as_bad_as_it_gets(start, people, steps, seed):
    """Throttled, answers lost, transactions colliding."""
    engine = Engine(start, people, faults(seed, busy=0.05, lost_answers=0.05))
    try:
        live(engine, steps)
    finally:
        engine.stack.close()


@pytest.mark.parametrize("seed", range(4))
def test_a_shuffled_stream_of_messages_five_times_each_ends_in_the_same_threads(seed):
    """Whatever the queue repeats and reorders: one ticket for a customer's chat, one line for a message."""
    start = datetime(2026, 11, 24, 3, tzinfo=UTC)
    engine = Engine(start)
    stream = [(who, text, f"m{number}") for who in PEOPLE[:3] for number, text in enumerate(TEXTS[:5])] * 5
    Random(seed).shuffle(stream)
    for who, text, dedup in stream:
        engine.says(who, "zalo", text, dedup=dedup)
    found = engine.tickets()
    assert len(found) == 3
    for ticket in found:
        said = sorted(line["text"] for line in engine.thread(ticket["ticket_id"]) if line["author"] == "customer")
        assert said == sorted(TEXTS[:5])
        assert (ticket["severity"], ticket["sentiment"]) == ("critical", "negative")
    engine.check()
    engine.stack.close()
