"""R15: the silence clock stands still over Tết, counted day by day against the table of lunar years."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.common.lunar_calendar import Rest
from shared.domain.segments.recency import days_silent, silent_on
from tests.common.lunar_table import LAST_MONTH_DAYS, TET

SHIPPED = (Rest(28, 6),)
RESTS = st.lists(st.builds(Rest, st.integers(1, 30), st.integers(1, 30)), max_size=2).map(tuple)
BOUGHT = st.dates(date(2009, 1, 1), date(2040, 12, 31))


def rests(rest):
    """Every day of rest there ever is, from the table."""
    days = set()
    for year, tet in TET.items():
        if year > 1900:
            first = tet - timedelta(days=LAST_MONTH_DAYS[year] - rest.from_day_of_last_month + 1)
            after = tet + timedelta(days=rest.to_day_of_first_month)
            days |= {first + timedelta(days=n) for n in range((after - first).days)}
    return days


def counted(last, today, resting):
    days = (last + timedelta(days=n) for n in range(1, (today - last).days + 1))
    return sum(day not in resting for day in days)


@pytest.mark.parametrize(
    ("last", "today", "silent"),
    [
        # Tết 2026 is 17 February, the month before it has 29 days: rest from 15 to 22 February.
        (date(2026, 1, 20), date(2026, 2, 14), 25),
        (date(2026, 1, 20), date(2026, 2, 15), 25),
        (date(2026, 1, 20), date(2026, 2, 22), 25),
        (date(2026, 1, 20), date(2026, 2, 23), 26),
        (date(2026, 1, 20), date(2026, 2, 27), 30),
        (date(2026, 2, 14), date(2026, 2, 22), 0),
        (date(2026, 2, 18), date(2026, 2, 23), 1),
        (date(2026, 2, 22), date(2026, 2, 24), 2),
        (date(2025, 11, 1), date(2026, 3, 1), 112),
        (date(2026, 5, 1), date(2026, 5, 1), 0),
    ],
)
def test_r15_the_days_of_the_rest_count_against_nobody(last, today, silent):
    assert days_silent(last, today, SHIPPED) == silent


@example(date(2030, 12, 20), 400, (Rest(1, 1),))
@given(BOUGHT, st.integers(0, 800), RESTS)
def test_r15_silence_is_the_days_that_are_no_rest(last, later, chosen):
    today = last + timedelta(days=later)
    resting = set().union(*map(rests, chosen))
    assert days_silent(last, today, chosen) == counted(last, today, resting)


@given(BOUGHT, st.integers(1, 400), RESTS)
def test_r15_a_boundary_is_the_first_day_of_so_much_silence(last, days, chosen):
    day = silent_on(last, days, chosen)
    assert days_silent(last, day, chosen) == days
    assert days_silent(last, day - timedelta(days=1), chosen) == days - 1


def test_r15_without_a_rest_the_clock_is_the_calendar():
    assert days_silent(date(2026, 1, 20), date(2026, 2, 27), ()) == 38
    assert silent_on(date(2026, 1, 20), 30, ()) == date(2026, 2, 19)
