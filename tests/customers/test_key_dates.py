"""A3, X17, R8, R15: on which day a birthday or the end of points falls next."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.common.lunar_calendar import to_lunar
from shared.domain.customers.key_dates import key_dates
from tests.common.lunar_table import MONTHS

TODAY = date(2026, 3, 20)


def birthday(born, today=TODAY, **more):
    return key_dates({"birthday": born, **more}, today).get("birthday")


@pytest.mark.parametrize(
    ("today", "next_one"),
    [
        (date(2026, 5, 20), date(2026, 5, 21)),
        (date(2026, 5, 21), date(2026, 5, 21)),
        (date(2026, 5, 22), date(2027, 5, 21)),
        (date(2026, 12, 31), date(2027, 5, 21)),
    ],
)
def test_a3_a_birthday_is_today_or_the_next_one(today, next_one):
    assert birthday("1990-05-21", today) == next_one


@pytest.mark.parametrize(
    ("today", "next_one"),
    [
        (date(2026, 2, 1), date(2026, 2, 28)),
        (date(2026, 3, 1), date(2027, 2, 28)),
        (date(2028, 2, 28), date(2028, 2, 29)),
        (date(2028, 3, 1), date(2029, 2, 28)),
    ],
)
def test_a3_who_was_born_on_29_february_has_it_on_the_28th_in_other_years(today, next_one):
    assert birthday("1992-02-29", today) == next_one


@pytest.mark.parametrize("confirmed", [None, False, "true", 1])
def test_r15_the_first_of_january_is_a_placeholder(confirmed):
    assert birthday("1990-01-01", **{"@birthday_confirmed": confirmed}) is None
    assert birthday("1990-01-01", **{"@birthday_confirmed": confirmed, "@birthday_calendar": "lunar"}) is None


def test_r15_the_first_of_january_counts_once_confirmed():
    assert birthday("1990-01-01", **{"@birthday_confirmed": True}) == date(2027, 1, 1)


@pytest.mark.parametrize(
    ("born", "today", "next_one", "why"),
    [
        # 15/8 of the year Canh Ngọ.
        ("1990-10-03", TODAY, date(2026, 9, 25), "mid-autumn"),
        ("1990-10-03", date(2026, 9, 26), date(2027, 9, 15), "the year after"),
        # 23/12 of the year Ất Sửu falls into the next solar year.
        ("1986-02-01", date(2026, 1, 5), date(2026, 2, 10), "before Tết"),
        ("1986-02-01", TODAY, date(2027, 1, 30), "the next lunar year's"),
        # 1/6 in the leap sixth month of Ất Tỵ.
        ("2025-07-25", TODAY, date(2026, 7, 14), "a leap month is kept in the month of its number"),
        # 30/12 of Quý Mão; the years after it end with the 29th.
        ("2024-02-09", TODAY, date(2027, 2, 5), "the 30th of a month that has none is its last day"),
    ],
)
def test_x17_a_lunar_birthday_moves_with_the_moon(born, today, next_one, why):
    assert birthday(born, today, **{"@birthday_calendar": "lunar"}) == next_one, why


@given(st.sampled_from(MONTHS[20:-200]), st.integers(0, 29), st.integers(0, 150))
def test_x17_every_lunar_birthday_comes_round_each_lunar_year(month, day, years):
    born = month.first + timedelta(days=min(day, month.days - 1))
    today = born + timedelta(days=min(365 * years, (date(2098, 1, 1) - born).days))
    found = birthday(born.isoformat(), today, **{"@birthday_calendar": "lunar", "@birthday_confirmed": True})
    assert today <= found < today + timedelta(days=386)
    kept = to_lunar(found)
    assert (kept.month, kept.leap) == (month.number, False)
    assert kept.day == to_lunar(born).day or (kept.day, to_lunar(born).day) == (29, 30)


# ---- points (R8) ----


def notices(expire_on, points=120, today=TODAY):
    return key_dates({"@points": points, "@points_expire_on": expire_on}, today)


def test_r8_points_are_told_of_30_and_7_days_before_they_expire():
    assert notices("2026-12-31") == {"points_30": date(2026, 12, 1), "points_7": date(2026, 12, 24)}
    assert notices("2026-12-31", today=date(2026, 12, 1)) == notices("2026-12-31")
    assert notices("2026-12-31", today=date(2026, 12, 2)) == {"points_7": date(2026, 12, 24)}
    assert notices("2026-12-31", today=date(2026, 12, 25)) == {}
    assert notices("2026-12-31", points="1200") == notices("2026-12-31")


def test_r8_a_moment_of_expiry_is_a_day_of_the_shop():
    assert notices("2026-12-31T16:59:59Z")["points_7"] == date(2026, 12, 24)
    assert notices("2026-12-31T17:00:00Z")["points_7"] == date(2026, 12, 25)


@pytest.mark.parametrize("points", [0, -5, None, "", "nhiều", "1.5", [], {"a": 1}, "٣"])
def test_r8_without_points_there_is_nothing_to_tell(points):
    assert notices("2026-12-31", points=points) == {}


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=30), st.dates().map(str), st.datetimes().map(str)
)


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("birthday", "@birthday_confirmed", "@birthday_calendar", "@points", "@points_expire_on"), ANYTHING
        )
        | {"@birthday_calendar": st.just("lunar") | ANYTHING},
    ),
    st.dates(date(1990, 1, 1), date(2100, 1, 1)),
)
def test_whatever_a_till_wrote_does_not_raise_and_no_occasion_is_past(traits, today):
    assert all(day >= today for day in key_dates(traits, today).values())
