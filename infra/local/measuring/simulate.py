"""`kq simulate`: the time machine. A made-up shop lives through the shipped journeys, all of them live (X6).

The doors are the real ones and the providers are stand-ins, so what comes out is what would come out, for such a shop.
Beside it stands what no door is told, the truth, by which estimates of effects and models of customers can be judged.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, cast

import yaml
from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from infra.local.demo.api_client import Doors
from infra.local.demo.texts import channel as channel_words
from infra.local.demo.texts import reason as reason_words
from infra.local.errors import Trouble
from infra.local.measuring.made_up_people import MadeUpPeople, live, open_up
from infra.local.measuring.synthetic_shop import BUY_A_DAY, CONSENT, ONLINE, Customer, MadeUpShop
from infra.local.measuring.truth import Effects, JourneyTruth, journey_truth
from infra.local.stack.clock import LocalClock
from infra.local.stack.keys import issue, local_keys
from infra.local.stack.local_stack import LocalStack
from shared.domain.messaging.message import PROGRESS, WAITING, Message
from shared.domain.tickets.ticket import Ticket
from shared.domain.vietnam_time import day_start, local_day, moment
from shared.ports import Item, NewId
from shared.repositories import table_keys
from shared.repositories.api_keys import KeyGrant
from shared.runtime.playbook.journeys import journeys
from shared.use_cases.vouchers.reconcile import Period, totals

# A Monday without Tết before or after it for half a year.
FIRST = date(2026, 6, 1)
AHEAD = (30, 90)
MOST_EFFECT = 10
BLOCKS = " ▁▂▃▄▅▆▇█"


class Sent(NamedTuple):
    """So many messages of a journey went out on a channel, for so many VND."""

    journey: str
    channel: str
    messages: int
    cost: int


class Kept(NamedTuple):
    """So many messages of a journey were not sent for a reason."""

    journey: str
    status: str
    reason: str
    messages: int


class Work(NamedTuple):
    """So many tasks of a kind were opened in a store."""

    store: str
    kind: str
    tasks: int


class Day(NamedTuple):
    """What one local day brought."""

    day: str
    messages: dict[str, int]
    cost: int
    tasks: dict[str, int]


class Tickets(NamedTuple):
    """What customers wrote to the shop, and what became of it. `in_minutes` is the median of the first answers."""

    opened: int
    critical: int
    answered: int
    in_minutes: int
    resolved: int
    rated: int


class Nature(NamedTuple):
    """What is true of one customer when the last day is over.

    `p_alive` and `expected_…` (purchases within so many days without a message) are what somebody could say who knew
    the customer's rates and orders; `alive` is what is. `rate` is purchases a day, `spend` the mean VND of an order.
    """

    customer_id: str
    age: str
    rate: float
    drop_out: float
    spend: float
    orders: int
    alive: int
    p_alive: float
    expected_30: float
    expected_90: float
    opted_out: int


class Bought(NamedTuple):
    """An order, of the days or before, in VND."""

    customer_id: str
    date: str
    amount: int


@dataclass(frozen=True)
class Forecast:
    """What became of the shop; amounts in VND. `waiting` are messages that had not gone when the last day was over.

    `truth` is by journey that advertises. `natures` and `bought` are rows of files of their own, see `write_rows`.
    """

    customers: int
    days: int
    seed: int
    orders: int
    revenue: int
    sent: list[Sent]
    kept: list[Kept]
    waiting: int
    tasks: list[Work]
    vouchers: dict[str, int]
    daily: list[Day]
    tickets: Tickets
    truth: list[JourneyTruth]
    natures: list[Nature]
    bought: list[Bought]

    def as_json(self) -> str:
        told = asdict(self)
        del told["natures"], told["bought"]
        told["tickets"] = self.tickets._asdict()
        for name in ("sent", "kept", "tasks", "daily", "truth"):
            told[name] = [row._asdict() for row in getattr(self, name)]
        return json.dumps(told, ensure_ascii=False, indent=2)


def effects_from(options: Iterable[str]) -> Effects:
    """Effects as the command line has them: `0.4` for every journey, `birthday=0` for one. Raises Trouble."""
    usual, by_journey = Effects().usual, {}
    for option in options:
        journey, named, share = option.rpartition("=")
        try:
            number = float(share)
        except ValueError:
            number = -1.0
        if not 0 <= number <= MOST_EFFECT or (named and journey not in journeys()):
            raise Trouble(
                f"--effect {option}: give a share from 0 to {MOST_EFFECT}, or JOURNEY=SHARE of a known journey"
            )
        if named:
            by_journey[journey] = number
        else:
            usual = number
    return Effects(usual, by_journey)


def write_rows(file: Path, row: type[NamedTuple], rows: Iterable[Sequence[Any]]) -> None:
    """Rows as CSV, headed by the names of `row`."""
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(row._fields)
        writer.writerows(rows)


def simulate(
    customers: int,
    days: int,
    seed: int,
    data: Path | None = None,
    on_day: Callable[[date], None] = lambda _: None,
    effects: Effects = Effects(),  # noqa: B008 - it cannot be changed
) -> Forecast:
    """Live through so many days; the same numbers give the same forecast. Raises Trouble for a folder with a past."""
    shop = MadeUpShop(customers, seed, FIRST)
    stack = LocalStack(data, LocalClock(day_start(FIRST), frozen=True), new_id=_numbered(), nearby=True, patient=True)
    try:
        if stack.now > day_start(FIRST):
            raise Trouble(f"{data} has another past already; the time machine needs a folder of its own")
        doors = Doors(stack, local_keys(stack, data))
        people = MadeUpPeople(doors, shop, effects, issue(stack, KeyGrant("api", "care", ["care"])))
        open_up(doors, shop, people)
        for day in live(doors, shop, people, days):
            on_day(day)
        stack.read_stream()
        return _forecast(stack, shop, days, effects)
    finally:
        stack.close()


def _forecast(stack: LocalStack, shop: MadeUpShop, days: int, effects: Effects) -> Forecast:
    messages = cast(list[Message], _items(stack, table_keys.MESSAGES))
    tasks = [task for low_high in (table_keys.OPEN_TASKS, table_keys.TASKS_DONE) for task in _items(stack, low_high)]
    last = shop.first + timedelta(days=days - 1)
    daily = [(shop.first + timedelta(days=number)).isoformat() for number in range(days)]
    went = [message for message in messages if message["status"] in PROGRESS]
    sent_on = [(_sent_on(message), message) for message in went]
    by_day = Counter((day, message["channel"]) for day, message in sent_on)
    cost = Counter(dict.fromkeys(daily, 0))
    for day, message in sent_on:
        cost[day] += message["cost"]
    known = _known(stack, shop)
    opened = Counter((local_day(moment(task["at"])).isoformat(), str(task.get("store", ""))) for task in tasks)
    return Forecast(
        customers=shop.customers,
        days=days,
        seed=shop.seed,
        **_sales(stack, shop.first, days),
        sent=_sent(went),
        kept=_kept(messages),
        waiting=sum(message["status"] in WAITING for message in messages),
        tasks=[
            Work(*work, number)
            for work, number in sorted(Counter((str(t.get("store", "")), str(t["kind"])) for t in tasks).items())
        ],
        vouchers=totals(stack.table, Period(shop.first, last), (), stack.now),
        daily=[Day(day, _of(by_day, day), cost[day], _of(opened, day)) for day in daily],
        tickets=_tickets(stack),
        truth=_truth(messages, shop, effects),
        natures=[_nature(customer_id, who) for customer_id, who in known.items()],
        bought=[
            Bought(customer_id, day.isoformat(), amount)
            for customer_id, who in known.items()
            for day, amount in who.life.orders
        ],
    )


def _known(stack: LocalStack, shop: MadeUpShop) -> dict[str, Customer]:
    """The shop's customers by the id that the house gave them, in its order."""
    by_phone = {f"phone:+84{who.phone[1:]}": who for who in shop.people}
    profiles = _items(stack, (table_keys.profile("").sk,) * 2)
    return {
        profile["customer_id"]: by_phone[identity]
        for profile in profiles
        for identity in profile.get("identities", ())
        if identity in by_phone
    }


