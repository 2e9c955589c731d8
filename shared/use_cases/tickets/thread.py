"""The thread of a ticket: every message, inner note and automatic line, in order of time."""

from __future__ import annotations

from typing import Any

from shared.domain.tickets.ticket import Author, Ticket
from shared.ports import Item
from shared.repositories import table_keys
from shared.repositories.unit_of_work import UnitOfWork


def add(uow: UnitOfWork, ticket: Ticket, at: str, author: Author, text: str, **more: Any) -> Ticket:
    """Put a line into the thread; `more` may hold by, attachments, note, mentions, order_id, message_id, sources."""
    number = ticket.get("lines", 0) + 1
    line: Item = {"at": at, "author": author, "text": text}
    line |= {name: value for name, value in more.items() if value not in ("", None, (), [], False)}
    uow.create(table_keys.ticket_thread_message(ticket["ticket_id"], at, number), line)
    return {**ticket, "lines": number}


def thread(uow: UnitOfWork, ticket_id: str) -> list[Item]:
    """All lines of a ticket, in order of time."""
    return uow.collection(f"C#{ticket_id[:-20]}", *table_keys.ticket_thread(ticket_id))
