"""Time that counts only while somebody is there: exact minutes, over nights, days off and Tết."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.domain.common.lunar_calendar import new_year
from shared.domain.staff.business_hours import ALWAYS, WEEKDAYS, DaysOff, Hours
from shared.domain.vietnam_time import VIETNAM
from shared.runtime.playbook.staff import directory
from tests.support.max_examples import max_examples

EIGHT_TO_NINE = {day: [{"from": "08:00", "to": "21:00"}] for day in WEEKDAYS}


def hours(**parts) -> Hours:
    return Hours.model_validate({"week": EIGHT_TO_NINE, **parts})


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+07:00")


# ---- what a promise comes to ----


@pytest.mark.parametrize(
    ("start", "minutes", "due"),
    [
        ("2026-11-23T09:00", 60, "2026-11-23T10:00"),
        ("2026-11-23T20:30", 60, "2026-11-24T08:30"),
        ("2026-11-23T20:00", 60, "2026-11-23T21:00"),  # the moment of closing is still today
        ("2026-11-23T23:10", 60, "2026-11-24T09:00"),
        ("2026-11-23T03:00", 0, "2026-11-23T08:00"),
        ("2026-11-23T09:00:30", 13 * 60, "2026-11-24T09:00:30"),
        ("2026-11-23T09:00", 3 * 13 * 60, "2026-11-26T09:00"),
    ],
)
def test_a_promise_is_counted_in_open_minutes(start, minutes, due):
    assert hours().add(at(start), minutes) == at(due)


def test_the_answer_is_in_utc_whatever_zone_the_question_came_in():
    assert hours().add(at("2026-11-23T09:00"), 5).tzinfo is UTC
    assert ALWAYS.add(at("2026-11-23T09:00"), 5) == at("2026-11-23T09:05")
    assert ALWAYS.add(at("2026-11-23T09:00"), 5).tzinfo is UTC


def test_round_the_clock_knows_no_night_and_no_tet():
    tet = datetime.combine(new_year(2027), datetime.min.time(), VIETNAM)
    assert ALWAYS.add(tet, 60 * 24 * 30 + 7) == tet + timedelta(days=30, minutes=7)
    assert ALWAYS.is_open(tet)


def test_over_tet_nothing_is_due():
    rests = hours(days_off={"tet": [[29, 3]]})
    tet = new_year(2027)
    fourth = tet + timedelta(days=3)
    last_evening = datetime.combine(tet - timedelta(days=2), datetime.min.time(), VIETNAM) + timedelta(hours=20)

    assert rests.add(last_evening, 90) == datetime.combine(fourth, datetime.min.time(), VIETNAM) + timedelta(hours=8.5)
    assert not rests.is_open(datetime.combine(tet, datetime.min.time(), VIETNAM) + timedelta(hours=10))


def test_days_off_come_by_the_sun_by_the_moon_and_once():
    off = DaysOff.model_validate({"yearly": ["09-02"], "lunar": ["03-10"], "once": ["2026-12-24"]})
    assert [off.has(date(year, 9, 2)) for year in (2026, 2027)] == [True, True]
    assert off.has(date(2026, 4, 26))  # the Hùng Kings' day of 2026
    assert off.has(date(2026, 12, 24))
    assert not off.has(date(2027, 12, 24))


def test_hours_may_go_over_midnight_and_be_given_twice():
    bar = Hours.model_validate(
        {"week": {"sat": [{"from": "20:00", "to": "02:00"}, {"from": "19:00", "to": "21:00"}]}, "days_off": {}}
    )
    assert bar.add(at("2026-11-21T19:30"), 6 * 60) == at("2026-11-22T01:30")
    assert bar.add(at("2026-11-22T01:30"), 60) == at("2026-11-28T19:30")
    assert bar.is_open(at("2026-11-22T01:00"))
    assert not bar.is_open(at("2026-11-22T02:30"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"week": {}},
        {"week": {"mon": []}},
        {"week": {"monday": [{"from": "08:00", "to": "09:00"}]}},
        {"week": EIGHT_TO_NINE, "days_off": {"yearly": ["2026-09-02"]}},
        {"week": EIGHT_TO_NINE, "days_off": {"yearly": ["13-01"]}},
        {"week": EIGHT_TO_NINE, "days_off": {"once": [f"2026-01-{n % 28 + 1:02d}" for n in range(61)]}},
        {"week": {"mon": [{"from": 480, "to": "21:00"}]}},
    ],
)
def test_hours_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValidationError):
        Hours.model_validate(wrong)


def test_time_does_not_go_back():
    with pytest.raises(ValueError, match="forward"):
        hours().add(at("2026-11-23T09:00"), -1)


# ---- properties ----

clocks = st.integers(0, 24 * 4 - 1).map(lambda quarter: f"{quarter // 4:02d}:{quarter % 4 * 15:02d}")
spans = st.fixed_dictionaries({"from": clocks, "to": clocks})
weeks = st.dictionaries(st.sampled_from(WEEKDAYS), st.lists(spans, min_size=1, max_size=3), min_size=1)
days_off = st.fixed_dictionaries(
    {
        "yearly": st.lists(st.sampled_from(["01-01", "04-30", "05-01", "09-02", "12-25"]), max_size=3),
        "once": st.lists(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=10),
        "tet": st.sampled_from([[], [[29, 3]], [[27, 6]], [[1, 30]]]),
    }
)
some_hours = st.builds(lambda week, off: Hours.model_validate({"week": week, "days_off": off}), weeks, days_off)
moments = st.integers(0, 2 * 365 * 24 * 3600).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=n))
minutes = st.integers(0, 20_000)


@given(some_hours | st.just(ALWAYS), moments, minutes, minutes)
@max_examples(150)
def test_adding_twice_is_adding_the_sum(found, start, a, b):
    assert found.add(found.add(start, a), b) == found.add(start, a + b)


@given(some_hours, moments, minutes)
@max_examples(150)
def test_no_deadline_lies_outside_open_time_or_before_its_start(found, start, a):
    due = found.add(start, a)
    assert found.is_open(due)
    assert due >= start + timedelta(minutes=a)


@given(some_hours, moments, moments, minutes, minutes)
@max_examples(150)
def test_who_comes_later_is_promised_no_earlier_time(found, one, other, a, b):
    first, second = sorted((one, other))
    few, many = sorted((a, b))
    assert found.add(first, few) <= found.add(second, few)
    assert found.add(first, few) <= found.add(first, many)


def _worked(found: Hours, minute: datetime) -> bool:
    """Whether somebody is there in the minute that begins now, told without counting on from anywhere."""
    today = minute.astimezone(VIETNAM).date()
    return any(
        begins <= minute < ends
        for day in (today - timedelta(days=1), today)
        if not found.days_off.has(day)
        for begins, ends in (span.on(day) for span in found.week.get(WEEKDAYS[day.weekday()], ()))
    )


@given(some_hours, moments, st.integers(1, 2000))
@max_examples(60)
def test_exactly_so_many_open_minutes_go_by(found, start, a):
    start = start.replace(second=0, microsecond=0)
    due, counted, now = found.add(start, a), 0, start
    while counted < a:
        counted += _worked(found, now)
        now += timedelta(minutes=1)
    assert due == now


def test_what_ships_is_open_by_day_and_rests_at_tet():
    shipped = directory().hours
    assert shipped.is_open(at("2026-11-22T10:00"))
    assert not shipped.is_open(at("2026-11-22T22:00"))
    assert not shipped.is_open(datetime.combine(new_year(2027), datetime.min.time(), VIETNAM) + timedelta(hours=10))
