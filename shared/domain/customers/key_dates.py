"""The dated occasions of a customer: the birthday (A3, X17), and points that are about to expire (R8)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from shared.domain.common.lunar_calendar import Lunar, to_lunar, to_solar
from shared.domain.vietnam_time import local_day, moment

# The traits these dates follow from; who changes one has to settle the customer anew.
MOVED_BY = frozenset(("birthday", "@birthday_confirmed", "@birthday_calendar", "@points", "@points_expire_on"))
POINTS_NOTICES = {"points_30": 30, "points_7": 7}


def key_dates(traits: dict[str, Any], today: date) -> dict[str, date]:
    """The next day, today or later, of `birthday`, `points_30` and `points_7`; unknown ones are left out."""
    found = {}
    if day := _birthday(traits, today):
        found["birthday"] = day
    expires = _day(traits.get("@points_expire_on"))
    if expires and expires > today and _points(traits.get("@points")) > 0:
        for name, days in POINTS_NOTICES.items():
            if (day := expires - timedelta(days=days)) >= today:
                found[name] = day
    return found


def _birthday(traits: dict[str, Any], today: date) -> date | None:
    """The next birthday. A customer born on 29 February has it on the 28th in other years; 1 January is what tills
    put in for an unknown one, and counts when `@birthday_confirmed` says so (R15).

    With `@birthday_calendar` "lunar" it is the lunar date of the day of birth. Who was born in a leap month has it in
    the month of that number, who was born on the 30th on the last day of a month that ends with the 29th.
    """
    born = _day(traits.get("birthday"))
    if born is None or not 1900 <= born.year <= today.year:
        return None
    if (born.month, born.day) == (1, 1) and traits.get("@birthday_confirmed") is not True:
        return None
    if traits.get("@birthday_calendar") == "lunar":
        lunar, this_year = to_lunar(born), to_lunar(today).year
        days = (_lunar_day(year, lunar) for year in (this_year, this_year + 1))
    else:
        days = (_solar_day(year, born) for year in (today.year, today.year + 1))
    return next(day for day in days if day >= today)


def _solar_day(year: int, born: date) -> date:
    if (born.month, born.day) == (2, 29):
        return date(year, 3, 1) - timedelta(days=1)
    return born.replace(year=year)


def _lunar_day(year: int, born: Lunar) -> date:
    try:
        return to_solar(Lunar(year, born.month, born.day))
    except ValueError:
        return to_solar(Lunar(year, born.month, 29))


def _day(raw: Any) -> date | None:
    """A day as a till tells it, as a date or as a moment with its offset."""
    if not isinstance(raw, str):
        return None
    try:
        return date.fromisoformat(raw) if len(raw) <= 10 else local_day(moment(raw))
    except ValueError:
        return None


def _points(raw: Any) -> int:
    """A balance of points; some tills write numbers as texts."""
    if isinstance(raw, str) and raw.isascii() and raw.isdigit():
        return int(raw)
    return raw if isinstance(raw, int) else 0
