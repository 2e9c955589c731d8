"""Business hours: the shop's open hours, days off and Tết, and durations that count open time only.

All hours are local. A span whose end is not after its start ends on the next day, so 00:00 to 00:00 is a whole day. A
day off removes the spans that begin on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from shared.domain.common.local_time import LocalTime
from shared.domain.common.lunar_calendar import Rest, rest_until, to_lunar
from shared.domain.common.strict_model import StrictModel
from shared.domain.vietnam_time import DAY, VIETNAM

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Clock = Literal["open", "always"]

WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
# Few enough days off that adding open time always ends.
MOST_DAYS_OFF = 60


def _month_and_day(text: str) -> str:
    found = re.fullmatch(r"(\d\d)-(\d\d)", text)
    if not found or not (1 <= int(found[1]) <= 12 and 1 <= int(found[2]) <= 31):
        raise ValueError('must be a month and a day such as "09-02"')
    return text


MonthDay = Annotated[str, AfterValidator(_month_and_day)]


class Span(StrictModel):
    """Local hours, from `from` up to `to`, which is on the next day where it is not later."""

    from_: LocalTime = Field(alias="from")
    to: LocalTime

    def on(self, day: date) -> tuple[datetime, datetime]:
        """The moments it begins and ends, for the day it begins on."""
        ends = day if self.to > self.from_ else day + DAY
        return _moment(day, self.from_), _moment(ends, self.to)


class DaysOff(StrictModel):
    """Days off: `yearly` in the solar calendar, `lunar` in the lunar one ("03-10"), `once`, and around Tết."""

    yearly: Annotated[tuple[MonthDay, ...], Field(max_length=MOST_DAYS_OFF)] = ()
    lunar: Annotated[tuple[MonthDay, ...], Field(max_length=MOST_DAYS_OFF)] = ()
    once: Annotated[tuple[date, ...], Field(max_length=MOST_DAYS_OFF)] = ()
    tet: Annotated[tuple[Rest, ...], Field(max_length=4)] = ()

    def has(self, day: date) -> bool:
        """Whether a local day is one of them."""
        if day in self.once or f"{day:%m-%d}" in self.yearly or rest_until(day, self.tet):
            return True
        if not self.lunar:
            return False
        moon = to_lunar(day)
        return not moon.leap and f"{moon.month:02d}-{moon.day:02d}" in self.lunar


class Hours(StrictModel):
    """The open hours of a week and the days off; `ALWAYS` is open round the clock."""

    week: dict[Weekday, tuple[Span, ...]]
    days_off: DaysOff = DaysOff()

    @model_validator(mode="after")
    def _opens(self) -> Self:
        if not any(self.week.values()):
            raise ValueError("week: is never open")
        return self

    @cached_property
    def _always(self) -> bool:
        whole = all(any(span.from_ == span.to == time() for span in self.week.get(day, ())) for day in WEEKDAYS)
        return whole and self.days_off == DaysOff()

    def is_open(self, at: datetime) -> bool:
        """Whether a moment lies in open time; the moment of closing is the last that does."""
        begins, _ = next(self._spans(at))
        return begins <= at

    def add(self, start: datetime, minutes: int) -> datetime:
        """The moment, in UTC, `minutes` open minutes after `start`.

        It never lies outside open time: a deadline at the moment of closing is due then, and zero minutes give `start`
        itself, or the next opening. Adding a and then b is adding a + b.
        """
        left = timedelta(minutes=minutes)
        if left < timedelta():
            raise ValueError("open minutes only go forward")
        if self._always:
            return (start + left).astimezone(UTC)
        for begins, ends in self._spans(start):
            if begins + left <= ends:
                return (begins + left).astimezone(UTC)
            left -= ends - begins
        raise AssertionError("the hours have no end")

    def _spans(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The open spans from a moment on, in order, without overlaps."""
        day, since = start.astimezone(VIETNAM).date() - DAY, start
        while True:
            if not self.days_off.has(day):
                for begins, ends in sorted(span.on(day) for span in self.week.get(WEEKDAYS[day.weekday()], ())):
                    if ends >= since:
                        yield max(begins, since), ends
                        since = ends
            day += DAY


ALWAYS = Hours(week={day: (Span(from_=time(), to=time()),) for day in WEEKDAYS})


def _moment(day: date, at: time) -> datetime:
    return datetime.combine(day, at, VIETNAM)
