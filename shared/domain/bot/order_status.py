"""Which of a customer's orders a message means, and the bot's text about it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

from shared.domain.common.money import vnd

NotAnswered = Literal["order_unknown", "order_late", "order_trouble", "no_order"]

OPEN = ("placed", "shipped", "out_for_delivery")
# The states the bot has texts for; failed or returned parcels and refunds are for agents.
ANSWERED_STATES = (*OPEN, "delivered", "in_store", "cancelled")
# "đơn #1023", "mã vận đơn SPX048"; no amounts ("đơn 300.000"), no phone numbers.
_CODE = re.compile(
    r"(?:\b(?:don|ma|order|code)\b(?: (?:hang|don|van don|so|number|no|la))*|#) ?[:#]? ?"
    r"([a-z]{0,6}[-_]?\d{4,})\b(?![.,]\d)"
)
_BARE_CODE = re.compile(r"\b[a-z]{2,6}[-_]?\d{4,}\b")
_PHONE = re.compile(r"(?:0|84)\d{9,10}")
_SHORTEST = 4
_FIELD = re.compile(r"{(?!you}|You})(\w+)}")
_DAYS = ("placed_on", "shipped_on", "expected_on", "delivered_on", "cancelled_on", "exchange_until")


class Limits(NamedTuple):
    """How many orders are shown at once, for how many days a finished one is, and after how many days without news from
    the carrier an order is late."""

    shown: int
    recent_days: int
    late_days: int


def orders_meant(
    text: str, orders: Sequence[Mapping[str, Any]], today: date, limits: Limits
) -> Sequence[Mapping[str, Any]] | NotAnswered:
    """The orders a folded message asks about, or the reason for a handover: by code, else the open ones, else the
    latest finished one."""
    if codes := codes_in(text):
        chosen = [order for order in orders if any(_goes_by(order, code) for code in codes)]
        if not chosen:
            return "order_unknown"
    else:
        chosen = [order for order in orders if order["state"] in OPEN][: limits.shown]
        recent = (today - timedelta(days=limits.recent_days)).isoformat()
        chosen = chosen or [order for order in orders[:1] if order.get("delivered_on", order["placed_on"]) >= recent]
        if not chosen:
            return "no_order"
    if any(order["state"] not in ANSWERED_STATES for order in chosen):
        return "order_trouble"
    if any(_late(order, today, limits.late_days) for order in chosen):
        return "order_late"
    return chosen


def codes_in(text: str) -> set[str]:
    """What looks like the number of an order or a parcel in a folded message."""
    found = {_tight(code) for code in (*_CODE.findall(text), *_BARE_CODE.findall(text))}
    return {code for code in found if not _PHONE.fullmatch(code)}


def order_text(order: Mapping[str, Any], words: str, lang: str) -> str:
    """The lines about one order. A line with a field that the order does not have is left out."""
    fields = {name: str(value) for name, value in order.items() if value not in (None, "")}
    fields |= {name: _day(fields[name]) for name in _DAYS if name in fields}
    fields["total"] = vnd(order["total"])
    fields["product"] = str(order.get("product_en" if lang == "en" else "product", ""))
    lines = [line for line in words.splitlines() if all(fields.get(name) for name in _FIELD.findall(line))]
    return "\n".join(_FIELD.sub(lambda found: fields[found[1]], line) for line in lines)


def _late(order: Mapping[str, Any], today: date, late_days: int) -> bool:
    if order["state"] not in OPEN:
        return False
    expected = order.get("expected_on")
    due = date.fromisoformat(expected) if expected else date.fromisoformat(order["placed_on"]) + timedelta(late_days)
    return due < today


def _goes_by(order: Mapping[str, Any], code: str) -> bool:
    """Whether a code means this order; letters before its number may be missing."""
    names = {_tight(str(order[name])) for name in ("order_id", "code", "tracking_code") if order.get(name)}
    return code in names or (len(code) >= _SHORTEST and any(name.endswith(code) for name in names))


def _tight(code: str) -> str:
    return re.sub(r"[^a-z0-9]", "", code.casefold())


def _day(iso: str) -> str:
    return f"{date.fromisoformat(iso):%d/%m/%Y}"
