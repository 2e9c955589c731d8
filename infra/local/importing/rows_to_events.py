"""From the rows of an export to the events of the tracking protocol, or to rejects with their reason. Pure: no sending.

Each order or customer becomes a `Unit`: its rows and its events, which are sent together or rejected together. Message
ids are digests of what the events say, so a file sent twice says nothing new the second time. Every event is marked as
history (`context.backfill`): it brings facts and starts nothing.

Where an export leaves room, these rules hold:
- A row without an order number that holds only a line of goods belongs to the order above it (merged cells).
- The amount is the total column; without one the sum before discount less the discount; without both the sum of the
  lines, less the discount (unless the lines state their own amounts, which are after discount).
- A discount that is the same on all rows of an order is the order's; otherwise each row's is its line's.
- A customer number is an identity only in a named system (`--system kiotviet`): KH001 of two systems are two people.
- A cancellation day without a status is a cancellation; a delivery status adds what the order's status leaves open.
- Consent to marketing needs its day and its proof; a refusal needs neither.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from infra.local.importing import cell_values as values
from infra.local.importing.cell_values import Cell, Unclear, fold, text
from infra.local.importing.open_file import Row
from infra.local.importing.row_reader import Problem, Problems, Reader, Reject, Wrong
from shared.domain.common.money import is_cut
from shared.domain.customers.identity import normalise
from shared.domain.customers.phone import BadPhone, parse_phone
from shared.domain.events.segment_protocol import MAX_CALL_BYTES
from shared.domain.vietnam_time import local_day, stamp

Event = dict[str, Any]

# With names and numbers cut as they are, so many lines stay within the protocol's 32 KB per event.
_LINES_THAT_FIT = 25
_WALK_INS = frozenset(
    {"khach le", "khach vang lai", "khach hang le", "khach mua le", "walk in", "walk in customer", "guest"}
)
_LINE_FIELDS = ("sku", "product", "quantity", "price", "line_total")
_HEAD_FIELDS = ("order_id", "date", "phone", "name", "total", "status", "customer_code")
_STATUS_TIMES = {
    "Order Delivered": "delivered_at",
    "Order Cancelled": "cancelled_at",
    "Returned To Sender": "returned_at",
    "Order Refunded": "returned_at",
}
_BY_AMOUNT = {"pay_cash": "cash", "pay_card": "card", "pay_transfer": "transfer", "pay_wallet": "transfer"}


@dataclass(frozen=True)
class Unit:
    """One order or one customer: the rows it came from and what they say."""

    rows: Sequence[Row]
    events: list[Event]


@dataclass
class Dirt:
    """What is wrong with a shop's data, counted; nothing here stops an import. Cashiers' counts are per order."""

    bad_phones: Counter[str] = field(default_factory=Counter)
    no_phone: int = 0
    no_name: int = 0
    bad_emails: int = 0
    unproven_consents: int = 0
    unknown_payments: Counter[str] = field(default_factory=Counter)
    unknown_deliveries: Counter[str] = field(default_factory=Counter)
    cashier_orders: Counter[str] = field(default_factory=Counter)
    cashier_bad_phones: Counter[str] = field(default_factory=Counter)


@dataclass
class Interpreter(Reader):
    """Reads units by the columns of one file. `as_of` is the moment a customers file speaks for; `now` bounds time."""

    unit = "order"
    unit_field = "order_id"

    as_of: datetime
    now: datetime
    system: str = ""
    dirt: Dirt = field(default_factory=Dirt)
    _order_above: str = field(default="", init=False)

    def group(self, row: Row) -> str:
        """The order number, or that of the row above for a mere line."""
        if self.columns.kind != "orders":
            return ""
        own = self._text(row, "order_id")
        if own or not self._is_a_mere_line(row):
            self._order_above = own
        return self._order_above

    def _is_a_mere_line(self, row: Row) -> bool:
        head, line = (any(self._text(row, name) for name in names) for names in (_HEAD_FIELDS, _LINE_FIELDS))
        return line and not head

    def read(self, rows: Sequence[Row]) -> Unit | list[Reject]:
        """The events of one group of rows (one row for customers), or its rejects, one per row."""
        of = self._order if self.columns.kind == "orders" else self._customer
        return self.interpret(rows, lambda cleaned: Unit(rows, of(cleaned)))

    def _moment(self, row: Row, name: str, problems: Problems) -> datetime | None:
        return self._read(row, name, lambda cell: values.moment(cell, self.now), problems)

    # ---- who

    def _person(self, phone: Cell, name: str, email: str, code: str) -> dict[str, Any]:
        """Identity and name as traits, with the raw phone; counts what is wrong with them."""
        traits: dict[str, Any] = {}
        if raw := text(phone):
            traits["phone"] = raw
        else:
            self.dirt.no_phone += 1
        walk_in = fold(name) in _WALK_INS
        if name and not walk_in:
            traits["name"] = name
        elif raw:
            self.dirt.no_name += 1
        if email:
            try:
                traits["email"] = normalise("email", email)
            except ValueError:
                self.dirt.bad_emails += 1
        if code and self.system and not walk_in:
            traits["external"] = {self.system: code}
        return traits

    def _name(self, row: Row) -> str:
        name = self._text(row, "name")
        last, first = self._text(row, "last_name"), self._text(row, "first_name")
        if last and name and self.columns.header("name").lower() in ("tên", "ten"):
            return f"{last} {name}"  # Họ and Tên in two columns
        return name or f"{last} {first}".strip()

    def _bad_phone(self, raw: str) -> str | None:
        """Why a text is no phone, or None when it is one."""
        if is_cut(raw):
            return "Excel cut its digits"
        try:
            parse_phone(raw)
        except BadPhone as error:
            return str(error)
        return None

    # ---- customers

    def _customer(self, rows: Sequence[Row]) -> list[Event]:
        row = rows[0]
        problems = Problems(self.columns)
        name = self._name(row)
        email, code = self._text(row, "email"), self._text(row, "customer_code")
        traits = self._person(self._cell(row, "phone"), name, email, code)
        if (raw := traits.get("phone")) and (why := self._bad_phone(raw)):
            self.dirt.bad_phones[why] += 1
            del traits["phone"]
            if not traits.keys() & {"email", "external"}:
                problems.add(row, "phone", f"the phone {why}, and nothing else says who the customer is")
        elif not traits.keys() & {"phone", "email", "external"}:
            problems.add(row, "phone", "nothing says who the customer is")
        for field_name in ("city", "home_store", "tier", "group"):
            if value := self._text(row, field_name):
                traits[field_name] = value
        readers: dict[str, Callable[[Cell], str | int]] = {
            "birthday": lambda cell: values.birthday(cell, self.now).isoformat(),
            "gender": values.gender,
            "points": values.money,
            "points_expire_on": lambda cell: values.day(cell).isoformat(),
        }
        for field_name, reader in readers.items():
            if (known := self._read(row, field_name, reader, problems)) is not None:
                traits[field_name] = known
        said_at = self._moment(row, "updated_at", problems) or self.as_of
        consent = self._consents(row, said_at, problems)
        problems.stop_if_any()
        context: dict[str, Any] = {"backfill": True, "source": "import"}
        if consent:
            context["consent"] = consent
        return [_with_id({"type": "identify", "timestamp": stamp(said_at), "context": context, "traits": traits})]

    def _consents(self, row: Row, said_at: datetime, problems: Problems) -> list[dict[str, Any]]:
        said = []
        at = self._moment(row, "consent_at", problems)
        proof = self._text(row, "consent_proof")
        for column, place in self.columns.consents.items():
            try:
                granted = values.yes_no(row.cells[place] if place < len(row.cells) else None)
            except Unclear as unclear:
                problems.found.append(Problem(row, self.columns.headers[place], str(unclear)))
                continue
            if granted is None:
                continue
            if granted and not (at and proof):
                self.dirt.unproven_consents += 1
                continue
            statement = {**column._asdict(), "granted": granted, "at": stamp(at or said_at)}
            said.append(statement | ({"proof": proof} if proof else {}))
        return said

    # ---- orders

    def _order(self, rows: Sequence[Row]) -> list[Event]:
        problems = Problems(self.columns)
        order_row, order_cell = self._first(rows, "order_id")
        order_id = text(order_cell)
        if not order_id:
            problems.add(order_row, "order_id", "is empty")
        placed = self._placed(rows, problems)
        person = self._buyer(rows, problems)
        lines, lines_sum = self._lines(rows, problems)
        discount = self._discount(rows, problems)
        total = self._total(rows, lines_sum, discount, problems)
        status_row, status_cell = self._first(rows, "status")
        status = self._read(status_row, "status", values.status, problems) or values.Status(None)
        if status.event is None:
            status = self._delivery(rows, status)
        happened = self._happened(rows, status, problems)
        payment = self._payment(rows, problems)
        refund = self._money(self._first(rows, "refund_total")[0], "refund_total", problems)
        if status.event == "Order Refunded" and values.is_partial(status_cell) and not refund:
            problems.add(status_row, "status", "a part came back, but no column says its amount")
        problems.stop_if_any()
        if placed is None or total is None:
            raise Wrong([Problem(rows[0], self.columns.header("total"), "is empty")])

        properties: dict[str, Any] = {"order_id": order_id, "total": total, "currency": "VND"}
        if coupon := self._coupon(rows):
            properties["coupon"] = coupon
        for name in ("store", "cashier", "invoice_of", "exchange_of"):
            if value := text(self._first(rows, name)[1]):
                properties[name] = value
        if properties.get("invoice_of") == order_id:
            del properties["invoice_of"]
        if discount:
            properties["discount"] = discount
        if payment:
            properties["payment"] = payment
        if channel := values.channel(self._first(rows, "channel")[1]):
            properties["channel"] = channel
        if lines:
            properties["products"] = lines
        self._count_cashier(properties.get("cashier", ""), person)

        context: dict[str, Any] = {"backfill": True, "source": "import"}
        if person:
            context["traits"] = person
        named = {"system": self.system} if self.system else {}
        events = [_track("Order Completed", placed, properties | named, context)]
        about = {key: properties[key] for key in ("order_id", "invoice_of") if key in properties} | named
        refunded = {"refund_id": "import"} | ({"total": abs(refund)} if refund else {})
        if status.done and payment == "cod":
            events.append(_track("Order Delivered", happened or placed, about, context))
        elif status.event and status.event != "Order Refunded":
            events.append(_track(status.event, happened or placed, about, context))
        if status.event == "Order Refunded" or refund:
            events.append(_track("Order Refunded", happened or placed, about | refunded, context))
        if len(lines) > _LINES_THAT_FIT and _size(events[0]) > MAX_CALL_BYTES:
            events[0] = self._smaller(events[0], rows)
        return events

    def _delivery(self, rows: Sequence[Row], status: values.Status) -> values.Status:
        """What the delivery's own column, or a day of cancellation, adds to a status that leaves it open."""
        cell = self._first(rows, "delivery_status")[1]
        try:
            delivery = values.status(cell)
        except Unclear:
            self.dirt.unknown_deliveries[text(cell)] += 1
            delivery = values.Status(None)
        if delivery.event:
            return delivery
        if self._first(rows, "cancelled_at")[1] is not None and not status.done:
            return values.Status("Order Cancelled")
        return status

    def _happened(self, rows: Sequence[Row], status: values.Status, problems: Problems) -> datetime | None:
        """When the status came about, where a column says so; the day of a planned delivery is not looked at."""
        column = _STATUS_TIMES.get(status.event or ("Order Delivered" if status.done else ""))
        return self._moment(self._first(rows, column)[0], column, problems) if column else None

    def _coupon(self, rows: Sequence[Row]) -> str:
        """The voucher's code. KiotViet's column "Voucher" holds the amount paid with one, mostly 0."""
        cell = self._first(rows, "coupon")[1]
        if fold(self.columns.header("coupon")) == "voucher" and values.is_number(cell):
            return "voucher" if values.money(cell) else ""
        return text(cell)

    def _smaller(self, event: Event, rows: Sequence[Row]) -> Event:
        """A wholesale order with hundreds of lines keeps what was bought and gives up what it is called."""
        kept = ("sku", "price", "quantity")
        short = [{key: line[key] for key in kept if key in line} for line in event["properties"]["products"]]
        smaller = _with_id(event | {"properties": event["properties"] | {"products": short}})
        if _size(smaller) > MAX_CALL_BYTES:
            reason = "the order has more lines than one event can hold (32 KB)"
            raise Wrong([Problem(row, "row", reason) for row in rows])
        return smaller

    def _placed(self, rows: Sequence[Row], problems: Problems) -> datetime | None:
        said = [self._moment(row, "date", problems) for row in rows]
        moments = [when for when in said if when is not None]
        if len({local_day(when) for when in moments}) > 1:
            problems.add(rows[0], "date", "the rows of this order name different days")
        if not moments and not problems.found:
            problems.add(rows[0], "date", "is empty")
        return min(moments, default=None)

    def _buyer(self, rows: Sequence[Row], problems: Problems) -> dict[str, Any]:
        row, phone = self._first(rows, "phone")
        said = {text(cell) for each in rows if (cell := self._cell(each, "phone")) is not None}
        if len(said) > 1 and len({phone_key(raw) for raw in said}) > 1:
            problems.add(row, "phone", "the rows of this order name different phones")
        name = next((name for each in rows if (name := self._name(each))), "")
        email, code = (text(self._first(rows, column)[1]) for column in ("email", "customer_code"))
        return self._person(phone, name, email, code)

    def _count_cashier(self, cashier: str, person: dict[str, Any]) -> None:
        why = self._bad_phone(person["phone"]) if "phone" in person else None
        if why:
            self.dirt.bad_phones[why] += 1
        if cashier:
            self.dirt.cashier_orders[cashier] += 1
            self.dirt.cashier_bad_phones[cashier] += bool(why)

    def _total(self, rows: Sequence[Row], lines_sum: int | None, discount: int, problems: Problems) -> int | None:
        for name, less in (("total", 0), ("subtotal", discount)):
            amounts = {amount for row in rows if (amount := self._money(row, name, problems)) is not None}
            if len(amounts) > 1:
                problems.add(rows[0], name, "the rows of this order state different totals")
            if amounts:
                return amounts.pop() - less
            if any(self._text(row, name) for row in rows):
                return None
        if lines_sum is None:
            return None
        return lines_sum if self.columns.has("line_total") else lines_sum - discount

    def _discount(self, rows: Sequence[Row], problems: Problems) -> int:
        once = self._money(self._first(rows, "order_discount")[0], "order_discount", problems)
        if once is not None:
            return abs(once)
        said = [self._money(row, "discount", problems) for row in rows]
        amounts = [abs(amount) for amount in said if amount is not None]
        return amounts[0] if len(set(amounts)) == 1 else sum(amounts)

    def _payment(self, rows: Sequence[Row], problems: Problems) -> str | None:
        words = text(self._first(rows, "payment")[1])
        if known := values.payment(words):
            return known
        if words:
            self.dirt.unknown_payments[words] += 1
        if self._money(self._first(rows, "pay_cod")[0], "pay_cod", problems):
            return "cod"
        paid = {
            name: amount
            for column, name in _BY_AMOUNT.items()
            if (amount := self._money(self._first(rows, column)[0], column, problems))
        }
        return max(paid, key=lambda name: paid[name]) if paid else None

    def _lines(self, rows: Sequence[Row], problems: Problems) -> tuple[list[dict[str, Any]], int | None]:
        """What was bought, and what it costs together (None where a line does not say)."""
        if not self.columns.has(*_LINE_FIELDS):
            return [], None
        lines: list[dict[str, Any]] = []
        total: int | None = 0
        for row in rows:
            line: dict[str, Any] = {}
            for name, key in (("sku", "sku"), ("product", "name"), ("category", "category")):
                if value := self._text(row, name):
                    line[key] = value[:120] if key != "sku" else value[:80]
            price = self._money(row, "price", problems)
            amount = self._money(row, "line_total", problems)
            count = self._read(row, "quantity", values.quantity, problems)
            count = Decimal(1) if count is None else count
            if not line and price is None and amount is None:
                continue
            if amount is None and price is not None:
                amount = int((price * count).to_integral_value(ROUND_HALF_UP))
            total = None if amount is None or total is None else total + amount
            if count == count.to_integral_value():
                line["quantity"] = int(count)
                if price is None and amount is not None and count:
                    price = int((amount / count).to_integral_value(ROUND_HALF_UP))
            else:
                # Goods by weight: events count pieces, so the line is one piece at what it cost.
                line["quantity"], price = 1, amount
            if price is not None:
                line["price"] = price
            lines.append(line)
        return lines, total if lines else None


def phone_key(raw: str) -> str:
    """One spelling per number; a text that is none stays as it is."""
    try:
        return parse_phone(raw).e164
    except BadPhone:
        return raw


def _track(name: str, at: datetime, properties: dict[str, Any], context: dict[str, Any]) -> Event:
    return _with_id(
        {"type": "track", "event": name, "timestamp": stamp(at), "context": context, "properties": properties}
    )


def _with_id(event: Event) -> Event:
    """The event with a message id that follows from what it says."""
    said = {key: value for key, value in event.items() if key != "messageId"}
    digest = hashlib.sha256(_json(said)).hexdigest()
    return {"messageId": f"import-{digest[:40]}", **said}


def _json(event: Event) -> bytes:
    return json.dumps(event, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _size(event: Event) -> int:
    return len(_json(event))
