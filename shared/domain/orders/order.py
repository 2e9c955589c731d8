"""An order is the set of its facts; what it is worth is a function of that set and of today (R2, R3, X15).

Facts arrive late, twice and in any order. Each has a natural key, and `absorb` is commutative, associative and
idempotent, so every permutation and repetition ends in the same state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple, TypedDict

from pydantic import BaseModel, ConfigDict

from shared.domain.vietnam_time import local_day, moment

# `tracked` is a carrier's word that changes nothing: it may name the parcel, and stands on the timeline.
FactKind = Literal[
    "placed", "updated", "tracked", "shipped", "out_for_delivery", "delivered", "failed", "returned", "refunded",
    "cancelled",
]  # fmt: skip

LINES_IN_A_ROW = 8
# Each refund has a key of its own, and an order has to fit its item.
MOST_REFUNDS = 200
# Facts that take a sale back. Of a repeated one the latest counts, of any other the first.
_TAKING_BACK = ("cancelled", "returned", "failed")


class OrderFact(BaseModel):
    """Something that happened to an order. `order` carries the source system in front where one is named.

    A refund has an amount in VND, or the lines it gives back, or neither: then it gives everything back.
    """

    model_config = ConfigDict(frozen=True)

    order: str
    kind: FactKind
    at: str
    key: str
    amount: int | None = None
    lines: list[dict[str, Any]] = []
    content: dict[str, Any] = {}
    backfill: bool = False


class OrderState(TypedDict, total=False):
    """An order as it is stored: the set of its facts, and what follows from them. Moments are stamps.

    facts        the earliest stamp by kind, the latest of what takes the sale back; `refunded` holds [stamp, VND or
                 None, lines where they are all that it names] by the refund's key
    content      fields of the sale (total, payment, lines, store …), the latest by `stamps`
    backfill     no live event has named the order yet
    home, claim  the customer it belongs to, and what that rests on: [stamp of the sale, event id]
    placed_with  the number and the address the sale named, as names of identities; `key` the sender's key
    told         timeline entries by "<stamp>#<event id>" of events that named no customer; None once on a timeline
    bad_phone    the sale named an impossible phone number
    row          [customer, placed at] of its order row; `as_of` is the local day it was counted for
    credit       the ticket it is credited to: its window, the customer, VND
    """

    pk: str
    sk: str
    version: int
    due: str
    due_at: str
    facts: dict[str, Any]
    content: dict[str, Any]
    stamps: dict[str, str]
    backfill: bool
    home: str
    claim: list[str]
    placed_with: list[str]
    key: str
    told: dict[str, dict[str, Any] | None]
    bad_phone: bool
    row: list[str] | None
    as_of: str
    credit: dict[str, Any]


class OrderRow(NamedTuple):
    """What an order counts for on a given day; amounts in VND.

    `kept` is the revenue that stays with the shop, `counts` says whether it is an order and a visit of its own
    (exchanges and return invoices change revenue only), `matures` is the day on which a COD order without word from
    the carrier counts as kept.
    """

    order_id: str
    placed_at: str
    day: date
    total: int
    kept: int
    counts: bool
    matures: date | None
    refused: bool
    promo: bool
    discount_percent: int
    status: str


def absorb(before: OrderState | None, fact: OrderFact) -> OrderState:
    """The order's state after one more fact: content fields last-writer-wins, first delivery, union of refunds."""
    state = before or OrderState(facts={}, content={}, stamps={}, backfill=True)
    facts = dict(state["facts"])
    content, stamps = state["content"], state["stamps"]
    if fact.content:
        content, stamps = dict(content), dict(stamps)
        for name, value in fact.content.items():
            if _newer((fact.at, value), (stamps.get(name, ""), content.get(name))):
                content[name], stamps[name] = value, fact.at
    if fact.kind == "refunded":
        refunds = dict(facts.get("refunded", {}))
        known = refunds.get(fact.key)
        if known is None or _newer((fact.at, fact.amount), (known[0], known[1])):
            refunds[fact.key] = [fact.at, fact.amount, *([fact.lines] if fact.lines else [])]
        if len(refunds) > MOST_REFUNDS:
            raise ValueError(f"order {fact.order} has more than {MOST_REFUNDS} refunds")
        facts["refunded"] = refunds
    elif fact.kind != "tracked":
        one_of = max if fact.kind in _TAKING_BACK else min
        facts[fact.kind] = one_of(facts.get(fact.kind, fact.at), fact.at)
    # One live fact makes the order live: history sends nothing, today's order does.
    backfill = state["backfill"] and fact.backfill
    return {**state, "facts": facts, "content": content, "stamps": stamps, "backfill": backfill}


