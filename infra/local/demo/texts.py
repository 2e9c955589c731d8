"""The demo's words, from `demo_texts.yaml`, and how amounts and days are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from shared.runtime.playbook.rules import sending_rules
from shared.runtime.playbook.staff_notes import note_words


class Words(NamedTuple):
    """One text in Vietnamese and in English."""

    vi: str
    en: str

    def filled(self, **values: object) -> Words:
        return Words(self.vi.format(**values), self.en.format(**values))


@cache
def _texts() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("texts.yaml").read_text(encoding="utf-8"))
    return found


def say(key: str) -> Words:
    return Words(*_texts()[key])


def label(name: str) -> Words:
    """A segment's label."""
    return Words(*_texts()["labels"][name])


def action(name: str) -> Words:
    return Words(*_texts()["actions"][name])


def channel(name: str) -> Words:
    return Words(*_texts()["channels"][name])


def status(name: str) -> Words:
    """What became of a message."""
    return Words(*_texts()["statuses"][name])


def ended(name: str) -> Words:
    """Why a run of a journey was over."""
    return Words(*_texts()["ended"][name])


def outcome(name: str) -> Words:
    """What came of a staff task."""
    return Words(*_texts()["outcomes"][name])


def intent(name: str) -> Words:
    """What a ticket is about, in the playbook's words."""
    told = note_words().intents[name]
    return Words(told.vi, told.en)


def ticket_note(per_ticket: Mapping[str, Any]) -> Words:
    """What was bought after tickets, per ticket that was answered."""
    figures = {"revenue": vnd_sum(per_ticket["numerator"]), "tickets": count(per_ticket["denominator"])}
    return say("tickets_note").filled(value=vnd_sum(per_ticket["value"] or 0), **figures)


def reason(name: str) -> Words:
    """Why, in the playbook's words."""
    return Words(**sending_rules().reasons[name])


def vnd_sum(amount: int) -> str:
    """An amount in full: sums of messages are small beside the shop's."""
    return f"{count(amount)} ₫"


def count(number: float) -> str:
    """1234 → "1.234"."""
    return f"{number:,.0f}".replace(",", ".")


def short_vnd(amount: float) -> str:
    """1250000000 → "1,25 tỷ", 3400000 → "3,40 tr": three digits, as Vietnamese read large sums."""
    for unit, word in ((1e9, "tỷ"), (1e6, "tr")):
        if abs(amount) >= unit:
            sum_ = amount / unit
            return f"{sum_:.{max(0, 3 - len(str(int(abs(sum_)))))}f} {word}".replace(".", ",")
    return count(amount)


def axis_vnd(amount: float) -> str:
    """1500000000 → "1,5 tỷ", for the round sums of an axis."""
    return f"{amount / 1e9:g} tỷ".replace(".", ",") if amount else "0"


def share(part: float, whole: float) -> str:
    """A share of what was sold; there is none where write-offs weigh more than the sales they belong to."""
    return f"{100 * part / whole:.0f} %" if 0 <= part <= whole and whole else "–"


def day_month(day: date) -> str:
    return f"{day:%d/%m/%Y}"


def days_months(days: Iterable[date]) -> str:
    return ", ".join(day_month(day) for day in sorted(days))
