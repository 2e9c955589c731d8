"""One commit about tickets: its draft, what follows once it is written, and what became of a message."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from shared.domain.tickets.ticket import Ticket
from shared.repositories.unit_of_work import UnitOfWork

# So long is it known that a message was taken in.
MARK_KEPT = timedelta(days=90)


class Taken(NamedTuple):
    """What became of a message: its ticket, whether that was there before, and what the bot said to it."""

    ticket: Ticket
    joined: bool
    bot_reply: str = ""
    repeated: bool = False


@dataclass
class Work:
    """One draft of work on tickets, and what is to be done once it is committed: messages to be sent, and queues in
    which somebody may have become free."""

    uow: UnitOfWork
    planned: list[str] = field(default_factory=list)
    freed: set[str] = field(default_factory=set)
