"""X17, R15: the Vietnamese lunar calendar against a table of 1900 to 2100, and the rest around Tết."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.common.lunar_calendar import Lunar, Rest, new_year, rest_until, rests_of, to_lunar, to_solar
from tests.common.lunar_table import LAST_MONTH_DAYS, MONTHS, TET

CENTURIES = st.dates(date(1900, 1, 1), date(2100, 12, 31))
SHIPPED = (Rest(28, 6),)


def test_x17_every_month_of_1900_to_2100_begins_and_ends_as_in_the_table():
    assert (MONTHS[0].year, MONTHS[-1].year, len(MONTHS)) == (1899, 2100, 2498)
    for row in MONTHS:
        last = row.first + timedelta(days=row.days - 1)
        assert to_lunar(row.first) == (row.year, row.number, 1, row.leap)
        assert to_lunar(last) == (row.year, row.number, row.days, row.leap)
        assert to_solar(Lunar(row.year, row.number, row.days, row.leap)) == last


def test_x17_every_tet_of_1900_to_2100_is_the_tables():
    assert {year: new_year(year) for year in TET} == TET


@pytest.mark.parametrize(
    ("tet", "what"),
    [
        (date(1968, 1, 29), "the first by this calendar; a day before China's"),
        (date(1985, 1, 21), "a month before China's"),
        (date(2007, 2, 17), "a day before China's"),
        (date(2010, 2, 14), "in the year of the demo"),
        (date(2026, 2, 17), "ordinary"),
        (date(2030, 2, 2), "a day before China's"),
        (date(2034, 2, 19), "after a leap eleventh month"),
        (date(2053, 2, 18), "a day before China's"),
    ],
)
def test_x17_tet_by_the_calendars_people_hang_up(tet, what):
    assert new_year(tet.year) == tet
    assert to_lunar(tet) == (tet.year, 1, 1, False)
    assert to_lunar(tet - timedelta(days=1))[:2] == (tet.year - 1, 12)


@pytest.mark.parametrize(
    ("day", "lunar"),
    [
        (date(2020, 5, 23), Lunar(2020, 4, 1, leap=True)),
        (date(2023, 3, 22), Lunar(2023, 2, 1, leap=True)),
        (date(2025, 7, 25), Lunar(2025, 6, 1, leap=True)),
        (date(2033, 12, 22), Lunar(2033, 11, 1, leap=True)),
        (date(2026, 4, 26), Lunar(2026, 3, 10)),
        (date(2026, 9, 25), Lunar(2026, 8, 15)),
        (date(2026, 2, 10), Lunar(2025, 12, 23)),
    ],
)
def test_x17_leap_months_and_feasts(day, lunar):
    assert to_lunar(day) == lunar
    assert to_solar(lunar) == day


@given(CENTURIES)
def test_x17_there_and_back_again(day):
    assert to_solar(to_lunar(day)) == day


@given(CENTURIES)
def test_x17_the_next_day_is_the_next_day_or_the_first_of_a_month(day):
    today, tomorrow = to_lunar(day), to_lunar(day + timedelta(days=1))
    if tomorrow.day == 1:
        assert today.day in (29, 30)
        assert tomorrow.leap or tomorrow.month == today.month % 12 + 1
    else:
        assert tomorrow == today._replace(day=today.day + 1)


@pytest.mark.parametrize(
    "lunar",
    [
        Lunar(2026, 0, 1),
        Lunar(2026, 13, 1),
        Lunar(2026, 1, 0),
        Lunar(2026, 1, 31),
        Lunar(2025, 12, 30),
        Lunar(2026, 6, 1, leap=True),
        Lunar(0, 1, 1),
        Lunar(123456, 1, 1),
    ],
)
def test_x17_a_date_that_no_calendar_has_is_refused(lunar):
    with pytest.raises(ValueError):  # noqa: PT011
        to_solar(lunar)


# ---- the rest around Tết (R15) ----


@pytest.mark.parametrize("year", range(1991, 2100))
def test_r15_promotions_rest_from_the_28th_of_the_last_month_to_the_6th_of_the_first(year):
    tet = TET[year]
    first = tet - timedelta(days=LAST_MONTH_DAYS[year] - 27)
    assert rest_until(first - timedelta(days=1), SHIPPED) is None
    assert rest_until(first, SHIPPED) == rest_until(tet, SHIPPED) == tet + timedelta(days=6)
    assert rest_until(tet + timedelta(days=5), SHIPPED) == tet + timedelta(days=6)
    assert rest_until(tet + timedelta(days=6), SHIPPED) is None


def test_r15_a_rest_may_begin_in_december():
    # Tết 2031 is 23 January, and the month before it begins on 25 December.
    assert rest_until(date(2030, 12, 24), [Rest(1, 1)]) is None
    assert rest_until(date(2030, 12, 25), [Rest(1, 1)]) == date(2031, 1, 24)


def test_r15_rests_that_touch_are_one():
    assert len(rests_of(2026, (Rest(23, 9), Rest(28, 6)))) == 1
    assert rest_until(date(2026, 2, 11), [Rest(28, 6), Rest(23, 9)]) == date(2026, 2, 26)
