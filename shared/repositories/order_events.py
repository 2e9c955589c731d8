"""Apply one order event inside a unit of work: the order, its row, day totals, timeline, pick-ups, vouchers, credit.

The effect of an order on counters is the difference between before and after, in the same transaction, so any order and
repetition of its events ends in the same state (X15).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from shared.domain.events.event import Event
from shared.domain.events.timeline_entry import timeline_entry
from shared.domain.journeys.engine import Signal
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.orders.order import OrderRow, OrderState, absorb, lines_shown, read
from shared.domain.segments.segmentation import due_at
from shared.domain.vietnam_time import stamp
from shared.ports import Item
from shared.repositories import table_keys, ticket_revenue
from shared.repositories.co_purchase import basket, recount
from shared.repositories.identity_resolution import IdentityResolver
from shared.repositories.order_signals import CustomerSignal, signals_of
from shared.repositories.orders import find_order, row_item, total_key
from shared.repositories.pickups import update_pickup_list, waits_at
from shared.repositories.products import Products
from shared.repositories.profiles import RulesToday, load_members
from shared.repositories.segment_membership import LIFECYCLE_LANE
from shared.repositories.unit_of_work import UnitOfWork
from shared.repositories.vouchers import follow_order


class OrderChange(NamedTuple):
    """What an order event means for its customers.

    `left` is the customer whose row is gone or moved, `row` the row where it changed for the customer `home`; `is_new`
    where the order had no row before.
    """

    signals: list[CustomerSignal]
    left: str | None
    home: str | None
    row: OrderRow | None
    is_new: bool


@dataclass(frozen=True)
class OrderEvents:
    """Applies order events with the rules of today. `sending` and `products` word the signals."""

    uow: UnitOfWork
    resolver: IdentityResolver
    rules_today: RulesToday
    sending: SendingRules
    products: Products

    def apply(self, home: str | None, event: Event) -> OrderChange:
        """Apply the event's order fact; `home` is the customer whom the event names, None for a walk-in."""
        fact = event.order
        assert fact is not None
        uow, key = self.uow, table_keys.order(fact.order)
        before = find_order(uow, fact.order)
        order = absorb(before, fact)
        # Whose order it is: the latest statement of the sale itself; other facts only fill a gap.
        claim = [fact.at if fact.kind in ("placed", "updated") else "", event.id]
        if home and event.identities and claim > order.get("claim", ["", ""]):
            order["home"], order["claim"] = home, claim
            order["placed_with"] = sorted(i.name for i in event.identities if i.joins and i.kind in ("phone", "email"))
            order["key"] = event.key
        self._move_timeline(order, None if event.identities else event, (before or {}).get("home"))
        if event.bad_phone and not order.get("bad_phone"):
            order["bad_phone"] = True
            self._note_bad_phone(event)
        days, today = self.rules_today.rules.orders.cod_matures_days, self.rules_today.today
        # As it was counted when it was last looked at: a COD order may have matured since.
        row_before = read(fact.order, before, date.fromisoformat(before["as_of"]), days) if before else None
        row = read(fact.order, order, today, days)
        placed_before = (before or {}).get("row")
        update_pickup_list(uow, fact.order, waits_at(fact.order, before, row_before), order, row)
        self._schedule(fact.order, order, row)
        members = load_members(uow, self.resolver.lead_of(order["home"])) if order.get("home") else []
        ticket_revenue.follow(uow, order, row, members)
        uow.put(key, order)
        self._add_to_totals(before or OrderState(), row_before, -1)
        self._add_to_totals(order, row, 1)
        rules = self.rules_today.rules.orders
        goods_before = basket(row_before, before["content"], rules) if before else {}
        recount(uow, goods_before, basket(row, order["content"], rules))
        moved = placed_before != order["row"]
        if placed_before and moved:
            uow.delete(table_keys.order_row(placed_before[0], placed_before[1], fact.order))
        if order["row"] and row:
            content = order["content"]
            row_key = table_keys.order_row(order["home"], row.placed_at, fact.order)
            uow.mark(row_key, row_item(row, content, lines_shown(content)))
        return OrderChange(
            signals=self._signals(fact.order, before, row_before, order, row),
            left=placed_before[0] if placed_before and moved else None,
            home=order.get("home"),
            row=row if order["row"] and (row != row_before or moved) else None,
            is_new=placed_before is None,
        )

    def _schedule(self, order_id: str, order: OrderState, row: OrderRow | None) -> None:
        """Where the row stands, and when a walk-in's COD order matures: no customer is woken for it."""
        order["row"] = [order["home"], row.placed_at] if row and order.get("home") else None
        order["as_of"] = self.rules_today.today.isoformat()
        order.pop("due", None)
        order.pop("due_at", None)
        if row and row.matures and not order.get("home"):
            order["due"], order["due_at"] = LIFECYCLE_LANE, stamp(due_at(order_id, row.matures))

    def _signals(
        self,
        order_id: str,
        before: OrderState | None,
        row_before: OrderRow | None,
        order: OrderState,
        row: OrderRow | None,
    ) -> list[CustomerSignal]:
        """What is true of the order now and was not signalled before."""
        signals = [
            CustomerSignal(redeemed.customer_id, Signal("Voucher Redeemed", redeemed.at, redeemed.properties), False)
            for redeemed in follow_order(self.uow, order_id, before, order, row.placed_at if row else None)
        ]
        history = order["backfill"]
        # What was signalled as history is signalled again once the order is live, whichever came first (R1).
        heard = before if before and before["backfill"] == history else None
        known = {signal.name for signal in signals_of(heard, row_before, self.sending, self.products)}
        if heard and row_before and row_before.status == "delivery_failed":
            known.add("Order Completed")  # signalled before the parcel was refused; it is on its way again now
        fresh = [s for s in signals_of(order, row, self.sending, self.products) if s.name not in known]
        return signals + [CustomerSignal(order["home"], signal, history) for signal in fresh]

    def _move_timeline(self, order: OrderState, event: Event | None, home_before: str | None) -> None:
        """Keep the events that name the order but no customer on the timeline of the order's customer (X15).

        They wait in the order while it has no customer, and move with it.
        """
        home, entries = order.get("home"), order.get("told", {})
        if home and home != home_before:
            for when, entry in entries.items():
                if home_before:
                    key = table_keys.timeline(home_before, *when.split("#", 1))
                    entry = self.uow.get(key)
                    self.uow.delete(key)
                if entry is not None:
                    self.uow.mark(table_keys.timeline(home, *when.split("#", 1)), entry)
            entries = dict.fromkeys(entries)
        if event:
            entry = dict(timeline_entry(event, self.rules_today.rules))
            if home:
                self.uow.mark(table_keys.timeline(home, event.at, event.id), entry)
            entries = {**entries, f"{event.at}#{event.id}": None if home else entry}
        if entries:
            order["told"] = entries

    def _note_bad_phone(self, event: Event) -> None:
        """Keep the sale in the month's list of impossible phone numbers."""
        assert event.order is not None
        assert event.bad_phone is not None
        content = event.order.content
        entry: Item = {"raw": event.bad_phone["raw"], "reason": event.bad_phone["code"], "order_id": event.order.order}
        entry |= {name: content[name] for name in ("store", "cashier") if name in content}
        self.uow.mark(table_keys.bad_phone(event.at, event.id), entry)

    def _add_to_totals(self, order: OrderState, row: OrderRow | None, sign: int) -> None:
        """Add the order to, or take it from, the totals of the day it was placed, walk-ins included: they match the
        POS (R4)."""
        if row is None or row.status == "cancelled":
            return
        sale = sign if row.total > 0 else 0
        self.uow.count(
            total_key(row, order["content"]),
            orders=sale,
            gross=sign * row.total,
            kept=sign * row.kept,
            identified=sign * row.total if order.get("home") else 0,
            identified_orders=sale if order.get("home") else 0,
            bad_phones=sign if order.get("bad_phone") else 0,
        )
