"""The Vietnamese lunar year where sending needs it: Tết, and the days on which promotions rest around it (R15)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple


class NewYear(NamedTuple):
    """The first day of a lunar year, and how many days the last month before it (Chạp) has."""

    day: date
    last_month_days: int


# Computed with Meeus's new moons at +07:00. Tables for the Chinese calendar (+08:00) differ, as in 2030; in 2034 a leap
# eleventh month moves Tết to 19 February.
NEW_YEARS = {
    new_year.day.year: new_year
    for new_year in (
        NewYear(date(2024, 2, 10), 30),
        NewYear(date(2025, 1, 29), 29),
        NewYear(date(2026, 2, 17), 29),
        NewYear(date(2027, 2, 6), 29),
        NewYear(date(2028, 1, 26), 29),
        NewYear(date(2029, 2, 13), 29),
        NewYear(date(2030, 2, 2), 29),
        NewYear(date(2031, 1, 23), 29),
        NewYear(date(2032, 2, 11), 29),
        NewYear(date(2033, 1, 31), 30),
        NewYear(date(2034, 2, 19), 30),
        NewYear(date(2035, 2, 8), 30),
        NewYear(date(2036, 1, 28), 30),
        NewYear(date(2037, 2, 15), 30),
        NewYear(date(2038, 2, 4), 30),
        NewYear(date(2039, 1, 24), 29),
        NewYear(date(2040, 2, 12), 29),
    )
}


class Rest(NamedTuple):
    """Days around Tết on which promotions rest: from a day of the last month to a day of the first, both included."""

    from_day_of_last_month: int
    to_day_of_first_month: int


def rest_until(day: date, rests: Sequence[Rest]) -> date | None:
    """The first day after the rest that `day` lies in; None on every other day.

    Known for the years of `NEW_YEARS`, which a test keeps ahead of the calendar.
    """
    new_year = NEW_YEARS.get(day.year)
    if new_year is None:
        return None
    for rest in rests:
        first = new_year.day - timedelta(days=new_year.last_month_days - rest.from_day_of_last_month + 1)
        last = new_year.day + timedelta(days=rest.to_day_of_first_month - 1)
        if first <= day <= last:
            return last + timedelta(days=1)
    return None
