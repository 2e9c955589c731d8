"""The Segment HTTP tracking protocol: from one message on the wire to one `Event`, or an error naming the field.

Names and shapes follow Segment's public "HTTP tracking API", "Common fields" and "Ecommerce V2" specifications; the
delivery events (Order Shipped, Out For Delivery, Order Delivered, Delivery Failed, Returned To Sender, Shipment
Updated) and some order properties are ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeGuard
from urllib.parse import parse_qs

from shared.domain.common.field_reader import OLDEST, TOLERANCE, Reader, parse_moment
from shared.domain.common.playbook_rules import Rules
from shared.domain.customers.identity import Certainty, Identity, identity, is_placeholder
from shared.domain.customers.phone import BadPhone, names_a_phone
from shared.domain.customers.traits_input import read_consent, read_traits
from shared.domain.errors import FieldError, Invalid
from shared.domain.events.event import Event, EventType
from shared.domain.events.sender import Sender, browser_traits, check_browser_message, user_hash
from shared.domain.messaging.tracked_links import VISITOR_PARAMETER
from shared.domain.orders.order_event import CART_EVENTS, ORDER_EVENTS, read_cart, read_order
from shared.domain.vietnam_time import day_start, local_day, stamp

MAX_CALL_BYTES = 32 * 1024
MAX_BATCH_BYTES = 500 * 1024
MAX_BATCH_EVENTS = 2500
# One event is taken in by one transaction, which has room for so many links.
MAX_IDENTITIES = 10
# Characters of a page's query that are searched for a visitor's token.
LONGEST_QUERY = 4000

TYPES: tuple[EventType, ...] = ("identify", "track", "page", "screen", "group", "alias")
_PLACEHOLDER = "is a placeholder that identifies nobody"
# Everything Segment's and RudderStack's SDKs put at the top level of a message.
_TOP_LEVEL = tuple(
    "type messageId timestamp originalTimestamp sentAt receivedAt userId anonymousId context integrations properties "  # noqa: SIM905
    "traits event name category groupId previousId writeKey channel version _metadata options rudderId "
    "userHash".split()
)


def translate(
    message: Any,
    *,
    kind: str | None,
    received_at: datetime,
    sent_at: Any,
    new_id: Callable[[], str],
    rules: Rules,
    sender: Sender,
    common_context: dict[str, Any] | None = None,
) -> Event:
    """One message of the protocol as an `Event`.

    `kind` is the call it came by, or None inside a batch, where `type` says it. `new_id` stands in where the sender
    gave no messageId. Raises Invalid naming every wrong field.
    """
    read = Reader()
    if not isinstance(message, dict):
        raise Invalid([FieldError("body", "must be an object")])
    read.only(message, _TOP_LEVEL)
    event_type = kind or message.get("type")
    if event_type not in TYPES:
        read.wrong("type", f"must be one of {', '.join(TYPES)}")
        raise Invalid(read.errors)
    context = {**(common_context or {}), **read.mapping(message, "context")}
    source = read.text(context, "source", "context.", 40)
    at, our_time = _when(read, message, context, sent_at, received_at)
    properties = read.mapping(message, "properties")
    name = _name(read, event_type, message, properties)
    fact_kind = ORDER_EVENTS.get(name) if event_type == "track" else None

    proven = False
    if sender.browser:
        check_browser_message(read, message, event_type, name, context, at, received_at, rules.identity)
        if read.errors:
            raise Invalid(read.errors)
        proven = _proof(read, message, context, sender)
    claiming = sender.browser or source in rules.identity.claiming_sources
    certainty: Certainty = "claimed" if claiming else "staff_confirmed"
    identities, bad_phone, placeholder = _identities(
        read, event_type, message, context, certainty, rules,
        is_sale=fact_kind is not None, sender=sender, proven=proven,
    )  # fmt: skip
    previous = None
    if event_type == "alias":
        previous = _alias(read, message, certainty, rules)
    traits = {} if event_type == "group" else _traits(read, message, context, received_at)
    if sender.stores and traits.get("home_store", "") not in ("", *sender.stores):
        read.wrong("traits.home_store", f"must be one of the key's stores: {', '.join(sorted(sender.stores))}")
    if sender.browser:
        traits = browser_traits(traits, proven=proven)
    if event_type == "group" and (group := read.text(message, "groupId")):
        traits = {"@group": group}
    consent = _consent(read, context, at, received_at, source)
    stated_id = _message_id(read, message, rules)
    order = cart = None
    if fact_kind:
        order = read_order(read, fact_kind, name, properties, stated_id, at, received_at, context, rules,
                           sender.system, sender.stores)  # fmt: skip
    elif name in CART_EVENTS and event_type == "track":
        cart = read_cart(read, name, properties, rules)
    if not fact_kind:
        _check_who(read, identities, bad_phone, placeholder, sender)
    backfill = read.flag(context, "backfill", "context.")
    if read.errors:
        raise Invalid(read.errors)
    return Event(
        id=stated_id or new_id(),
        type=event_type,
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
        key=sender.key,
        browser=sender.browser,
        proven=proven,
        visitor_token=_visitor_token(context) if sender.browser else "",
    )


def _proof(read: Reader, message: dict[str, Any], context: dict[str, Any], sender: Sender) -> bool:
    """Whether a browser's message proves its user; a proof that fails is refused, not overheard."""
    stated = user_hash(message, context)
    if stated is None:
        return False
    user = read.text(message, "userId")
    if not isinstance(stated, str) or not user or not sender.proves(user, stated):
        read.wrong("userHash", "does not prove the userId: it is HMAC-SHA256 of it, in hex, by the server key")
        return False
    return True


