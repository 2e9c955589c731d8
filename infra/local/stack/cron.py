"""When a schedule of the catalogue fires next: EventBridge's cron expressions in the shop's time zone.

The subset: minute hour day-of-month month day-of-week year, with *, ?, lists, ranges, steps and names. `L`, `W` and `#`
are refused. (The living Python cron libraries speak the Unix dialect: Sunday is 0, no year, no question mark.)
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, date, datetime, time, timedelta

from shared.domain.vietnam_time import VIETNAM

_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAY_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LAST_YEAR = 2199


class Cron:
    """One parsed expression; raises ValueError when it is none."""

    def __init__(self, expression: str) -> None:
        fields = expression.split()
        if len(fields) != 6:
            raise ValueError(f"cron {expression!r}: six fields are needed")
        minute, hour, day, month, weekday, year = fields
        if (day == "?") == (weekday == "?"):
            raise ValueError(f"cron {expression!r}: one of day of month and day of week must be ?, the other not")
        hours = _values(hour, 0, 23)
        minutes = _values(minute, 0, 59)
        self._minutes_of_day = sorted(h * 60 + m for h in hours for m in minutes)
        self._days = _values("*" if day == "?" else day, 1, 31)
        self._months = _values(month, 1, 12, _MONTH_NAMES)
        self._weekdays = _values("*" if weekday == "?" else weekday, 1, 7, _WEEKDAY_NAMES)
        self._years = _values(year, 1970, _LAST_YEAR)

    def after(self, moment: datetime) -> datetime | None:
        """The first firing strictly after `moment`, in UTC; None when there is none any more."""
        first = moment.astimezone(VIETNAM).replace(second=0, microsecond=0) + timedelta(minutes=1)
        day, floor = first.date(), first.hour * 60 + first.minute
        while day.year <= _LAST_YEAR:
            if self._fires_on(day):
                at = bisect_left(self._minutes_of_day, floor)
                if at < len(self._minutes_of_day):
                    hour, minute = divmod(self._minutes_of_day[at], 60)
                    return datetime.combine(day, time(hour, minute), VIETNAM).astimezone(UTC)
            day, floor = day + timedelta(days=1), 0
        return None

    def _fires_on(self, day: date) -> bool:
        return (
            day.month in self._months
            and day.day in self._days
            and day.isoweekday() % 7 + 1 in self._weekdays
            and day.year in self._years
        )


def _values(field: str, low: int, high: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    """All values one field stands for: `*`, `5`, `1,3`, `MON-FRI`, `0/15`, `10-30/5`."""

    def value(text: str) -> int:
        if text.upper() in names:
            return names.index(text.upper()) + 1
        if not text.isdecimal():
            raise ValueError(f"cron field {field!r}: {text!r} is not understood")
        number = int(text)
        if not low <= number <= high:
            raise ValueError(f"cron field {field!r}: {text!r} is not between {low} and {high}")
        return number

    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        start, dash, end = span.partition("-")
        if span == "*":
            first, last = low, high
        elif dash:
            first, last = value(start), value(end)
        else:
            first = value(start)
            last = high if slash else first
        if slash and not (step.isdecimal() and int(step) > 0):
            raise ValueError(f"cron field {field!r}: step {step!r} is not a positive number")
        if first > last:
            raise ValueError(f"cron field {field!r}: {part!r} runs backwards")
        found.update(range(first, last + 1, int(step) if slash else 1))
    return frozenset(found)
