"""What the demo's customers do beside buying: they sign up, follow, ask, fill carts, read, answer and bring vouchers.

All of it is drawn from the customer's, the invoice's or the message's number, as in `shop_history`, and goes through
the doors. Nobody does anything before the day of their first purchase, so that the shop's own history stays as it was.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from datetime import time as day_time
from functools import cached_property, partial
from typing import Any, NamedTuple

from infra.local.demo.api_client import Doors, Event
from infra.local.demo.dataset import Draw, Invoice, Person, demo_products, person, registration, store_of
from infra.local.demo.phones import Phones
from infra.local.providers.base import Received
from shared.domain.vietnam_time import VIETNAM, moment, stamp

# People look at their phones in the lunch break and in the evening.
LOOKS = (day_time(12, 50), day_time(20, 10))
AFTER_CLOSING = day_time(21, 45)
# How many open what came, in percent, by channel.
OPENS = {"email": ("opens", 55), "zalo": ("sees", 75)}
QUESTIONS = (
    "Mẫu này giá bao nhiêu vậy shop?",
    "Shop còn hàng mẫu này không ạ?",
    "Phí ship về nhà mình bao nhiêu shop?",
)
ADDRESSES = {
    "Quận 1": "12 Nguyễn Trãi, Quận 1, TP. Hồ Chí Minh",
    "Thủ Đức": "45 Võ Văn Ngân, Thủ Đức, TP. Hồ Chí Minh",
    "Cầu Giấy": "8 Xuân Thủy, Cầu Giấy, Hà Nội",
}
# A reminder comes an hour after the cart; whoever buys "in time" is known to have bought before.
IN_TIME = timedelta(minutes=52)
_CODE = re.compile(r"\b[A-Z]{2,4}-[2-9A-HJKMNP-Z]{8}\b")


class Errand(NamedTuple):
    """Something somebody does at a moment."""

    at: datetime
    do: Callable[[], None]


class People:
    """The customers of a shop; `reports` are the times at which tills tell what they sold."""

    def __init__(self, doors: Doors, shop: Sequence[Invoice], reports: Sequence[day_time]) -> None:
        self.doors = doors
        self._phones = Phones(doors)
        self.registered: set[str] = set()
        self._reports = reports
        self._own = [invoice for invoice in shop if invoice.customer]
        self._first: dict[str, Invoice] = {}
        for invoice in self._own:
            self._first.setdefault(invoice.customer, invoice)
        self._last = shop[-1].day
        self._plans = self._planned()
        # How much of what each provider took has been looked at, and whose addresses it went to.
        self._seen: dict[str, int] = {}
        self._whose: dict[str, str] = {}
        self._purses: defaultdict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
        self.follows: set[str] = set()

    def errands(self, day: date) -> list[Errand]:
        """What is done on a day, in no order."""
        looks = [Errand(datetime.combine(day, at, VIETNAM), self._look_at_phones) for at in LOOKS]
        return [*self._plans.get(day, ()), *looks]

    # ---- plans ----

    def _planned(self) -> dict[date, list[Errand]]:
        plans: defaultdict[date, list[Errand]] = defaultdict(list)
        for errand in self._all_plans():
            plans[errand.at.date()].append(errand)
        return plans

    def _all_plans(self) -> Iterator[Errand]:
        for number, first in self._first.items():
            who, draw = person(number), Draw(f"habits {number}")
            opened = datetime.combine(first.day, day_time(7, 20), VIETNAM)
            if draw.percent("signs up", 7) and first.total > 0 and first.at > opened + timedelta(hours=1):
                at = max(opened, first.at - timedelta(minutes=50 + draw.number("signs up before", 60)))
                yield Errand(at, partial(self._sign_up, first, at))
            if draw.percent("follows", 24) and not draw.percent("no Zalo", 10):
                yield Errand(datetime.combine(first.day, AFTER_CLOSING, VIETNAM), partial(self._follow, who))
        for invoice in self._own:
            if invoice.total > 0:
                yield from self._around(invoice)

    def _around(self, invoice: Invoice) -> Iterator[Errand]:
        """What a customer does before and after a purchase."""
        who, draw = person(invoice.customer), Draw(f"around {invoice.number}")
        habits = Draw(f"habits {invoice.customer}")
        if habits.percent("web shop", 40):
            kind = draw.of("cart", {"none": 86, "in time": 4, "later": 6, "left": 4})
            at = self._cart_at(invoice, kind, draw)
            if at and self._known(invoice, at):
                yield Errand(at, partial(self._fill_cart, who, invoice, at, cleared=False))
                if kind == "left" and draw.percent("cleared", 20):
                    soon = at + timedelta(minutes=20)
                    yield Errand(soon, partial(self._fill_cart, who, invoice, soon, cleared=True))
        if habits.percent("follows", 24):
            asks = draw.of("asks", {"no": 92, "before": 5, "after": 3})
            days = -1 - draw.number("asked before", 2) if asks == "before" else 18
            at = self._some_time(invoice.day + timedelta(days=days), draw)
            if asks != "no" and self._known(invoice, at):
                yield Errand(at, partial(self._ask, who, QUESTIONS[draw.number("question", len(QUESTIONS))]))
        tonight = datetime.combine(invoice.day, AFTER_CLOSING, VIETNAM)
        if draw.number("appointment", 1000) < 6:
            yield Errand(tonight, partial(self._book, who, invoice, tonight))
        if draw.number("trial", 1000) < 5:
            yield Errand(tonight, partial(self._try_out, who, invoice, tonight))

    def _cart_at(self, invoice: Invoice, kind: str, draw: Draw) -> datetime | None:
        if kind == "later":
            return self._some_time(invoice.day - timedelta(days=1 + draw.number("days before", 3)), draw)
        if kind == "left":
            return self._some_time(invoice.day + timedelta(days=12 + draw.number("days after", 18)), draw)
        told = next((at for at in self._reports if at > invoice.at.time()), self._reports[-1])
        at = datetime.combine(invoice.day, told, VIETNAM) - IN_TIME
        return at if kind == "in time" and at < invoice.at else None

    def _some_time(self, day: date, draw: Draw) -> datetime:
        """A time of a day at which people shop on the web."""
        return datetime.combine(day, day_time(9), VIETNAM) + timedelta(minutes=draw.number("some time", 11 * 60))

    def _known(self, invoice: Invoice, at: datetime) -> bool:
        """Whether the shop knows the customer at that moment, and is still open for the demo."""
        return self._first[invoice.customer].day < at.date() <= self._last

    # ---- deeds ----

    def _sign_up(self, invoice: Invoice, at: datetime) -> None:
        """On the way to the shop, for the coupon of a first visit."""
        self.registered.add(invoice.customer)
        who = person(invoice.customer)
        form = registration(invoice, store_of(invoice), at)
        self._tell([form, self._said(who, "Signed Up", at, f"signup-{who.number}", channel="web", source="qr")])

    def _follow(self, who: Person) -> None:
        """At the till: the form of the Official Account first, so that it knows whom it talks to."""
        zalo, user = self.doors.stack.providers.stand_ins.zalo, f"zalo-{who.number}"
        zalo.submit_info(user, f"84{who.phone}", who.name)
        self.doors.drain()
        zalo.follow(user)
        self.doors.drain()
        self._whose[user] = who.number
        self.follows.add(who.number)

    def _ask(self, who: Person, question: str) -> None:
        if who.number in self.follows:
            self.doors.stack.providers.stand_ins.zalo.say(f"zalo-{who.number}", question)
            self.doors.drain()

    def _fill_cart(self, who: Person, invoice: Invoice, at: datetime, *, cleared: bool) -> None:
        """A visit of the web shop, which first shows what waits for this visitor."""
        browser = f"browser-{who.number}"
        self.doors.popups(browser)
        lines = [line for line in invoice.lines if line.quantity > 0 and line.price > 0][:4]
        products = [{"sku": x.sku, "name": x.name, "quantity": x.quantity, "price": x.price} for x in lines]
        said = self._said(
            who,
            "Cart Updated",
            at,
            f"cart-{invoice.number}-{int(cleared)}",
            cart_id=f"cart-{who.number}",
            products=[] if cleared else products,
        )
        self._tell([{**said, "anonymousId": browser, "context": {"source": "web"}}])

    def _book(self, who: Person, invoice: Invoice, at: datetime) -> None:
        store, draw = store_of(invoice), Draw(f"appointment {invoice.number}")
        starts = self._some_time(invoice.day + timedelta(days=4 + draw.number("days", 16)), draw)
        place = {"store": store, "store_address": ADDRESSES[store]}
        what = {"appointment_id": f"HEN-{invoice.number}", "service": "gói quà theo yêu cầu"}
        name = f"appointment-{invoice.number}"
        self._tell([self._said(who, "Appointment Booked", at, name, starts_at=stamp(starts), **what, **place)])

    def _try_out(self, who: Person, invoice: Invoice, at: datetime) -> None:
        known = [line for line in invoice.lines if line.sku in self._catalogue]
        product = self._catalogue[known[0].sku] if known else next(iter(self._catalogue.values()))
        ends = (invoice.day + timedelta(days=10)).isoformat()
        trial = {"sku": product.sku, "product": product.name, "ends_on": ends}
        trial |= {"guide_url": product.guide_url} if product.guide_url else {}
        self._tell([self._said(who, "Trial Started", at, f"trial-{invoice.number}", **trial)])

    @cached_property
    def _catalogue(self) -> dict[str, Any]:
        return {product.sku: product for product in demo_products()}

    def _said(self, who: Person, name: str, at: datetime, message_id: str, **properties: Any) -> Event:
        return {
            "type": "track",
            "event": name,
            "messageId": message_id,
            "timestamp": at.isoformat(),
            "userId": f"+84{who.phone}",
            "context": {"source": "pos"},
            "properties": properties,
        }

    def _tell(self, events: Sequence[Event]) -> None:
        self.doors.tell(events)
        self.doors.drain()

    # ---- reading and answering ----

    def _look_at_phones(self) -> None:
        """Look at everything that came since the last look, and answer some of it."""
        for provider in self.doors.stack.providers.stand_ins:
            new = provider.received[self._seen.get(provider.name, 0) :]
            self._seen[provider.name] = len(provider.received)
            for message in new:
                self._read(message)
        self.doors.drain()

    def _read(self, got: Received) -> None:
        for code in _CODE.findall(got.text):
            if number := self._owner(got.to):
                self._purses[number][code] = {}
        draw = Draw(f"reads {got.tracking_id or got.provider_id}")
        if draw.percent(*OPENS.get(got.channel, ("opens", 0))):
            self._phones.open(got)
        if self._phones.survey(got):
            if draw.percent("answers", 24):
                self._phones.answer(got, draw)
        elif draw.percent("taps", 14):
            self._phones.tap(got)
        if self._phones.unsubscribe_link(got) and draw.percent("has enough", 2):
            self._phones.unsubscribe(got)

    def _owner(self, address: str) -> str:
        if not self._whose or address not in self._whose:
            for number in self._first:
                who = person(number)
                self._whose |= {f"+84{who.phone}": number, f"0{who.phone}": number, f"84{who.phone}": number}
                if who.email:
                    self._whose[who.email] = number
        return self._whose.get(address, "")

    # ---- at the till ----

    def bring_voucher(self, invoice: Invoice, sale: Event, key: str) -> None:
        """Let a customer show a code they got: the till asks what it is worth and puts it on the bill."""
        draw = Draw(f"voucher {invoice.number}")
        if not self._purses[invoice.customer] or invoice.total <= 0 or draw.percent("forgets it", 20):
            return
        properties: dict[str, Any] = sale["properties"]
        for code in list(self._purses[invoice.customer]):
            shown = self.doors.get(f"/v1/vouchers/{code}", key=key)
            if shown["status"] != "open":
                del self._purses[invoice.customer][code]
                continue
            off = _worth(shown, invoice.total)
            good = moment(shown["issued_at"]) <= invoice.at < moment(shown["valid_until"])
            if not good or invoice.total + off < shown["min_order"] or not self._has_goods(shown, properties):
                continue
            # The total is what was paid; the voucher had been taken off before.
            sale["properties"] = {**properties, "coupon": code, "discount": off}
            del self._purses[invoice.customer][code]
            return

    def _has_goods(self, voucher: Mapping[str, Any], properties: Mapping[str, Any]) -> bool:
        """Whether the order has what the voucher is for; the till knows the categories from the catalogue."""
        wanted = set(voucher["categories"])
        for line in properties["products"]:
            if product := self._catalogue.get(line["sku"]):
                line["category"] = product.category
        return not wanted or any(line.get("category") in wanted for line in properties["products"])


def _worth(voucher: Mapping[str, Any], paid: int) -> int:
    """What was taken off an order of which this was paid in the end, in VND."""
    if voucher["unit"] == "percent":
        return int(min(voucher["most"], paid * voucher["value"] // (100 - voucher["value"])))
    return int(voucher["value"]) if voucher["unit"] == "VND" else 0
