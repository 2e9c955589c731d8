"""Click-through links in messages: the address behind one, and the customer's first click on it (R10, X12)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import cast
from urllib.parse import urlsplit, urlunsplit

from shared.domain.errors import NotFound
from shared.domain.messaging.machine_opens import Touch, judge
from shared.domain.messaging.message import Message
from shared.domain.messaging.tracked_links import VISITOR_PARAMETER, Link, web_address
from shared.domain.vietnam_time import moment, stamp
from shared.ports import Table
from shared.repositories import table_keys
from shared.repositories.messages import change, timeline_entry
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.messaging.record_delivery import record


def message_of(table: Table, link: Link) -> Message:
    """The message a link came with; raises NotFound when it is gone."""
    message = cast("Message | None", table.get(table_keys.message(link.message_id)))
    if message is None:
        raise NotFound("the message is gone")
    return message


def target(message: Message, link: Link) -> str:
    """The address that the link had when the message was sent; raises NotFound where there was none."""
    targets = message.get("links", ())
    if link.number >= len(targets) or not targets[link.number]:
        raise NotFound("the message has no such link")
    return web_address(targets[link.number])


def count_click(table: Table, message: Message, link: Link, touch: Touch) -> bool:
    """Record a customer's first click on a link, and answer whether this was it; a machine's click counts for nothing.

    Raises Busy.
    """
    if judge(touch, delivered_at=_delivered_at(message)).machine:
        return False
    number, at = str(link.number), touch.at

    def note(uow: UnitOfWork, message: Message) -> Message | None:
        if number in message.get("clicks", {}):
            return None
        entry = timeline_entry(message, "Message Clicked", "engagement", at, link=link.number)
        place = f"click-{message['message_id'][-20:]}-{number}"
        uow.mark(table_keys.timeline(message["customer_id"], stamp(at), place), entry)
        return {**message, "clicks": {**message.get("clicks", {}), number: stamp(at)}}

    first = number not in message.get("clicks", {})
    change(table, link.message_id, note)
    record(table, link.message_id, "clicked", at)
    return first


def with_token(address: str, website: str, token: Callable[[], str]) -> str:
    """The address with a visitor's token in its query, where it is a page of the shop's own website."""
    parts = urlsplit(address)
    if parts.netloc != urlsplit(website).netloc:
        return address
    query = "&".join(filter(None, (parts.query, f"{VISITOR_PARAMETER}={token()}")))
    return urlunsplit(parts._replace(query=query))


def _delivered_at(message: Message) -> datetime | None:
    times = [at for at, status, *_ in message.get("log", ()) if status == "delivered"]
    return moment(times[0]) if times else None
