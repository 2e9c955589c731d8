"""Bodies of the ticket calls, checked field by field."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

from shared.domain.errors import FieldError, Invalid
from shared.domain.incoming import Attachment
from shared.domain.routing import CHANNELS
from shared.domain.rules import IdentityRules
from shared.domain.segment_protocol import MAX_IDENTITIES
from shared.domain.statements import Reader
from shared.domain.ticket import ATTACHMENTS, SUBJECT_LENGTH, TEXT_LENGTH, Said, digest
from shared.domain.ticket_rules import TicketRules
from shared.domain.vietnam_time import stamp
from shared.use_cases.customer_input import read_identities
from shared.use_cases.keys import Caller

ATTACHMENT_KINDS = ("image", "video", "audio", "file", "location", "sticker", "other")
URL_LENGTH = 2000


def fields(body: Any, known: Collection[str], what: str) -> Reader:
    """A reader of a body that has these fields; raises Invalid where it is no object."""
    if not isinstance(body, dict):
        raise Invalid([FieldError("body", "must be an object")])
    read = Reader("")
    for name in sorted(body.keys() - set(known)):
        read.wrong(name, f"is not a field of {what}")
    return read


def done(read: Reader) -> None:
    """Raises Invalid naming every wrong field, if there is one."""
    if read.errors:
        raise Invalid(read.errors)


def read_ticket(body: Any, caller: Caller, rules: TicketRules, ours: IdentityRules, now: datetime) -> Said:
    """The body of `POST /v1/tickets`; raises Invalid naming every wrong field.

    What a page on the web says of somebody is only claimed, what staff and tills say is confirmed (R5).
    """
    known = ("customer", "channel", "text", "subject", "order_id", "message_id", "attachments")
    read = fields(body, known, "a ticket")
    customer = read.mapping(body, "customer")
    for name in sorted(customer.keys() - {"identities"}):
        read.wrong(f"customer.{name}", "is not a field of a ticket's customer")
    claimed = not caller.roles - {"web"}
    identities = read_identities(read, customer, claimed=claimed, path="customer.identities.")
    for who in identities:
        if who.kind == "phone" and who.value in ours.own_numbers:
            read.wrong("customer.identities.phone", "is a number of the shop itself")
    if len(identities) > MAX_IDENTITIES:
        read.wrong("customer.identities", f"may be {MAX_IDENTITIES} at most")
    if not identities and not any(wrong.field.startswith("customer") for wrong in read.errors):
        read.wrong("customer.identities", "needs at least one identity")
    channel = body.get("channel")
    if channel not in CHANNELS:
        read.wrong("channel", f"must be one of {', '.join(CHANNELS)}")
    attachments = read_attachments(read, body)
    text = read_text(read, body, needed=not attachments)
    subject = read.text(body, "subject", limit=SUBJECT_LENGTH)
    order_id, message_id = read.text(body, "order_id", limit=120), read.text(body, "message_id", limit=200)
    done(read)
    # Without a name of its own the same message within a minute is the same; a name is good within the key's owner.
    content = json.dumps([text, subject, order_id, [one.model_dump() for one in attachments]], ensure_ascii=False)
    return Said(
        channel=channel,
        dedup=f"api:{caller.name}:{message_id}" if message_id else f"same:{digest(content)}",
        again=0 if message_id else rules.repeat_seconds,
        at=stamp(now),
        text=text,
        subject=subject,
        order_id=order_id,
        attachments=tuple(attachments),
        identities=tuple(identities),
        verified=any(who.joins for who in identities),
        store=min(caller.stores, default=""),
    )


def read_text(read: Reader, body: dict[str, Any], *, needed: bool = True, limit: int = TEXT_LENGTH) -> str:
    text = read.text(body, "text", limit=limit)
    if needed and not text and not any(wrong.field == "text" for wrong in read.errors):
        read.wrong("text", "is needed: what was said")
    return text


def read_attachments(read: Reader, body: dict[str, Any]) -> list[Attachment]:
    """Pictures and files that came along: `[{kind, url}]`."""
    raw = body.get("attachments")
    if raw is None:
        return []
    if not isinstance(raw, list):
        read.wrong("attachments", "must be a list")
        return []
    if len(raw) > ATTACHMENTS:
        read.wrong("attachments", f"may be {ATTACHMENTS} at most")
        return []
    found = []
    for number, one in enumerate(raw):
        here = f"attachments[{number}]"
        if not isinstance(one, dict):
            read.wrong(here, "must be an object")
            continue
        for name in sorted(one.keys() - {"kind", "url"}):
            read.wrong(f"{here}.{name}", "is not a field of an attachment")
        if one.get("kind") not in ATTACHMENT_KINDS:
            read.wrong(f"{here}.kind", f"must be one of {', '.join(ATTACHMENT_KINDS)}")
        url = read.text(one, "url", f"{here}.", limit=URL_LENGTH)
        if not url.startswith(("https://", "http://")):
            read.wrong(f"{here}.url", "must be a web address")
        found.append(Attachment(kind=str(one.get("kind")), url=url))
    return found
