"""The engine without its doors, over a local table in memory, and a picture of its whole state free of random ids."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from random import Random

from infra.local.stack.clock import LocalClock
from infra.local.stack.local_stack import LocalStack
from shared.adapters.local.fault_injection import FaultInjection
from shared.domain.errors import Busy
from shared.domain.events.segment_protocol import translate
from shared.domain.events.sender import Sender
from shared.domain.orders.order import read
from shared.domain.segments.metrics import measure
from shared.domain.segments.segmentation import classify
from shared.domain.vietnam_time import day_start, local_day, stamp
from shared.repositories import table_keys
from shared.repositories.profiles import RulesToday, load_members
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime import wiring
from shared.runtime.factories.journeys import event_ingestion, journeys
from shared.runtime.playbook.rules import rules
from shared.use_cases.customers.view import timeline, view
from shared.use_cases.segments.wake_due_customers import Waker

RULES = rules()
SECRET = b"k" * 32
MADE_BY_JOURNEYS = ("Journey Ended", "Voucher Issued", "Task Withdrawn")
START = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)  # ten in the morning


def faults(seed, **more):
    """As bad as the table gets: throttled, answers lost, index lagging, pages short."""
    return FaultInjection(Random(seed), **({"busy": 0.15, "lost_answers": 0.1, "lag": 6} | more))


def raise_again(row, error, last):
    """What a sweep gives up is a failure of the test."""
    raise error


# Rows that the table's stream keeps.
COUNTED = ("COUNTS", "DAY#", "PAIRS#")


class Engine:
    """Takes protocol messages in, lets days pass, and shows what became of them."""

    def __init__(self, now=START, bad_manners=None):
        self.bad_manners = bad_manners
        self._ids = count()
        self.random = Random(1)
        self._clock = LocalClock(now, frozen=True)
        self.stack = LocalStack(None, self._clock, faults=bad_manners, new_id=lambda: self.new_id())
        self.outside = self.stack.outside
        self.outside.identity_key = SECRET
        self.table = self.outside.table

    @property
    def now(self):
        return self._clock.now()

    @now.setter
    def now(self, to):
        self._clock.set(to)

    def new_id(self):
        # Random and unordered, as in production: nothing may hang on which id is the smaller.
        return f"{self.random.getrandbits(60):015x}{next(self._ids):04d}"

    @property
    def rules_today(self):
        return RulesToday(RULES, RULES.first_cutoffs, local_day(self.now))

    def _over(self, table):
        """The same process, over another table where a test puts one in between."""
        outside = replace(self.outside, table=table or self.table)
        outside.memory = self.outside.memory
        return outside

    def ingestion(self, table=None):
        """What the doors take events in with; over another table where a test puts one in between."""
        token = wiring.install(self._over(table))
        try:
            return event_ingestion(self.now)
        finally:
            wiring.uninstall(token)

    def journeys(self, table=None):
        token = wiring.install(self._over(table))
        try:
            return journeys(self.now)
        finally:
            wiring.uninstall(token)

    def event(self, message):
        return translate(
            message, kind=None, received_at=self.now, sent_at=None, new_id=self.new_id, rules=RULES, sender=Sender()
        )  # fmt: skip

    def take(self, *messages, table=None):
        """One batch in; what has to come again comes again until it is done. Poison is a failure of the test."""
        events = [self.event(message) for message in messages]
        for _ in range(50):
            outcome = self.ingestion(table).ingest(events)
            assert not outcome.poison, outcome.poison
            events = outcome.retry
            if not events:
                return
        raise AssertionError("a batch never got through")

    def pass_days(self, days):
        """Day by day, with the ticks of the early hours on each, until noon of the last."""
        for _ in range(days):
            self.now = day_start(local_day(self.now) + timedelta(days=1)) + timedelta(hours=3)
            self.ticks()
        self.now = max(self.now, day_start(local_day(self.now)) + timedelta(hours=12))

    def ticks(self, number=6):
        """Ticks a quarter of an hour apart; one that fails is made good by the next. How many were woken."""
        woken = 0
        for _ in range(number):
            with suppress(Busy):
                woken += Waker(self.journeys(), raise_again).sweep(self.now, clock=lambda: self.now, seconds=60).worked
            self.now += timedelta(minutes=15)
        return woken

    # ---- reading everything ----

    def items(self, prefix=""):
        """Every item whose partition key begins so, straight from the file."""
        if prefix in COUNTED:
            with self.honest():
                self.stack.read_stream()
        rows = self.table.store.db.execute("SELECT body FROM items ORDER BY pk, sk").fetchall()
        found = [json.loads(body) for (body,) in rows]
        return [item for item in found if item["pk"].startswith(prefix)]

    def profiles(self):
        return {i["customer_id"]: i for i in self.items("C#") if i["sk"] == "P"}

    def leads(self):
        return [p for p in self.profiles().values() if "merged_into" not in p]

    @contextmanager
    def honest(self):
        """Look without being lied to: AWS shows the truth a moment later."""
        bad = self.bad_manners
        manners = {n: getattr(bad, n) for n in ("busy", "lost_answers", "stale_reads", "short_pages")} if bad else {}
        for name in manners:
            setattr(bad, name, 0.0)
        try:
            yield
        finally:
            for name, rate in manners.items():
                setattr(bad, name, rate)

    def picture(self):
        """The whole state with every customer named by the identities that lead to them."""
        with self.honest():
            return self._picture()

    def _picture(self):
        uow = UnitOfWork(self.table)
        names, customers = {}, {}
        for lead in self.leads():
            members = load_members(uow, lead)
            name = " ".join(sorted({n for m in members for n in m["identities"]}))
            assert name not in customers, f"two customers go by {name}"
            for member in members:
                names[member["customer_id"]] = name
            seen = view(self.table, lead["customer_id"], self.rules_today)
            # Whose customer somebody is was decided when they first bought, and stays so.
            for key in ("customer_id", "merged", "keeper"):
                del seen[key]
            # What journeys made staff do is not taken back, as what they said is not.
            seen["journeys"] = []
            seen["tasks"] = sorted((t["reason"], t.get("with", "")) for t in seen["tasks"] if "journey" not in t)
            happened, after = timeline(self.table, lead["customer_id"], 500, None)
            assert after is None
            happened = [e for e in happened if e["name"] not in MADE_BY_JOURNEYS]
            seen["timeline"] = sorted(json.dumps(e, sort_keys=True) for e in happened)
            customers[name] = seen
        for seen in customers.values():
            seen["tasks"] = [(reason, names.get(other, other)) for reason, other in seen["tasks"]]
        self.check_lists()
        return {
            "customers": customers,
            "lists": {label: sorted(names[i] for i in members) for label, members in self.lists().items()},
            "risk": sorted((item["sk"].split("#")[0], names[item["customer_id"]], item["store"])
                           for item in self.items("RISK")),
            "days": self.days(),
            "bad_phones": sorted((i["raw"], i["order_id"]) for i in self.items("BADPHONE#")),
        }  # fmt: skip

    def lists(self):
        found = defaultdict(list)
        for item in self.items("S#"):
            found[item["pk"][2:]].append(item["sk"])
        return found

    def days(self):
        """The shop's totals by day, store, channel and cashier; nothing where everything is nought."""
        totals = defaultdict(Counter)
        for item in self.items("DAY#"):
            store, channel, cashier = item["sk"].split("|")
            totals[item["pk"], store, channel, cashier].update({k: v for k, v in item.items() if k not in ("pk", "sk")})
        return {key: kept for key, total in totals.items() if (kept := {k: v for k, v in sorted(total.items()) if v})}

    # ---- brute force: from the facts of the orders, without any standing figure ----

    def brute_labels(self):
        """Labels of every leading customer as of today, from order facts and profiles alone."""
        rows = self.order_rows()
        uow = UnitOfWork(self.table)
        found = {}
        for lead in self.leads():
            members = load_members(uow, lead)
            mine = [row for home, row in rows if home in {m["customer_id"] for m in members}]
            rules_today = self.rules_today
            m = measure(mine, rules_today.today, rules_today.rules, rules_today.cutoffs)
            folded = {**lead, "names": {}, "identities": {}}
            for member in members:
                folded["names"] |= member["names"]
                folded["identities"] |= member["identities"]
            engaged = [p["engaged_on"] for p in members if p.get("engaged_on")]
            folded |= {"engaged_on": max(engaged)} if engaged else {}
            found[lead["customer_id"]] = classify(
                m, folded, rules_today.today, rules_today.rules, rules_today.cutoffs
            ).labels
        return found

    def order_rows(self):
        found = []
        for item in self.items("ORDER#"):
            row = read(item["pk"][6:], item, self.rules_today.today, RULES.orders.cod_matures_days)
            if row:
                found.append((item.get("home"), row))
        return found

    def check_lists(self):
        """List counters equal members equal brute force; no stale rank; day totals equal the orders."""
        with self.honest():
            self._check_lists()

    def _check_lists(self):
        members = self.lists()
        counted = Counter()
        for item in self.items("COUNTS"):
            members_by_label = {label: count for label, count in item.items() if label not in ("pk", "sk")}
            assert min(members_by_label.values()) >= 0, item
            counted.update(members_by_label)
        assert {k: v for k, v in counted.items() if v} == {k: len(v) for k, v in members.items()}
        expected = defaultdict(list)
        for customer_id, labels in self.brute_labels().items():
            for label in labels:
                expected[label].append(customer_id)
        assert {k: sorted(v) for k, v in members.items()} == {k: sorted(v) for k, v in expected.items()}
        ranked = {item["customer_id"]: item["sk"] for item in self.items("RISK")}
        assert len(ranked) == len(self.items("RISK")), "somebody is ranked twice"
        assert ranked == {
            p["customer_id"]: table_keys.risk(p["risk"], p["customer_id"]).sk for p in self.leads() if "risk" in p
        }
        assert set(ranked) == set(members.get("at_risk", ()))
        self.check_days()
        self.check_rows()

    def check_days(self):
        orders = {item["pk"][6:]: item for item in self.items("ORDER#")}
        totals = defaultdict(Counter)
        for home, row in self.order_rows():
            if row.status == "cancelled":
                continue
            content = orders[row.order_id]["content"]
            key = f"DAY#{row.day}", content.get("store", ""), content.get("channel", ""), content.get("cashier", "")
            sale = int(row.total > 0)
            totals[key].update(
                orders=sale, gross=row.total, kept=row.kept, identified=row.total if home else 0,
                identified_orders=sale if home else 0, bad_phones=int(bool(orders[row.order_id].get("bad_phone"))),
            )  # fmt: skip
        expected = {k: {n: v for n, v in sorted(total.items()) if v} for k, total in totals.items()}
        assert self.days() == {k: v for k, v in expected.items() if v}

    def check_rows(self):
        """Every order stands under exactly the customer it belongs to, as it counts today."""
        stored = {}
        for item in self.items("C#"):
            if item["sk"].startswith("O#"):
                assert item["order_id"] not in stored, "an order stands in two places"
                stored[item["order_id"]] = (item["pk"][2:], item["kept"], item["counts"], item["status"])
        assert stored == {
            row.order_id: (home, row.kept, row.counts, row.status) for home, row in self.order_rows() if home
        }


