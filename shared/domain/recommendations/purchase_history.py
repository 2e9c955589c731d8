"""A customer's purchases and returns, from the order rows, and which of them a message is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from shared.domain.common.text_folding import fold
from shared.domain.recommendations.rules import SuggestionRules

_GONE = frozenset(("returned", "refunded", "cancelled", "delivery_failed"))
# How many words of a product's name a message must share if it names no kind of goods.
WORDS_SHARED = 2
# How many goods of an order recommendations start from.
LINES_MEANT = 3


class Line(NamedTuple):
    """A purchased product; `on` is the local day, `size` and `category` are "" if unknown."""

    sku: str
    name: str
    category: str
    size: str
    on: date
    order_id: str


class Purchases(NamedTuple):
    """The products a customer has, the latest first, and the SKUs returned or never received."""

    lines: tuple[Line, ...]
    given_back: frozenset[str]

    @property
    def owned(self) -> dict[str, date]:
        """When each SKU was last bought."""
        return {line.sku: line.on for line in reversed(self.lines)}


class Focus(NamedTuple):
    """The purchases a message is about; `named`: the message names them, they are not merely the latest."""

    lines: tuple[Line, ...]
    named: bool


def purchases(rows: Iterable[Mapping[str, Any]]) -> Purchases:
    """The purchases from stored order rows, in any order; a later return invoice counts as a return too."""
    ordered = sorted(rows, key=lambda row: (row["placed_at"], row["order_id"]))
    kept: list[Line] = []
    back: set[str] = set()
    for row in ordered:
        lines = [_line(line, row) for line in row.get("lines", ()) if line.get("sku")]
        if row["status"] in _GONE or row["total"] < 0:
            gone = {line.sku for line in lines}
            back |= gone
            kept = [line for line in kept if line.sku not in gone] if row["total"] < 0 else kept
        else:
            kept += lines
            back -= {line.sku for line in lines}
    return Purchases(tuple(reversed(kept)), frozenset(back))


def _line(line: Mapping[str, Any], row: Mapping[str, Any]) -> Line:
    fields = {name: str(line.get(name, "")).strip() for name in ("sku", "name", "category")}
    size = str(line.get("size") or line.get("variant") or "").strip()
    return Line(**fields, size=size, on=date.fromisoformat(row["day"]), order_id=row["order_id"])


def focus(bought: Purchases, rules: SuggestionRules, *, text: str, order_id: str = "", sku: str = "") -> Focus:
    """The purchases that a text, an order id or an SKU names, else those of the latest order. `bought` must have a
    line."""
    lines = bought.lines
    if sku and (found := _unique(line for line in lines if line.sku == sku)):
        return Focus(found, True)
    of_order = _unique(line for line in lines if line.order_id == order_id) if order_id else ()
    if of_order:
        return Focus(_meant(of_order, rules, text) or of_order[:LINES_MEANT], True)
    if meant := _meant(lines, rules, text):
        return Focus(meant, True)
    latest = _unique(line for line in lines if line.order_id == lines[0].order_id)
    return Focus(latest[:LINES_MEANT], len(latest) == 1 and not rules.kind_of(text))


def _unique(lines: Iterable[Line]) -> tuple[Line, ...]:
    return tuple({line.sku: line for line in lines}.values())


def _meant(lines: Sequence[Line], rules: SuggestionRules, text: str) -> tuple[Line, ...]:
    """The line a text matches best, the latest of several: by its kind of goods, or by words of its name."""
    words = set(fold(text).split())
    kind = rules.kind_of(text)
    best: list[Line] = []
    most = 0
    for line in lines:
        shared = len(words & set(fold(line.name).split()))
        of_kind = bool(kind) and rules.kind_of(line.name, line.category) == kind
        score = shared + (10 if of_kind else 0)
        if (of_kind or shared >= WORDS_SHARED) and score >= most:
            best = [*best, line] if score == most else [line]
            most = score
    return tuple(best[:1])
