"""`kq bench`: every figure of the performance goals that can be counted on a laptop, with its goal.

Counts (requests, units) are exact and repeat; P10 and the reading of messages are figures in time, for the reader and
not for a test.
"""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from infra.local.demo.api_client import Doors
from infra.local.measuring.made_up_people import MadeUpPeople, live, open_up
from infra.local.measuring.synthetic_shop import MadeUpShop, phone
from infra.local.measuring.truth import Effects
from infra.local.stack.clock import LocalClock
from infra.local.stack.keys import issue, local_keys
from infra.local.stack.local_stack import LocalStack
from infra.triage.train import examples
from shared.domain.common.channels import Purpose
from shared.domain.common.stored_item import without
from shared.domain.messaging.message import Intent
from shared.domain.vietnam_time import day_start, local_day
from shared.repositories.api_keys import KeyGrant
from shared.repositories.messages import enqueue, plan
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime.playbook.rules import sending_rules
from shared.runtime.playbook.triage import triager

START = datetime(2026, 6, 1, 3, 0, tzinfo=UTC)  # no Tết within the silence that is looked at


@dataclass(frozen=True)
class Figure:
    """One measured figure beside its goal."""

    goal_id: str
    what: str
    value: float
    goal: float
    unit: str

    @property
    def met(self) -> bool:
        return self.value <= self.goal


class Shop:
    """A fresh local stack with keys, and the calls the figures are made of."""

    def __init__(self, start: datetime = START) -> None:
        self.stack = LocalStack(None, LocalClock(start, frozen=True), nearby=True)
        write_key = issue(self.stack, KeyGrant("write", "bench"))
        api_key = issue(self.stack, KeyGrant("api", "bench", ["admin"]))
        self._basic = {"authorization": "Basic " + base64.b64encode(f"{write_key}:".encode()).decode()}
        self._bearer = {"authorization": f"Bearer {api_key}"}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """A REST call; raises RuntimeError when it is refused."""
        return self._send(method, path, self._bearer, body)

    def batch(self, events: list[dict[str, Any]]) -> None:
        """Events through the tracking protocol and the queue, all taken in when this returns."""
        for part in _parts(events, 100):
            self._send("POST", "/v1/batch", self._basic, {"batch": part})
        self.stack.drain()

    def metered(self, door: str, act: Callable[[], object]) -> dict[str, float]:
        """What one door used while `act` ran."""
        self.stack.meter.reset()
        act()
        used: dict[str, float] = self.stack.meter.report()["doors"].get(door, {})
        return used

    def _send(self, method: str, path: str, headers: dict[str, str], body: Any) -> Any:
        status, _, answer = self.stack.http(
            method, path, "", headers, json.dumps(body).encode() if body is not None else b""
        )
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {answer!r}")
        return json.loads(answer)


def _parts(items: list[Any], size: int) -> Iterator[list[Any]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]


def order(number: str, who: str, at: datetime, total: int = 500_000, **properties: Any) -> dict[str, Any]:
    """An Order Completed as a till sends it."""
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"order-{number}",
        "userId": who,
        "timestamp": at.isoformat(),
        "properties": {"order_id": number, "total": total, "store": "Q1", "channel": "store", **properties},
    }


def upsert_and_order() -> list[Figure]:
    """P1 and P2: one customer, in order."""
    shop = Shop()
    who = {"phone": phone(1), "email": "lan@example.vn", "loyalty_id": "T-1"}
    shop.call("GET", "/v1/churn-risk")  # the key and the cut-offs are remembered from here on
    created = shop.metered("customers_api", lambda: shop.call("PUT", "/v1/customers", {"identities": who}))
    traits = {"city": "Huế"}
    put = {"identities": {"phone": phone(1)}, "traits": traits}
    known = shop.metered("customers_api", lambda: shop.call("PUT", "/v1/customers", put))
    search = [
        shop.metered("customers_api", partial(shop.call, "POST", "/v1/customers/search", {kind: who[kind]}))
        for kind in who
    ]
    # Whoever enters a journey first keeps its version for all; that is over from here on, too.
    for number in (1, 2):
        shop.batch([order(f"before-{number}", phone(2), START - timedelta(days=3 - number))])
    shop.batch([order("1", phone(1), START - timedelta(days=2))])
    placed = shop.metered("events_worker", lambda: shop.batch([order("2", phone(1), START - timedelta(days=1))]))
    return [
        Figure("P1", "upsert of a known customer", known["requests"], 2, "requests"),
        Figure("P1", "upsert of a known customer", known["write_units"], 1, "write units"),
        Figure("P1", "an order of a known customer, in order", placed["requests"], 3, "requests"),
        # Links are read, then one transaction writes profile and links.
        Figure("P2", "new customer with 3 identities", created["requests"], 2, "requests (1 transaction)"),
        Figure("P2", "lookup by any identity", max(s["requests"] for s in search), 2, "requests"),
    ]


