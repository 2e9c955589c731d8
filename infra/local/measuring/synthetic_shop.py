"""A made-up shop to look ahead with and to measure by: people who buy now and then, the same for the same seed.

About 2 % of them buy a day, each by a nature of their own, see `truth`. To each purchase belong three other events:
online a look, a filled cart and a parcel, in a store a look and somebody else's cart that is left behind. After a few
orders people write to the shop. Everything happens live, but for what people bought before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple

from infra.local.demo.api_client import Event
from infra.local.demo.dataset import CITIES, Draw, Person, demo_products, person
from infra.local.demo.tickets import lines
from infra.local.measuring.truth import Life, Order, drawn
from shared.domain.catalogue.product import Product
from shared.domain.vietnam_time import VIETNAM, day_start

# Percent of the customers, but for what says otherwise.
BUY_A_DAY = 2
BOUGHT_BEFORE = 70
CONSENT = 60
# Percent of the orders, and of the parcels.
ONLINE = 60
COD = 50
REFUSED = 4
# Of a hundred orders so many are followed by a question, a complaint or worse, a few days later.
WRITES, WRITES_WITHIN_DAYS = 5, 5
TICKET_CHANNELS = {"hotline": 30, "web": 45, "form": 25}
HISTORY_DAYS = 150
BORN = (1960, 2003)
OPENS, CLOSES = 9, 22
CONSENT_CHANNELS = ("zns", "zalo", "email", "sms")


class Customer(NamedTuple):
    """Somebody with a phone of their own, as tills type it, and whether they agreed to advertising."""

    phone: str
    person: Person
    consent: bool
    life: Life


class Letter(NamedTuple):
    """What a customer writes to the shop about an order, at a moment, by a channel."""

    at: datetime
    who: Customer
    order_id: str
    channel: str
    text: str


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
        # Who buys when has a chance of its own, one number per customer and day: what messages do to somebody changes
        # nobody else's life, and the same life goes on as before where they do nothing.
        self._luck = Random(f"luck {self.seed}")  # noqa: S311
        self._parcels: defaultdict[date, list[Event]] = defaultdict(list)
        self._letters: defaultdict[date, list[Letter]] = defaultdict(list)
        self._orders = 0

    @cached_property
    def products(self) -> list[Product]:
        return [product for product in demo_products() if product.price]

    @cached_property
    def people(self) -> list[Customer]:
        return [self._customer(number) for number in range(self.customers)]

    @cached_property
    def _weights(self) -> list[float]:
        return list(accumulate(who.life.truth.rate for who in self.people))

    def past(self) -> Iterator[Event]:
        """Who the customers are and what they agreed to, and what they bought before, as history. To be asked once."""
        at = day_start(self.first)
        for who in self.people:
            yield _registration(who, at)
        for who in self.people:
            if self._percent(BOUGHT_BEFORE):
                for ago in range(self._random.randrange(1, HISTORY_DAYS), 0, -1):
                    day = self.first - timedelta(days=ago)
                    if not who.life.orders or who.life.shops(day, self._luck.random()):
                        order = self._order(who, datetime.combine(day, time(12), VIETNAM), online=False)
                        yield {**order, "context": {"backfill": True}}

    def day(self, day: date) -> list[Event]:
        """What happens on a day, in order of time. Days are to be asked for in turn."""
        events = self._parcels.pop(day, [])
        luck = self._luck.random
        for who in [who for who in self.people if who.life.shops(day, luck())]:
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
            self._write_later(who, order, day)
        return sorted(events, key=lambda event: (event["timestamp"], event["messageId"]))

    def letters(self, day: date) -> list[Letter]:
        """What is written to the shop on a day about orders of days before."""
        return self._letters.pop(day, [])

    # ---- what they do ----

    def _customer(self, number: int) -> Customer:
        who = person(f"{self.seed}-{number}")
        nature = Random(f"nature {self.seed} {number}")  # noqa: S311
        born = int(who.birthday[:4]) if who.birthday else nature.randrange(*BORN)
        life = Life(drawn(nature, self.first.year - born))
        return Customer(phone(self.seed * 1_000_000 + number), who, self._percent(CONSENT), life)

    def _somebody(self) -> Customer:
        return self._random.choices(self.people, cum_weights=self._weights)[0]

    def _moment(self, day: date) -> datetime:
        minutes = self._random.randrange((OPENS + 1) * 60, (CLOSES - 1) * 60)
        return datetime.combine(day, time(), VIETNAM) + timedelta(minutes=minutes)

    def _percent(self, share: int) -> bool:
        return self._random.randrange(100) < share

    def _line(self, budget: int = 0) -> dict[str, Any]:
        """Some pieces of a product, for about so much money."""
        product = self._random.choice(self.products)
        price = product.price or 0
        line = {"sku": product.sku, "name": product.name, "quantity": min(20, max(1, budget // price))}
        return line | {"price": price, "category": product.category}

    def _order(self, who: Customer, at: datetime, *, online: bool) -> Event:
        self._orders += 1
        # The amount is the customer's own as well; what its lines leave out is freight or was knocked off.
        total = who.life.truth.amount(Random(f"amount {who.phone} {len(who.life.orders)}"))  # noqa: S311
        who.life.buys(Order(at.date(), total))
        number = self._random.randrange(1, 4)
        said = {
            "order_id": f"M{self._orders:07d}",
            "total": total,
            "products": [self._line(total // number) for _ in range(number)],
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

    def _write_later(self, who: Customer, order: Event, day: date) -> None:
        order_id = order["properties"]["order_id"]
        draw = Draw(f"writes {self.seed} {order_id}")
        if draw.percent("writes", WRITES):
            on = day + timedelta(days=1 + draw.number("days", WRITES_WITHIN_DAYS))
            at = datetime.combine(on, time(8), VIETNAM) + timedelta(minutes=draw.number("minute", 13 * 60))
            text, channel = draw.of("line", lines()[0]), draw.of("channel", TICKET_CHANNELS)
            self._letters[on].append(Letter(at, who, order_id, channel, text))

    def _name(self, kind: str) -> str:
        return f"{kind}-{self._random.getrandbits(64):016x}"


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
