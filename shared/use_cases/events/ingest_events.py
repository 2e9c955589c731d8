"""Ingest customer events: resolve the customer, keep the facts, relabel, and signal journeys.

A batch is read with a handful of batch reads, split into groups that have nothing in common, and each group commits on
its own: one poison record fails alone, one contended customer delays no other. The same events ingested again, late or
in another order end in the same state.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from shared.domain.common.playbook_rules import Rules
from shared.domain.customers.identity import link_key
from shared.domain.customers.profile import Profile, agree, belonging_to, different_people, given_for, learn
from shared.domain.errors import Busy, Conflict, KhachQuenError
from shared.domain.events.event import Event
from shared.domain.events.timeline_entry import timeline_entry
from shared.domain.journeys.engine import Signal
from shared.domain.journeys.label_signals import label_signals
from shared.domain.journeys.vocabulary import INTERNAL_SIGNALS
from shared.domain.orders import cart as carts
from shared.domain.orders.order import OrderRow
from shared.domain.segments.metrics import Metrics, empty_metrics, extend
from shared.domain.vietnam_time import local_day, moment, stamp
from shared.ports import Item, Key, NewId, Table
from shared.repositories import event_sources, profiles, table_keys, visitors
from shared.repositories.consent_log import keep_proofs
from shared.repositories.identity_resolution import IdentityResolver, is_known
from shared.repositories.order_events import OrderEvents
from shared.repositories.order_signals import CustomerSignal
from shared.repositories.profiles import RulesToday, load_members, metrics_of
from shared.repositories.retry import retried
from shared.repositories.segment_membership import relabel
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.events.grouping import group_events
from shared.use_cases.journeys.advance import handle_signal
from shared.use_cases.journeys.context import JourneyContext

EVENT_REMEMBERED = timedelta(days=90)
# Characters of a custom event that journeys keep, per text and in total.
TEXT_KEPT, TEXTS_KEPT = 1000, 3000


class Poison(NamedTuple):
    """An event that can never be ingested, with the reason."""

    event: Event
    reason: str


@dataclass
class IngestResult:
    """The result of a batch: events to retry, poison events, and messages to enqueue.

    `planned` are purpose and message id; the messages are stored already, so losing them here loses nothing.
    """

    planned: list[tuple[str, str]] = field(default_factory=list)
    retry: list[Event] = field(default_factory=list)
    poison: list[Poison] = field(default_factory=list)


@dataclass(frozen=True)
class EventIngestion:
    """Ingests batches of events; one per invocation."""

    table: Table
    secret: bytes
    new_id: NewId
    rules_today: RulesToday
    now: datetime
    journeys: JourneyContext

    def ingest(self, events: Sequence[Event]) -> IngestResult:
        """Ingest a batch; safe to repeat with any part of it."""
        result = IngestResult()
        known: dict[Key, Item | None] = {}
        links = self._read_ahead(UnitOfWork(self.table, known), events)
        for group in group_events(events, links, known):
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
            if self.is_signal(event):
                second += [table_keys.journeys_of(home) for home in homes]
        uow.load(second)
        return links

    def is_signal(self, event: Event) -> bool:
        """Whether a journey may listen to an event."""
        custom = (
            event.type == "track" and event.name not in INTERNAL_SIGNALS and self.journeys.playbook.heard(event.name)
        )
        return event.order is not None or custom

    def _ingest_group(self, group: list[Event], known: dict[Key, Item | None], result: IngestResult) -> None:
        group = sorted(group, key=lambda e: (e.at, e.id))
        try:
            done = retried(self.table, lambda attempt: self._commit_group(group, known, attempt))
        except Busy:
            result.retry += group
        except (ValueError, LookupError, TypeError) as error:
            # What the table refuses for good, such as an item grown too large, comes out at the commit only.
            if len(group) == 1:
                result.poison.append(Poison(group[0], _why(error)))
            else:
                for event in group:
                    self._ingest_group([event], {}, result)
        else:
            result.poison += done.poison
            result.planned += done.planned

    def _commit_group(self, group: list[Event], known: dict[Key, Item | None], attempt: int) -> _Group:
        # The read-ahead serves the first attempt; after a conflict everything is read again.
        work = _Group(self, UnitOfWork(self.table, known if attempt == 0 else None), first_try=attempt == 0)
        work.run(group)
        return work


def _why(error: Exception) -> str:
    """The reason of a poison. It may quote the event, so it travels with the event and never into a log."""
    return f"{type(error).__name__}: {error}"


class _Group:
    """One group of events inside one unit of work."""

    def __init__(self, ingestion: EventIngestion, uow: UnitOfWork, *, first_try: bool) -> None:
        self.ingestion = ingestion
        self.uow = uow
        self.first_try = first_try
        self.now = ingestion.now
        self.rules: Rules = ingestion.rules_today.rules
        self.resolver = IdentityResolver(uow, ingestion.secret, ingestion.new_id, ingestion.now)
        journeys = ingestion.journeys
        self.orders = OrderEvents(uow, self.resolver, ingestion.rules_today, journeys.sending, journeys.products)
        self.planned: list[tuple[str, str]] = []
        self.poison: list[Poison] = []
        # Leads whose metrics changed; None where they have to be measured from all orders.
        self.dirty: dict[str, Metrics | None] = {}
        # Signals to journeys, sent once the customers are relabelled.
        self.signals: list[CustomerSignal] = []

    def run(self, group: list[Event]) -> None:
        for event in group:
            before = self.uow.savepoint(), dict(self.dirty), set(self.resolver.remeasure), list(self.signals)
            try:
                self._apply(event)
            except (Conflict, Busy):
                raise
            except (KhachQuenError, ValueError, LookupError, TypeError) as error:
                # A poison event must not hold up its neighbours; it is reported with its reason.
                self.uow.rollback(before[0])
                self.dirty, self.resolver.remeasure, self.signals = before[1], before[2], before[3]
                self.poison.append(Poison(event, _why(error)))
            if self.uow.full:
                self._flush()
        self._flush()

    def _flush(self) -> None:
        for customer_id in self.resolver.remeasure:
            self.dirty[customer_id] = None
        self.resolver.remeasure.clear()
        # A customer merged since is measured with its lead, whose own entry is None then.
        live = {self.resolver.lead_of(home)["customer_id"] for home, _, history in self.signals if not history}
        for customer_id in dict.fromkeys(self.resolver.lead_of(i)["customer_id"] for i in self.dirty):
            lead = profiles.find(self.uow, customer_id)
            assert lead is not None
            metrics = self.dirty.get(customer_id)
            after = relabel(self.uow, load_members(self.uow, lead), metrics, self.ingestion.rules_today)
            if customer_id in live:
                changes = label_signals(lead.get("labels", ()), after["labels"], stamp(self.ingestion.now))
                changes = [signal for signal in changes if signal.name != "Lifecycle Changed"]
                self.signals += [CustomerSignal(customer_id, signal, history=False) for signal in changes]
        self.dirty.clear()
        self._signal_journeys()
        self.uow.commit()

    def _signal_journeys(self) -> None:
        for created in self.resolver.created:
            self.uow.assume_absent(table_keys.journeys_of(created))
        for home, signal, history in sorted(self.signals, key=lambda one: one.signal.at):
            members = load_members(self.uow, self.resolver.lead_of(home))
            self.planned += handle_signal(
                self.ingestion.journeys, self.uow, members, signal, home=home, history=history, first_try=self.first_try
            )
        self.signals.clear()

    def _touch(self, customer_id: str, metrics: Metrics | None) -> None:
        self.dirty[customer_id] = metrics

    def _metrics(self, lead: Profile) -> Metrics | None:
        """The lead's metrics so far in this unit of work."""
        return self.dirty[lead["customer_id"]] if lead["customer_id"] in self.dirty else metrics_of(lead)

    def _apply(self, event: Event) -> None:
        if _needs_marker(event):
            if seen := self.uow.get(table_keys.seen_event(event.id)):
                if not _is_of_another_order(event, seen):
                    return
                event = _under_its_order(event)
                if self.uow.get(table_keys.seen_event(event.id)):
                    return
            marker = {"ttl": int((self.ingestion.now + EVENT_REMEMBERED).timestamp())}
            order = {"order_id": event.order.order} if event.order else {}
            self.uow.put(table_keys.seen_event(event.id), marker | order)
        home = self._home(event)
        if home and event.type != "identify" and (told := self.uow.get(table_keys.timeline(home, event.at, event.id))):
            if not _is_of_another_order(event, told):
                return  # ingested before
            event = _under_its_order(event)
        if home:
            # An order event that names no customer is about the order only.
            if event.identities:
                self._learn(home, event)
                if event.type != "identify":
                    self.uow.mark(table_keys.timeline(home, event.at, event.id), timeline_entry(event, self.rules))
            if event.cart:
                key = table_keys.cart(home)
                self.uow.put(key, carts.absorb(self.uow.get(key), event.id, event.at, event.cart))
            if event.order is None and self.ingestion.is_signal(event):
                signal = Signal(event.name, event.at, _flat(event.properties))
                self.signals.append(CustomerSignal(home, signal, event.backfill))
        if event.order:
            self._apply_order(home, event)

    def _home(self, event: Event) -> str | None:
        """The customer of the event: by its identities, else by its order, else None (a walk-in)."""
        if event.identities:
            name = str(event.traits.get("name", ""))
            home = (
                self._visitor(event, name) if event.browser else self.resolver.resolve(event.identities, event.at, name)
            )
            if event.previous:
                self.resolver.resolve([event.previous, *event.identities], event.at, name, stated=True)
            lead = self.resolver.lead_of(home)
            if lead["customer_id"] not in self.dirty:
                if "metrics" not in lead:
                    self._touch(lead["customer_id"], empty_metrics(self.rules, self.ingestion.rules_today.cutoffs))
                elif not lead.get("labels"):
                    # This very event may have identified an anonymous visitor.
                    self._touch(lead["customer_id"], metrics_of(lead))
            return home
        if event.order:
            order = self.uow.get(table_keys.order(event.order.order))
            return order.get("home") if order else None
        return None

    def _visitor(self, event: Event, name: str) -> str:
        """The customer of a browser's event: by its own id, and by what proves its user (X24).

        What it claims beside that is a hint on an anonymous visitor's profile, and on nobody else's.
        """
        believed = [who for who in event.identities if who.joins]
        device = next(who for who in believed if who.kind == "anonymous")
        if event.visitor_token and (customer := visitors.redeem(self.uow, event.visitor_token, device, self.now)):
            self.resolver.hand_over(device, customer, event.at)
        home = self.resolver.resolve(believed, event.at, name)
        if not is_known(self.resolver.lead_of(home)):
            self.resolver.hint(home, [who for who in event.identities if not who.joins], event.at)
        return home

    def _learn(self, home: str, event: Event) -> None:
        key = table_keys.profile(home)
        before = profiles.find(self.uow, home)
        assert before is not None
        profile = before
        # What a page says of a visitor who is somebody is not theirs to say, unless it has proven them.
        believed = event.proven or not event.browser or not is_known(self.resolver.lead_of(home))
        if event.traits and believed:
            profile = learn(profile, event.traits, event.at)
        if event.consent:
            profile = agree(profile, given_for(event.consent, event.identities))
            keep_proofs(self.uow, home, event.consent)
        if event.type not in ("identify", "alias") and not event.order:
            day = local_day(moment(event.at)).isoformat()
            if day > profile.get("engaged_on", ""):
                profile = {**profile, "engaged_on": day}
        bought_at = event.order.content.get("store") if event.order else None
        for store in (bought_at, event.traits.get("home_store")):
            if store:
                profile = belonging_to(profile, store)
        if profile == before:
            return
        self.uow.put(key, profile)
        lead = self.resolver.lead_of(home)
        if lead["customer_id"] not in self.dirty:
            self._touch(lead["customer_id"], metrics_of(lead))
        if profile["names"] == before["names"]:
            return
        if "merged_into" in profile or lead.get("absorbed"):
            self.resolver.part_strangers(home, event.at)
            lead = self.resolver.lead_of(home)
        if len(before["names"]) > 0 and different_people(profile["names"]) > 1:
            self.resolver.ask_about_sharing(lead, profile)

    def _apply_order(self, home: str | None, event: Event) -> None:
        change = self.orders.apply(home, event)
        if change.left:
            self._touch(self.resolver.lead_of(change.left)["customer_id"], None)
        if change.home and change.row:
            lead = self.resolver.lead_of(change.home)
            self._touch(lead["customer_id"], self._extended(lead, change.row, is_new=change.is_new))
        self.signals += change.signals

    def _extended(self, lead: Profile, row: OrderRow, *, is_new: bool) -> Metrics | None:
        """The lead's metrics with one more order, or None where they have to be measured from all orders."""
        metrics = self._metrics(lead)
        if not is_new or metrics is None or lead.get("absorbed"):
            return None
        today = self.ingestion.rules_today
        return extend(metrics, row, today.today, today.rules, today.cutoffs)