def _visitor_token(context: dict[str, Any]) -> str:
    """The one-time token of our own link, as it stands in the address of the page that the visitor came to."""
    page = context.get("page")
    query = page.get("search") if isinstance(page, dict) else None
    found = parse_qs(query.lstrip("?"), max_num_fields=100).get(VISITOR_PARAMETER) if _is_short(query) else None
    return found[0] if found and re.fullmatch("[a-z0-9]{10,64}", found[0]) else ""


def _is_short(query: Any) -> TypeGuard[str]:
    return isinstance(query, str) and len(query) <= LONGEST_QUERY and query.count("&") < 100


def _when(
    read: Reader, message: dict[str, Any], context: dict[str, Any], sent_at: Any, received_at: datetime
) -> tuple[datetime, bool]:
    """The event's moment, and whether it is our word instead of the sender's.

    A device whose clock is wrong is corrected by `sentAt`, both ways, as Segment does: how long before sending
    something happened is right whatever its clock shows. `receivedAt` says that a collector in between has done so.
    """
    name = "originalTimestamp" if message.get("timestamp") in (None, "") else "timestamp"
    raw = message.get(name)
    at = None if raw in (None, "") else parse_moment(read, name, raw)
    sent_raw = sent_at if message.get("sentAt") in (None, "") else message["sentAt"]
    sent = None if sent_raw in (None, "") else parse_moment(read, "sentAt", sent_raw)
    if at is None:
        return received_at, True
    stated = at
    corrected = bool(message.get("receivedAt")) or context.get("backfill") is True
    if sent and at <= sent and abs(received_at - sent) > TOLERANCE and not corrected:
        at = received_at - min(sent - at, received_at - day_start(OLDEST))
    if at > received_at + TOLERANCE:
        read.wrong(name, "is in the future")
    at = min(at, received_at)
    return at, at != stated


def _name(read: Reader, event_type: str, message: dict[str, Any], properties: dict[str, Any]) -> str:
    if event_type == "track":
        name = read.text(message, "event", limit=120)
        if not name:
            read.wrong("event", "is needed")
        return name
    if event_type in ("page", "screen"):
        return (
            read.text(message, "name", limit=256)
            or str(properties.get("title") or properties.get("path") or event_type)[:256]
        )
    return event_type