def _truth(messages: Iterable[Message], shop: MadeUpShop, effects: Effects) -> list[JourneyTruth]:
    planned: defaultdict[str, set[str]] = defaultdict(set)
    held_out: defaultdict[str, set[str]] = defaultdict(set)
    for message in messages:
        if message["purpose"] == "marketing":
            arm = held_out if message["reason"] == "holdout" else planned
            arm[message["journey"]].add(message["customer_id"])
    lives = [who.life for who in shop.people]
    return [
        journey_truth(journey, effects, len(planned[journey]), len(held_out[journey]), lives)
        for journey in sorted({*planned, *held_out})
    ]


def _nature(customer_id: str, who: Customer) -> Nature:
    life, truth = who.life, who.life.truth
    in_30, in_90 = (life.expected(days) for days in AHEAD)
    return Nature(
        customer_id, truth.band, truth.rate, truth.drop_out, truth.spend,
        len(life.orders), int(life.lost_on is None), life.p_alive, in_30, in_90, life.stopped,
    )  # fmt: skip


def _tickets(stack: LocalStack) -> Tickets:
    both = (table_keys.OPEN_TICKETS, table_keys.TICKETS_RESOLVED)
    tickets = cast(list[Ticket], [ticket for low_high in both for ticket in _items(stack, low_high)])
    waits = [ticket["first_response_seconds"] for ticket in tickets if ticket.get("first_response_at")]
    return Tickets(
        opened=len(tickets),
        critical=sum(ticket["severity"] == "critical" for ticket in tickets),
        answered=len(waits),
        in_minutes=int(median(waits)) // 60 if waits else 0,
        resolved=sum(ticket["status"] == "resolved" for ticket in tickets),
        rated=sum(bool(ticket.get("rating")) for ticket in tickets),
    )


