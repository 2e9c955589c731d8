"""The Vietnamese lunar calendar: its dates, Tết, and the days on which promotions rest around it (X17, R15).

A month begins on the day of the new moon, month 11 holds the winter solstice, and where thirteen months lie between two
solstices the first without a principal term (the sun passing a multiple of 30 degrees) is a leap month. Days are those
of +07:00 for all years, the convention of Vietnam's converters and its meridian since 1968; almanacs printed before
followed other meridians and are a day off here and there. China's (+08:00) differ, as at Tết 1985, 2007, 2030 and 2053.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from math import floor, radians, sin
from typing import Annotated, NamedTuple

from pydantic import Field

# Julian days at which the ordinal day 0 begins at +07:00, and those of the new moon that is number 0.
MIDNIGHT = 1721424.5 - 7 / 24
FIRST_MOON = 2451550.09766
MONTH_DAYS = 29.530588861
J2000 = 2451545.0
# Years that a process remembers: more than lie between any day of birth and today.
YEARS_KEPT = 256


class Lunar(NamedTuple):
    """A lunar date; `year` is the solar year in which its Tết lies."""

    year: int
    month: int
    day: int
    leap: bool = False


class Month(NamedTuple):
    """A month of the calendar: the ordinal of its first day, its number, and whether it repeats that number."""

    first: int
    number: int
    leap: bool


class Rest(NamedTuple):
    """Days around Tết on which promotions rest: from a day of the last month to a day of the first, both included."""

    from_day_of_last_month: Annotated[int, Field(ge=1, le=30)]
    to_day_of_first_month: Annotated[int, Field(ge=1, le=30)]


class Span(NamedTuple):
    """Days in a row as ordinals, `after` not among them."""

    first: int
    after: int


def to_lunar(day: date) -> Lunar:
    """The lunar date of a day; proved for 1900 to 2100."""
    year = day.year if day >= new_year(day.year) else day.year - 1
    months = _year(year)
    month = months[bisect_right(months, day.toordinal(), key=lambda m: m.first) - 1]
    return Lunar(year, month.number, day.toordinal() - month.first + 1, month.leap)


def to_solar(lunar: Lunar) -> date:
    """The day of a lunar date; raises ValueError for a month or day that its year does not have."""
    months = _year(lunar.year)
    ends = [month.first for month in months[1:]] + [_year(lunar.year + 1)[0].first]
    for month, end in zip(months, ends, strict=True):
        if (month.number, month.leap) == (lunar.month, lunar.leap) and 1 <= lunar.day <= end - month.first:
            return date.fromordinal(month.first + lunar.day - 1)
    raise ValueError(f"{lunar} is no day of the lunar calendar")


@lru_cache(maxsize=YEARS_KEPT)
def new_year(year: int) -> date:
    """Tết: the first day of a lunar year."""
    return date.fromordinal(_year(year)[0].first)


def rest_until(day: date, rests: Sequence[Rest]) -> date | None:
    """The first day after the rests that `day` lies in; None on every other day."""
    today = day.toordinal()
    # The last month may begin in December, and then belongs to the Tết of the year to come.
    for year in (day.year, day.year + 1):
        for span in rests_of(year, tuple(rests)):
            if span.first <= today < span.after:
                return date.fromordinal(span.after)
    return None


@lru_cache(maxsize=YEARS_KEPT)
def rests_of(year: int, rests: tuple[Rest, ...]) -> tuple[Span, ...]:
    """The days of rest around one Tết, in order and apart from each other."""
    tet = new_year(year).toordinal()
    last_month_days = to_lunar(date.fromordinal(tet - 1)).day
    spans: list[Span] = []
    for first, after in sorted(
        (tet - last_month_days + rest.from_day_of_last_month - 1, tet + rest.to_day_of_first_month) for rest in rests
    ):
        if spans and first <= spans[-1].after:
            spans[-1] = Span(spans[-1].first, max(spans[-1].after, after))
        else:
            spans.append(Span(first, after))
    return tuple(spans)


@lru_cache(maxsize=YEARS_KEPT)
def _year(year: int) -> tuple[Month, ...]:
    """The months of a lunar year: the first ten and their leap months end before its solstice, the rest follow it."""
    return (
        *(month for month in _solstice_year(year) if month.number <= 10),
        *(month for month in _solstice_year(year + 1) if month.number >= 11),
    )


@lru_cache(maxsize=YEARS_KEPT)
def _solstice_year(year: int) -> tuple[Month, ...]:
    """The months from one winter solstice to the next: from month 11 of the year before to month 10 of this one."""
    first, end = _eleventh(year - 1), _eleventh(year)
    starts = [_new_moon(k) for k in range(first, end + 1)]
    terms = [_term(start) for start in starts]
    months: list[Month] = []
    number, leaps = 11, end - first - 12
    for n, start in enumerate(starts[:-1]):
        leap = leaps > 0 and terms[n] == terms[n + 1]
        leaps -= leap
        number = number if leap or not n else number % 12 + 1
        months.append(Month(start, number, leap))
    return tuple(months)


def _eleventh(year: int) -> int:
    """The number of the new moon that begins the month with the winter solstice, 21 to 23 December, of a year."""
    last = date(year, 12, 31).toordinal()
    k = floor((last + MIDNIGHT - FIRST_MOON) / MONTH_DAYS) + 1
    # The sector before the solstice is 8, the one it opens is 9; month 11 begins before it or on its day.
    while _new_moon(k) > last or _term(_new_moon(k)) >= 9:
        k -= 1
    return k


def _term(day: int) -> int:
    """The sector of 30 degrees, 0 to 11, in which the sun stands when a day begins.

    Apparent longitude, Meeus, Astronomical Algorithms (2nd ed.), chapter 25, good to a hundredth of a degree.
    """
    t = (day + MIDNIGHT - J2000) / 36525
    m = radians(357.52911 + (35999.05029 - 0.0001537 * t) * t)
    centre = (
        (1.914602 - (0.004817 + 0.000014 * t) * t) * sin(m)
        + (0.019993 - 0.000101 * t) * sin(2 * m)
        + 0.000289 * sin(3 * m)
    )
    aberration_and_nutation = -0.00569 - 0.00478 * sin(radians(125.04 - 1934.136 * t))
    longitude = 280.46646 + (36000.76983 + 0.0003032 * t) * t + centre + aberration_and_nutation
    return floor(longitude % 360 / 30)


# Days, and the multiples of the sun's anomaly, the moon's anomaly and the moon's argument of latitude.
MOON_TERMS = (
    (-0.40720, 0, 1, 0),
    (0.17241, 1, 0, 0),
    (0.01608, 0, 2, 0),
    (0.01039, 0, 0, 2),
    (0.00739, -1, 1, 0),
    (-0.00514, 1, 1, 0),
    (0.00208, 2, 0, 0),
    (-0.00111, 0, 1, -2),
    (-0.00057, 0, 1, 2),
    (0.00056, 1, 2, 0),
    (-0.00042, 0, 3, 0),
    (0.00042, 1, 0, 2),
    (0.00038, 1, 0, -2),
    (-0.00024, -1, 2, 0),
    (-0.00007, 2, 1, 0),
    (0.00004, 0, 2, -2),
    (0.00004, 3, 0, 0),
    (0.00003, 1, 1, -2),
    (0.00003, 0, 2, 2),
    (-0.00003, 1, 1, 2),
    (0.00003, -1, 1, 2),
    (-0.00002, -1, 1, -2),
    (-0.00002, 1, 3, 0),
    (0.00002, 0, 4, 0),
)
# What the planets do: days, degrees, degrees a month.
PLANET_TERMS = (
    (0.000325, 299.77, 0.107408),
    (0.000165, 251.88, 0.016321),
    (0.000164, 251.83, 26.651886),
    (0.000126, 349.42, 36.412478),
    (0.000110, 84.66, 18.206239),
    (0.000062, 141.74, 53.303771),
    (0.000060, 207.14, 2.453732),
    (0.000056, 154.84, 7.306860),
    (0.000047, 34.52, 27.261239),
    (0.000042, 207.19, 0.121824),
    (0.000040, 291.34, 1.844379),
    (0.000037, 161.72, 24.198154),
    (0.000035, 239.56, 25.513099),
    (0.000023, 331.55, 3.592518),
)


@lru_cache(maxsize=16 * YEARS_KEPT)
def _new_moon(k: int) -> int:
    """The ordinal of the local day of new moon number `k`, counted from that of 6 January 2000.

    Meeus, Astronomical Algorithms (2nd ed.), chapter 49, good to some seconds.
    """
    t = k / 1236.85
    sun = radians(2.5534 + 29.10535670 * k - 0.0000014 * t * t)
    moon = radians(201.5643 + 385.81693528 * k + (0.0107582 + 0.00001238 * t) * t * t)
    latitude = radians(160.7108 + 390.67050284 * k - (0.0016118 + 0.00000227 * t) * t * t)
    node = radians(124.7746 - 1.56375588 * k + 0.0020672 * t * t)
    orbit = 1 - 0.002516 * t - 0.0000074 * t * t
    jd = FIRST_MOON + MONTH_DAYS * k + (0.00015437 - 0.00000015 * t) * t * t - 0.00017 * sin(node)
    jd += sum(
        days * orbit ** abs(of_sun) * sin(of_sun * sun + of_moon * moon + of_latitude * latitude)
        for days, of_sun, of_moon, of_latitude in MOON_TERMS
    )
    jd += sum(days * sin(radians(start + pace * k)) for days, start, pace in PLANET_TERMS)
    # The earth's clock is behind the even time of the formulas: by this parabola, to within 20 seconds of what was
    # measured since 1900 and is expected until 2100.
    century = t + 1
    jd -= (-4 + (41 + 26 * century) * century) / 86400
    return floor(jd - MIDNIGHT)