def _identities(
    read: Reader,
    event_type: EventType,
    message: dict[str, Any],
    context: dict[str, Any],
    certainty: Certainty,
    rules: Rules,
    *,
    is_sale: bool,
    sender: Sender,
    proven: bool,
) -> tuple[list[Identity], dict[str, str] | None, str]:
    """Every identity the message names, the phone that cannot be one with its reason, and the field of a placeholder.

    From a browser all are claimed but its own id, and the user whom it proves.
    """
    found: dict[tuple[str, str], Identity] = {}
    bad_phone: dict[str, str] | None = None
    placeholder = ""

    def take(kind: str, raw: Any, path: str, sure: Certainty = certainty) -> None:
        nonlocal bad_phone, placeholder
        if raw is None or raw == "":
            return
        if isinstance(raw, float) and raw.is_integer():
            raw = int(raw)  # JavaScript knows one kind of number
        if isinstance(raw, bool) or not isinstance(raw, str | int):
            read.wrong(path, "must be a text")
            return
        # On a sale it is counted among the cashiers' impossible numbers (R4).
        if is_placeholder(kind, str(raw), rules.identity) and not (is_sale and path.endswith("phone")):
            placeholder = placeholder or path
            return
        if sender.browser and not (kind == "anonymous" or (proven and path == "userId")):
            sure = "claimed"
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
    if isinstance(user, float) and user.is_integer():
        user = int(user)
    own = "staff_confirmed" if proven else certainty
    if isinstance(user, str | int) and not isinstance(user, bool) and names_a_phone(str(user)):
        take("phone", user, "userId", own)
    elif isinstance(user, str) and "@" in user:
        take("email", user, "userId", own)
    else:
        take("user", user, "userId", "staff_confirmed")
    take("anonymous", message.get("anonymousId"), "anonymousId", "staff_confirmed")
    # The traits of a group call are the group's, not the person's.
    traits = message.get("traits") if event_type != "group" else None
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
    return list(found.values()), bad_phone, placeholder


def _check_who(
    read: Reader, identities: list[Identity], bad_phone: dict[str, str] | None, placeholder: str, sender: Sender
) -> None:
    """Names what is wrong with whom a message is about; a sale needs no identity, and keeps a bad phone beside it."""
    if bad_phone:
        read.wrong(bad_phone["field"], bad_phone["reason"])
    elif not identities:
        read.wrong(placeholder or "userId", _PLACEHOLDER if placeholder else "or anonymousId is needed")
    elif sender.browser and not read.errors and not any(who.kind == "anonymous" for who in identities):
        read.wrong("anonymousId", _PLACEHOLDER)  # what a browser names beside its own id is only claimed


def _message_id(read: Reader, message: dict[str, Any], rules: Rules) -> str:
    """The sender's id of the message; "" also for what a program writes where it has none, such as "undefined"."""
    stated = read.text(message, "messageId", limit=100)
    return "" if is_placeholder("message", stated, rules.identity) and not stated.strip("-").isdigit() else stated


def _alias(read: Reader, message: dict[str, Any], certainty: Certainty, rules: Rules) -> Identity | None:
    raw = read.text(message, "previousId")
    if not raw:
        read.wrong("previousId", "is needed")
        return None
    if is_placeholder("anonymous", raw, rules.identity):
        read.wrong("previousId", _PLACEHOLDER)
        return None
    with read.reading("previousId"):
        if names_a_phone(raw):
            who = identity("phone", raw, certainty)
            if who.value in rules.identity.own_numbers:
                raise BadPhone("own_number", "is a number of the shop itself")
            return who
        return identity("email", raw, certainty) if "@" in raw else identity("anonymous", raw)
    return None


def _traits(read: Reader, message: dict[str, Any], context: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The traits a message states; what the product has no field for is kept as an attribute ("@points")."""
    traits: dict[str, Any] = {}
    for path, values in (
        ("context.traits.", read.mapping(context, "traits", "context.")),
        ("traits.", read.mapping(message, "traits")),
    ):
        traits |= read_traits(read, values, path, local_day(now))
    return traits


def _consent(read: Reader, context: dict[str, Any], at: datetime, now: datetime, source: str) -> list[dict[str, Any]]:
    raw = context.get("consent")
    # Segment's own consent object (categoryPreferences) speaks of cookies, not of messages.
    if raw is None or isinstance(raw, dict):
        return []
    return read_consent(read, raw, "context.consent", at, now, source)