def _sent(went: Iterable[Message]) -> list[Sent]:
    number: Counter[tuple[str, str]] = Counter()
    cost: Counter[tuple[str, str]] = Counter()
    for message in went:
        number[message["journey"], message["channel"]] += 1
        cost[message["journey"], message["channel"]] += message["cost"]
    return [Sent(*what, number[what], cost[what]) for what in sorted(number, key=lambda what: (-number[what], what))]


def _kept(messages: Iterable[Message]) -> list[Kept]:
    ended = Counter(
        (message["journey"], message["status"], message["reason"])
        for message in messages
        if message["status"] not in PROGRESS and message["status"] not in WAITING
    )
    return [Kept(*what, ended[what]) for what in sorted(ended, key=lambda what: (-ended[what], what))]


def _sent_on(message: Message) -> str:
    at = next(at for at, status, *_ in message["log"] if status in ("sending", *PROGRESS))
    return local_day(moment(at)).isoformat()


def _sales(stack: LocalStack, first: date, days: int) -> dict[str, int]:
    """Orders and revenue of the days, by the shop's own totals."""
    sums = {"orders": 0, "revenue": 0}
    for number in range(days):
        day = (first + timedelta(days=number)).isoformat()
        for item in stack.table.query(table_keys.day_totals(day)).items:
            sums["orders"] += item["orders"]
            sums["revenue"] += item["gross"]
    return sums


def _items(stack: LocalStack, low_high: tuple[str, str]) -> list[Item]:
    """Every item with such a sort key; read from this laptop's database end to end, which no door does."""
    rows = stack.store.db.execute("SELECT body FROM items WHERE sk BETWEEN ? AND ? ORDER BY pk, sk", low_high)
    return [json.loads(body) for (body,) in rows]


def _of(counter: Counter[tuple[str, str]], day: str) -> dict[str, int]:
    return {name: number for (on, name), number in sorted(counter.items()) if on == day}


def _numbered() -> NewId:
    """Ids in order instead of random ones, so that the same seed gives the same shop to the last digit."""
    numbers = itertools.count(1)
    return lambda: f"{next(numbers):024d}"


# ---- in the terminal ----


