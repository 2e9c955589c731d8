"""The Segment HTTP tracking protocol: from one message on the wire to one `Event`, or an error naming the field.

Names and shapes follow Segment's public "HTTP tracking API", "Common fields" and "Ecommerce V2" specifications; the
delivery events (Order Delivered, Delivery Failed, Returned To Sender) and some order properties are ours.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from shared.domain.customer import TRAITS
from shared.domain.errors import FieldError, Invalid
from shared.domain.event import Event, EventType
from shared.domain.identity import Certainty, Identity, identity
from shared.domain.order import FactKind, OrderFact
from shared.domain.phone import BadPhone, looks_like_phone
from shared.domain.rules import Rules
from shared.domain.vietnam_time import day_start, local_day, moment, stamp

MAX_CALL_BYTES = 32 * 1024
MAX_BATCH_BYTES = 500 * 1024
MAX_BATCH_EVENTS = 2500
# One event is taken in by one transaction, which has room for so many links and statements.
MAX_IDENTITIES = 10
MAX_CONSENTS = 40

TYPES: tuple[EventType, ...] = ("identify", "track", "page", "screen", "group", "alias")
CHANNELS = ("zalo", "zns", "sms", "email", "messenger", "whatsapp", "call", "push", "web")
PURPOSES = ("transactional", "service", "marketing")
GENDERS = {"female": "female", "f": "female", "nữ": "female", "nu": "female",
           "male": "male", "m": "male", "nam": "male", "other": "other", "khác": "other"}  # fmt: skip

# Everything Segment's and RudderStack's SDKs put at the top level of a message.
_TOP_LEVEL = frozenset(
    "type messageId timestamp originalTimestamp sentAt receivedAt userId anonymousId context integrations properties "  # noqa: SIM905
    "traits event name category groupId previousId writeKey channel version _metadata options rudderId".split()
)
# A clock may be a little ahead of ours.
_TOLERANCE = timedelta(minutes=5)
_OLDEST = date(1990, 1, 1)
_NO_TIME = "must be an RFC 3339 time such as 2026-11-21T09:30:00+07:00"

ORDER_EVENTS: dict[str, FactKind] = {
    "Order Completed": "placed",
    "Order Updated": "updated",
    "Order Refunded": "refunded",
    "Order Cancelled": "cancelled",
    "Order Delivered": "delivered",
    "Delivery Failed": "failed",
    "Returned To Sender": "returned",
}
CART_EVENTS = ("Cart Updated", "Product Added", "Product Removed", "Checkout Started")


@dataclass
class Reader:
    """Collects every wrong field of one message, so that the sender hears of all of them at once."""

    prefix: str
    errors: list[FieldError] = field(default_factory=list)

    def wrong(self, name: str, reason: str) -> None:
        self.errors.append(FieldError(f"{self.prefix}{name}", reason))

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        try:
            yield
        except (ValueError, InvalidOperation) as error:
            self.wrong(name, str(error) if isinstance(error, ValueError) else "is not a number")

    def text(self, source: dict[str, Any], name: str, path: str = "", limit: int = 256) -> str:
        """A text or whole number as text, NFC, trimmed; "" when absent."""
        raw = source.get(name)
        if raw is None or raw == "":
            return ""
        if isinstance(raw, bool) or not isinstance(raw, str | int):
            self.wrong(path + name, "must be a text")
            return ""
        value = unicodedata.normalize("NFC", str(raw)).strip()
        if len(value) > limit:
            self.wrong(path + name, f"must have at most {limit} characters")
            return ""
        return value

    def mapping(self, source: dict[str, Any], name: str, path: str = "") -> dict[str, Any]:
        raw = source.get(name)
        if raw is None:
            return {}
        if not isinstance(raw, dict):
            self.wrong(path + name, "must be an object")
            return {}
        return raw

    def flag(self, source: dict[str, Any], name: str, path: str = "") -> bool:
        raw = source.get(name, False)
        if not isinstance(raw, bool):
            self.wrong(path + name, "must be true or false")
            return False
        return raw


def translate(
    message: Any,
    *,
    kind: str | None,
    received_at: datetime,
    sent_at: Any,
    new_id: Callable[[], str],
    rules: Rules,
    prefix: str = "",
    common_context: dict[str, Any] | None = None,
) -> Event:
    """One message of the protocol as an `Event`.

    `kind` is the call it came by, or None inside a batch, where `type` says it. `new_id` stands in where the sender
    gave no messageId. Raises Invalid naming every wrong field, each behind `prefix`.
    """
    read = Reader(prefix)
    if not isinstance(message, dict):
        raise Invalid([FieldError(prefix.rstrip(".") or "body", "must be an object")])
    for name in sorted(message.keys() - _TOP_LEVEL):
        read.wrong(name, "is not a field of the protocol")
    said = kind or message.get("type")
    if said not in TYPES:
        read.wrong("type", f"must be one of {', '.join(TYPES)}")
        raise Invalid(read.errors)
    context = {**(common_context or {}), **read.mapping(message, "context")}
    source = read.text(context, "source", "context.", 40)
    at, our_time = _when(read, message, sent_at, received_at)
    properties = read.mapping(message, "properties")
    name = _name(read, said, message, properties)
    fact_kind = ORDER_EVENTS.get(name) if said == "track" else None

    certainty: Certainty = "claimed" if source in rules.identity.claiming_sources else "staff_confirmed"
    identities, bad_phone = _identities(read, said, message, context, certainty, rules, is_sale=fact_kind is not None)
    previous = None
    if said == "alias":
        previous = _alias(read, message, certainty, rules)
    traits = {} if said == "group" else _traits(read, message, context, received_at)
    if said == "group" and (group := read.text(message, "groupId")):
        traits = {"@group": group}
    consent = _consent(read, context, at, received_at, source)
    order = cart = None
    if fact_kind:
        order = _order(read, fact_kind, name, properties, message, at, received_at, context, rules)
    elif name in CART_EVENTS and said == "track":
        cart = _cart(read, name, properties, rules)
    if not identities and not fact_kind:
        if bad_phone:
            read.wrong(bad_phone["field"], bad_phone["reason"])
        else:
            read.wrong("userId", "or anonymousId is needed")
    elif bad_phone and not fact_kind:
        read.wrong(bad_phone["field"], bad_phone["reason"])
    message_id = read.text(message, "messageId", limit=100) or new_id()
    backfill = read.flag(context, "backfill", "context.")
    if read.errors:
        raise Invalid(read.errors)
    return Event(
        id=message_id,
        type=said,
        name=name,
        at=stamp(at),
        received_at=stamp(received_at),
        source=source,
        backfill=backfill,
        our_time=our_time,
        identities=tuple(identities),
        previous=previous,
        traits=traits,
        consent=tuple(consent),
        properties=json.dumps(properties, ensure_ascii=False, separators=(",", ":")) if properties else "{}",
        order=order,
        cart=cart,
        bad_phone=bad_phone,
    )


def _when(read: Reader, message: dict[str, Any], sent_at: Any, received_at: datetime) -> tuple[datetime, bool]:
    """The event's moment, and whether it is our word instead of the sender's.

    A device whose clock runs ahead is corrected by `sentAt`, as Segment does.
    """
    name = "originalTimestamp" if message.get("timestamp") in (None, "") else "timestamp"
    raw = message.get(name)
    at = None if raw in (None, "") else parse_moment(read, name, raw)
    sent_raw = sent_at if message.get("sentAt") in (None, "") else message["sentAt"]
    sent = None if sent_raw in (None, "") else parse_moment(read, "sentAt", sent_raw)
    if at is None:
        return received_at, True
    stated = at
    if at > received_at + _TOLERANCE and sent and at <= sent:
        # How long before sending it happened is right whatever the device's clock shows.
        at = received_at - min(sent - at, received_at - day_start(_OLDEST))
    if at > received_at + _TOLERANCE:
        read.wrong(name, "is in the future")
    at = min(at, received_at)
    return at, at != stated


def parse_moment(read: Reader, name: str, raw: Any) -> datetime | None:
    if not isinstance(raw, str):
        read.wrong(name, _NO_TIME)
        return None
    try:
        at = moment(raw)
    except ValueError as error:
        read.wrong(name, str(error) if str(error) in ("has no time zone", "is out of range") else _NO_TIME)
        return None
    if local_day(at) < _OLDEST:
        read.wrong(name, "is before 1990")
        return None
    return at


def _name(read: Reader, said: str, message: dict[str, Any], properties: dict[str, Any]) -> str:
    if said == "track":
        name = read.text(message, "event", limit=120)
        if not name:
            read.wrong("event", "is needed")
        return name
    if said in ("page", "screen"):
        return (
            read.text(message, "name", limit=256)
            or str(properties.get("title") or properties.get("path") or said)[:256]
        )
    return said


def _identities(
    read: Reader,
    said: EventType,
    message: dict[str, Any],
    context: dict[str, Any],
    certainty: Certainty,
    rules: Rules,
    *,
    is_sale: bool,
) -> tuple[list[Identity], dict[str, str] | None]:
    """Every identity the message names, and the phone that cannot be one with its reason."""
    found: dict[tuple[str, str], Identity] = {}
    bad_phone: dict[str, str] | None = None

    def take(kind: str, raw: Any, path: str, sure: Certainty = certainty) -> None:
        nonlocal bad_phone
        if raw is None or raw == "":
            return
        if isinstance(raw, bool) or not isinstance(raw, str | int):
            read.wrong(path, "must be a text")
            return
        try:
            who = identity(kind, str(raw), sure)
            if kind == "phone" and who.value in rules.identity.own_numbers:
                raise BadPhone("own_number", "is a number of the shop itself")
        except BadPhone as error:
            bad_phone = {"field": f"{path}", "raw": str(raw)[:64], "code": error.code, "reason": str(error)}
        except ValueError as error:
            # A sale is kept without what cannot be read; anything else is refused so that its sender can mend it.
            if not is_sale:
                read.wrong(path, str(error))
        else:
            found.setdefault((who.kind, who.value), who)

    user = message.get("userId")
    if isinstance(user, str) and looks_like_phone(user):
        take("phone", user, "userId")
    elif isinstance(user, str) and "@" in user:
        take("email", user, "userId")
    else:
        take("user", user, "userId", "staff_confirmed")
    take("anonymous", message.get("anonymousId"), "anonymousId", "staff_confirmed")
    # The traits of a group call are the group's, not the person's.
    traits = message.get("traits") if said != "group" else None
    context_traits = context.get("traits")
    for path, values in (("traits.", traits), ("context.traits.", context_traits)):
        if not isinstance(values, dict):
            continue
        take("phone", values.get("phone"), path + "phone")
        take("email", values.get("email"), path + "email")
        take("loyalty_id", values.get("loyalty_id"), path + "loyalty_id")
        # A channel's own id is given by the channel, so it is sure even where a phone typed into it is not.
        take("zalo_user_id", values.get("zalo_user_id"), path + "zalo_user_id", "verified")
        take("messenger_psid", values.get("messenger_psid"), path + "messenger_psid", "verified")
        for system, value in read.mapping(values, "external", path).items():
            take(f"external:{system}", value, f"{path}external.{system}", "staff_confirmed")
    if len(found) > MAX_IDENTITIES:
        read.wrong("userId", f"and the other identities may be {MAX_IDENTITIES} at most")
    return list(found.values()), bad_phone


def _alias(read: Reader, message: dict[str, Any], certainty: Certainty, rules: Rules) -> Identity | None:
    raw = read.text(message, "previousId")
    if not raw:
        read.wrong("previousId", "is needed")
        return None
    with read.reading("previousId"):
        if looks_like_phone(raw):
            who = identity("phone", raw, certainty)
            if who.value in rules.identity.own_numbers:
                raise BadPhone("own_number", "is a number of the shop itself")
            return who
        return identity("email", raw, certainty) if "@" in raw else identity("anonymous", raw)
    return None


_IDENTITY_TRAITS = frozenset(("phone", "email", "loyalty_id", "zalo_user_id", "messenger_psid", "external"))
_NAME_TRAITS = frozenset(("name", "firstName", "first_name", "lastName", "last_name"))


def _traits(read: Reader, message: dict[str, Any], context: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The traits a message states; what the product has no field for is kept as an attribute ("@points")."""
    traits: dict[str, Any] = {}
    for path, values in (
        ("context.traits.", read.mapping(context, "traits", "context.")),
        ("traits.", read.mapping(message, "traits")),
    ):
        traits |= read_traits(read, values, path, local_day(now))
    return traits


