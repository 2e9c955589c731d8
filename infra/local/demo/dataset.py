"""The demo's shop: the real sales in `events/history`, with people, branches and tills made up around them.

Invoices, goods, quantities, prices (in VND, by the rate below) and times are the shop's own. Whatever a Vietnamese till
would have typed besides is drawn by SHA-256 from the customer's or the invoice's number: the same number always gives
the same person, and nothing here is anybody's.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from infra.local.importing.products import read_products
from shared.domain.catalogue.product import Product
from shared.domain.common.text_folding import fold
from shared.domain.customers.phone import RETIRED_PREFIXES
from shared.domain.vietnam_time import VIETNAM

HISTORY = Path(__file__).resolve().parents[3] / "events" / "history"
SLICE = HISTORY / "online_retail_slice.csv.gz"
NAMES = HISTORY / "vi_name_tokens.csv"
PRODUCTS = HISTORY / "products.csv"

COLUMNS = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
VND_PER_POUND = 30_000
# A line of goods takes 100 bytes on the wire and an event at most 32 KB; the longest invoice has 601 lines.
LINES_SENT = 40

# Branches with their share of the customers, and who sits at the tills.
STORES = {"Quận 1": 45, "Thủ Đức": 30, "Cầu Giấy": 25}
CITIES = {"Quận 1": "TP. Hồ Chí Minh", "Thủ Đức": "TP. Hồ Chí Minh", "Cầu Giấy": "Hà Nội"}
CASHIERS = {
    "Quận 1": ("Q1-Hạnh", "Q1-Tâm", "Q1-Vy"),
    "Thủ Đức": ("TĐ-Phúc", "TĐ-Loan"),
    "Cầu Giấy": ("CG-Sơn", "CG-Mai"),
}
# These cashiers type a filler for some walk-ins, because the till asks for a number: percent of their walk-ins.
FILLERS = {"Q1-Tâm": 60, "TĐ-Loan": 25, "CG-Sơn": 8}
FILLER_NUMBERS = ("0900000000", "0123456789", "0999999999", "0987654321")
CHANNELS = {"store": 70, "facebook": 12, "zalo": 10, "web": 8}
# Everything is paid at once; parcels on delivery are not this shop's trade.
PAYMENTS = {"cash": 40, "card": 25, "transfer": 35}

# Not everybody has a Zalo account that takes the shop's templates: percent of the customers, and by the last digits of
# their number why not (as Zalo's stand-in reads them: no account, inactive, refusing this account).
WITHOUT_ZALO = 9
ENDINGS = {"118": 70, "114": 15, "141": 15}

# What customers agree to on the form at the till, where they want the shop's news: percent by channel.
WANTS_NEWS = 58
AGREES = {"zns": 92, "email": 80, "sms": 35, "web": 60}
# Of the birthdays that are known: in percent, what tills put in where they do not know, and what is nobody's usual day.
PLACEHOLDERS, NEW_YEARS, LEAP_DAYS, LUNAR = 8, 1, 1, 6

# Ranges of today's carriers; those with a predecessor of 11 digits are sometimes still written that way.
PREFIXES = ("90", "91", "93", "94", "96", "97", "98", "86", "87", "88", *sorted(RETIRED_PREFIXES.values()))
_PREDECESSORS = {new: old for old, new in RETIRED_PREFIXES.items()}
WRITTEN = {
    "0{a}{b}{c}": 55,
    "0{a} {b} {c}": 10,
    "0{a}.{b}.{c}": 8,
    "+84{a}{b}{c}": 8,
    "84{a}{b}{c}": 7,
    "(+84) {a}-{b}-{c}": 4,
    "0084{a}{b}{c}": 2,
    "{a}{b}{c}": 6,
}


class Draw:
    """Numbers drawn from a text by SHA-256, one per purpose, so that adding a purpose changes no other draw."""

    def __init__(self, key: str) -> None:
        self._key = key

    def number(self, purpose: str, below: int) -> int:
        digest = hashlib.sha256(f"{self._key} {purpose}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % below

    def percent(self, purpose: str, share: int) -> bool:
        return self.number(purpose, 100) < share

    def of(self, purpose: str, choices: dict[str, int]) -> str:
        """One of the keys, with the weights given."""
        at = self.number(purpose, sum(choices.values()))
        for choice, weight in choices.items():
            at -= weight
            if at < 0:
                return choice
        raise AssertionError("the weights add up")


class Line(NamedTuple):
    """One line of an invoice; `price` is VND a piece, a quantity may be negative."""

    sku: str
    name: str
    quantity: int
    price: int

    @property
    def amount(self) -> int:
        return self.price * self.quantity


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice as the till exported it; `customer` is the shop's customer number, or empty for a walk-in."""

    number: str
    customer: str
    at: datetime
    lines: tuple[Line, ...]

    @property
    def total(self) -> int:
        return sum(line.amount for line in self.lines)

    @property
    def day(self) -> date:
        return self.at.date()


