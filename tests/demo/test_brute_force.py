"""The whole year of a real shop, recomputed from its raw lines without the product's code: identical for everybody.

Orders are invoices over zero; revenue is the sum of all of a customer's invoices, returns included; visits are the
local days with an order; lifecycle is counted from the last of them, less the rest over Tết (R3, G7, D9, R15).
"""

from __future__ import annotations

import csv
import gzip
import json
from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from infra.local.demo.dataset import person
from infra.local.demo.results import day_totals
from infra.local.demo.run import Replay, open_shop
from tests.common.lunar_table import LAST_MONTH_DAYS, TET

RAW = Path(__file__).parents[2] / "events" / "history" / "online_retail_slice.csv.gz"
VIETNAM = timezone(timedelta(hours=7))
LIFECYCLE = ("prospect", "new", "active", "lapsed_30", "lapsed_60", "lapsed_90", "lost")
VALUE = ("none", "one_time", "regular", "loyal", "vip")
# The morning after a day without history, some in between, and the last; a Sunday's weekly pass is over by then.
LOOKED_AT = [
    date(2009, 12, 2),
    date(2010, 2, 14),
    date(2010, 5, 31),
    date(2010, 9, 23),
    date(2010, 12, 2),
    date(2010, 12, 10),
]
REFUSED_FROM_ORDERS_A_DAY = 20
# From 28 Chạp to mùng 6, around 14 February 2010 and 3 February 2011.
REST = [TET[year] + timedelta(days=n) for year in (2010, 2011) for n in range(28 - 1 - LAST_MONTH_DAYS[year], 6)]


class Sale(NamedTuple):
    """One invoice as the raw lines have it."""

    number: str
    customer: str
    day: date
    total: int


def raw_sales() -> list[Sale]:
    """The invoices, added up line by line."""
    totals: Counter[str] = Counter()
    heads: dict[str, tuple[str, date]] = {}
    with gzip.open(RAW, "rt", encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            each = Decimal(line["UnitPrice"]) * 30_000
            assert each == each.to_integral_value()
            totals[line["InvoiceNo"]] += int(each) * int(line["Quantity"])
            heads[line["InvoiceNo"]] = (line["CustomerID"], datetime.fromisoformat(line["InvoiceDate"]).date())
    return [Sale(number, *head, totals[number]) for number, head in heads.items()]


SALES = raw_sales()
OF: dict[str, list[Sale]] = defaultdict(list)
for sale in SALES:
    if sale.customer:
        OF[sale.customer].append(sale)


class Facts(NamedTuple):
    """What is true of a customer on the morning of a day, before anything is sold."""

    orders: int
    revenue: int
    visits: int
    lifecycle: str
    revenue_365d: int
    visits_365d: int
    refused: bool


def facts(customer: str, morning: date) -> Facts:
    past = [sale for sale in OF[customer] if sale.day < morning]
    bought = [sale for sale in past if sale.total > 0]
    days = {sale.day for sale in bought}
    recent = [sale for sale in past if (morning - sale.day).days < 365]
    busiest = max(Counter(sale.day for sale in bought).values(), default=0)
    return Facts(
        orders=len(bought),
        revenue=sum(sale.total for sale in past),
        visits=len(days),
        lifecycle=lifecycle(max(days, default=None), len(days), morning),
        revenue_365d=sum(sale.total for sale in recent),
        visits_365d=len({sale.day for sale in recent if sale.total > 0}),
        refused=busiest >= REFUSED_FROM_ORDERS_A_DAY,
    )


def lifecycle(last: date | None, visits: int, today: date) -> str:
    if last is None:
        return "prospect"
    for days, label in ((180, "lost"), (90, "lapsed_90"), (60, "lapsed_60"), (30, "lapsed_30")):
        if silence(last, today) >= days:
            return label
    return "new" if visits == 1 else "active"


def silence(last: date, today: date) -> int:
    return (today - last).days - (bisect_right(REST, today) - bisect_right(REST, last))


def silent_on(last: date, days: int) -> date:
    day = last + timedelta(days=days)
    while silence(last, day) < days:
        day += timedelta(days=1)
    return day


def value(known: Facts, appointed: bool, vip_spend: int) -> str:
    if known.orders == 0:
        return "none"
    if appointed or (known.revenue_365d >= vip_spend and known.visits_365d >= 2):
        return "vip"
    if known.visits == 1:
        return "one_time"
    return "loyal" if known.visits_365d >= 4 else "regular"


@dataclass
class Year:
    """What the product said while the year went by."""

    replay: Replay
    views: dict[date, dict[str, Any]] = field(default_factory=dict)
    lists: dict[date, dict[str, set[str]]] = field(default_factory=dict)
    vip_spend: dict[date, int] = field(default_factory=dict)
    midnights: list[tuple[str, date, str, str]] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)

    def view(self, customer: str) -> Any:
        return self.replay.find({"phone": f"+84{person(customer).phone}"})

    def look(self, morning: date) -> None:
        """The lists of every morning, everybody's view on some."""
        table = self.replay.stack.table
        self.lists[morning] = {label: members(table, label) for label in LIFECYCLE + VALUE}
        cutoffs = table.get(("CUTOFFS", "CURRENT"))
        self.vip_spend[morning] = cutoffs["cutoffs"]["vip_spend"] if cutoffs else 20_000_000
        for customer in bought_before(morning) - self.ids.keys():
            self.ids[customer] = self.view(customer)["customer_id"]
        if morning in LOOKED_AT:
            self.views[morning] = {customer: self.view(customer) for customer in bought_before(morning)}

    def outlast(self) -> None:
        """Half a year without a sale: everybody crosses what is left to cross; some are seen just before and at it."""
        end = self.replay.last + timedelta(days=1)
        crossings = defaultdict(list)
        for customer in OF:
            last = max((sale.day for sale in OF[customer] if sale.total > 0), default=None)
            for days in (30, 60, 90, 180):
                if last and silent_on(last, days) > end:
                    crossings[silent_on(last, days)].append(customer)
        for day in sorted(crossings):
            midnight = datetime(day.year, day.month, day.day, tzinfo=VIETNAM)
            some = crossings[day][:3]
            self.replay.stack.advance(midnight - timedelta(seconds=1))
            before = [self.view(customer)["segments"]["lifecycle"] for customer in some]
            self.replay.stack.advance(midnight)
            after = [self.view(customer)["segments"]["lifecycle"] for customer in some]
            self.midnights += [(*seen[:1], day, *seen[1:]) for seen in zip(some, before, after, strict=True)]


