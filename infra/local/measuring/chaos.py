"""`kq chaos`: many sends with the sender killed at every step in turn, and an account of what reached whom.

The real dispatch over the real table, queues and channel adapters, against the stand-ins over HTTP. What goes wrong:
the worker dies after a write, a call or a delete and everything it knew is gone; the queue hands out each message one
to five times in any order; the table is throttled and loses answers; providers refuse, rate-limit, time out and break
the connection after they took a message; planners die before they enqueue; half of the people never confirm receipt.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from itertools import count
from random import Random
from typing import Any, cast

from infra.local.measuring.synthetic_shop import phone
from infra.local.stack.clock import LocalClock
from infra.local.stack.local_stack import Handler, LocalStack, load_door
from shared.adapters.local.fault_injection import FaultInjection
from shared.domain.common.channels import Purpose
from shared.domain.customers.profile import new_profile
from shared.domain.messaging.message import FINAL, PROGRESS, Intent, Message
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.vietnam_time import VIETNAM, local_day, stamp
from shared.ports import Action, Channel, Item, Key, Outgoing, Put, Sent, Table
from shared.repositories import table_keys
from shared.repositories.messages import enqueue, plan
from shared.repositories.provider_status import ProviderLimits
from shared.repositories.rate_limits import Pace
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime import wiring
from shared.runtime.factories.channels import dispatcher
from shared.runtime.playbook.rules import sending_rules

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
A_CUSTOMER = 4
A_WAVE = 2000
MORTAL = ("messages_worker", "timers_schedule")
FAULTS = ("off", "crash_after_send", "timeout", "error", "rate_limit")
# Longer than a claim, a fallback and a cap: after this much quiet time nothing is left to come.
QUIET_DAYS = 12

SAYS: dict[Purpose, tuple[str, dict[str, Any]]] = {
    "transactional": ("order_thanks", {"order_code": "DH1", "total": 500_000, "ordered_on": "2026-03-02"}),
    "marketing": ("winback_30", {"new_url": "https://nhamay.example/hang-moi"}),
}


class Killed(BaseException):
    """The process is gone; nobody may catch it."""


@dataclass
class Reaper:
    """Kills the sender after a number of its steps that changes with every kill, so that every step has its turn."""

    longest: int
    door: str = ""
    dead: bool = False
    on: bool = True
    kills: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    _span: int = 0
    _left: int = 1

    def step(self, name: str) -> None:
        """One step of a door was made; from the one that kills it on nothing more is."""
        if self.door not in MORTAL:
            return
        if self.dead:
            raise Killed
        self.steps[name] += 1
        self._left -= 1
        if self._left <= 0 and self.on:
            self._span = self._span % self.longest + 1
            self._left = self._span
            self.kills[name] += 1
            self.dead = True
            raise Killed

    def alive(self) -> None:
        if self.dead and self.door in MORTAL:
            raise Killed


class MortalTable:
    """The table as a process sees it that may die after each of its writes."""

    def __init__(self, table: Table, reaper: Reaper) -> None:
        self._table, self._reaper = table, reaper

    def __getattr__(self, name: str) -> Any:
        self._reaper.alive()
        return getattr(self._table, name)

    def write(self, *actions: Action) -> Item | None:
        self._reaper.alive()
        answer = self._table.write(*actions)
        self._reaper.step(_written(actions))
        return answer


class MortalChannel:
    """A channel whose caller may die after the provider answered, or when it broke the connection."""

    def __init__(self, channel: Channel, reaper: Reaper) -> None:
        self._channel, self._reaper = channel, reaper

    def send(self, message: Outgoing) -> Sent:
        self._reaper.alive()
        try:
            return self._channel.send(message)
        finally:
            self._reaper.step("the provider was called")

    def was_taken(self, tracking_id: str) -> Any:
        self._reaper.alive()
        return self._channel.was_taken(tracking_id)


def _written(actions: tuple[Action, ...]) -> str:
    """What a write was for, as the report names it."""
    for action in actions:
        if isinstance(action, Put) and "message_id" in action.item and action.item["sk"].startswith("X#"):
            return f"written down as {action.item['status']}"
    key: Key = actions[0].key
    kind = key.pk.partition("#")[0]
    names = {
        "PACE": "tokens drawn",
        "CIRCUIT": "circuit opened",
        "LEASE": "lease moved",
        "QUOTA": "quota noted",
        "C": "timer claimed",
    }
    return names.get(kind, "other write")


@dataclass
class Report:
    """What came of it. `broken` holds every promise that was not kept, in words."""

    sends: int = 0
    calls: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    deliveries: Counter[int] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    dead_letters: int = 0
    seconds: float = 0.0


class Chaos:
    """One run; `progress` is told how many sends are planned."""

    def __init__(self, sends: int, *, seed: int = 0, longest: int = 97) -> None:
        self.sends = sends
        self._draw = Random(seed)  # noqa: S311 - a repeatable disaster, not a secret
        self._reaper = Reaper(longest)
        self._faults = FaultInjection(self._draw, busy=0.0, repeats=0.8)
        ids = count()
        self.stack = LocalStack(None, LocalClock(START, frozen=True), faults=self._faults, load=self._load,
                           new_id=lambda: f"chaos{next(ids):019d}")  # fmt: skip
        self._real = self.stack.outside
        self._real.public_url = "https://nhamay.example"
        self.rules = _rules(sends)
        self._count_deliveries()
        self._people = 0
        self._planned: set[str] = set()
        self._dispatcher = self._first_dispatcher()
        # An account whose quota is no matter here; what a short one does has tests of its own.
        zalo = self.stack.providers.stand_ins.zalo
        zalo.daily_quota = zalo.quota_left = 10 * sends
        self._new_worker()

    # ---- the sender and its deaths ----

    def _load(self, name: str) -> Handler:
        handler = load_door(name)

        def call(event: Any, context: Any) -> Any:
            self._reaper.door = name
            try:
                return handler(event, context)
            finally:
                self._reaper.door = ""

        return call

    def _first_dispatcher(self) -> Any:
        self.stack.outside = replace(self._real, table=MortalTable(self._real.table, self._reaper))
        token = wiring.install(self.stack.outside)
        try:
            made = dispatcher()
        finally:
            wiring.uninstall(token)
        channels = {name: MortalChannel(channel, self._reaper) for name, channel in made.channels.items()}
        return replace(made, channels=channels, rules=self.rules, chance=self._draw.random)

    def _new_worker(self) -> None:
        """A worker that knows nothing but what is written down. Its connections are the only thing it inherits."""
        self._reaper.dead = False
        outside = self.stack.outside = replace(self.stack.outside)
        pace = Pace(outside.table, self.rules, outside.memory)
        limits = ProviderLimits(outside.table, self.rules, outside.memory)
        made = replace(self._dispatcher, pace=pace, limits=limits)
        outside.memory.clients["dispatcher"] = ((outside.identity_key, outside.channel_accounts), made)

    def _live(self, act: Callable[[], object]) -> None:
        """Do something however often the sender dies meanwhile."""
        while True:
            try:
                act()
                return
            except Killed:
                self._new_worker()

    def _count_deliveries(self) -> None:
        """Let the deaths reach the queue's own step, and count how often each message is handed out."""
        self.delivered: Counter[str] = Counter()
        for name, queue in self.stack.queues.items():
            if not name.startswith("messages-") or name.endswith("-dlq"):
                continue
            receive, delete = queue.receive, queue.delete

            def received(most: int = 10, receive: Any = receive) -> Any:
                found = receive(most)
                self.delivered.update(message.id for message in found)
                return found

            def deleted(receipts: Any, delete: Any = delete) -> None:
                delete(receipts)
                self._reaper.door = "messages_worker"
                try:
                    self._reaper.step("taken off the queue")
                finally:
                    self._reaper.door = ""

            queue.receive, queue.delete = received, deleted  # type: ignore[method-assign, assignment]

    # ---- the run ----

    def run(self, progress: Callable[[int], None] = lambda _: None) -> Report:
        """Plan and send everything, let time pass until it is quiet, and account for every intent."""
        self._know_the_do_not_call_list()
        for number, wave in enumerate(_parts(self.sends, A_WAVE)):
            self._disturb(FAULTS[number % len(FAULTS)])
            self._plan(wave)
            self._live(self.stack.drain)
            to = self.stack.now + timedelta(minutes=self._draw.choice((1, 1, 2, 5)))
            self._live(lambda to=to: self.stack.advance(to))  # type: ignore[misc]
            progress(len(self._planned))
        # An hour more of all that, then everything recovers and what is left over is brought to its end.
        for _ in range(6):
            self._disturb(self._draw.choice(FAULTS))
            to = self.stack.now + timedelta(minutes=10)
            self._live(lambda to=to: self.stack.advance(to))  # type: ignore[misc]
        self._disturb("off")
        self._faults.busy = self._faults.lost_answers = 0.0
        self._reaper.on = False
        for _ in range(QUIET_DAYS):
            self._know_the_do_not_call_list()
            to = self.stack.now + timedelta(days=1)
            self._live(lambda to=to: self.stack.advance(to))  # type: ignore[misc]
        report = self.account()
        self.stack.close()
        return report

    def _know_the_do_not_call_list(self) -> None:
        pk, sk = table_keys.DO_NOT_CALL_STATE
        self._real.table.write(Put({"pk": pk, "sk": sk, "checked_on": local_day(self.stack.now).isoformat()}))

    def _disturb(self, mode: Any) -> None:
        for channel in ("zns", "email", "sms_care"):
            self.stack.providers.set_fault(channel, mode, 0.0 if mode == "off" else 0.3)

    def _plan(self, numbers: range) -> None:
        """Plan one wave: people, and two kinds of message for each of them."""
        self._faults.busy = self._faults.lost_answers = 0.0
        for first in range(numbers.start, numbers.stop, A_CUSTOMER * 20):
            block = range(first, min(first + A_CUSTOMER * 20, numbers.stop))
            people = {number // A_CUSTOMER for number in block}
            self._real.table.write(*[Put(self._person(number)) for number in sorted(people)])
            intents = [self._intent(number) for number in block]
            uow = UnitOfWork(self._real.table)
            uow.load(table_keys.message(intent.message_id) for intent in intents)
            for intent in intents:
                plan(uow, intent, self.stack.now, self.rules)
                self._planned.add(intent.message_id)
            uow.commit()
            for purpose in SAYS:
                ids = [intent.message_id for intent in intents if intent.purpose == purpose]
                if ids and self._draw.random() < 0.95:  # else: the planner dies before it enqueues
                    enqueue(self._real.messages[purpose], ids)
        self._faults.busy, self._faults.lost_answers = 0.01, 0.005

    def _person(self, number: int) -> Item:
        key = table_keys.profile(_customer(number))
        at = stamp(self.stack.now)
        profile = new_profile(_customer(number), at)
        who = {f"phone:+84{phone(number)[1:]}": {"at": at, "certainty": "verified"}}
        if number % 7 == 0:
            who[f"email:khach{number}@example.vn"] = {"at": at, "certainty": "verified"}
        granted = number % 10 != 3
        consent = {
            f"{channel}:marketing": {"granted": granted, "at": at, "source": "pos", "proof": "QR"}
            for channel in ("zns", "email", "sms_ad")
        }
        if number % 2:
            self.stack.providers.stand_ins.zalo.never_delivered.add(f"+84{phone(number)[1:]}")
        return {**profile, "identities": who, "consent": consent, "traits": {"name": "Nguyễn Thị Lan"},
                "pk": key.pk, "sk": key.sk, "version": 1}  # fmt: skip

    def _intent(self, number: int) -> Intent:
        purpose: Purpose = "marketing" if number % 2 else "transactional"
        template, variables = SAYS[purpose]
        now = self.stack.now
        send_after = send_before = None
        if number % 9 == 0:
            send_before = now + timedelta(minutes=30)
        elif number % 25 == 1:
            # Late in the evening: lawful for nobody, and in the morning too late.
            send_after = datetime.combine(local_day(now), time(23), VIETNAM)
            send_before = send_after + timedelta(hours=2)
        elif number % 11 == 0:
            send_after = now + timedelta(minutes=number % 90)
        return Intent(_customer(number // A_CUSTOMER), "winback_30", str(number), "step", purpose, template, variables,
                      send_after=send_after, send_before=send_before)  # fmt: skip

    # ---- the account ----

    def account(self) -> Report:
        """Hold what the table says to what the stand-ins received."""
        report = Report(sends=self.sends, kills=self._reaper.kills, steps=self._reaper.steps)
        report.deliveries = Counter(self.delivered.values())
        report.dead_letters = sum(
            len(queue.peek(10**6)) for name, queue in self.stack.queues.items() if name.endswith("-dlq")
        )
        took: dict[str, Counter[str]] = {}
        for place in self.stack.providers.stand_ins:
            for one in place.received:
                took.setdefault(one.tracking_id, Counter())[one.channel] += 1
                report.calls += 1
        found = {message["message_id"]: message for message in self._messages()}
        for message_id in sorted(self._planned):
            message = found.get(message_id)
            if message is None:
                report.broken.append(f"{message_id} is lost")
                continue
            report.outcomes[message["purpose"], message["status"], message["reason"]] += 1
            report.broken += [
                f"{message_id}: {why}" for why in _wrong(message, took.get(message_id, Counter()), self.rules)
            ]
        report.broken += [f"{message_id} was sent and never planned" for message_id in took.keys() - self._planned]
        if sum(report.outcomes.values()) != self.sends:
            report.broken.append(f"{sum(report.outcomes.values())} outcomes of {self.sends} intents")
        report.broken += self._waiting_lists()
        return report

    def _messages(self) -> Iterator[Message]:
        for number in range(-(-self.sends // A_CUSTOMER)):
            low, high = table_keys.MESSAGES
            uow = UnitOfWork(self._real.table)
            yield from cast(list[Message], uow.collection(table_keys.profile(_customer(number)).pk, low, high))

    def _waiting_lists(self) -> list[str]:
        """A waiting list may not hold a message that has ended: it would hold up all after it."""
        wrong = []
        for number in range(-(-self.sends // A_CUSTOMER)):
            ledger = self._real.table.get(table_keys.contacts(_customer(number))) or {}
            wrong += [f"{message_id} still waits on its customer's list" for message_id in ledger.get("waiting", ())]
        return wrong


def _wrong(message: Message, took: Counter[str], rules: SendingRules) -> list[str]:
    """Which promises one message broke, given how often each channel took it."""
    wrong = []
    status, times = message["status"], sum(took.values())
    most = 1 if message["purpose"] == "marketing" else 2
    for channel, number in took.items():
        if number > most:
            wrong.append(f"{message['purpose']} reached {channel} {number} times")
    # Another channel may only follow where the first was not opened or its failure was reported.
    passed_on = sum(line[2] in ("not_opened", "bounced", "next_channel") for line in message["log"])
    if times > most + passed_on:
        wrong.append(f"{message['purpose']} went out {times} times")
    if status not in FINAL and status not in PROGRESS:
        wrong.append(f"is still {status} ({message['reason']})")
    elif "due_at" in message:
        wrong.append(f"is {status} and still due at {message['due_at']}")
    if status in ("suppressed", "expired") and times:
        wrong.append(f"is {status} ({message['reason']}) but reached somebody")
    if status in PROGRESS and not times:
        wrong.append(f"is {status} but reached nobody")
    if any(line[2] not in rules.reasons for line in message["log"]):
        wrong.append("has a reason without words")
    return wrong


def _rules(sends: int) -> SendingRules:
    """The playbook's rules with money and pace enough for so many sends, and two advertisements a week."""
    rules = sending_rules()
    caps = {
        **rules.caps,
        "marketing": rules.caps["marketing"] and rules.caps["marketing"].model_copy(update={"messages": 2}),
    }
    channels = {
        name: one.model_copy(update={"per_minute": max(one.per_minute, 3000)}) for name, one in rules.channels.items()
    }
    return rules.model_copy(update={"caps": caps, "channels": channels, "daily_budget_vnd": 1000 * sends})


def _customer(number: int) -> str:
    return f"person{number:018d}"


def _parts(total: int, size: int) -> Iterator[range]:
    for first in range(0, total, size):
        yield range(first, min(first + size, total))


def show(sends: int, seed: int) -> bool:
    """Run it, print the account; whether every promise was kept."""
    import time as clock

    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table as Sheet

    # A sender that dies ten thousand times has much to say.
    os.environ["POWERTOOLS_LOG_LEVEL"] = "CRITICAL"
    logging.getLogger("khach_quen.local").setLevel(logging.CRITICAL)
    console, began = Console(), clock.perf_counter()
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(f"{sends:,} sends", total=sends)
        report = Chaos(sends, seed=seed).run(lambda done: bar.update(task, completed=done))
    report.seconds = clock.perf_counter() - began
    killed = Sheet(title=f"The sender died {sum(report.kills.values()):,} times, each time right after")
    for column, side in (("step", "left"), ("times made", "right"), ("deaths after it", "right")):
        killed.add_column(column, justify=side)  # type: ignore[arg-type]
    for name, times in sorted(report.steps.items()):
        killed.add_row(name, f"{times:,}", f"{report.kills[name]:,}")
    outcomes = Sheet(title=f"What became of {report.sends:,} intents")
    for column, side in (("purpose", "left"), ("outcome", "left"), ("reason", "left"), ("messages", "right")):
        outcomes.add_column(column, justify=side)  # type: ignore[arg-type]
    for (purpose, status, reason), number in sorted(report.outcomes.items()):
        outcomes.add_row(purpose, status, reason, f"{number:,}")
    outcomes.add_row("", "", "together", f"{sum(report.outcomes.values()):,}", style="bold")
    console.print(killed)
    console.print(outcomes)
    often = ", ".join(f"{times}: {number:,}" for times, number in sorted(report.deliveries.items()))
    console.print(f"Queue messages by how often they were delivered: {often}; {report.dead_letters:,} in dead letters.")
    console.print(
        f"The stand-ins took {report.calls:,} messages, all over HTTP, in {report.seconds:,.0f} s of real time."
    )
    for line in report.broken[:50]:
        console.print(f"[red]{line}[/]")
    kept = not report.broken
    console.print(
        "[green]No advertisement reached a provider twice, nothing was lost, outcomes add up to intents.[/]"
        if kept
        else f"[red]{len(report.broken):,} promises were broken.[/]"
    )
    return kept
