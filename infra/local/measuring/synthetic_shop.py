"""A made-up shop to look ahead with and to measure by: people who buy now and then, the same for the same seed.

Every day 2 % of them buy. To each purchase belong three other events: online a look, a filled cart and a parcel, in a
store a look and somebody else's cart that is left behind. Everything happens live, but for what people bought before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple

from infra.local.demo.dataset import CITIES, Person, demo_products, person
from infra.local.stack.local_stack import LocalStack
from shared.domain.catalogue.product import Product
from shared.domain.vietnam_time import VIETNAM, day_start
from shared.repositories.products import Products
from shared.use_cases.messaging.do_not_call_list import DoNotCall

Event = dict[str, Any]

# Percent of the customers, but for what says otherwise.
BUY_A_DAY = 2
BOUGHT_BEFORE = 70
CONSENT = 60
# Percent of the orders, and of the parcels.
ONLINE = 60
COD = 50
REFUSED = 4
# A fifth of the customers buys about half of everything.
REGULARS, THEIR_WEIGHT = 20, 4
HISTORY_DAYS = 150
OPENS, CLOSES = 9, 22
CONSENT_CHANNELS = ("zns", "zalo", "email", "sms")
LIST_CHECKED_EVERY = 5


class Customer(NamedTuple):
    """Somebody with a phone of their own, as tills type it, and whether they agreed to advertising."""

    phone: str
    person: Person
    consent: bool


def phone(number: int) -> str:
    """Distinct mobile numbers without junk patterns."""
    return f"09{(number * 7919 + 12345678) % 10**8:08d}"


@dataclass
class MadeUpShop:
    """A shop with so many customers, all of it drawn from the seed. `first` is the day on which it is looked at."""

    customers: int
    seed: int
    first: date

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311 - a repeatable shop, not a secret
        self._parcels: defaultdict[date, list[Event]] = defaultdict(list)
        self._orders = 0

    @cached_property
    def products(self) -> list[Product]:
        return [product for product in demo_products() if product.price]

    @cached_property
    def people(self) -> list[Customer]:
        return [
            Customer(phone(self.seed * 1_000_000 + number), person(f"{self.seed}-{number}"), self._percent(CONSENT))
            for number in range(self.customers)
        ]

    @cached_property
    def _weights(self) -> list[int]:
        regulars = self.customers * REGULARS // 100
        return list(accumulate(THEIR_WEIGHT if number < regulars else 1 for number in range(self.customers)))

    def past(self) -> Iterator[Event]:
        """Who the customers are and what they agreed to, and what they bought before, as history."""
        at = day_start(self.first)
        for who in self.people:
            yield _registration(who, at)
        for who in self.people:
            if self._percent(BOUGHT_BEFORE):
                days = self._random.randrange(1, HISTORY_DAYS)
                order = self._order(who, at - timedelta(days=days, hours=-12), online=False)
                yield {**order, "context": {"backfill": True}}

    def day(self, day: date) -> list[Event]:
        """What happens on a day, in order of time."""
        events = self._parcels.pop(day, [])
        for _ in range(max(1, self.customers * BUY_A_DAY // 100)):
            who = self._somebody()
            at = self._moment(day)
            online = self._percent(ONLINE)
            order = self._order(who, at, online=online)
            events += [self._look(who, at - timedelta(minutes=30)), order]
            if online:
                events.append(self._cart(who, at - timedelta(minutes=20), order["properties"]["products"]))
                self._send_parcel(day, order)
            else:
                other = self._somebody()
                events.append(self._look(other, at))
                events.append(self._cart(other, at + timedelta(minutes=5), [self._line()]))
        return sorted(events, key=lambda event: (event["timestamp"], event["messageId"]))

    # ---- what they do ----

    def _somebody(self) -> Customer:
        return self._random.choices(self.people, cum_weights=self._weights)[0]

    def _moment(self, day: date) -> datetime:
        minutes = self._random.randrange((OPENS + 1) * 60, (CLOSES - 1) * 60)
        return datetime.combine(day, time(), VIETNAM) + timedelta(minutes=minutes)

    def _percent(self, share: int) -> bool:
        return self._random.randrange(100) < share

    def _line(self) -> dict[str, Any]:
        product = self._random.choice(self.products)
        line = {"sku": product.sku, "name": product.name, "quantity": self._random.randrange(1, 7)}
        return line | {"price": product.price, "category": product.category}

    def _order(self, who: Customer, at: datetime, *, online: bool) -> Event:
        self._orders += 1
        lines = [self._line() for _ in range(self._random.randrange(1, 4))]
        said = {
            "order_id": f"M{self._orders:07d}",
            "total": sum(line["price"] * line["quantity"] for line in lines),
            "products": lines,
            "store": who.person.store,
            "channel": "website" if online else "store",
            "payment": "cod" if online and self._percent(COD) else "transfer" if online else "cash",
        }
        return _track("Order Completed", who.phone, at, f"order-{self._orders}", said)

    def _look(self, who: Customer, at: datetime) -> Event:
        return _track("Product Viewed", who.phone, at, self._name("look"), {"sku": self._line()["sku"]})

    def _cart(self, who: Customer, at: datetime, lines: list[dict[str, Any]]) -> Event:
        said = {"cart_id": f"c-{who.phone}", "products": lines}
        return _track("Cart Updated", who.phone, at, self._name("cart"), said)

    def _send_parcel(self, day: date, order: Event) -> None:
        on = day + timedelta(days=self._random.randrange(2, 5))
        news = "Returned To Sender" if self._percent(REFUSED) else "Order Delivered"
        said = {"order_id": order["properties"]["order_id"]}
        self._parcels[on].append(_track(news, "", self._moment(on), self._name("parcel"), said))

    def _name(self, kind: str) -> str:
        return f"{kind}-{self._random.getrandbits(64):016x}"


def open_up(stack: LocalStack, shop: MadeUpShop, tell: Callable[[list[Event]], None]) -> None:
    """Give a house the shop's goods and its past. `tell` takes events in."""
    Products(stack.table, stack.outside.memory, stack.now).put(shop.products)
    tell(list(shop.past()))