def members(table: Any, label: str) -> set[str]:
    found: set[str] = set()
    start = None
    while True:
        page = table.query(f"S#{label}", start=start)
        found |= {item["sk"] for item in page.items}
        start = page.next
        if start is None:
            return found


def bought_before(morning: date) -> set[str]:
    return {sale.customer for sale in SALES if sale.customer and sale.day < morning}


@pytest.fixture(scope="module")
def year():
    # Labels and lists follow from the sales alone; the people around them have tests of their own.
    replay = open_shop(sales_only=True)
    seen = Year(replay)
    for morning in replay.mornings():
        seen.look(morning)
    seen.outlast()
    yield seen
    replay.stack.close()


def test_R3_orders_revenue_and_visits_are_the_raw_lines_for_everybody(year):
    for morning, views in year.views.items():
        assert views.keys() == bought_before(morning)
        for customer, view in views.items():
            true = facts(customer, morning)
            metrics = view["metrics"]
            said = tuple(metrics[name] for name in ("orders", "revenue", "visits", "revenue_365d", "visits_365d"))
            assert said == (true.orders, true.revenue, true.visits, true.revenue_365d, true.visits_365d), customer
    assert len(year.views[LOOKED_AT[-1]]) == len(OF) == 1202


def test_D3_a_customer_is_one_customer_however_the_tills_wrote_the_number(year):
    assert len(set(year.ids.values())) == len(year.ids) == len(OF)


def test_G7_the_view_shows_the_lifecycle_of_the_day(year):
    for morning, views in year.views.items():
        for customer, view in views.items():
            assert view["segments"]["lifecycle"] == facts(customer, morning).lifecycle, (customer, morning)


def test_G7_on_every_morning_of_the_year_everybody_stands_in_the_right_lifecycle_list(year):
    for morning, lists in year.lists.items():
        right = defaultdict(set)
        for customer in bought_before(morning):
            true = facts(customer, morning)
            if not true.refused:
                right[true.lifecycle].add(year.ids[customer])
        for label in LIFECYCLE:
            assert lists[label] == right[label], (morning, label)


def test_G7_a_boundary_is_crossed_at_midnight_of_its_local_day(year):
    assert len(year.midnights) > 300
    for customer, day, before, after in year.midnights:
        eve = day - timedelta(days=1)
        assert (before, after) == (facts(customer, eve).lifecycle, facts(customer, day).lifecycle), (customer, day)
        assert before != after


def test_R15_nobody_lapses_on_a_day_of_the_rest_over_tet(year):
    for day in REST[:9]:
        today, yesterday = year.lists[day], year.lists[day - timedelta(days=1)]
        for label in ("lapsed_30", "lapsed_60", "lapsed_90", "lost"):
            assert today[label] <= yesterday[label], (day, label)
    after = REST[8] + timedelta(days=1)
    assert year.lists[after]["lapsed_30"] - year.lists[REST[8]]["lapsed_30"]


def test_G2_value_labels_equal_the_rule_under_the_cutoffs_in_force(year):
    appointed: dict[str, date] = {}
    for morning, lists in year.lists.items():
        right = defaultdict(set)
        for customer in bought_before(morning):
            true = facts(customer, morning)
            # The weekly pass of Sunday appoints VIPs for twelve months.
            meets = true.revenue_365d >= year.vip_spend[morning] and true.visits_365d >= 2
            if morning.weekday() == 6 and meets:
                appointed[customer] = morning + timedelta(days=365)
            holds = morning < appointed.get(customer, morning)
            if not true.refused:
                right[value(true, holds, year.vip_spend[morning])].add(year.ids[customer])
        for label in VALUE:
            assert lists[label] == right[label], (morning, label)


def test_R4_daily_totals_equal_the_shops_walk_ins_and_bad_phones_included(year):
    gross: Counter[date] = Counter()
    named: Counter[date] = Counter()
    orders: Counter[date] = Counter()
    for sale in SALES:
        gross[sale.day] += sale.total
        named[sale.day] += sale.total if sale.customer else 0
        orders[sale.day] += sale.total > 0
    for day, totals in day_totals(year.replay.stack, year.replay.first, year.replay.last):
        said = sum((amounts for _, amounts in totals), Counter())
        assert sum(amounts["gross"] for _, amounts in totals) == gross[day], day
        assert sum(amounts["identified"] for _, amounts in totals) == named[day], day
        assert said["orders"] == orders[day], day


def test_R4_no_customer_came_of_a_walk_in_or_a_filler(year):
    everybody = set().union(*(year.lists[LOOKED_AT[-1]][label] for label in LIFECYCLE))
    assert everybody <= set(year.ids.values())
    assert not [
        name for name, state in year.replay.stack.queue_state().items() if json.dumps(state.get("messages", [])) != "[]"
    ]
