"""`kq demo`: a real shop's year through the HTTP doors under a simulated clock, and the picture at its end."""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as day_time
from pathlib import Path
from typing import Any

from infra.local.clock import LocalClock
from infra.local.house import House
from infra.local.keys import Keys, local_keys
from infra.local.shop_history import Invoice, days, events_of, invoices
from infra.local.trouble import Trouble
from shared.domain.message import WAITING, Message
from shared.domain.vietnam_time import VIETNAM, day_start, moment
from shared.ports import NewId
from shared.use_cases import layout
from shared.use_cases.scan_winback import listed

# Lists are made by six in the morning; tills report what they sold at noon, in the afternoon and after closing.
MORNING = day_time(6, 30)
REPORTS = (day_time(12, 30), day_time(16, 30), day_time(21, 30))
# Zalo takes nothing on these days, so that the messages of everybody find another way.
OUTAGES = frozenset((date(2010, 1, 12), date(2010, 7, 15)))
BATCH_EVENTS = 100
SHOWN_OF_WINBACK = 12
# The phone on show belongs to somebody who got about this many messages: a year, and still to be read.
SHOWN_OF_PHONE = 12

# List prices in USD a million: request and read units, write units, SQS per 64 KB, HTTP API and Lambda requests.
PRICES = {"read_units": 0.125, "write_units": 0.625, "queue_sends": 0.40, "http": 1.00, "lambda": 0.20}

Event = dict[str, Any]


class RefusedError(RuntimeError):
    """A door said no to what the demo sent."""


@dataclass(frozen=True)
class Week:
    """How many customers each label had on a morning."""

    day: date
    labels: dict[str, int]


@dataclass(frozen=True)
class Month:
    """The shop's totals of a month as the product has them, in VND; `named` is the part with a known customer."""

    first: date
    revenue: int
    named: int


@dataclass(frozen=True)
class Cashier:
    """How often somebody at a till typed what cannot be a phone number."""

    name: str
    store: str
    orders: int
    fakes: int


@dataclass(frozen=True)
class Tally:
    """So many messages ended this way on this channel, and what they cost in VND."""

    channel: str
    status: str
    reason: str
    messages: int
    cost: int


@dataclass(frozen=True)
class Turn:
    """So many messages left or had to wait for a channel for this reason."""

    channel: str
    reason: str
    messages: int


@dataclass(frozen=True)
class Bubble:
    """One message as its receiver sees it; `at` is when it was sent, the text is what the provider received."""

    at: datetime
    channel: str
    status: str
    reason: str
    text: str
    cost: int


@dataclass(frozen=True)
class Phone:
    """One customer's phone at the end of the year."""

    name: str
    bubbles: list[Bubble]


@dataclass(frozen=True)
class Picture:
    """Everything the demo shows at its end. `winback` are the rows of the last morning's list."""

    first: date
    last: date
    seconds: float
    events: int
    customers: int
    returning: int
    weeks: list[Week]
    months: list[Month]
    cashiers: list[Cashier]
    winback: list[dict[str, Any]]
    messages: list[Tally]
    turns: list[Turn]
    phone: Phone | None
    meter: dict[str, dict[str, float]]
    calls: Counter[str]

    @property
    def labels(self) -> dict[str, int]:
        return self.weeks[-1].labels

    @property
    def revenue(self) -> int:
        return sum(month.revenue for month in self.months)

    @property
    def named(self) -> int:
        return sum(month.named for month in self.months)

    @property
    def message_count(self) -> int:
        return sum(tally.messages for tally in self.messages)

    @property
    def message_cost(self) -> int:
        """What the providers charged, in VND."""
        return sum(tally.cost for tally in self.messages)

    def messages_per_thousand(self) -> float:
        """VND for the messages of 1,000 customers over the time shown."""
        return self.message_cost / self.customers * 1000

    def cost_per_thousand(self) -> float:
        """USD for 1,000 customers over the time shown, by list prices, without Lambda's computing time."""
        used: Counter[str] = Counter(self.calls)
        for use in self.meter.values():
            used.update({name: use[name] for name in ("read_units", "write_units", "queue_sends")})
        return sum(used[name] * price for name, price in PRICES.items()) / 1e6 / self.customers * 1000


