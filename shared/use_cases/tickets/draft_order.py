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
from shared.domain.customers.names import clean_name
from shared.domain.customers.profile import fold_members
from shared.domain.errors import Busy, Conflict
from shared.domain.journeys.engine import Signal
from shared.domain.messaging.channel_errors import ChannelError
from shared.domain.tickets.ticket import Ticket, digest
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
    context: TicketContext, products: Products, pos: PosOrders | None, ticket_id: str, wanted: OrderRequest, by: str
) -> dict[str, Any]:
    """Have the POS draft an order for the customer of a ticket; returns {"order_id", "number", …} as the ticket has it.

    The same request is the same draft. Raises NotFound, Conflict where no POS is connected or the POS refuses the
    order, and Busy where the POS is unavailable or its answer was lost: then the call may be repeated.
    """
    if pos is None:
        raise Conflict("no POS that takes draft orders is connected: make the order at the till", final=True)
    known = products.load(sku for sku, _, _ in wanted.lines)
    key = digest(json.dumps([ticket_id, wanted.lines, wanted.store, wanted.note]))
    lines = tuple(DraftLine(sku, n, _price(sku, price, known)) for sku, n, price in wanted.lines)
    claimed = commit(context, lambda tx: _claim(context, tx, ticket_id, key))
    if claimed.get("status") == "done":
        return claimed
    order = _order(context, ticket_id, key, wanted, lines)
    try:
        drafted = _looked_up(pos, key, claimed) or pos.draft(order)
    except ChannelError as trouble:
        # Whatever the POS refused it did not do; where an answer is missing, the next try has to look.
        unknown = {"status": "unknown"} if trouble.kind == "uncertain" else None
        commit(context, lambda tx: _note(context, tx, ticket_id, key, unknown))
        if unknown:
            raise Busy(
                "it is unknown whether the POS took the order: repeat the request, and it will be looked up"
            ) from None
        if trouble.kind in ("back_off", "wait_until"):
            raise Busy("the POS cannot take orders right now") from None
        raise Conflict(f"the POS refuses this order: {trouble.reason}", final=True) from None
    total = sum(line.quantity * line.price for line in lines)
    came: dict[str, Any] = {"status": "done", **drafted._asdict(), "total": total, "store": order.store, "by": by}

    def noted(tx: TicketTransaction) -> dict[str, Any]:
        if wanted.transfer:
            _signal_transfer(context, tx, ticket_id, drafted.number, total)
        return _note(context, tx, ticket_id, key, came)

    return commit(context, noted)


def _signal_transfer(context: TicketContext, tx: TicketTransaction, ticket_id: str, number: str, total: int) -> None:
    """Signal journeys that a transfer is awaited; they remind the customer of it."""
    members = members_of(tx.uow, tickets.get(tx.uow, ticket_id)["customer_id"])
    signal = Signal("Transfer Awaited", stamp(context.now), {"order_code": number, "total": total})
    handle_signal(context.journeys, tx.uow, members, signal, act=False)


def _looked_up(pos: PosOrders, key: str, claimed: dict[str, Any]) -> Drafted | None:
    """The draft an earlier attempt left in the POS; raises ChannelError `uncertain` while the POS cannot tell."""
    if "first_at" not in claimed:
        return None
    try:
        return pos.find(key, moment(claimed["first_at"]))
    except ChannelError as trouble:
        raise ChannelError("uncertain", trouble.code, trouble.reason) from None


def _price(sku: str, price: int | None, known: Mapping[str, Product]) -> int:
    if price is not None:
        return price
    product = known.get(sku)
    if product is None or product.price is None:
        raise Conflict(f"the catalogue has no price for {sku}: name one", final=True)
    return product.price


def _claim(context: TicketContext, tx: TicketTransaction, ticket_id: str, key: str) -> dict[str, Any]:
    """The known state of the draft: done, or requested since `first_at`; else the draft is claimed now."""
    ticket = tickets.get(tx.uow, ticket_id)
    drafts = ticket.get("drafts", {})
    known: dict[str, Any] = drafts.get(key, {})
    if known.get("status") == "done":
        return known
    if known.get("status") == "asking" and context.now < moment(known["at"]) + UNDER_WAY:
        raise Conflict("this order is being drafted right now", final=True)
    if not known and len(drafts) >= DRAFTS_KEPT:
        raise Conflict("this ticket has too many draft orders", final=True)
    now = stamp(context.now)
    _put(context, tx, ticket, {**drafts, key: {"status": "asking", "since": known.get("since", now), "at": now}})
    return {"first_at": known["since"]} if known else {}


def _note(
    context: TicketContext, tx: TicketTransaction, ticket_id: str, key: str, came: dict[str, Any] | None
) -> dict[str, Any]:
    ticket = tickets.get(tx.uow, ticket_id)
    drafts = {name: known for name, known in ticket.get("drafts", {}).items() if name != key}
    before = ticket.get("drafts", {}).get(key, {})
    now = stamp(context.now)
    noted = {"since": before.get("since", now), "at": now, **came} if came else {}
    _put(context, tx, ticket, drafts | ({key: noted} if noted else {}))
    return noted


def _put(context: TicketContext, tx: TicketTransaction, ticket: Ticket, drafts: dict[str, Any]) -> None:
    keep(context, tx, ticket, {**ticket, "drafts": drafts})


def _order(
    context: TicketContext, ticket_id: str, key: str, wanted: OrderRequest, lines: tuple[DraftLine, ...]
) -> DraftOrder:
    uow = UnitOfWork(context.table)
    ticket = tickets.get(uow, ticket_id)
    members = members_of(uow, ticket["customer_id"])
    traits = fold_members(members)["traits"] if members else {}
    return DraftOrder(
        key=key,
        store=wanted.store or ticket.get("store", ""),
        lines=lines,
        phone=addresses(members).get("call", "") if members else "",
        name=clean_name(traits.get("name")) or "",
        note=wanted.note,
    )