def read_traits(read: Reader, values: dict[str, Any], path: str, today: date) -> dict[str, Any]:
    """Traits of one object, checked; unknown ones become attributes."""
    traits: dict[str, Any] = {}
    if not values:
        return traits
    name = read.text(values, "name", path) or " ".join(
        part
        for part in (
            read.text(values, "last_name", path) or read.text(values, "lastName", path),
            read.text(values, "first_name", path) or read.text(values, "firstName", path),
        )
        if part
    )
    if name:
        traits["name"] = " ".join(name.split())
    for field_name in ("city", "home_store"):
        if text := read.text(values, field_name, path, 120):
            traits[field_name] = text
    if (raw := values.get("birthday")) is not None and raw != "":
        with read.reading(path + "birthday"):
            traits["birthday"] = birthday(raw, today)
    if (raw := values.get("gender")) is not None and raw != "":
        gender = GENDERS.get(str(raw).strip().lower())
        if gender is None:
            read.wrong(path + "gender", "must be female, male or other")
        else:
            traits["gender"] = gender
    for key, raw in values.items():
        if key in _IDENTITY_TRAITS or key in _NAME_TRAITS or key in TRAITS or raw is None:
            continue
        if key == "attributes" and isinstance(raw, dict):
            traits |= {f"@{k}"[:80]: plain(v) for k, v in raw.items() if v is not None}
        else:
            traits[f"@{key}"[:80]] = plain(raw)
    return traits


