"""`kq simulate`: the time machine. A made-up shop lives through the shipped journeys, all of them live (X6).

The doors are the real ones and the providers are stand-ins, so what comes out is what would come out, for such a shop.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import yaml
from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from infra.local.demo.texts import channel as channel_words
from infra.local.demo.texts import reason as reason_words
from infra.local.errors import Trouble
from infra.local.measuring.synthetic_shop import BUY_A_DAY, CONSENT, ONLINE, Event, MadeUpShop, live, open_up
from infra.local.stack.clock import LocalClock
from infra.local.stack.keys import local_keys
from infra.local.stack.local_stack import LocalStack
from shared.domain.messaging.message import PROGRESS, WAITING, Message
from shared.domain.vietnam_time import day_start, local_day, moment
from shared.ports import Item, NewId
from shared.repositories import table_keys
from shared.runtime.playbook.journeys import journeys
from shared.use_cases.vouchers.reconcile import Period, totals

# A Monday without Tết before or after it for half a year.
FIRST = date(2026, 6, 1)
BATCH = 100
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


@dataclass(frozen=True)
class Forecast:
    """What became of the shop; amounts in VND. `waiting` are messages that had not gone when the last day was over."""

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

    def as_json(self) -> str:
        told = asdict(self)
        for name in ("sent", "kept", "tasks", "daily"):
            told[name] = [row._asdict() for row in getattr(self, name)]
        return json.dumps(told, ensure_ascii=False, indent=2)


def simulate(
    customers: int, days: int, seed: int, data: Path | None = None, on_day: Callable[[date], None] = lambda _: None
) -> Forecast:
    """Live through so many days; the same numbers give the same forecast. Raises Trouble for a folder with a past."""
    shop = MadeUpShop(customers, seed, FIRST)
    stack = LocalStack(data, LocalClock(day_start(FIRST), frozen=True), new_id=_numbered(), nearby=True, patient=True)
    try:
        if stack.now > day_start(FIRST):
            raise Trouble(f"{data} has another past already; the time machine needs a folder of its own")
        tell = _teller(stack, local_keys(stack, data).write_key)
        open_up(stack, shop, tell)
        for day in live(stack, shop, days, tell):
            on_day(day)
        stack.read_stream()
        return _forecast(stack, shop, days)
    finally:
        stack.close()


def _teller(stack: LocalStack, write_key: str) -> Callable[[list[Event]], None]:
    basic = base64.b64encode(f"{write_key}:".encode()).decode()
    headers = {"authorization": f"Basic {basic}", "content-type": "application/json"}

    def tell(events: list[Event]) -> None:
        for start in range(0, len(events), BATCH):
            body = json.dumps({"batch": events[start : start + BATCH]}).encode()
            answer = stack.http("POST", "/v1/batch", "", headers, body)
            if answer.status >= 300 or b'"rejected"' in answer.body:
                raise RuntimeError(f"the events door said {answer.status}: {answer.body.decode()}")
            failed = stack.drain()["failed"]
            if failed:
                raise RuntimeError(f"doors failed: {failed}")

    return tell


def _forecast(stack: LocalStack, shop: MadeUpShop, days: int) -> Forecast:
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


def _messages(f: Forecast) -> Table:
    table = _table("messages", "journey", "channel", ">a_day", ">in_all", ">cost")
    titles = {journey.id: journey.title.vi for journey in journeys().values()}
    for row in f.sent:
        name = Text.assemble(titles.get(row.journey, row.journey), (f"  {row.journey}", "dim"))
        table.add_row(
            name, channel_words(row.channel).vi, _rate(row.messages, f.days), f"{row.messages:,}", f"{row.cost:,} ₫"
        )
    messages, cost = sum(row.messages for row in f.sent), sum(row.cost for row in f.sent)
    table.add_section()
    table.add_row(_say("total"), "", _rate(messages, f.days), f"{messages:,}", f"{cost:,} ₫", style="bold")
    return table


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
