"""Take customer events in: resolve who they are about, keep the facts, and settle where the customer stands.

A batch is read with a handful of batch reads, split into groups that have nothing in common, and each group commits on
its own: one poison record fails alone, one contended customer holds nobody. Taking the same events again, late or in
another order ends in the same state.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from shared.domain.common.playbook_rules import Rules
from shared.domain.customers.identity import link_key
from shared.domain.customers.profile import agree, different_people, learn
from shared.domain.errors import Busy, Conflict, KhachQuenError
from shared.domain.events.event import Event
from shared.domain.journeys.engine import Signal
from shared.domain.journeys.label_signals import label_signals
from shared.domain.journeys.vocabulary import OURS
from shared.domain.orders import cart as carts
from shared.domain.orders.order import OrderRow, absorb, lines_shown, read
from shared.domain.segments.metrics import Metrics, empty_metrics, extend
from shared.domain.segments.segmentation import due_at
from shared.domain.vietnam_time import local_day, moment, stamp
from shared.ports import Item, Key, NewId, Table
from shared.repositories import event_sources, table_keys, ticket_revenue
from shared.repositories.co_purchase import basket, recount
from shared.repositories.consent_log import keep_proofs
from shared.repositories.identity_resolution import IdentityResolver
from shared.repositories.order_signals import signals_of
from shared.repositories.orders import row_item, total_key
from shared.repositories.pickups import update_pickup_list, waits_at
from shared.repositories.profiles import RulesToday, load_members, metrics_of
from shared.repositories.segment_membership import LIFECYCLE_LANE, relabel
from shared.repositories.unit_of_work import UnitOfWork
from shared.repositories.vouchers import follow_order
from shared.use_cases.journeys.context import Journeys

ATTEMPTS = 6
MESSAGE_REMEMBERED = timedelta(days=90)
# Of what a custom event says journeys keep so many characters, of one text and of all.
TEXT_KEPT, TEXTS_KEPT = 1000, 3000


class Poison(NamedTuple):
    """An event that can never be taken in, and why."""

    event: Event
    reason: str


@dataclass
class IngestResult:
    """What became of a batch: events to try again later, events that never will work, and messages to be sent.

    `planned` are purpose and message id; they are written down already, so losing them here loses nothing.
    """

    planned: list[tuple[str, str]] = field(default_factory=list)
    retry: list[Event] = field(default_factory=list)
    poison: list[Poison] = field(default_factory=list)


@dataclass(frozen=True)
class EventIngestion:
    """Everything `take` needs besides the events."""

    table: Table
    secret: bytes
    new_id: NewId
    rules_today: RulesToday
    now: datetime
    journeys: Journeys

    def ingest(self, events: Sequence[Event]) -> IngestResult:
        """Take a batch in; safe to repeat with any part of it."""
        result = IngestResult()
        known: dict[Key, Item | None] = {}
        links = self._read_ahead(UnitOfWork(self.table, known), events)
        for group in self._groups(events, links, known):
            self._ingest_group(group, known, result)
        tills = self.journeys.sending.store_channels
        kinds = {kind for event in events for kind in event_sources.kinds_of(event, tills)}
        event_sources.note(self.table, self.journeys.memory, kinds, self.now)
        return result

    def _link_keys(self, event: Event) -> list[Key]:
        who = [*event.identities, *([event.previous] if event.previous else [])]
        joining = [i for i in who if i.joins] or who
        return [table_keys.link(link_key(i, self.secret)) for i in joining]

    def _read_ahead(self, uow: UnitOfWork, events: Sequence[Event]) -> dict[str, list[Key]]:
        """Two rounds of batch reads: links, markers and orders first, then the profiles and carts they lead to."""
        links = {event.id: self._link_keys(event) for event in events}
        first = [key for keys in links.values() for key in keys]
        first += [table_keys.seen_event(event.id) for event in events if _needs_marker(event)]
        first += [table_keys.order(event.order.order) for event in events if event.order]
        uow.load(first)
        second = []
        for event in events:
            homes = {link["customer"] for key in links[event.id] if (link := uow.get(key))}
            order = uow.get(table_keys.order(event.order.order)) if event.order else None
            if order and order.get("home"):
                homes.add(order["home"])
            second += [table_keys.profile(home) for home in homes]
            if event.type != "identify" and not _needs_marker(event):
                second += [table_keys.timeline(home, event.at, event.id) for home in homes]
            if event.cart:
                second += [table_keys.cart(home) for home in homes]
            if self.is_news(event):
                second += [table_keys.journeys_of(home) for home in homes]
        uow.load(second)
        return links

    def is_news(self, event: Event) -> bool:
        """Whether journeys may want to hear of an event."""
        told = event.type == "track" and event.name not in OURS and self.journeys.world.heard(event.name)
        return event.order is not None or told

    def _groups(
        self, events: Sequence[Event], links: dict[str, list[Key]], known: dict[Key, Item | None]
    ) -> Iterable[list[Event]]:
        """Events that share an identity, a customer or an order belong together; nothing else does."""
        parent: dict[str, str] = {}

        def find(name: str) -> str:
            while parent.setdefault(name, name) != name:
                name = parent[name]
            return name

        for event in events:
            mine = find(f"event {event.id}")
            names = [key.pk for key in links[event.id]]
            names += [f"customer {link['customer']}" for key in links[event.id] if (link := known.get(key))]
            if event.order:
                names.append(f"order {event.order.order}")
                order = known.get(table_keys.order(event.order.order))
                if order and order.get("home"):
                    names.append(f"customer {order['home']}")
            for name in list(names):
                if name.startswith("customer "):
                    profile = known.get(table_keys.profile(name[9:]))
                    if profile and "merged_into" in profile:
                        names.append(f"customer {profile['merged_into']['customer_id']}")
            for name in names:
                parent[find(name)] = mine
        groups: dict[str, list[Event]] = {}
        for event in events:
            groups.setdefault(find(f"event {event.id}"), []).append(event)
        return groups.values()

    def _ingest_group(self, group: list[Event], known: dict[Key, Item | None], result: IngestResult) -> None:
        group = sorted(group, key=lambda e: (e.at, e.id))
        for attempt in range(ATTEMPTS):
            # The read-ahead serves the first attempt; whoever lost a race reads again.
            work = _Group(self, UnitOfWork(self.table, known if attempt == 0 else None), first_try=attempt == 0)
            try:
                poison = work.run(group)
            except (Conflict, Busy):
                continue
            except (ValueError, LookupError, TypeError) as error:
                # What the table refuses for good, such as an item grown too large, comes out at the commit only.
                if len(group) == 1:
                    result.poison.append(Poison(group[0], _why(error)))
                else:
                    for event in group:
                        self._ingest_group([event], {}, result)
                return
            result.poison += poison
            result.planned += work.planned
            return
        result.retry += group


def _why(error: Exception) -> str:
    """The reason of a poison. It may quote the event, so it travels with the event and never into a log."""
    return f"{type(error).__name__}: {error}"


class _Group:
    """One group of events inside one draft."""

    def __init__(self, ingestion: EventIngestion, uow: UnitOfWork, *, first_try: bool) -> None:
        self.ingestion = ingestion
        self.uow = uow
        self.first_try = first_try
        self.rules: Rules = ingestion.rules_today.rules
        self.registry = IdentityResolver(uow, ingestion.secret, ingestion.new_id, ingestion.now)
        self.planned: list[tuple[str, str]] = []
        # Leads whose figures changed; None where only measuring all orders can tell.
        self.dirty: dict[str, Metrics | None] = {}
        # What journeys have to hear once the customers stand where they stand, and whether it is history (R1).
        self.news: list[tuple[str, Signal, bool]] = []

    def run(self, group: list[Event]) -> list[Poison]:
        poison = []
        for event in group:
            before = self.uow.savepoint(), dict(self.dirty), set(self.registry.remeasure), list(self.news)
            try:
                self._apply(event)
            except (Conflict, Busy):
                raise
            except (KhachQuenError, ValueError, LookupError, TypeError) as error:
                # Whatever is wrong with one event must not hold up its neighbours; it is reported with its reason.
                self.uow.rollback(before[0])
                self.dirty, self.registry.remeasure, self.news = before[1], before[2], before[3]
                poison.append(Poison(event, _why(error)))
            if self.uow.full:
                self._flush()
        self._flush()
        return poison

    def _flush(self) -> None:
        for customer_id in self.registry.remeasure:
            self.dirty[customer_id] = None
        self.registry.remeasure.clear()
        # Whoever was merged since is measured with the lead, whose own entry says None then.
        live = {self.registry.lead_of(home)["customer_id"] for home, _, history in self.news if not history}
        for customer_id in dict.fromkeys(self.registry.lead_of(i)["customer_id"] for i in self.dirty):
            lead = self.uow.get(table_keys.profile(customer_id))
            assert lead is not None
            metrics = self.dirty.get(customer_id)
            after = relabel(self.uow, load_members(self.uow, lead), metrics, self.ingestion.rules_today)
            if customer_id in live:
                changes = label_signals(lead.get("labels", ()), after["labels"], stamp(self.ingestion.now))
                self.news += [(customer_id, signal, False) for signal in changes if signal.name != "Lifecycle Changed"]
        self.dirty.clear()
        self._tell_journeys()
        self.uow.commit()

    def _tell_journeys(self) -> None:
        for created in self.registry.created:
            self.uow.assume_absent(table_keys.journeys_of(created))
        for home, signal, history in sorted(self.news, key=lambda told: told[1].at):
            members = load_members(self.uow, self.registry.lead_of(home))
            self.planned += self.ingestion.journeys.tell(
                self.uow, members, signal, home=home, history=history, first_try=self.first_try
            )
        self.news.clear()

    def _touch(self, customer_id: str, metrics: Metrics | None) -> None:
        self.dirty[customer_id] = metrics

    def _figures(self, lead: Item) -> Metrics | None:
        """The lead's figures so far in this draft."""
        return self.dirty[lead["customer_id"]] if lead["customer_id"] in self.dirty else metrics_of(lead)

    def _apply(self, event: Event) -> None:
        if _needs_marker(event):
            marker = table_keys.seen_event(event.id)
            if self.uow.get(marker):
                return
            self.uow.put(marker, {"ttl": int((self.ingestion.now + MESSAGE_REMEMBERED).timestamp())})
        home = self._home(event)
        if home and event.type != "identify" and self.uow.get(table_keys.timeline(home, event.at, event.id)):
            return  # taken in before
        if home:
            # Who speaks of an order without saying whose it is tells about the order only.
            if event.identities:
                self._learn(home, event)
                if event.type != "identify":
                    self.uow.mark(table_keys.timeline(home, event.at, event.id), self._entry(event))
            if event.cart:
                key = table_keys.cart(home)
                self.uow.put(key, carts.absorb(self.uow.get(key), event.id, event.at, event.cart))
            if event.order is None and self.ingestion.is_news(event):
                self.news.append((home, Signal(event.name, event.at, _flat(event.properties)), event.backfill))
        if event.order:
            self._order(home, event)

    def _home(self, event: Event) -> str | None:
        """The customer the event is about: by its identities, else by its order, else nobody (a walk-in)."""
        if event.identities:
            home = self.registry.resolve(event.identities, event.at)
            if event.previous:
                self.registry.resolve([event.previous, *event.identities], event.at)
            lead = self.registry.lead_of(home)
            if lead["customer_id"] not in self.dirty:
                if "metrics" not in lead:
                    self._touch(lead["customer_id"], empty_metrics(self.rules, self.ingestion.rules_today.cutoffs))
                elif not lead.get("labels"):
                    # A visitor may have become somebody by this very event.
                    self._touch(lead["customer_id"], metrics_of(lead))
            return home
        if event.order:
            order = self.uow.get(table_keys.order(event.order.order))
            return order.get("home") if order else None
        return None

    def _learn(self, home: str, event: Event) -> None:
        key = table_keys.profile(home)
        before = self.uow.get(key)
        assert before is not None
        profile = before
        if event.traits:
            profile = learn(profile, event.traits, event.at)
        if event.consent:
            profile = agree(profile, event.consent)
            keep_proofs(self.uow, home, event.consent)
        if event.type not in ("identify", "alias") and not event.order:
            day = local_day(moment(event.at)).isoformat()
            if day > profile.get("engaged_on", ""):
                profile = {**profile, "engaged_on": day}
        bought_at = event.order.content.get("store") if event.order else None
        for store in (bought_at, event.traits.get("home_store")):
            if store:
                profile = {**profile, "stores": {**profile.get("stores", {}), store: 1}}
        if profile == before:
            return
        self.uow.put(key, profile)
        lead = self.registry.lead_of(home)
        if lead["customer_id"] not in self.dirty:
            self._touch(lead["customer_id"], metrics_of(lead))
        if len(profile["names"]) > len(before["names"]) > 0 and different_people(profile["names"]) > 1:
            self.registry.ask_about_sharing(lead, profile)

    def _entry(self, event: Event) -> Item:
        """The event as the timeline keeps it."""
        entry: Item = {"at": event.at, "type": event.type, "name": event.name, "properties": event.properties}
        entry["stage"] = stage_of(event, self.rules)
        if event.identities:
            entry["by"] = min(event.identities, key=lambda i: i.strength).kind
        if event.source:
            entry["source"] = event.source
        if event.backfill:
            entry["backfill"] = True
        if event.order:
            entry["order_id"] = event.order.order
        return entry

    def _order(self, home: str | None, event: Event) -> None:
        fact = event.order
        assert fact is not None
        key = table_keys.order(fact.order)
        before = self.uow.get(key)
        order = absorb(before, fact)
        # Whose order it is: the latest statement of the sale itself; other facts only fill a gap.
        claim = [fact.at if fact.kind in ("placed", "updated") else "", event.id]
        if event.identities and claim > order.get("claim", ["", ""]):
            order |= {"home": home, "claim": claim}
        self._tell(order, None if event.identities else event, (before or {}).get("home"))
        if event.bad_phone and not order.get("bad_phone"):
            order["bad_phone"] = True
            self._quarantine(event)
        days = self.rules.orders.cod_matures_days
        today = self.ingestion.rules_today.today
        # As it was counted when it was last looked at: a COD order may have matured since.
        row_before = read(fact.order, before, date.fromisoformat(before["as_of"]), days) if before else None
        row = read(fact.order, order, today, days)
        placed_before = (before or {}).get("row")
        update_pickup_list(self.uow, fact.order, waits_at(fact.order, before, row_before), order, row)
        order["row"] = [order["home"], row.placed_at] if row and order.get("home") else None
        order["as_of"] = today.isoformat()
        order.pop("due", None)
        order.pop("due_at", None)
        if row and row.matures and not order.get("home"):
            # No customer is woken for it.
            order |= {"due": LIFECYCLE_LANE, "due_at": stamp(due_at(fact.order, row.matures))}
        self._credit(order, row)
        self.uow.put(key, order)
        self._totals(before or {}, row_before, -1)
        self._totals(order, row, 1)
        goods_before = basket(row_before, before["content"], self.rules.orders) if before else {}
        recount(self.uow, fact.order, goods_before, basket(row, order["content"], self.rules.orders))
        if placed_before and placed_before != order["row"]:
            self.uow.delete(table_keys.order_row(placed_before[0], placed_before[1], fact.order))
            self._touch(self.registry.lead_of(placed_before[0])["customer_id"], None)
        if order["row"] and row:
            content = order["content"]
            self.uow.mark(
                table_keys.order_row(order["home"], row.placed_at, fact.order),
                row_item(row, content, lines_shown(content)),
            )
            if row != row_before or placed_before != order["row"]:
                lead = self.registry.lead_of(order["home"])
                self._touch(lead["customer_id"], self._extended(lead, row, is_new=placed_before is None))
        for said in follow_order(self.uow, fact.order, before, order, row.placed_at if row else None):
            self.news.append((said.customer_id, Signal("Voucher Redeemed", said.at, said.properties), False))
        sending, products = self.ingestion.journeys.sending, self.ingestion.journeys.products
        history = order["backfill"]
        # What was told as history is news once the order is live, whichever came first (R1).
        told_before = before if before and before["backfill"] == history else None
        known = {signal.name for signal in signals_of(told_before, row_before, sending, products)}
        if told_before and row_before and row_before.status == "delivery_failed":
            known.add("Order Completed")  # told before the parcel was refused; it is on its way again now
        fresh = [signal for signal in signals_of(order, row, sending, products) if signal.name not in known]
        self.news += [(order["home"], signal, history) for signal in fresh]

    def _credit(self, order: Item, row: OrderRow | None) -> None:
        home = order.get("home")
        members = load_members(self.uow, self.registry.lead_of(home)) if home else []
        ticket_revenue.follow(self.uow, order, row, members)

    def _tell(self, order: Item, event: Event | None, home_before: str | None) -> None:
        """What is said of an order without saying whose it is goes on the timeline of whoever it belongs to (X15).

        It waits in the order while that is nobody, and moves with the order.
        """
        home, told = order.get("home"), order.get("told", {})
        if home and home != home_before:
            for when, entry in told.items():
                if home_before:
                    key = table_keys.timeline(home_before, *when.split("#", 1))
                    entry = self.uow.get(key)
                    self.uow.delete(key)
                self.uow.mark(table_keys.timeline(home, *when.split("#", 1)), entry)
            told = dict.fromkeys(told)
        if event:
            entry = self._entry(event)
            if home:
                self.uow.mark(table_keys.timeline(home, event.at, event.id), entry)
            told = {**told, f"{event.at}#{event.id}": None if home else entry}
        if told:
            order["told"] = told

    def _extended(self, lead: Item, row: OrderRow, *, is_new: bool) -> Metrics | None:
        figures_before = self._figures(lead)
        if not is_new or figures_before is None or lead.get("absorbed"):
            return None
        return extend(
            figures_before, row, self.ingestion.rules_today.today, self.rules, self.ingestion.rules_today.cutoffs
        )

    def _quarantine(self, event: Event) -> None:
        assert event.order is not None
        assert event.bad_phone is not None
        content = event.order.content
        entry: Item = {"raw": event.bad_phone["raw"], "reason": event.bad_phone["code"], "order_id": event.order.order}
        entry |= {name: content[name] for name in ("store", "cashier") if name in content}
        self.uow.mark(table_keys.bad_phone(event.at, event.id), entry)

    def _totals(self, order: dict[str, Any], row: OrderRow | None, sign: int) -> None:
        """The shop's totals of the day the order was placed, walk-ins included; they match the POS (R4)."""
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


def _flat(properties: str) -> dict[str, Any]:
    """What a custom event says, as far as journeys can ask for it: its own texts, whole numbers and yes or no.

    Runs keep it, and a write key stands in every browser: long texts are cut, and what is beyond is left out.
    """
    said: dict[str, Any] = {}
    room = TEXTS_KEPT
    for name, value in json.loads(properties).items():
        kept = value[:TEXT_KEPT] if isinstance(value, str) else value
        room -= len(name) + len(str(kept)) if isinstance(kept, str | int) else 0
        if isinstance(kept, str | int) and room >= 0:
            said[name] = kept
    return said


def _needs_marker(event: Event) -> bool:
    """Whether only a note of its own can tell that a message was taken in before.

    Elsewhere the timeline entry tells, because its key is made of the message's id and of its sender's time; identify
    calls are last-writer-wins and need neither. A device may be handed to somebody else between two deliveries.
    """
    if event.type == "identify":
        return False
    return event.our_time or all(who.kind == "anonymous" for who in event.identities)


def stage_of(event: Event, rules: Rules) -> str:
    """The stage of the customer journey an event belongs to (D17)."""
    return rules.stages.get(event.name if event.type == "track" else event.type, "engagement")
