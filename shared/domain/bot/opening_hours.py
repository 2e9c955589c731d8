"""Says the shop's open hours and days off, so that answers repeat what the staff's directory says and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from shared.domain.bot.faq import BilingualText, DayName
from shared.domain.staff.business_hours import WEEKDAYS, Hours


def opening_hours(hours: Hours, words: Mapping[DayName, BilingualText]) -> BilingualText:
    """The hours of the week, days in a row with the same hours together: "Monday–Saturday 08:00–21:00, Sunday …"."""
    week = [(day, _spans(hours, day)) for day in WEEKDAYS]
    runs = [(spans, [day for day, _ in run]) for spans, run in groupby(week, key=lambda day: day[1]) if spans]
    texts = {}
    for lang in ("vi", "en"):
        parts = []
        for spans, days in runs:
            ends: list[DayName] = ["every"] if len(days) == len(WEEKDAYS) else list(dict.fromkeys((days[0], days[-1])))
            parts.append(f"{'–'.join(words[day].in_language(lang) for day in ends)} {spans}")
        texts[lang] = ", ".join(parts)
    return BilingualText(**texts)


def closed_days(hours: Hours) -> dict[str, Any]:
    """The days off of every year: {yearly, lunar, tet}.

    `yearly` and `lunar` are texts such as "2/9" (day and month). `tet` is the rest around Tết or None: {first, last,
    open_again}, a day of the last lunar month and two of the first.
    """
    off = hours.days_off
    rest = off.tet[0] if off.tet else None
    return {
        "yearly": [_day_and_month(day) for day in off.yearly],
        "lunar": [_day_and_month(day) for day in off.lunar],
        "tet": rest
        and {
            "first": rest.from_day_of_last_month,
            "last": rest.to_day_of_first_month,
            "open_again": rest.to_day_of_first_month + 1,
        },
    }


def _spans(hours: Hours, day: str) -> str:
    spans = hours.week.get(day, ())  # type: ignore[call-overload]
    return " / ".join(f"{span.from_:%H:%M}–{span.to:%H:%M}" for span in spans)


def _day_and_month(text: str) -> str:
    month, day = text.split("-")
    return f"{int(day)}/{int(month)}"
