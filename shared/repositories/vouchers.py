"""Vouchers: issued once, redeemed once over all stores, freed when their order comes back, and reckoned up (R21)."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from shared.domain.customers.masking import masked
from shared.domain.customers.profile import fold_members
from shared.domain.customers.reach import sees, stores_of
from shared.domain.orders.order import OrderState
from shared.domain.vietnam_time import local_day, moment, stamp
from shared.domain.vouchers.offer import Book, Reason
from shared.domain.vouchers.voucher import Claim, Said, Use, Voucher, came_back, issued, read_code, unfit, words
from shared.ports import Item, Key
from shared.repositories import table_keys
from shared.repositories.profiles import members_of
from shared.repositories.unit_of_work import UnitOfWork

NAME = "Voucher Redeemed"


class News(NamedTuple):
    """A voucher was redeemed, as a journey hears of it; `at` is a stamp."""

    customer_id: str
    at: str
    properties: dict[str, Any]


def issue(
    uow: UnitOfWork, book: Book, offer_id: str, customer_id: str, code: str, now: datetime, *, journey: str, run: str,
    step: str,
) -> Voucher:  # fmt: skip
    """Put a new voucher into the caller's draft, so that it is issued exactly when what the caller does is done.

    `code` comes from `domain.voucher.new_code`. KeyError: the playbook has no such offer.
    """
    voucher = issued(book, offer_id, customer_id, code, now, journey=journey, run=run, step=step)
    save(uow, None, voucher)
    said = {"code": code, "offer": offer_id, "valid_until": voucher.valid_until, "journey": journey}
    uow.mark(
        table_keys.timeline(customer_id, stamp(now), f"voucher-{code}"), _entry("Voucher Issued", stamp(now), said)
    )
    return voucher


def find(uow: UnitOfWork, book: Book, code: str) -> Voucher:
    """The voucher behind a code, however it was typed; raises Refused."""
    tight = read_code(code)
    found = _load(uow, tight) if tight else None
    if found is None:
        raise words(book, "unknown", None, code)
    return found


def owner_seen(uow: UnitOfWork, voucher: Voucher, stores: Collection[str]) -> bool:
    """Whether a key of these stores (none: all) may see whose voucher it is."""
    return not stores or sees(stores, stores_of(members_of(uow, voucher.customer_id)))


def use_seen(uow: UnitOfWork, voucher: Voucher, stores: Collection[str]) -> bool:
    """Whether a key of these stores (none: all) may see the order that used a voucher: one of its stores, or one of its
    customers. A bearer's voucher may be used by anybody."""
    holder = voucher.redeemed
    if holder is None or sees(stores, {holder.store}):
        return True
    return not voucher.bearer and owner_seen(uow, voucher, stores)


def owner_masked(uow: UnitOfWork, voucher: Voucher) -> str | None:
    """The last three digits of the owner's phone, enough to ask by and too little to call."""
    members = members_of(uow, voucher.customer_id)
    phones = [name for name in fold_members(members)["identities"] if name.startswith("phone:")] if members else []
    return masked(min(phones)) if phones else None


def follow_order(
    uow: UnitOfWork, order_id: str, before: OrderState | None, after: OrderState, placed_at: str | None
) -> list[News]:
    """Let an order redeem the code it carries, or give it back, in the draft that takes the order in.

    `before` and `after` are the order as the table holds it, `placed_at` when it was placed (None: nobody has said).
    What counts is when it was placed, not when it was told. A code that is not ours, or not good for the order, is
    never an error; the reason stands on the customer's timeline. The answer is what journeys should hear: history
    redeems, and tells nobody.
    """
    coupons = [order["content"].get("coupon", "") for order in (before, after) if order]
    tight = {code for coupon in coupons if (code := read_code(coupon))}
    if came_back(after) != (before is not None and came_back(before)):
        key = table_keys.order_vouchers(order_id)
        at_tills = uow.get(key) or {"codes": []}
        tight |= {code for told in at_tills["codes"] if (code := read_code(told))}
        # Written although nobody reads it: a till that says yes at this very moment collides, and then sees the order.
        uow.put(key, {**at_tills, "came_back": came_back(after)})
    news = []
    for code in sorted(tight):
        voucher = _load(uow, code)
        if voucher:
            carries = read_code(after["content"].get("coupon", "")) == code
            moved = _follow(uow, voucher, order_id, before, after, placed_at if carries else None)
            if voucher.redeemed is None and moved.redeemed and not after["backfill"]:
                news.append(signal_of(moved))
    return news


