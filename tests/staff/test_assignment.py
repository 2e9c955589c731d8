"""Who gets a ticket and who gets a customer: by skill, store, shift and load; what cannot wait always has somebody."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.domain.staff.directory import Directory, allocate
from shared.domain.tickets.routing import QUEUES, pick_assignee, recipients
from shared.domain.triage.triage import INTENTS
from shared.runtime.playbook.staff import directory
from tests.support.max_examples import max_examples

WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
MONDAY = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)  # ten o'clock
NIGHT = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)  # two o'clock


def person(role: str, **more) -> dict:
    return {"title": "Một người", "role": role, "shifts": ["day"], "email": "ai@nhamay.example.vn", **more}


def staff(**people) -> Directory:
    boss = person("manager", senior=True, capacity=2)
    return Directory.model_validate(
        {
            "hours": {"week": {day: [{"from": "08:00", "to": "21:00"}] for day in WEEK}},
            "stores": {"Q1": "Quận 1", "Q9": "Quận 9"},
            "shifts": {
                "day": [{"days": WEEK, "from": "08:00", "to": "21:00"}],
                "night": [{"days": WEEK, "from": "21:00", "to": "08:00"}],
            },
            "people": {"senior_1": boss, **people},
        }
    )


def given_to(
    found: Directory, queue: str = "care", *, intent="refund", store="", at=MONDAY, loads=None, away=(), seed="s"
):
    return pick_assignee(found, queue, intent=intent, store=store, at=at, loads=loads or {}, away=away, seed=seed)


# ---- tickets ----


def test_a_ticket_goes_to_somebody_with_the_skill_who_works_now_and_has_room():
    found = staff(
        care_money=person("care", skills=["payment_problem"], capacity=2),
        care_goods=person("care", skills=["refund", "warranty"], capacity=2),
        care_night=person("care", shifts=["night"]),
    )
    assert given_to(found) == "care_goods"
    assert given_to(found, intent="payment_problem") == "care_money"
    assert given_to(found, intent="store_info") == ""
    assert given_to(found, at=NIGHT) == "care_night"
    assert given_to(found, at=NIGHT, intent="store_info") == "care_night"
    assert given_to(found, loads={"care_goods": 2}) == ""
    assert given_to(found, away={"care_goods"}) == ""


def test_it_is_who_has_least_for_what_they_can_do():
    found = staff(care_small=person("care", capacity=2), care_large=person("care", capacity=20))
    assert given_to(found, loads={"care_small": 1, "care_large": 9}) == "care_large"
    assert given_to(found, loads={"care_small": 1, "care_large": 11}) == "care_small"


def test_the_store_s_own_people_come_first_then_those_of_all_stores():
    found = staff(
        sales_q1=person("sales", stores=["Q1"], capacity=2),
        sales_q9=person("sales", stores=["Q9"]),
        sales_all=person("sales"),
    )
    assert given_to(found, "sales", store="Q1", loads={"sales_q1": 1}) == "sales_q1"
    assert given_to(found, "sales", store="Q1", loads={"sales_q1": 2}) == "sales_all"
    assert given_to(found, "sales", store="Q1", loads={"sales_q1": 2}, away={"sales_all"}) == "sales_q9"
    assert given_to(found, "sales") == "sales_all"


def test_a_tie_is_drawn_by_the_seed_and_fair_over_many():
    found = staff(**{f"care_{n}": person("care") for n in range(4)})
    drawn = Counter(given_to(found, seed=str(n)) for n in range(2000))
    assert len(drawn) == 4
    assert all(400 < count < 600 for count in drawn.values())
    assert given_to(found, seed="7") == given_to(found, seed="7")


def test_nobody_has_a_ticket_of_the_bot():
    assert given_to(directory(), "bot") == ""


def test_t3_a_senior_manager_is_found_at_any_hour_and_however_busy_all_are():
    found = staff(
        senior_night=person("manager", senior=True, shifts=["night"], capacity=1), manager_1=person("manager")
    )
    both = {"senior_1", "senior_night"}
    assert given_to(found, "senior_manager") == "senior_1"
    assert given_to(found, "senior_manager", at=NIGHT) == "senior_night"
    assert given_to(found, "senior_manager", loads={"senior_1": 50}) == "senior_1"  # full, and the only one at work
    assert given_to(found, "senior_manager", loads={"senior_1": 50}, away={"senior_1"}) == "senior_night"
    assert given_to(found, "senior_manager", away=both) in both
    assert given_to(found, "senior_manager", away=both, loads={"senior_1": 1, "senior_night": 1}) == "senior_1"


def test_nobody_works_on_a_day_off_and_still_a_senior_manager_is_found():
    found = staff(care_1=person("care"))
    off = Directory.model_validate(
        found.model_dump(by_alias=True)
        | {"hours": {**found.hours.model_dump(by_alias=True), "days_off": {"once": ["2026-11-23"]}}}
    )
    assert given_to(off) == ""
    assert given_to(off, "senior_manager") == "senior_1"


people = st.sampled_from(sorted(directory().people))


@given(
    st.sampled_from(QUEUES),
    st.sampled_from(INTENTS),
    st.sampled_from(["", "Quận 1", "Thủ Đức", "Q77"]),
    st.integers(0, 60 * 24 * 400),
    st.dictionaries(people, st.integers(0, 60)),
    st.sets(people),
    st.text(max_size=5),
)
@max_examples(300)
def test_whatever_the_hour_and_the_load_a_ticket_only_goes_where_it_may(
    queue, intent, store, minute, loads, away, seed
):
    shipped, at = directory(), MONDAY + timedelta(minutes=minute)
    found = given_to(shipped, queue, intent=intent, store=store, at=at, loads=loads, away=away, seed=seed)
    if queue == "senior_manager":
        assert shipped.people[found].senior_manager
        here = [senior.id for senior in shipped.seniors if senior.id not in away]
        assert found in here or not here
    elif found:
        who = shipped.people[found]
        assert shipped.on_duty(found, at, away)
        assert loads.get(found, 0) < who.capacity
        assert not who.skills or intent in who.skills
        assert who.role in {"care": ("care",), "sales": ("sales", "store_staff")}[queue]


# ---- shifts ----


def test_a_shift_over_midnight_belongs_to_the_day_it_begins_on():
    found = staff(care_1=person("care", shifts=["night"]))
    assert found.on_duty("care_1", NIGHT)
    assert not found.on_duty("care_1", MONDAY)
    assert not found.on_duty("care_1", NIGHT, {"care_1"})
    assert not found.on_duty("nobody", NIGHT)


def test_a_directory_without_a_senior_manager_is_none():
    with pytest.raises(ValidationError, match="senior manager"):
        Directory.model_validate(
            staff().model_dump(by_alias=True) | {"people": {"senior_1": person("care", senior=True)}}
        )


def test_the_names_of_a_target_are_people():
    shipped = directory()
    assert recipients(shipped, ("assignee",), assignee="care_1", store="") == ("care_1",)
    assert recipients(shipped, ("assignee", "care_1"), assignee="care_1", store="") == ("care_1",)
    assert recipients(shipped, ("assignee", "somebody_gone"), assignee="", store="") == ()
    assert recipients(shipped, ("store_manager", "care_lead"), assignee="", store="Quận 1") == (
        "store_q1_lead",
        "care_lead",
    )
    assert recipients(shipped, ("senior_manager",), assignee="", store="") == ("senior_1", "senior_2")


# ---- customers (T9) ----


def test_t9_a_customer_goes_to_who_has_the_fewest_in_their_store():
    shipped = directory()
    assert allocate(shipped, "Quận 1", {"sales_q1_1": 7, "sales_q1_2": 6}, "s") == "sales_q1_2"
    assert allocate(shipped, "Thủ Đức", {"sales_td_1": 7}, "s") == "staff_td_1"
    assert {allocate(shipped, "Quận 1", {}, str(n)) for n in range(50)} == {"sales_q1_1", "sales_q1_2"}


def test_t9_a_customer_stays_with_their_person_while_that_is_a_salesperson_here():
    shipped = directory()
    assert allocate(shipped, "Thủ Đức", {"sales_q1_1": 900}, "s", current="sales_q1_1") == "sales_q1_1"
    assert allocate(shipped, "Thủ Đức", {}, "s", current="sales_gone") in ("sales_td_1", "staff_td_1")
    assert allocate(shipped, "Thủ Đức", {}, "s", current="care_1") in ("sales_td_1", "staff_td_1")


def test_t9_where_the_store_has_nobody_the_rule_says_who():
    shipped = directory()
    assert allocate(shipped, "", {}, "s") == "sales_online_1"
    assert allocate(shipped, "Q77", {}, "s") == "sales_online_1"
    strict = shipped.model_copy(update={"allocation": shipped.allocation.model_copy(update={"elsewhere": "nobody"})})
    assert allocate(strict, "Q77", {}, "s") == ""
    assert allocate(staff(sales_q1=person("sales", stores=["Q1"])), "Q9", {}, "s") == "sales_q1"
    assert allocate(staff(), "Q9", {}, "s") == ""


def test_t9_who_is_away_gets_no_new_customers_unless_there_is_nobody_else():
    shipped = directory()
    assert allocate(shipped, "Quận 1", {"sales_q1_2": 99}, "s", away={"sales_q1_1"}) == "sales_q1_2"
    assert allocate(shipped, "Quận 1", {"sales_q1_2": 99}, "s", away={"sales_q1_1", "sales_q1_2"}) == "sales_q1_1"