def _newer(mine: tuple[str, Any], theirs: tuple[str, Any]) -> bool:
    """Later wins; of two at the same moment, the greater text, so that the order of arrival does not matter."""
    if mine[0] != theirs[0]:
        return mine[0] > theirs[0]
    return json.dumps(mine[1], sort_keys=True) > json.dumps(theirs[1], sort_keys=True)


def in_effect(state: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of an order that count: what takes a sale back counts from the sale on.

    A cancel, a return or a refund of an order that nobody has placed waits, and where it was stated of a time before
    the sale it has no effect on it: order numbers can be guessed.
    """
    placed_at = _placed_at(state)
    counted: dict[str, Any] = {}
    for kind, at in state["facts"].items():
        if kind == "refunded":
            if since := {key: one for key, one in at.items() if placed_at and one[0] >= placed_at}:
                counted[kind] = since
        elif kind not in _TAKING_BACK or (placed_at and at >= placed_at):
            counted[kind] = at
    return counted


def refunded(state: Mapping[str, Any]) -> int:
    """How many VND the refunds in effect give back; a line without a price has the price of the sale's line."""
    total: int = state["content"].get("total", 0)
    prices = {_goods(line): line.get("price", 0) for line in state["content"].get("lines", ())}
    back = 0
    for _, amount, *lines in in_effect(state).get("refunded", {}).values():
        if amount is None and lines:
            back += sum(line.get("price", prices.get(_goods(line), 0)) * line["quantity"] for line in lines[0])
        else:
            back += total if amount is None else amount
    return back


def _goods(line: Mapping[str, Any]) -> str:
    return str(line.get("sku") or line.get("name") or "")


def _placed_at(state: Mapping[str, Any]) -> str | None:
    facts = state["facts"]
    placed_at: str | None = state["content"].get("placed_at") or facts.get("placed") or facts.get("updated")
    return placed_at


def read(order_id: str, state: OrderState, today: date, cod_matures_days: int) -> OrderRow | None:
    """What the order counts for today, or None while no fact says that it was placed.

    That a parcel was shipped or is out for delivery changes nothing of this: an order row moves with its worth only.
    """
    facts, content = in_effect(state), state["content"]
    placed_at = _placed_at(state)
    if placed_at is None or "total" not in content:
        return None
    day = local_day(moment(placed_at))
    total: int = content["total"]
    cod = content.get("payment") == "cod"
    delivered, failed, returned = "delivered" in facts, "failed" in facts, "returned" in facts
    matures: date | None = None
    if "cancelled" in facts:
        status, kept = "cancelled", 0
    elif returned:
        status, kept = "returned", 0
    elif failed and not delivered:
        status, kept = "delivery_failed", 0 if cod else total
    elif cod and not delivered and today < day + timedelta(days=cod_matures_days):
        status, kept, matures = "awaiting_delivery", 0, day + timedelta(days=cod_matures_days)
    else:
        status, kept = ("delivered" if delivered else "placed"), total
    if kept > 0 and facts.get("refunded"):
        kept = max(0, kept - refunded(state))
        status = "refunded" if kept == 0 else "partly_refunded"
    before_discount = total + content.get("discount", 0)
    return OrderRow(
        order_id=order_id,
        placed_at=placed_at,
        day=day,
        total=total,
        kept=kept,
        counts=kept > 0 and not content.get("exchange_of"),
        matures=matures,
        refused=cod and (returned or (failed and not delivered)),
        promo=bool(content.get("coupon")),
        discount_percent=100 * content.get("discount", 0) // before_discount if before_discount > 0 else 0,
        status=status,
    )


def lines_shown(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The first lines of an order, short, for views."""
    return [
        {k: line[k] for k in ("sku", "name", "variant", "size", "quantity", "price", "category") if k in line}
        for line in content.get("lines", [])[:LINES_IN_A_ROW]
    ]
