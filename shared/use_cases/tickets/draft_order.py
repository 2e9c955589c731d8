"""From chat to order: an agent drafts an order in the POS from a ticket; idempotent (R23).

The draft is claimed on the ticket before the POS is called, and its result is stored beside the claim. After a lost
answer the next attempt looks the order up in the POS first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.domain.catalogue.product import Product
from shared.domain.common.field_reader import done, fields
from shared.domain.common.stored_item import without
from shared.domain.customers.names import clean_name
from shared.domain.customers.profile import fold_members
from shared.domain.customers.reach import sees, stores_of
from shared.domain.errors import Busy, Conflict, Forbidden
from shared.domain.journeys.engine import Signal
from shared.domain.messaging.channel_errors import ChannelError
from shared.domain.tickets.ticket import OrderDraft, digest
from shared.domain.vietnam_time import moment, stamp
from shared.ports import Drafted, DraftLine, DraftOrder, PosOrders
from shared.repositories import tickets
from shared.repositories.products import Products
from shared.repositories.profiles import addresses, members_of
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.journeys.advance import handle_signal
from shared.use_cases.tickets.commit import commit, keep
from shared.use_cases.tickets.context import TicketContext, TicketTransaction

MOST_LINES, MOST_PIECES, MOST_PRICE = 30, 999, 10**9
NOTE_LENGTH = 300
# The limit per ticket; and how long a call without an answer counts as under way.
DRAFTS_KEPT = 10
UNDER_WAY = timedelta(seconds=60)


@dataclass(frozen=True)
class OrderRequest:
    """The order to draft: lines of SKU, quantity and price (None: the catalogue's); `transfer`: to be paid by bank."""

    lines: tuple[tuple[str, int, int | None], ...]
    store: str = ""
    note: str = ""
    transfer: bool = False


def read_order_request(body: Any) -> OrderRequest:
    """The body of `POST …/draft-order`; raises Invalid naming every wrong field."""
    read = fields(body, ("lines", "store", "note", "transfer"))
    raw = body.get("lines")
    if not isinstance(raw, list) or not 1 <= len(raw) <= MOST_LINES:
        read.wrong("lines", f"must be a list of 1 to {MOST_LINES} lines")
        raw = []
    lines = []
    for number, line in enumerate(raw):
        here = f"lines[{number}]"
        if not isinstance(line, dict):
            read.wrong(here, "must be an object")
            continue
        read.only(line, ("sku", "quantity", "price"), f"{here}.")
        sku = read.text(line, "sku", f"{here}.", 80)
        if not sku:
            read.wrong(f"{here}.sku", "is needed")
        quantity, price = line.get("quantity", 1), line.get("price")
        if type(quantity) is not int or not 1 <= quantity <= MOST_PIECES:
            read.wrong(f"{here}.quantity", f"must be a whole number from 1 to {MOST_PIECES}")
        if price is not None and (type(price) is not int or not 0 <= price <= MOST_PRICE):
            read.wrong(f"{here}.price", "must be whole VND")
        lines.append((sku, quantity, price))
    store, note = read.text(body, "store", limit=80), read.text(body, "note", limit=NOTE_LENGTH)
    transfer = read.flag(body, "transfer")
    done(read)
    return OrderRequest(tuple(lines), store, note, transfer)


def draft_order(
    context: TicketContext,
    products: Products,
    pos: PosOrders | None,
    ticket_id: str,
    wanted: OrderRequest,
    by: str,
    stores: frozenset[str] = frozenset(),
) -> OrderDraft:
    """Have the POS draft an order for the customer of a ticket; returns {"order_id", "number", …} as the ticket has it.

    The same request is the same draft. `stores` are those of the key that asks (none: all): it drafts for these alone,
    and for a customer of others without name and phone. Raises NotFound, Forbidden for another store, Conflict where no
    POS is connected or the POS refuses the order, and Busy where the POS is unavailable or its answer was lost: then
    the call may be repeated.
    """
    store = wanted.store or tickets.get(UnitOfWork(context.table), ticket_id).get("store", "")
    if not sees(stores, {store}):
        raise Forbidden(f"the key has no access to store {store}" if store else "name one of the key's stores")
    if pos is None:
        raise Conflict("no POS that takes draft orders is connected: make the order at the till", final=True)
    known = products.load(sku for sku, _, _ in wanted.lines)
    key = digest(json.dumps([ticket_id, wanted.lines, wanted.store, wanted.note]))
    lines = tuple(DraftLine(sku, n, _price(sku, price, known)) for sku, n, price in wanted.lines)
    earlier = commit(context, lambda tx: _claim(context, tx, ticket_id, key))
    if earlier and earlier["status"] == "done":
        return earlier
    order = _order(context, ticket_id, key, wanted, lines, stores)
    try:
        drafted = (earlier and _looked_up(pos, key, earlier)) or pos.draft(order)
    except ChannelError as trouble:
        # What the POS refused it did not do; after a lost answer the next attempt has to look it up.
        if trouble.kind == "uncertain":
            commit(context, lambda tx: _record(context, tx, ticket_id, key, {"status": "unknown"}))
            raise Busy(
                "it is unknown whether the POS took the order: repeat the request, and it will be looked up"
            ) from None
        commit(context, lambda tx: _forget(context, tx, ticket_id, key))
        if trouble.kind in ("back_off", "wait_until"):
            raise Busy("the POS cannot take orders right now") from None
        raise Conflict(f"the POS refuses this order: {trouble.reason}", final=True) from None
    total = sum(line.quantity * line.price for line in lines)
    result: OrderDraft = {
        "status": "done", "order_id": drafted.order_id, "number": drafted.number, "total": total,
        "store": order.store, "by": by,
    }  # fmt: skip

    def recorded(tx: TicketTransaction) -> OrderDraft:
        if wanted.transfer:
            _signal_transfer(context, tx, ticket_id, drafted.number, total)
        return _record(context, tx, ticket_id, key, result)

    return commit(context, recorded)


def _signal_transfer(context: TicketContext, tx: TicketTransaction, ticket_id: str, number: str, total: int) -> None:
    """Signal journeys that a transfer is awaited; they remind the customer of it."""
    members = members_of(tx.uow, tickets.get(tx.uow, ticket_id)["customer_id"])
    signal = Signal("Transfer Awaited", stamp(context.now), {"order_code": number, "total": total})
    handle_signal(context.journeys, tx.uow, members, signal, act=False)


def _looked_up(pos: PosOrders, key: str, earlier: OrderDraft) -> Drafted | None:
    """The draft an earlier attempt left in the POS; raises ChannelError `uncertain` while the POS cannot tell."""
    try:
        return pos.find(key, moment(earlier["since"]))
    except ChannelError as trouble:
        raise ChannelError("uncertain", trouble.code, trouble.reason) from None


def _price(sku: str, price: int | None, known: Mapping[str, Product]) -> int:
    if price is not None:
        return price
    product = known.get(sku)
    if product is None or product.price is None:
        raise Conflict(f"the catalogue has no price for {sku}: name one", final=True)
    return product.price


def _claim(context: TicketContext, tx: TicketTransaction, ticket_id: str, key: str) -> OrderDraft | None:
    """Claim the draft, unless it is done; returns what an earlier attempt left, None on the first one."""
    ticket = tickets.get(tx.uow, ticket_id)
    drafts = ticket.get("drafts", {})
    known = drafts.get(key)
    if known and known["status"] == "done":
        return known
    if known and known["status"] == "asking" and context.now < moment(known["at"]) + UNDER_WAY:
        raise Conflict("this order is being drafted right now", final=True)
    if not known and len(drafts) >= DRAFTS_KEPT:
        raise Conflict("this ticket has too many draft orders", final=True)
    now = stamp(context.now)
    claim: OrderDraft = {"status": "asking", "since": known["since"] if known else now, "at": now}
    keep(context, tx, ticket, {**ticket, "drafts": {**drafts, key: claim}})
    return known


def _record(context: TicketContext, tx: TicketTransaction, ticket_id: str, key: str, result: OrderDraft) -> OrderDraft:
    """Store the result of an attempt beside the ticket's other drafts."""
    ticket, now = tickets.get(tx.uow, ticket_id), stamp(context.now)
    drafts = ticket.get("drafts", {})
    draft: OrderDraft = {"since": drafts[key]["since"] if key in drafts else now, "at": now, **result}
    keep(context, tx, ticket, {**ticket, "drafts": {**drafts, key: draft}})
    return draft


def _forget(context: TicketContext, tx: TicketTransaction, ticket_id: str, key: str) -> None:
    """Release the claim of a draft that the POS refused."""
    ticket = tickets.get(tx.uow, ticket_id)
    keep(context, tx, ticket, {**ticket, "drafts": without(ticket.get("drafts", {}), key)})


def _order(
    context: TicketContext,
    ticket_id: str,
    key: str,
    wanted: OrderRequest,
    lines: tuple[DraftLine, ...],
    stores: frozenset[str],
) -> DraftOrder:
    uow = UnitOfWork(context.table)
    ticket = tickets.get(uow, ticket_id)
    members = members_of(uow, ticket["customer_id"])
    if not sees(stores, stores_of(members)):
        members = []
    traits = fold_members(members)["traits"] if members else {}
    return DraftOrder(
        key=key,
        store=wanted.store or ticket.get("store", ""),
        lines=lines,
        phone=addresses(members).get("call", "") if members else "",
        name=clean_name(traits.get("name")) or "",
        note=wanted.note,
    )