def _is_of_another_order(event: Event, seen: Item) -> bool:
    """Whether a sender gave two orders' events one id: an order's own number outranks the id of a message."""
    return event.order is not None and seen.get("order_id", event.order.order) != event.order.order


def _under_its_order(event: Event) -> Event:
    assert event.order is not None
    return event.model_copy(update={"id": f"{event.id}~{event.order.order}"})


def _flat(properties: str) -> dict[str, Any]:
    """The properties of a custom event that journeys can use: texts, whole numbers and booleans of the first level.

    Runs store them, and any browser has a write key: long texts are cut, and what exceeds the total is left out.
    """
    flat: dict[str, Any] = {}
    room = TEXTS_KEPT
    for name, value in json.loads(properties).items():
        kept = value[:TEXT_KEPT] if isinstance(value, str) else value
        room -= len(name) + len(str(kept)) if isinstance(kept, str | int) else 0
        if isinstance(kept, str | int) and room >= 0:
            flat[name] = kept
    return flat


def _needs_marker(event: Event) -> bool:
    """Whether deduplication needs an item of its own.

    Elsewhere the timeline entry serves, because its key is made of the event's id and its sender's time; identify
    calls are last-writer-wins and need neither. A shared device may change its customer between two deliveries.
    """
    if event.type == "identify":
        return False
    return event.our_time or event.browser or all(who.kind == "anonymous" for who in event.identities)