def plain(value: Any) -> Any:
    """A free value as the table can hold it: texts, whole numbers and flags as they are, all else as JSON text."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)[:1000]
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) < 10**15):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return json.dumps(value, ensure_ascii=False)[:2000]


def birthday(raw: Any, today: date) -> str:
    """A birthday as a plain date (ISO text, or an ISO time whose date counts); raises ValueError."""
    if not isinstance(raw, str):
        raise ValueError("must be a date such as 1990-05-21")
    try:
        day = date.fromisoformat(raw[:10] if raw[10:11] in ("T", " ") else raw)
    except ValueError:
        raise ValueError("must be a date such as 1990-05-21") from None
    if not date(1900, 1, 1) <= day <= today:
        raise ValueError("must lie between 1900 and today")
    return day.isoformat()


def _consent(read: Reader, context: dict[str, Any], at: datetime, now: datetime, source: str) -> list[dict[str, Any]]:
    raw = context.get("consent")
    # Segment's own consent object (categoryPreferences) speaks of cookies, not of messages.
    if raw is None or isinstance(raw, dict):
        return []
    return read_consent(read, raw, "context.consent", at, now, source)


def read_consent(
    read: Reader, raw: Any, path: str, said_at: datetime, now: datetime, source: str
) -> list[dict[str, Any]]:
    """Consent statements `{channel, purpose, granted, at?, proof?}`; `at` defaults to the moment of the message."""
    if not isinstance(raw, list):
        read.wrong(path, "must be a list")
        return []
    if len(raw) > MAX_CONSENTS:
        read.wrong(path, f"may have at most {MAX_CONSENTS} statements")
        return []
    said: list[dict[str, Any]] = []
    for number, statement in enumerate(raw):
        here = f"{path}[{number}]"
        if not isinstance(statement, dict):
            read.wrong(here, "must be an object")
            continue
        for unknown in sorted(statement.keys() - {"channel", "purpose", "granted", "at", "proof"}):
            read.wrong(f"{here}.{unknown}", "is not a field of a consent")
        if statement.get("channel") not in CHANNELS:
            read.wrong(f"{here}.channel", f"must be one of {', '.join(CHANNELS)}")
        if statement.get("purpose") not in PURPOSES:
            read.wrong(f"{here}.purpose", f"must be one of {', '.join(PURPOSES)}")
        if not isinstance(statement.get("granted"), bool):
            read.wrong(f"{here}.granted", "must be true or false")
        when: datetime | None = said_at
        if statement.get("at") is not None:
            when = parse_moment(read, f"{here}.at", statement["at"])
            if when and when > now + _TOLERANCE:
                read.wrong(f"{here}.at", "is in the future")
        proof = statement.get("proof")
        said.append(
            {
                "channel": statement.get("channel"),
                "purpose": statement.get("purpose"),
                "granted": statement.get("granted"),
                "at": stamp(when or said_at),
                "source": source,
            }
            | ({"proof": plain(proof)} if proof is not None else {})
        )
    return said


def decimal(raw: Any) -> Decimal:
    """A number, or a text that is one, exactly; raises ValueError."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise ValueError("must be a number")
    try:
        number = Decimal(str(raw).strip())
    except InvalidOperation:
        raise ValueError("must be a number") from None
    # Its digits before the point are looked at first: comparing 1e999999999 would overflow.
    if not number.is_finite() or number.adjusted() > 15:
        raise ValueError("is too large")
    return number