@dataclass
class Replay:
    """A shop's history on its way through the doors of a house, one calendar day at a time."""

    house: House
    keys: Keys
    shop: Sequence[Invoice] = field(default_factory=invoices)
    events: int = 0
    calls: Counter[str] = field(default_factory=Counter)

    @property
    def first(self) -> date:
        return self.shop[0].day

    @property
    def last(self) -> date:
        return self.shop[-1].day

    def mornings(self) -> Iterator[date]:
        """Every morning of the history and the one after it, each when its lists are made and before the shop opens.

        Asking for the next morning sells and reports the day, closes it, and lets the night pass.
        """
        sold = dict(days(self.shop))
        registered: set[str] = set()
        day = self.first
        while True:
            self._let_pass(day, MORNING)
            yield day
            if day > self.last:
                return
            self.house.town.set_fault("zns", "error" if day in OUTAGES else "off", 1.0)
            untold = sold.get(day, [])
            for at in REPORTS if untold else ():
                self._let_pass(day, at)
                told = [invoice for invoice in untold if at == REPORTS[-1] or invoice.at.time() < at]
                untold = untold[len(told) :]
                for report in events_of(told, registered).values():
                    self._send(report)
                self._count(self.house.drain())
            day += timedelta(days=1)

    def get(self, path: str, query: str = "") -> Any:
        """The body a door answers a question with; raises RefusedError."""
        return self._call("GET", path, query, {"authorization": f"Bearer {self.keys.api_key}"}, b"")

    def find(self, identities: dict[str, str]) -> Any:
        """The 360° view of the customer with this identity; raises RefusedError."""
        body = json.dumps(identities).encode()
        return self._call("POST", "/v1/customers/search", "", {"authorization": f"Bearer {self.keys.api_key}"}, body)

    def _send(self, report: list[Event]) -> None:
        basic = base64.b64encode(f"{self.keys.write_key}:".encode()).decode()
        headers = {"authorization": f"Basic {basic}", "content-type": "application/json"}
        for start in range(0, len(report), BATCH_EVENTS):
            batch = report[start : start + BATCH_EVENTS]
            body = json.dumps({"batch": batch, "sentAt": self.house.now.isoformat()}, ensure_ascii=False).encode()
            self._call("POST", "/v1/batch", "", headers, body)
            self.calls["http"] += 1
            self.calls["lambda"] += 1
            self.events += len(batch)

    def _call(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> Any:
        answer = self.house.http(method, path, query, headers, body)
        if answer.status >= 300:
            raise RefusedError(f"{method} {path}: {answer.status} {answer.body.decode()}")
        return json.loads(answer.body)

    def _let_pass(self, day: date, until: day_time) -> None:
        self._count(self.house.advance(datetime.combine(day, until, VIETNAM)))

    def _count(self, done: dict[str, Any]) -> None:
        self.calls["lambda"] += sum(done["ticks"].values()) + sum(done["messages"].values()) + done["callbacks"]
        self.calls["http"] += done["callbacks"]
        if done["failed"]:
            raise RefusedError(f"doors failed: {done['failed']}")


def open_shop(data: Path | None = None, shop: Sequence[Invoice] | None = None) -> Replay:
    """A house on the shop's first day, with the history ready to be replayed; the caller closes `house`.

    Raises Trouble for a data folder that has lived through later days already.
    """
    history = list(shop or invoices())
    start = day_start(history[0].day)
    house = House(data, LocalClock(start, frozen=True), new_id=_numbered())
    if house.now > start:
        house.close()
        raise Trouble(f"{data} has another past already; the demo needs a folder of its own")
    house.load()
    return Replay(house, local_keys(house, data), history)


def run(replay: Replay, on_day: Callable[[date], None]) -> Picture:
    """Replay the whole history and take the picture; `on_day` hears of every morning."""
    began = time.perf_counter()
    weeks = []
    for day in replay.mornings():
        if day.weekday() == 0 or day > replay.last:
            items = replay.get("/v1/segments")["items"]
            weeks.append(Week(day, {item["label"]: item["customers"] for item in items}))
        on_day(day)
    meter = {name: use for name, use in replay.house.meter.report()["doors"].items() if name != "house"}
    months, cashiers = _totals(replay)
    tiers = weeks[-1].labels
    sent = messages(replay.house)
    return Picture(
        first=replay.first,
        last=replay.last,
        seconds=time.perf_counter() - began,
        events=replay.events,
        customers=sum(tiers[tier] for tier in ("vip", "loyal", "regular", "one_time", "none")),
        returning=sum(tiers[tier] for tier in ("vip", "loyal", "regular")),
        weeks=weeks,
        months=months,
        cashiers=cashiers,
        winback=listed(replay.house.table, replay.last + timedelta(days=1)),
        messages=tallies(sent),
        turns=turns(sent),
        phone=phone(replay.house, sent),
        meter=meter,
        calls=replay.calls,
    )


def _totals(replay: Replay) -> tuple[list[Month], list[Cashier]]:
    """Months and cashiers from the product's own totals of each day."""
    revenue: Counter[date] = Counter()
    named: Counter[date] = Counter()
    orders: Counter[tuple[str, str]] = Counter()
    fakes: Counter[tuple[str, str]] = Counter()
    for day, totals in day_totals(replay.house, replay.first, replay.last):
        for (store, _, cashier), amounts in totals:
            month = day.replace(day=1)
            revenue[month] += amounts["gross"]
            named[month] += amounts["identified"]
            orders[cashier, store] += amounts["orders"]
            fakes[cashier, store] += amounts["bad_phones"]
    months = [Month(first, revenue[first], named[first]) for first in sorted(revenue)]
    cashiers = [Cashier(name, store, orders[name, store], fakes[name, store]) for name, store in orders]
    return months, sorted(cashiers, key=lambda one: (-one.fakes / max(1, one.orders), one.name))


def day_totals(
    house: House, first: date, last: date
) -> Iterator[tuple[date, list[tuple[tuple[str, str, str], Counter[str]]]]]:
    """The shop's totals per local day, each by store, channel and cashier, as the product keeps them."""
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        found = []
        start = None
        while True:
            page = house.table.query(layout.day_total(day.isoformat(), "", "", "", "").pk, start=start)
            for item in page.items:
                store, channel, cashier, _ = item["sk"].split("|")
                amounts = Counter({name: value for name, value in item.items() if isinstance(value, int)})
                found.append(((store, channel, cashier), amounts))
            start = page.next
            if start is None:
                break
        yield day, found


def messages(house: House) -> list[Message]:
    """Every message there is, sent or not; read from this laptop's database end to end, which no door does."""
    rows = house.store.db.execute("SELECT body FROM items WHERE sk BETWEEN ? AND ?", layout.MESSAGES)
    return sorted((json.loads(body) for (body,) in rows), key=lambda item: (item["created_at"], item["message_id"]))


def tallies(sent: Iterable[Message]) -> list[Tally]:
    """Outcomes by channel, the channel with the most messages first; all of them add up to all messages."""
    count: Counter[tuple[str, str, str]] = Counter()
    cost: Counter[tuple[str, str, str]] = Counter()
    by_channel: Counter[str] = Counter()
    for message in sent:
        outcome = (message.get("channel", ""), message["status"], message["reason"])
        count[outcome] += 1
        cost[outcome] += message["cost"]
        by_channel[outcome[0]] += 1
    ordered = sorted(count, key=lambda outcome: (-by_channel[outcome[0]], outcome[0], -count[outcome], outcome))
    return [Tally(*outcome, count[outcome], cost[outcome]) for outcome in ordered]


def turns(sent: Iterable[Message]) -> list[Turn]:
    """Why messages left a channel for the next or had to wait, the most frequent first."""
    found = Counter(
        (channel, reason)
        for message in sent
        for _, status, reason, channel in message["log"]
        if channel and status in WAITING
    )
    return [Turn(*turn, found[turn]) for turn in sorted(found, key=lambda turn: (-found[turn], turn))]


def phone(house: House, sent: Iterable[Message]) -> Phone | None:
    """The phone of somebody with many channels, soon one after the other; None when nobody got any message."""
    by_customer: defaultdict[str, list[Message]] = defaultdict(list)
    for message in sent:
        by_customer[message["customer_id"]].append(message)
    few = {who: got for who, got in by_customer.items() if len(got) <= SHOWN_OF_PHONE}
    if not few:
        return None
    who = max(few, key=lambda who: (*_variety([str(one.get("channel")) for one in few[who]]), who))
    received = {message["tracking_id"]: message for message in house.town.outbox()}
    profile = house.table.get(layout.profile(who)) or {}
    return Phone(
        profile.get("traits", {}).get("name", ""), [_bubble(one, received.get(one["message_id"])) for one in few[who]]
    )


def _variety(channels: Sequence[str]) -> tuple[int, int, int]:
    """How much there is to see: how many channels, how soon the second one comes, how many messages."""
    same = sum(1 for _ in itertools.takewhile(lambda channel: channel == channels[0], channels))
    return len(set(channels)), -same, len(channels)


def _bubble(message: Message, received: dict[str, Any] | None) -> Bubble:
    return Bubble(
        at=moment(received["at"] if received else message["at"]).astimezone(VIETNAM),
        channel=message.get("channel", ""),
        status=message["status"],
        reason=message["reason"],
        text=received["text"] if received else "",
        cost=message["cost"],
    )


def demo(data: Path | None, report: Path) -> None:
    """The command: replay with a progress bar, show the picture, write the report and say where."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from infra.local.demo_report import page
    from infra.local.demo_terminal import show

    console = Console()
    replay = open_shop(data)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(None), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
    try:
        with bar:
            mornings = (replay.last - replay.first).days + 2
            task = bar.add_task("", total=mornings)
            picture = run(replay, lambda day: bar.update(task, advance=1, description=f"{day:%d/%m/%Y}"))
    finally:
        replay.house.close()
    show(picture, console)
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(page(picture), encoding="utf-8")
    console.print(f"\n[bold]{report.resolve().as_uri()}[/bold]", soft_wrap=True)


def _numbered() -> NewId:
    """Ids in order instead of random ones, so that two demos are the same to the last digit."""
    numbers = itertools.count(1)
    return lambda: f"{next(numbers):024d}"