def merge_cost() -> list[Figure]:
    """P2: a merge costs what the two customers hold, whatever the base."""

    def cost(base: int) -> float:
        shop = Shop()
        shop.batch([order(f"b{n}", phone(100 + n), START - timedelta(days=3)) for n in range(base)])
        for number in (1, 2):
            shop.batch([order(f"m{number}-{n}", phone(number), START - timedelta(days=2, hours=n)) for n in range(5)])
        both = {"phone": phone(1), "loyalty_id": "T-1"}
        shop.call("PUT", "/v1/customers", {"identities": {"phone": phone(2), "email": "a@example.vn"}})
        shop.call("PUT", "/v1/customers", {"identities": both})
        merging = {"identities": {"loyalty_id": "T-1", "email": "a@example.vn"}}
        return shop.metered("customers_api", lambda: shop.call("PUT", "/v1/customers", merging))["requests"]

    small, large = cost(50), cost(500)
    return [Figure("P2", "merge in a base 10 times larger", large / small, 1.0, "ratio of requests")]


def batch_of_hundred() -> list[Figure]:
    """P4: a batch of 100 events of 25 known customers, a quarter of them orders."""
    shop = Shop()
    people = [phone(n) for n in range(25)]
    shop.batch([order(f"first-{n}", who, START - timedelta(days=9)) for n, who in enumerate(people)])
    at = START - timedelta(days=1)
    events: list[dict[str, Any]] = []
    for number, who in enumerate(people):
        events.append(order(f"second-{number}", who, at))
        events += [
            {
                "type": "track",
                "event": "Product Viewed",
                "messageId": f"view-{number}-{k}",
                "userId": who,
                "timestamp": at.isoformat(),
            }
            for k in range(3)
        ]
    table = shop.stack.outside.table
    reads: list[int] = []
    writes: list[int] = []
    read, write = table.batch_get, table.write

    def counting_read(keys: Any, **options: Any) -> Any:
        keys = list(keys)
        reads.append(-(-len(keys) // 100))
        return read(keys, **options)

    def counting_write(*actions: Any) -> Any:
        writes.append(1)
        return write(*actions)

    table.batch_get, table.write = counting_read, counting_write  # type: ignore[method-assign]
    shop.batch(events)
    return [
        Figure("P4", "batch of 100 events of 25 customers", sum(reads), 4, "batch reads"),
        Figure("P4", "batch of 100 events of 25 customers", len(writes), 25 + 25, "commits (D + orders)"),
    ]


def daily_work(base: int, due: int = 100) -> dict[str, dict[str, float]]:
    """What segmentation and win-back of one day cost in a base of `base` where `due` customers lapse that day."""
    shop = Shop()
    crossing = START - timedelta(days=29)
    quiet = START - timedelta(days=5)
    shop.batch([order(f"due-{n}", phone(n), crossing) for n in range(due)])
    shop.batch([order(f"quiet-{n}", phone(n), quiet) for n in range(due, base)])
    shop.stack.meter.reset()
    shop.stack.advance(START + timedelta(days=1, hours=12))
    used: dict[str, dict[str, float]] = shop.stack.meter.report()["doors"]
    return {door: used[door] for door in ("segments_schedule", "winback_schedule")}


def daily_ratio(small: int = 1_000, large: int = 10_000) -> list[Figure]:
    """P3: the same due set in a base ten times larger."""
    one, ten = daily_work(small), daily_work(large)
    return [
        Figure(
            "P3", f"{door}, base {large:,} against {small:,}: {name}", ten[door][name] / one[door][name], 1.0, "ratio"
        )
        for door in one
        for name in ("requests", "read_units", "write_units")
    ]


def message_cost(people: int = 40) -> list[Figure]:
    """P9's second half, and what one message takes from its queue to its receipt (K8), once a worker is warm."""
    shop = Shop()
    outside, rules = shop.stack.outside, sending_rules()
    shop.stack.providers.stand_ins.zalo.phone_errors.clear()
    waits = [{"channel": "zns", "purpose": "marketing", "granted": True, "at": START.isoformat(), "proof": "QR"}]
    refuses = [{**waits[0], "granted": False}]
    customers = [
        [
            shop.call("PUT", "/v1/customers", {"identities": {"phone": phone(first + n)}, "consent": consent})
            for n in range(people + 1)
        ]
        for first, consent in ((0, refuses), (1000, waits), (2000, waits))
    ]

    def use(kind: int, purpose: Purpose, template: str, variables: dict[str, Any]) -> dict[str, float]:
        """Per message, over all doors; the first message is not counted, for it opens what the others share."""
        ids = []
        for customer in customers[kind]:
            customer_id = customer["customer_id"]
            intent = Intent(customer_id, "bench", "1", "1", purpose, template, variables, channels=("zns",))
            uow = UnitOfWork(outside.table)
            plan(uow, intent, shop.stack.now, rules)
            uow.commit()
            ids.append(intent.message_id)
        total: Counter[str] = Counter()
        for batch in (ids[:1], ids[1:]):
            shop.stack.meter.reset()
            for message_id in batch:
                enqueue(outside.messages[purpose], [message_id])
            shop.stack.advance(shop.stack.now + timedelta(seconds=20))
            total = Counter()
            for name, door in shop.stack.meter.report()["doors"].items():
                # The stream counts a whole batch in three requests, which are no message's.
                total.update(without(door, "requests") if name == "facts_stream" else door)
        return {name: total[name] / people for name in ("requests", "read_units", "write_units", "queue_sends")}

    news = {"new_url": "https://nhamay.example"}
    suppressed = use(0, "marketing", "winback_30", news)
    # Nobody has checked the do-not-call list in this house, so advertising by phone waits.
    deferred = use(1, "marketing", "winback_30", news)
    order = {"order_code": "DH1", "total": 500_000, "ordered_on": "2026-03-02"}
    sent = use(2, "transactional", "order_thanks", order)
    shop.stack.close()
    what = "a message from its queue to its receipt"
    return [
        # One batch read, one write of the outcome.
        Figure("P9", "a message that is not sent", suppressed["requests"], 2.1, "requests"),
        Figure("P9", "a message that has to wait", deferred["requests"], 2.1, "requests"),
        Figure("K8", what, round(sent["requests"], 2), 6, "requests"),
        Figure("K8", what, round(sent["read_units"], 2), 8, "read units"),
        Figure("K8", what, round(sent["write_units"], 2), 14, "write units"),
        # Its own, and that of the receipt.
        Figure("K8", what, round(sent["queue_sends"], 2), 2, "queue sends"),
    ]


def reading_cost(times: int = 5) -> list[Figure]:
    """P9's first half: the CPU that reading a message takes, over the messages the model learnt from as they were
    written; and a mail of 100,000 letters, of which only the beginning and the end are read."""
    texts = [example.text for example in examples()]
    read = triager().read
    long_mail = "\n".join(texts)[:100_000]

    def cost(messages: list[str]) -> float:
        """Microseconds of CPU for each: of a few hundred at a time the best run, for others use this machine, too."""
        total = 0.0
        for part in _parts(messages, 200):
            took = []
            for _ in range(times):
                began = time.process_time()
                for text in part:
                    read(text)
                took.append(time.process_time() - began)
            total += min(took)
        return round(total / len(messages) * 1e6)

    return [
        Figure("P9", "a ticket's message is read", cost(texts), 200, "µs of CPU"),
        # No goal of its own: a bound for the worst that somebody may send.
        Figure("P9", "a mail of 100,000 letters is read", cost([long_mail] * 20), 10_000, "µs of CPU"),
    ]


def simulated_quarter(customers: int = 10_000, days: int = 90) -> Figure:
    """P10: `days` of a made-up shop with all shipped journeys live and stand-ins answering; half the shop per core.

    About 2 % of the customers buy a day, with 3 other events each; 60 % agreed to advertising; they read, answer and
    write tickets. Customers have nothing in
    common but the cut-offs, which each half then takes from its own base.
    """
    with ProcessPoolExecutor(2) as cores:
        slowest = max(cores.map(_simulated, (1, 2), (customers // 2,) * 2, (days,) * 2))
    goal = 30 if customers <= 10_000 else 300
    return Figure("P10", f"{days} days of {customers:,} customers, all journeys live", round(slowest, 1), goal, "s")


def _simulated(seed: int, customers: int, days: int) -> float:
    """Seconds that `days` of one part of a shop take."""
    made_up = MadeUpShop(customers, seed, local_day(START))
    stack = LocalStack(None, LocalClock(day_start(made_up.first), frozen=True), nearby=True)
    stack.load()
    doors = Doors(stack, local_keys(stack, None))
    people = MadeUpPeople(doors, made_up, Effects(), issue(stack, KeyGrant("api", "care", ["care"])))
    open_up(doors, made_up, people)
    began = time.perf_counter()
    for _ in live(doors, made_up, people, days):
        pass
    took = time.perf_counter() - began
    stack.close()
    return took


def counted() -> list[Figure]:
    """Every figure that is a count."""
    return [*upsert_and_order(), *merge_cost(), *batch_of_hundred(), *daily_ratio(), *message_cost()]


def show() -> None:
    """All figures as a table; the timed one last, because it takes its time."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title="Performance goals")
    for column, side in (("goal", "left"), ("what", "left"), ("figure", "right"), ("at most", "right"), ("", "left")):
        table.add_column(column, justify=side)  # type: ignore[arg-type]
    with console.status("counting …"):
        figures = counted()
    with console.status("reading messages …"):
        figures += reading_cost()
    with console.status("90 simulated days of 10,000 customers …"):
        figures.append(simulated_quarter())
    for figure in figures:
        mark = "[green]met[/]" if figure.met else "[red]missed[/]"
        table.add_row(figure.goal_id, figure.what, f"{figure.value:g} {figure.unit}", f"{figure.goal:g}", mark)
    console.print(table)
