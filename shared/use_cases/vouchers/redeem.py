"""Redeem a voucher at the till: one use over all stores, also when two ask at the same moment (R21)."""

from __future__ import annotations

from shared.domain.customers.identity import Identity, link_key
from shared.domain.journeys.engine import Signal
from shared.domain.vietnam_time import stamp
from shared.domain.vouchers.offer import Reason
from shared.domain.vouchers.voucher import Claim, Redemption, Said, Use, Voucher, came_back, refusal, words
from shared.ports import Check, absent, equals
from shared.repositories import table_keys
from shared.repositories.profiles import members_of
from shared.repositories.retry import committed
from shared.repositories.unit_of_work import UnitOfWork
from shared.repositories.vouchers import NAME, find, save, signal_of, use_seen
from shared.use_cases.journeys.advance import handle_signal
from shared.use_cases.journeys.context import JourneyContext

# One loser of a race reads that it lost; the others only collide.
ATTEMPTS = 12


def redeem(
    journeys: JourneyContext,
    secret: bytes,
    code: str,
    use: Use,
    who: Identity | None,
    stores: frozenset[str] = frozenset(),
) -> tuple[Voucher, Redemption]:
    """Use a code up for an order; the same order again gets the same answer.

    `who` is the phone of the customer who shows it, `stores` are those of the key that asks (none: all). Raises Refused
    with the reason, Busy when too many try at once.
    """

    def attempt(uow: UnitOfWork) -> tuple[Voucher, Redemption]:
        voucher = find(uow, journeys.playbook.offers, code)
        return _redeem(journeys, uow, voucher, use._replace(members=_members(uow, who, secret)), stores)

    return committed(journeys.table, attempt, attempts=ATTEMPTS)


def _redeem(
    journeys: JourneyContext, uow: UnitOfWork, voucher: Voucher, use: Use, stores: frozenset[str]
) -> tuple[Voucher, Redemption]:
    book = journeys.playbook.offers
    key = table_keys.order(use.order_id)
    order = uow.get(key)
    reason: Reason | None = "order_cancelled" if order and came_back(order) else refusal(voucher, use)
    if reason:
        raise words(book, reason, voucher, voucher.code, tells_use=use_seen(uow, voucher, stores))
    known = voucher.claims.get(use.order_id, Claim())
    if known.told is None:
        told = Said(at=stamp(use.at), store=use.store, total=use.total)
        before, voucher = voucher, voucher.claimed(use.order_id, known.model_copy(update={"told": told}))
        save(uow, before, voucher)
        at_tills = uow.get(table_keys.order_vouchers(use.order_id)) or {"codes": []}
        uow.put(table_keys.order_vouchers(use.order_id), {**at_tills, "codes": [*at_tills["codes"], voucher.code]})
        # Should it be cancelled at this very moment, one of the two comes second and sees the other.
        uow.also(Check(key, (equals(("version",), order["version"]) if order else absent(),)))
        signal = signal_of(voucher)
        if before.redeemed is None and (members := members_of(uow, voucher.customer_id)):
            handle_signal(journeys, uow, members, Signal(NAME, signal.at, signal.properties), act=False)
    redeemed = voucher.redeemed
    assert redeemed is not None
    return voucher, redeemed


def _members(uow: UnitOfWork, who: Identity | None, secret: bytes) -> frozenset[str] | None:
    """The customer behind a phone with all who were merged into one; nobody's phone is nobody's voucher."""
    if who is None:
        return None
    link = uow.get(table_keys.link(link_key(who, secret)))
    return frozenset(m["customer_id"] for m in members_of(uow, link["customer"])) if link else frozenset()