def on(day, hour=3, minute=0):
    """A moment so many days after START's day, as it stands in a message."""
    return stamp(datetime(2026, 3, 1, hour, minute, tzinfo=UTC) + timedelta(days=day))


def local(text):
    return date.fromisoformat(text)


_numbers = count()


def message(kind, at, *, user=None, visitor=None, traits=None, message_id=None, context=None, **more):
    said = {"type": kind, "messageId": message_id or f"m{next(_numbers)}", "timestamp": at, **more}
    said |= {"userId": user} if user else {}
    said |= {"anonymousId": visitor} if visitor else {}
    context = {**(context or {})}
    if traits:
        if kind == "identify":
            said["traits"] = traits
        else:
            context["traits"] = traits
    return said | ({"context": context} if context else {})


def identify(at, user=None, *, visitor=None, **traits):
    return message("identify", at, user=user, visitor=visitor, traits=traits)


def track(event, at, user=None, *, visitor=None, traits=None, context=None, **properties):
    return message(
        "track", at, user=user, visitor=visitor, traits=traits, context=context, event=event, properties=properties
    )


def sale(order, at, user=None, *, total=500_000, **more):
    return track("Order Completed", at, user, order_id=order, total=total, **more)


def differences(one, other, path=""):
    """Where two pictures differ, one line for each place."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [
            line
            for key in sorted(one.keys() | other.keys(), key=str)
            for line in differences(one.get(key), other.get(key), f"{path}/{key}")
        ]
    return [] if one == other else [f"{path}: {one} | {other}"]


LATER = START + timedelta(days=45)