def _follow(
    uow: UnitOfWork,
    voucher: Voucher,
    order_id: str,
    before: OrderState | None,
    after: OrderState,
    placed_at: str | None,
) -> Voucher:
    """The voucher with what this order says of it now; `placed_at` None: the order does not carry it."""
    known = voucher.claims.get(order_id, Claim())
    home, void = after.get("home"), came_back(after)
    carried, reason = None, None
    if placed_at and not void:
        carried = Said(at=placed_at, store=after["content"].get("store", ""), total=_full_price(after["content"]))
        reason = _misfit(uow, voucher, order_id, carried, after)
    claim = Claim(told=known.told, carried=None if reason else carried, customer_id=home or "", void=void)
    moved = voucher.claimed(order_id, claim)
    if moved != voucher:
        save(uow, voucher, moved)
    note = _place(voucher, home, placed_at, order_id) if reason and placed_at and home and not known.told else None
    # What was refused before may stand in another place now, or nowhere.
    if before and (row_before := before.get("row")):
        home_before, placed_before = row_before
        former = _place(voucher, home_before, placed_before, order_id)
        if former != note and former not in _told(moved):
            uow.delete(former)
    if note and placed_at:
        said = {"code": voucher.code, "offer": voucher.offer, "order_id": order_id, "reason": reason}
        uow.mark(note, _entry("Voucher Refused", placed_at, said))
    return moved


def _misfit(uow: UnitOfWork, voucher: Voucher, order_id: str, said: Said, order: OrderState) -> Reason | None:
    """Why an order may not use the voucher it carries, apart from its use by another order."""
    members = None
    if home := order.get("home"):
        members = frozenset(member["customer_id"] for member in members_of(uow, home))
    if members is not None and not voucher.bearer and voucher.customer_id not in members:
        return "foreign"
    lines = order["content"].get("lines")
    categories = frozenset(line.get("category", "") for line in lines) if lines else None
    return unfit(voucher, Use(order_id, moment(said.at), said.store, said.total, categories))


def _full_price(content: dict[str, Any]) -> int | None:
    """What an order would have cost without its discount, in VND."""
    return content["total"] + content.get("discount", 0) if "total" in content else None


def _load(uow: UnitOfWork, tight: str) -> Voucher | None:
    item = uow.get(table_keys.voucher(tight))
    return _voucher(item) if item else None


def _voucher(item: Item) -> Voucher:
    return Voucher.model_validate({name: item[name] for name in Voucher.model_fields if name in item})


def save(uow: UnitOfWork, before: Voucher | None, after: Voucher) -> None:
    """Put a voucher with everything that shows it: its rows by day, and what the timelines tell."""
    tight = read_code(after.code)
    assert tight is not None
    body = after.model_dump(mode="json", exclude_defaults=True)
    if before:
        uow.put(table_keys.voucher(tight), body)
    else:
        uow.create(table_keys.voucher(tight), body)
    held, holds = before.redeemed if before else None, after.redeemed
    if before is None or held != holds:
        uow.mark(table_keys.voucher_row(_day(after.issued_at), "I", tight), _row(after))
        if held and (holds is None or _day(held.at) != _day(holds.at)):
            uow.delete(table_keys.voucher_row(_day(held.at), "R", tight))
        if holds:
            uow.mark(table_keys.voucher_row(_day(holds.at), "R", tight), _row(after))
    told, tells = _told(before) if before else {}, _told(after)
    for key in told.keys() - tells.keys():
        uow.delete(key)
    for key, entry in tells.items():
        if told.get(key) != entry:
            uow.mark(key, entry)


def _told(voucher: Voucher) -> dict[Key, Item]:
    """What the timelines tell of a voucher's orders."""
    holder = voucher.redeemed
    found = {}
    for order_id, claim in voucher.claims.items():
        if claim.void:
            continue
        at = claim.said.at
        said: dict[str, Any] = {"code": voucher.code, "offer": voucher.offer, "order_id": order_id}
        if holder and holder.order_id == order_id:
            entry = _entry(NAME, at, {**said, "value": holder.value, "store": holder.store})
        else:
            entry = _entry("Voucher Refused", at, {**said, "reason": "used"})
        found[_place(voucher, claim.customer_id or voucher.customer_id, at, order_id)] = entry
    return found


def _place(voucher: Voucher, customer_id: str, at: str, order_id: str) -> Key:
    return table_keys.timeline(customer_id, at, f"voucher-{voucher.code}-{order_id}")


def _entry(name: str, at: str, said: dict[str, Any]) -> Item:
    properties = json.dumps(said, ensure_ascii=False)
    return {
        "type": "track",
        "name": name,
        "stage": "purchase",
        "source": "vouchers",
        "at": at,
        "properties": properties,
    }


def signal_of(voucher: Voucher) -> News:
    """What journeys hear of a voucher that is redeemed."""
    redeemed = voucher.redeemed
    assert redeemed is not None
    said: dict[str, Any] = {"code": voucher.code, "offer": voucher.offer, "order_id": redeemed.order_id}
    return News(voucher.customer_id, redeemed.at, {**said, "value": redeemed.value or 0})


def _day(at: str) -> str:
    return local_day(moment(at)).isoformat()


def _row(voucher: Voucher) -> Item:
    """A voucher as the lists of a day hold it."""
    names = ("code", "offer", "customer_id", "kind", "value", "most", "journey", "issued_at", "valid_until")
    row: Item = {name: getattr(voucher, name) for name in names} | {"stores": list(voucher.stores)}
    if holder := voucher.redeemed:
        row |= {"order_id": holder.order_id, "store": holder.store, "redeemed_at": holder.at, "worth": holder.value}
    return row