def live(stack: LocalStack, shop: MadeUpShop, days: int, tell: Callable[[list[Event]], None]) -> Iterator[date]:
    """Let the days pass one by one, each told once it is over; what happens is told within the hour."""
    listed = DoNotCall(stack.table, stack.outside.identity_key)
    for number in range(days):
        day = shop.first + timedelta(days=number)
        if number % LIST_CHECKED_EVERY == 0:
            _let_pass(stack, max(stack.now, day_start(day)))
            listed.checked(stack.now)
        happened = shop.day(day)
        for hour in range(OPENS, CLOSES + 1):
            until = datetime.combine(day, time(hour), VIETNAM)
            _let_pass(stack, until)
            count = sum(event["timestamp"] <= until.isoformat() for event in happened)
            if count:
                tell(happened[:count])
                del happened[:count]
        _let_pass(stack, day_start(day + timedelta(days=1)))
        yield day


def _let_pass(stack: LocalStack, until: datetime) -> None:
    """What fails stands in the log; a forecast of a shop whose doors fail is none."""
    if failed := stack.advance(until)["failed"]:
        raise RuntimeError(f"doors failed: {dict(failed)}")


def _registration(who: Customer, at: datetime) -> Event:
    person = who.person
    traits = {"name": person.name, "gender": person.gender, "city": CITIES[person.store], "home_store": person.store}
    traits |= {name: value for name in ("email", "birthday") if (value := getattr(person, name))}
    said = [
        {"channel": channel, "purpose": "marketing", "granted": True, "at": at.isoformat(), "proof": "QR"}
        for channel in CONSENT_CHANNELS
    ]
    return {
        "type": "identify",
        "messageId": f"base-{who.phone}",
        "userId": who.phone,
        "timestamp": at.isoformat(),
        "traits": traits,
        "context": {"consent": said if who.consent else [], "backfill": True},
    }


def _track(name: str, who: str, at: datetime, message_id: str, properties: dict[str, Any]) -> Event:
    event = {"type": "track", "event": name, "messageId": message_id, "timestamp": at.isoformat()}
    return event | {"properties": properties} | ({"userId": who} if who else {})