def money(raw: Any, rate: int = 1) -> int:
    """An amount as whole VND: an integer, or a decimal number or text times `rate`; raises ValueError."""
    amount = decimal(raw) * rate
    if abs(amount) > 10**15:
        raise ValueError("is too large")
    if rate == 1 and amount != amount.to_integral_value():
        raise ValueError("must be a whole number of VND")
    return int(amount.to_integral_value(ROUND_HALF_UP))


def _rate(read: Reader, properties: dict[str, Any], rules: Rules) -> int:
    currency = (read.text(properties, "currency", "properties.", 3) or "VND").upper()
    if currency == "VND":
        return 1
    rate = rules.orders.currency_to_vnd.get(currency)
    if rate is None:
        read.wrong("properties.currency", f"must be VND or one of {', '.join(rules.orders.currency_to_vnd)}")
    return rate or 1


def _lines(read: Reader, properties: dict[str, Any], rate: int) -> list[dict[str, Any]]:
    products = properties.get("products")
    if products is None:
        return []
    if not isinstance(products, list):
        read.wrong("properties.products", "must be a list")
        return []
    lines: list[dict[str, Any]] = []
    for number, product in enumerate(products):
        here = f"properties.products[{number}]"
        if not isinstance(product, dict):
            read.wrong(here, "must be an object")
            continue
        line: dict[str, Any] = {"quantity": 1}
        if sku := read.text(product, "sku", here + ".", 80) or read.text(product, "product_id", here + ".", 80):
            line["sku"] = sku
        for name in ("name", "category", "variant"):
            if text := read.text(product, name, here + ".", 120):
                line[name] = text
        if (raw := product.get("price")) is not None:
            with read.reading(here + ".price"):
                line["price"] = money(raw, rate)
        if (raw := product.get("quantity")) is not None:
            with read.reading(here + ".quantity"):
                line |= _quantity(raw, line.get("price"))
        lines.append(line)
    return lines


