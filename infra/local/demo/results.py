"""What the demo shows at its end, taken from the product's own figures."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from infra.local.demo.api_client import Doors
from infra.local.demo.phone_view import Phone, phone
from infra.local.demo.staff import CAMPAIGN_DAY, Staff
from infra.local.demo.texts import Words
from infra.local.stack.local_stack import LocalStack
from shared.domain.messaging.message import PROGRESS, WAITING, Message
from shared.domain.tickets.ticket import STATUSES
from shared.repositories import table_keys
from shared.repositories.ticket_revenue import revenue_per_ticket
from shared.runtime.playbook.offers import offers
from shared.use_cases.segments.scan_winback import listed

# List prices in USD a million: request and read units, write units, SQS per 64 KB, HTTP API and Lambda requests.
PRICES = {"read_units": 0.125, "write_units": 0.625, "queue_sends": 0.40, "http": 1.00, "lambda": 0.20}
# So many rows of the win-back list are shown.
SHOWN_OF_WINBACK = 12
# The books are asked for by quarters at most.
QUARTER = timedelta(days=91)


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
class Arm:
    """People of a journey who are treated alike: how many entered, and why it was over for how many."""

    entered: int
    ended: Mapping[str, int]

    @property
    def converted(self) -> int:
        return self.ended.get("goal", 0)


@dataclass(frozen=True)
class JourneyRow:
    """What came of one journey; `aimed` says whether it has a goal. `inside` are in it still, the hold-out among them.
    `sent` and `unsent` are its messages, `cost` what they cost in VND."""

    journey: str
    title: Words
    aimed: bool
    live: Arm
    holdout: Arm
    inside: int
    sent: int
    unsent: int
    cost: int


@dataclass(frozen=True)
class VoucherRow:
    """What became of an offer's vouchers; `given` is what the redeemed ones took off, `liability` what the open ones
    may cost at most, in VND."""

    offer: str
    title: Words
    issued: int
    redeemed: int
    expired: int
    open: int
    given: int
    liability: int


@dataclass(frozen=True)
class TaskRow:
    """Tasks of one journey, or of one title where no journey opened them; `outcomes` of those that are done."""

    title: Words
    opened: int
    open: int
    outcomes: Mapping[str, int]


@dataclass(frozen=True)
class TicketRow:
    """Tickets about one matter: how many the bot answered by itself, how many missed a deadline, and the median of
    what people took for their first answer, in minutes."""

    intent: str
    tickets: int
    bot: int
    missed: int
    minutes: int | None


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
    lines = _voucher_lines(doors, first, last)
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
        journeys=_journeys(doors, sent),
        vouchers=_vouchers(lines),
        tasks=_tasks(staff.opened.values(), titles),
        tickets=_tickets(doors),
        per_ticket=revenue_per_ticket(
            doors.stack.table, (first + timedelta(n) for n in range((last - first).days + 1))
        ),
        campaign=_campaign(doors, staff),
        phone=phone(doors, sent, titles, {str(line["code"]) for line in lines if line["movement"] == "redeemed"}),
        meter=meter,
        calls=doors.calls,
    )


def _journeys(doors: Doors, sent: Sequence[Message]) -> list[JourneyRow]:
    """Journeys somebody entered, the fullest first."""
    went: Counter[str] = Counter(message["journey"] for message in sent if message["status"] in PROGRESS)
    every: Counter[str] = Counter(message["journey"] for message in sent)
    cost: Counter[str] = Counter()
    for message in sent:
        cost[message["journey"]] += message["cost"]
    rows = [
        JourneyRow(
            journey=(name := told["id"]),
            title=Words(**told["title"]),
            aimed="goal" in doors.get(f"/v1/journeys/{name}")["definition"],
            live=Arm(told["entered"], told["results"]),
            holdout=Arm(told["holdout"]["entered"], told["holdout"]["results"]),
            inside=told["people"],
            sent=went[name],
            unsent=every[name] - went[name],
            cost=cost[name],
        )
        for told in doors.get("/v1/journeys")["items"]
        if told["entered"] or told["holdout"]["entered"]
    ]
    return sorted(rows, key=lambda row: (-row.live.entered, row.journey))


def _voucher_lines(doors: Doors, first: date, last: date) -> list[Mapping[str, Any]]:
    """Every issue and every redemption, as the books have it."""
    lines: list[Mapping[str, Any]] = []
    while first <= last:
        until = min(last, first + QUARTER)
        lines += doors.pages("/v1/vouchers/reconciliation", f"from={first}&to={until}")
        first = until + timedelta(days=1)
    return lines


def _vouchers(lines: Iterable[Mapping[str, Any]]) -> list[VoucherRow]:
    """By offer, the most frequent first."""
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        of = sums[line["offer"]]
        if line["movement"] == "redeemed":
            of["given"] += line["worth"] or 0
        else:
            of["issued"] += 1
            of[line["status"]] += 1
            of["liability"] += line["most"] if line["status"] == "open" else 0
    book = offers().offers
    rows = [
        VoucherRow(
            offer, Words(book[offer].title.told("vi"), book[offer].title.told("en")), of["issued"], of["redeemed"],
            of["expired"], of["open"], of["given"], of["liability"],
        )
        for offer, of in sums.items()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row.issued, row.offer))


def _tasks(tasks: Iterable[Mapping[str, Any]], titles: Mapping[str, Words]) -> list[TaskRow]:
    """By what they were for, the most frequent first."""
    found: defaultdict[Words, list[Mapping[str, Any]]] = defaultdict(list)
    for task in tasks:
        found[titles.get(task["journey"] or "") or Words(task["title"] or task["kind"], "")].append(task)
    rows = []
    for title, of in found.items():
        done = Counter(task["outcome"] or "withdrawn" for task in of if task["status"] == "done")
        rows.append(TaskRow(title, len(of), len(of) - done.total(), dict(done.most_common())))
    return sorted(rows, key=lambda row: (-row.opened, row.title))


def _tickets(doors: Doors) -> list[TicketRow]:
    """By what they are about, the most frequent first."""
    found: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for status in STATUSES:
        for ticket in doors.pages("/v1/tickets", f"status={status}"):
            found[ticket["intent"]].append(ticket)
    rows = []
    for intent, of in found.items():
        waits = sorted(one["first_response_seconds"] for one in of if one["first_response_seconds"] is not None)
        minutes = waits[len(waits) // 2] // 60 if waits else None
        rows.append(TicketRow(intent, len(of), sum(one["queue"] == "bot" for one in of),
                              sum(bool(one["missed"]) for one in of), minutes))  # fmt: skip
    return sorted(rows, key=lambda row: (-row.tickets, row.intent))


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
            page = stack.table.query(table_keys.day_total(day.isoformat(), "", "", "", "").pk, start=start)
            for item in page.items:
                store, channel, cashier, _ = item["sk"].split("|")
                amounts = Counter({name: value for name, value in item.items() if isinstance(value, int)})
                found.append(((store, channel, cashier), amounts))
            start = page.next
            if start is None:
                break
        yield day, found


def messages(stack: LocalStack) -> list[Message]:
    """Every message there is, sent or not; read from this laptop's database end to end, which no door does."""
    rows = stack.store.db.execute("SELECT body FROM items WHERE sk BETWEEN ? AND ?", table_keys.MESSAGES)
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