def show(forecast: Forecast, console: Console) -> None:
    """The forecast as tables; in Vietnamese, with the English word behind."""
    f = forecast
    told = {"customers": f.customers, "days": f.days, "seed": f.seed, "orders": f.orders, "revenue": f"{f.revenue:,}"}
    head = _say("shop", **told)
    head.append_text(Text("\n")).append_text(_say("assumed", buy=BUY_A_DAY, online=ONLINE, consent=CONSENT))
    a_day = [sum(day.messages.values()) for day in f.daily]
    head.append_text(Text("\n")).append_text(_say("over_time")).append(f"  {_sparkline(a_day)}", style="green")
    console.print(Panel(head, title=_say("title"), title_align="left"))
    console.print(_messages(f))
    console.print(_kept_back(f))
    console.print(_tasks(f))
    console.print(_vouchers(f))
    console.print(_tickets_told(f))
    console.print(_truth_told(f))


def _messages(f: Forecast) -> Table:
    table = _table("messages", "journey", "channel", ">a_day", ">in_all", ">cost")
    for row in f.sent:
        table.add_row(
            _title(row.journey),
            channel_words(row.channel).vi,
            _rate(row.messages, f.days),
            f"{row.messages:,}",
            f"{row.cost:,} ₫",
        )
    messages, cost = sum(row.messages for row in f.sent), sum(row.cost for row in f.sent)
    table.add_section()
    table.add_row(_say("total"), "", _rate(messages, f.days), f"{messages:,}", f"{cost:,} ₫", style="bold")
    return table


def _title(journey: str) -> Text:
    title = journeys()[journey].title.vi if journey in journeys() else journey
    return Text.assemble(title, (f"  {journey}", "dim"))


def _kept_back(f: Forecast) -> Table:
    table = _table("kept_back", "reason", ">in_all")
    reasons: Counter[str] = Counter()
    for row in f.kept:
        reasons[row.reason] += row.messages
    for name, number in reasons.most_common():
        words = reason_words(name)
        table.add_row(Text.assemble(words.vi, (f"  {words.en}", "dim")), f"{number:,}")
    return table


def _tasks(f: Forecast) -> Table:
    table = _table("tasks", "store", ">a_day", ">in_all")
    stores: Counter[str] = Counter()
    for row in f.tasks:
        stores[row.store] += row.tasks
    for store, number in stores.most_common():
        table.add_row(store or _say("elsewhere"), _rate(number, f.days), f"{number:,}")
    return table


def _vouchers(f: Forecast) -> Table:
    table = _table("vouchers", ">issued", ">open", ">liability")
    v = f.vouchers
    table.add_row(f"{v['issued']:,}", f"{v['open']:,}", f"{v['liability']:,} ₫")
    return table


def _tickets_told(f: Forecast) -> Table:
    table = _table("tickets", *(f">{name}" for name in Tickets._fields))
    table.add_row(*(f"{number:,}" for number in f.tickets))
    return table


def _truth_told(f: Forecast) -> Table:
    table = _table("truth", "journey", ">treated", ">held_out", ">without", ">with_it", ">brings")
    for row in f.truth:
        numbers = (f"{row.treated:,}", f"{row.held_out:,}")
        shares = (f"{row.conversion_without:.1%}", f"{row.conversion_with:.1%}")
        table.add_row(_title(row.journey), *numbers, *shares, f"{row.revenue_with - row.revenue_without:,.0f} ₫")
    return table


def _table(title: str, *columns: str) -> Table:
    """Columns by the keys of their headings; a > before it sets it to the right."""
    table = Table(title=_say(title), title_justify="left", box=box.SIMPLE_HEAD)
    for name in columns:
        table.add_column(_say(name.lstrip(">")), justify="right" if name.startswith(">") else "left")
    return table


def _rate(number: int, days: int) -> str:
    return f"{number / days:.1f}"


def _sparkline(values: list[int]) -> str:
    highest = max(*values, 1) if values else 1
    return "".join(BLOCKS[-(-value * (len(BLOCKS) - 1) // highest)] for value in values)


@cache
def _texts() -> dict[str, list[str]]:
    found: dict[str, list[str]] = yaml.safe_load(Path(__file__).with_name("simulate_texts.yaml").read_text("utf-8"))
    return found


def _say(key: str, **values: Any) -> Text:
    vi, en = (text.format(**values) for text in _texts()[key])
    return Text.assemble(vi, (f"  {en}", "dim"))