@dataclass(frozen=True, slots=True)
class Person:
    """Who stands behind a customer number. `phone` is the nine national digits of a mobile number, `agrees` are the
    channels on which they want the shop's news, `extras` what else the till's form says of them."""

    number: str
    phone: str
    name: str
    gender: str
    birthday: str | None
    email: str | None
    store: str
    bargain_hunter: bool
    agrees: tuple[str, ...]
    extras: Mapping[str, str | int | bool]


def invoices(source: Path = SLICE) -> list[Invoice]:
    """Every invoice of the slice in order of time; an invoice begins with its first line."""
    lines: dict[str, list[Line]] = {}
    heads: dict[str, tuple[str, str]] = {}
    with gzip.open(source, "rt", encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        if next(rows) != COLUMNS:
            raise ValueError(f"{source} has other columns than {', '.join(COLUMNS)}")
        for number, sku, name, quantity, at, price, customer, _ in rows:
            lines.setdefault(number, []).append(Line(sku, " ".join(name.split()), int(quantity), _vnd(price)))
            heads[number] = (customer, min(at, heads[number][1]) if number in heads else at)
    found = [
        Invoice(number, customer, datetime.fromisoformat(at).replace(tzinfo=VIETNAM), tuple(lines[number]))
        for number, (customer, at) in heads.items()
    ]
    return sorted(found, key=lambda invoice: (invoice.at, invoice.number))


@cache
def _vnd(pounds: str) -> int:
    amount = Decimal(pounds) * VND_PER_POUND
    if amount != int(amount):
        raise ValueError(f"{pounds} has more decimals than a price of the shop")
    return int(amount)


@cache
def person(number: str) -> Person:
    draw = Draw(f"customer {number}")
    gender = "female" if draw.percent("gender", 68) else "male"
    name = _full_name(draw, gender)
    birthday, extras = _birthday(draw) if draw.percent("birthday known", 55) else (None, {})
    email = f"{fold(name).replace(' ', '.')}.{number}@example.com" if draw.percent("email", 22) else None
    prefix = PREFIXES[draw.number("prefix", len(PREFIXES))]
    phone = prefix + f"{draw.number('phone', 9_999_999) + 1:07d}"
    if draw.percent("without Zalo", WITHOUT_ZALO):
        phone = phone[:-3] + draw.of("ending", ENDINGS)
    if draw.percent("collects points", 25):
        expires = date(2010, 2, 1) + timedelta(days=draw.number("points expire", 300))
        extras |= {"points": 40 + draw.number("points", 900), "points_expire_on": expires.isoformat()}
    agrees = [
        name for name, part in AGREES.items() if draw.percent(f"agrees {name}", part) and (email or name != "email")
    ]
    return Person(
        number=number,
        phone=phone,
        name=_as_typed(draw, name, gender),
        gender=gender,
        birthday=birthday,
        email=email,
        store=draw.of("store", STORES),
        bargain_hunter=draw.percent("bargain hunter", 9),
        agrees=tuple(agrees) if draw.percent("wants news", WANTS_NEWS) else (),
        extras=extras,
    )


def _birthday(draw: Draw) -> tuple[str, dict[str, str | int | bool]]:
    """A birthday as the till has it, and how it is meant."""
    born = date(1960, 1, 1) + timedelta(days=draw.number("birthday", 365 * 43))
    if draw.percent("leap day", LEAP_DAYS):
        return born.replace(year=born.year // 4 * 4, month=2, day=29).isoformat(), {}
    # Tills that insist on a birthday get the first of January; a few people were really born on it.
    if draw.percent("new year", NEW_YEARS):
        return born.replace(month=1, day=1).isoformat(), {"birthday_confirmed": True}
    if draw.percent("placeholder", PLACEHOLDERS):
        return born.replace(month=1, day=1).isoformat(), {}
    return born.isoformat(), {"birthday_calendar": "lunar"} if draw.percent("lunar", LUNAR) else {}


def demo_products() -> list[Product]:
    """The shop's catalogue: the goods sold most often, and its clocks, lights and candles."""
    return read_products(PRODUCTS)


def days(shop: Iterable[Invoice]) -> Iterator[tuple[date, list[Invoice]]]:
    """The shop's open days with their invoices."""
    for day, group in groupby(shop, key=lambda invoice: invoice.day):
        yield day, list(group)


def events_of(day: Sequence[Invoice], known: set[str]) -> dict[str, list[dict[str, Any]]]:
    """What each branch's till reports for a day, as messages of the protocol; `known` learns who registered."""
    reports: dict[str, list[dict[str, Any]]] = {}
    for invoice in day:
        store = store_of(invoice)
        report = reports.setdefault(store, [])
        if invoice.customer and invoice.customer not in known:
            known.add(invoice.customer)
            report.append(registration(invoice, store, invoice.at))
        report.append(_sale(invoice, store))
    return reports


def store_of(invoice: Invoice) -> str:
    """Customers buy at their branch, now and then at another; walk-ins anywhere."""
    draw = Draw(f"invoice {invoice.number}")
    if invoice.customer and not draw.percent("elsewhere", 7):
        return person(invoice.customer).store
    return draw.of("store", STORES)


def cashier_of(invoice: Invoice) -> str:
    cashiers = CASHIERS[store_of(invoice)]
    return cashiers[Draw(f"invoice {invoice.number}").number("cashier", len(cashiers))]


def filler_of(invoice: Invoice) -> str | None:
    """The filler that a cashier typed instead of a walk-in's number, if one was typed."""
    draw = Draw(f"invoice {invoice.number}")
    if invoice.customer or not draw.percent("filler", FILLERS.get(cashier_of(invoice), 0)):
        return None
    return FILLER_NUMBERS[draw.number("which filler", len(FILLER_NUMBERS))]


def written(phone: str, draw: Draw) -> str:
    """A mobile number as one of many hands would write it, now and then in its form of before 2018."""
    old = _PREDECESSORS.get(phone[:2])
    if old and draw.percent("old form", 15):
        return f"0{old}{phone[2:]}"
    return draw.of("form", WRITTEN).format(a=phone[:2], b=phone[2:5], c=phone[5:])


def registration(invoice: Invoice, store: str, at: datetime) -> dict[str, Any]:
    """The form a customer fills in, as a message of the protocol."""
    who = person(invoice.customer)
    traits = {
        "phone": written(who.phone, Draw(f"registration {who.number}")),
        "name": who.name,
        "gender": who.gender,
        "birthday": who.birthday,
        "email": who.email,
        "city": CITIES[who.store],
        "home_store": store,
        **who.extras,
    }
    said = {"purpose": "marketing", "granted": True, "proof": f"form {who.number}"}
    consent = [{"channel": channel, **said} for channel in who.agrees]
    return {
        "type": "identify",
        "messageId": f"registration-{who.number}",
        "timestamp": at.isoformat(),
        "context": {"source": "pos", "consent": consent},
        "traits": {name: value for name, value in traits.items() if value is not None},
    }


def _sale(invoice: Invoice, store: str) -> dict[str, Any]:
    draw = Draw(f"invoice {invoice.number}")
    properties: dict[str, Any] = {
        "order_id": invoice.number,
        "total": invoice.total,
        "currency": "VND",
        "payment": draw.of("payment", PAYMENTS),
        "store": store,
        "channel": draw.of("channel", CHANNELS),
        "cashier": cashier_of(invoice),
        "products": [
            {"sku": line.sku, "name": line.name, "quantity": line.quantity, "price": line.price}
            for line in _lines_sent(invoice)
        ],
    }
    message: dict[str, Any] = {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"invoice-{invoice.number}",
        "timestamp": invoice.at.isoformat(),
        "context": {"source": "pos"},
        "properties": properties,
    }
    if invoice.customer:
        who = person(invoice.customer)
        message["context"]["traits"] = {"phone": written(who.phone, draw), "name": who.name}
        if invoice.total > 0 and draw.percent("coupon", 80 if who.bargain_hunter else 6):
            # The total is what was paid; 10 % had been taken off before.
            properties |= {"coupon": "GIAM10", "discount": invoice.total // 9}
    elif filler := filler_of(invoice):
        message["context"]["traits"] = {"phone": filler}
    return message


def _lines_sent(invoice: Invoice) -> list[Line]:
    """The lines that matter most where an invoice has more than an event holds; the total is always the whole one."""
    if len(invoice.lines) <= LINES_SENT:
        return list(invoice.lines)
    ranked = sorted(range(len(invoice.lines)), key=lambda at: (-abs(invoice.lines[at].amount), at))
    return [invoice.lines[at] for at in sorted(ranked[:LINES_SENT])]


def _full_name(draw: Draw, gender: str) -> str:
    tokens = _tokens()
    return " ".join(draw.of(part, tokens[part, gender]) for part in ("surname", "middle", "given"))


@cache
def _tokens() -> dict[tuple[str, str], dict[str, int]]:
    """Tokens with their frequency, by part of the name and gender."""
    tokens: dict[tuple[str, str], dict[str, int]] = {}
    for row in csv.DictReader(io.StringIO(NAMES.read_text(encoding="utf-8"))):
        for gender in (row["gender"],) if row["gender"] else ("female", "male"):
            tokens.setdefault((row["part"], gender), {})[row["token"]] = int(row["count"])
    return tokens


def _as_typed(draw: Draw, name: str, gender: str) -> str:
    """A name as it stands in the till: mostly whole, sometimes without marks, sometimes with a title or a note."""
    title = "chị" if gender == "female" else "anh"
    forms = {"{name}": 84, "{plain}": 6, "{title} {given}": 6, "{title} {given} Q7 hay đổi hàng": 2, "{upper}": 2}
    return draw.of("name form", forms).format(
        name=name, plain=fold(name), upper=name.upper(), title=title, given=name.split()[-1]
    )
