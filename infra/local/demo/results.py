"""What the demo shows at its end, taken from the product's own figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from infra.local.demo.api_client import Doors
from infra.local.demo.figures import Kpi, Proof, kpis, proofs
from infra.local.demo.message_results import JourneyRow, Tally, Turn, journey_rows, messages, tallies, turns
from infra.local.demo.phone_view import Phone, phone
from infra.local.demo.staff import CAMPAIGN_DAY, Staff
from infra.local.demo.staff_results import TaskRow, TicketRow, task_rows, ticket_rows
from infra.local.demo.texts import Words
from infra.local.demo.voucher_results import VoucherRow, voucher_lines, voucher_rows
from infra.local.stack.local_stack import LocalStack
from shared.domain.messaging.message import PROGRESS
from shared.repositories import table_keys
from shared.repositories.ticket_revenue import revenue_per_ticket
from shared.use_cases.segments.scan_winback import listed

# List prices in USD a million: request and read units, write units, SQS per 64 KB, HTTP API and Lambda requests.
PRICES = {"read_units": 0.125, "write_units": 0.625, "queue_sends": 0.40, "http": 1.00, "lambda": 0.20}
# So many rows of the win-back list are shown.
SHOWN_OF_WINBACK = 12


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
class Campaigned:
    """A campaign: `preview` is what was promised on its morning, `real` what the door says of it now."""

    name: str
    day: date
    preview: Mapping[str, Any]
    real: Mapping[str, Any]

    @property
    def sent(self) -> int:
        """How many people it reached."""
        return sum(self.real["counts"][name] for name in PROGRESS)

    @property
    def figures(self) -> list[tuple[str, int, int]]:
        """What was promised and what came of it, by the key of its words."""
        preview, counts = self.preview, self.real["counts"]
        return [
            ("held_back", preview["held_out"], counts["held_out"]),
            ("recipients", preview["recipients"], counts["planned"]),
            ("reached_count", preview["recipients"], self.sent),
            ("spent", preview["cost"], self.real["cost"]),
        ]


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
    journeys: list[JourneyRow]
    vouchers: list[VoucherRow]
    tasks: list[TaskRow]
    tickets: list[TicketRow]
    per_ticket: Mapping[str, Any]
    campaign: Campaigned | None
    kpis: list[Kpi]
    proofs: list[Proof]
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
    def entered(self) -> int:
        """How often somebody got into a journey, without the hold-outs."""
        return sum(row.live.entered for row in self.journeys)

    @property
    def message_count(self) -> int:
        return sum(tally.messages for tally in self.messages)

    @property
    def sent_count(self) -> int:
        """Messages that providers took."""
        return sum(tally.messages for tally in self.messages if tally.status in PROGRESS)

    @property
    def message_cost(self) -> int:
        """What the providers charged, in VND."""
        return sum(tally.cost for tally in self.messages)

    def messages_per_thousand(self) -> float:
        """VND for the messages of 1,000 customers over the time shown."""
        return self.message_cost / self.customers * 1000

    def cost_per_customer_and_month(self) -> float:
        """USD of the machinery for one customer and month, by list prices, without Lambda's computing time."""
        months = max(1.0, ((self.last - self.first).days + 1) / 30)
        return self.cost_per_thousand() / 1000 / months

    def cost_per_thousand(self) -> float:
        """USD for 1,000 customers over the time shown, by list prices, without Lambda's computing time."""
        used: Counter[str] = Counter(self.calls)
        for use in self.meter.values():
            used.update({name: use[name] for name in ("read_units", "write_units", "queue_sends")})
        return sum(used[name] * price for name, price in PRICES.items()) / 1e6 / self.customers * 1000


def taken(doors: Doors, staff: Staff, weeks: list[Week], first: date, last: date, seconds: float) -> Picture:
    """The picture of a house after its last day; `seconds` is what the replay took."""
    staff.close()
    meter = {name: use for name, use in doors.stack.meter.report()["doors"].items() if name != "house"}
    months, cashiers = _totals(doors.stack, first, last)
    tiers = weeks[-1].labels
    sent = messages(doors.stack)
    titles = {row["id"]: Words(**row["title"]) for row in doors.get("/v1/journeys")["items"]}
    lines = voucher_lines(doors, first, last)
    return Picture(
        first=first,
        last=last,
        seconds=seconds,
        events=doors.events,
        customers=sum(tiers[tier] for tier in ("vip", "loyal", "regular", "one_time", "none")),
        returning=sum(tiers[tier] for tier in ("vip", "loyal", "regular")),
        weeks=weeks,
        months=months,
        cashiers=cashiers,
        winback=listed(doors.stack.table, last + timedelta(days=1)),
        messages=tallies(sent),
        turns=turns(sent),
        journeys=journey_rows(doors, sent),
        vouchers=voucher_rows(lines),
        tasks=task_rows(staff.opened.values(), titles),
        tickets=ticket_rows(doors),
        per_ticket=revenue_per_ticket(
            doors.stack.table, (first + timedelta(n) for n in range((last - first).days + 1))
        ),
        campaign=_campaign(doors, staff),
        kpis=kpis(doors, first, last),
        proofs=proofs(doors, titles, first, last),
        phone=phone(doors, sent, titles, {str(line["code"]) for line in lines if line["movement"] == "redeemed"}),
        meter=meter,
        calls=doors.calls,
    )


def _campaign(doors: Doors, staff: Staff) -> Campaigned | None:
    if not staff.campaign_id:
        return None
    real = doors.get(f"/v1/campaigns/{staff.campaign_id}")
    return Campaigned(real["name"], CAMPAIGN_DAY, staff.preview, real)


def _totals(stack: LocalStack, first: date, last: date) -> tuple[list[Month], list[Cashier]]:
    """Months and cashiers from the product's own totals of each day."""
    revenue: Counter[date] = Counter()
    named: Counter[date] = Counter()
    orders: Counter[tuple[str, str]] = Counter()
    fakes: Counter[tuple[str, str]] = Counter()
    for day, totals in day_totals(stack, first, last):
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
    stack: LocalStack, first: date, last: date
) -> Iterator[tuple[date, list[tuple[tuple[str, str, str], Counter[str]]]]]:
    """The shop's totals per local day, each by store, channel and cashier, as the product keeps them."""
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        found = []
        start = None
        while True:
            page = stack.table.query(table_keys.day_totals(day.isoformat()), start=start)
            for item in page.items:
                store, channel, cashier = item["sk"].split("|")
                amounts = Counter({name: value for name, value in item.items() if isinstance(value, int)})
                found.append(((store, channel, cashier), amounts))
            start = page.next
            if start is None:
                break
        yield day, found
