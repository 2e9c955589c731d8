"""`kq demo`: a real shop's year through the HTTP doors under a simulated clock, and the picture at its end."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as day_time
from functools import partial
from pathlib import Path
from typing import Any

from infra.local.demo.api_client import OUTAGES, Doors
from infra.local.demo.customers import Errand, People
from infra.local.demo.dataset import Invoice, days, demo_products, events_of, invoices
from infra.local.demo.results import Picture, Week, taken
from infra.local.demo.staff import Staff
from infra.local.demo.tickets import Desk
from infra.local.errors import Trouble
from infra.local.stack.clock import LocalClock
from infra.local.stack.keys import Keys, local_keys
from infra.local.stack.local_stack import LocalStack
from shared.domain.vietnam_time import VIETNAM, day_start
from shared.ports import NewId
from shared.repositories.products import Products

# Lists are made by six in the morning; tills report what they sold at noon, in the afternoon and after closing.
MORNING = day_time(6, 30)
REPORTS = (day_time(12, 30), day_time(16, 30), day_time(21, 30))

# From when a branch's tills talk to the doors as they sell. Until then its sales are brought over as history (R1): they
# count, and nobody gets a message about them.
LIVE_FROM = {"Cầu Giấy": date(2009, 12, 1), "Thủ Đức": date(2010, 11, 1), "Quận 1": date(2010, 12, 1)}


@dataclass
class Replay:
    """A shop's history on its way through the doors of a house, one calendar day at a time.

    Around its sales its people live, see `demo_people`, `demo_staff` and `demo_tickets`; `sales_only` tells the bare
    sales, as history.
    """

    stack: LocalStack
    keys: Keys
    shop: Sequence[Invoice] = field(default_factory=invoices)
    sales_only: bool = False
    doors: Doors = field(init=False)
    people: People = field(init=False)
    staff: Staff = field(init=False)
    desk: Desk = field(init=False)

    def __post_init__(self) -> None:
        self.doors = Doors(self.stack, self.keys)
        self.people = People(self.doors, self.shop, REPORTS)
        self.staff = Staff(self.doors, self.shop)
        self.desk = Desk(self.doors, self.shop, self.people, LIVE_FROM, self.staff.key("care"))

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
        Products(self.stack.table, self.stack.outside.memory, self.stack.now).put(demo_products())
        sold = dict(days(self.shop))
        day = self.first
        while True:
            self.doors.let_pass(datetime.combine(day, MORNING, VIETNAM))
            yield day
            if day > self.last:
                return
            self.stack.providers.set_fault("zns", "error" if day in OUTAGES else "off", 1.0)
            livers = () if self.sales_only else (self.people, self.staff, self.desk)
            errands = [errand for one in livers for errand in one.errands(day)]
            errands += self._reports(day, sold.get(day, []))
            for errand in sorted(errands, key=lambda errand: errand.at):
                self.doors.let_pass(errand.at)
                errand.do()
            day += timedelta(days=1)

    def find(self, identities: dict[str, str]) -> Any:
        """The 360° view of the customer with this identity; raises RefusedError."""
        return self.doors.post("/v1/customers/search", identities)

    def _reports(self, day: date, untold: Sequence[Invoice]) -> Iterator[Errand]:
        """What the tills told at each of their times."""
        for clock in REPORTS if untold else ():
            told = [invoice for invoice in untold if clock == REPORTS[-1] or invoice.at.time() < clock]
            untold = untold[len(told) :]
            yield Errand(datetime.combine(day, clock, VIETNAM), partial(self._report, told))

    def _report(self, told: Sequence[Invoice]) -> None:
        invoice_of = {invoice.number: invoice for invoice in told}
        till = self.staff.key("care")
        for store, report in events_of(told, self.people.registered).items():
            for event in report:
                if self.sales_only or told[0].day < LIVE_FROM[store]:
                    event["context"]["backfill"] = True
                invoice = invoice_of.get(event.get("properties", {}).get("order_id", ""))
                if invoice and invoice.customer and not self.sales_only:
                    self.people.bring_voucher(invoice, event, till)
            self.doors.tell(report)
        self.doors.drain()


def open_shop(data: Path | None = None, shop: Sequence[Invoice] | None = None, *, sales_only: bool = False) -> Replay:
    """A house on the shop's first day, with the history ready to be replayed; the caller closes `stack`.

    Raises Trouble for a data folder that has lived through later days already.
    """
    history = list(shop or invoices())
    start = day_start(history[0].day)
    stack = LocalStack(data, LocalClock(start, frozen=True), new_id=_numbered(), nearby=True, patient=True)
    if stack.now > start:
        stack.close()
        raise Trouble(f"{data} has another past already; the demo needs a folder of its own")
    stack.load()
    return Replay(stack, local_keys(stack, data), history, sales_only)


def run(replay: Replay, on_day: Callable[[date], None]) -> Picture:
    """Replay the whole history and take the picture; `on_day` hears of every morning."""
    began = time.perf_counter()
    weeks = []
    for day in replay.mornings():
        if day.weekday() == 0 or day > replay.last:
            replay.stack.read_stream()
            items = replay.doors.get("/v1/segments")["items"]
            weeks.append(Week(day, {item["label"]: item["customers"] for item in items}))
        on_day(day)
    replay.stack.recompute()
    seconds = time.perf_counter() - began
    return taken(replay.doors, replay.staff, weeks, replay.first, replay.last, seconds)


def opening(days: int) -> list[Invoice]:
    """The shop's sales of its first days."""
    history = invoices()
    return [invoice for invoice in history if invoice.day < history[0].day + timedelta(days=days)]


def demo(data: Path | None, report: Path, first_days: int | None = None) -> None:
    """The command: replay with a progress bar, show the picture, write the report and say where."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from infra.local.demo.html_report import page
    from infra.local.demo.terminal_report import show

    console = Console()
    replay = open_shop(data, opening(first_days) if first_days else None)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(None), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
    try:
        with bar:
            mornings = (replay.last - replay.first).days + 2
            task = bar.add_task("", total=mornings)
            picture = run(replay, lambda day: bar.update(task, advance=1, description=f"{day:%d/%m/%Y}"))
    finally:
        replay.stack.close()
    show(picture, console)
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(page(picture), encoding="utf-8")
    console.print(f"\n[bold]{report.resolve().as_uri()}[/bold]", soft_wrap=True)


def _numbered() -> NewId:
    """Ids in order instead of random ones, so that two demos are the same to the last digit."""
    numbers = itertools.count(1)
    return lambda: f"{next(numbers):024d}"
