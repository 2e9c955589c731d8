"""The silence clock (R15): for how many days a customer has not bought, those of the rest at Tết not counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from shared.domain.common.lunar_calendar import Rest, Span, rests_of

# Many customers share the few days there are, and every event asks for theirs.
DAYS_KEPT = 4096


@lru_cache(maxsize=DAYS_KEPT)
def days_silent(last: date, today: date, rests: tuple[Rest, ...]) -> int:
    """Local days from the day of the last kept order to today, less the days of rest after that order."""
    start, end = last.toordinal(), today.toordinal()
    silent = end - start
    for span in _rests_after(last, rests):
        if span.first > end:
            break
        silent -= min(span.after, end + 1) - max(span.first, start + 1)
    return silent


@lru_cache(maxsize=DAYS_KEPT)
def silent_on(last: date, days: int, rests: tuple[Rest, ...]) -> date:
    """The first day on which a customer has been silent for so many days; never a day of rest."""
    start = last.toordinal()
    end = start + days
    for span in _rests_after(last, rests):
        if span.first > end:
            break
        end += span.after - max(span.first, start + 1)
    return date.fromordinal(end)


def _rests_after(day: date, rests: tuple[Rest, ...]) -> Iterator[Span]:
    """The days of rest after a day, Tết by Tết without end."""
    year = day.year
    while rests:
        for span in rests_of(year, rests):
            if span.after > day.toordinal() + 1:
                yield span
        year += 1