def _quantity(raw: Any, price: int | None) -> dict[str, Any]:
    """How many pieces; what is sold by weight or length is one piece at what it cost, with its measure beside it."""
    measure = decimal(raw)
    if measure == measure.to_integral_value():
        return {"quantity": int(measure)}
    sold: dict[str, Any] = {"quantity": 1, "measure": str(measure)}
    return sold if price is None else sold | {"price": int((price * measure).to_integral_value(ROUND_HALF_UP))}


def order_id(read: Reader, properties: dict[str, Any], name: str = "order_id") -> str:
    """The order's natural key: its number, behind the system that gave it where one is named."""
    number = read.text(properties, name, "properties.", 100)
    system = read.text(properties, "system", "properties.", 40)
    return f"{system}:{number}" if number and system else number


def _order(
    read: Reader,
    kind: FactKind,
    event_name: str,
    properties: dict[str, Any],
    message: dict[str, Any],
    at: datetime,
    now: datetime,
    context: dict[str, Any],
    rules: Rules,
) -> OrderFact | None:
    own = order_id(read, properties)
    if not own:
        read.wrong("properties.order_id", "is needed")
        return None
    # An invoice that names the order it belongs to is a fact of that order: one sale, counted once (R3).
    order = order_id(read, properties, "invoice_of") or own
    rate = _rate(read, properties, rules)
    content: dict[str, Any] = {}
    amount: int | None = None
    stated = next((n for n in ("total", "revenue", "value") if properties.get(n) is not None), None)
    if stated:
        with read.reading(f"properties.{stated}"):
            amount = money(properties[stated], rate)
    lines = _lines(read, properties, rate)
    if kind in ("placed", "updated"):
        if amount is None and lines and all("price" in line for line in lines) and not read.errors:
            with read.reading("properties.products"):
                amount = money(sum(line["price"] * line["quantity"] for line in lines))
        if amount is not None:
            content["total"] = amount
        elif kind == "placed" and not read.errors:
            read.wrong("properties.total", f"is needed for {event_name}")
        if lines:
            content["lines"] = lines
        if (raw := properties.get("discount")) is not None:
            with read.reading("properties.discount"):
                content["discount"] = max(0, money(raw, rate))
        for name in ("coupon", "payment", "store", "channel", "cashier"):
            if text := read.text(properties, name, "properties.", 80):
                content[name] = text.lower() if name == "payment" else text
        if other := order_id(read, properties, "exchange_of"):
            content["exchange_of"] = other
        if (raw := properties.get("placed_at")) is not None:
            placed = parse_moment(read, "properties.placed_at", raw)
            if placed and placed > now + _TOLERANCE:
                read.wrong("properties.placed_at", "is in the future")
            elif placed:
                content["placed_at"] = stamp(placed)
    key: str = kind
    if kind == "refunded":
        key = read.text(properties, "refund_id", "properties.", 100) or str(message.get("messageId") or stamp(at))
        amount = abs(amount) if amount is not None else None
    return OrderFact(
        order=order,
        kind=kind,
        at=stamp(at),
        key=key,
        amount=amount if kind == "refunded" else None,
        content=content,
        backfill=context.get("backfill") is True,
    )


def _cart(read: Reader, name: str, properties: dict[str, Any], rules: Rules) -> dict[str, Any]:
    """What a cart event says: all lines (Cart Updated, Checkout Started) or one (Product Added, Product Removed)."""
    rate = _rate(read, properties, rules)
    whole = name in ("Cart Updated", "Checkout Started")
    lines = _lines(read, properties if whole else {"products": [properties]}, rate)
    cart: dict[str, Any] = {"event": name, "lines": lines}
    if cart_id := read.text(properties, "cart_id", "properties.", 100):
        cart["cart_id"] = cart_id
    return cart
