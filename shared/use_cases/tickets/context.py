"""What every ticket use case works with: its dependencies, one transaction on tickets, and what became of a message."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from shared.domain.bot.reply import Answer, BotRequest, HandOver
from shared.domain.customers.profile import Profile
from shared.domain.staff.directory import Directory
from shared.domain.tickets.routing import Routing
from shared.domain.tickets.rules import TicketRules
from shared.domain.tickets.ticket import Ticket
from shared.domain.triage.triage import MessageClassifier
from shared.ports import Queue, Table
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.journeys.context import JourneyContext
from shared.use_cases.recommendations.suggest_products import Suggester

# How long a message is remembered, so that the same one delivered again is recognised.
MARK_KEPT = timedelta(days=90)


@dataclass(frozen=True)
class TicketContext:
    """The dependencies of the ticket use cases at one moment.

    `queue` takes the ids of messages to customers, `bot` answers a message or hands it over, `orders` loads a
    customer's recent orders as the bot presents them, `away` are the ids of absent staff, `suggester` recommends
    products to the customer of a ticket.
    """

    journeys: JourneyContext
    secret: Callable[[], bytes]
    queue: Callable[[], Queue]
    rules: TicketRules
    directory: Directory
    routing: Routing
    triager: MessageClassifier
    bot: Callable[[BotRequest], Answer | HandOver]
    orders: Callable[[UnitOfWork, list[Profile]], Sequence[Mapping[str, Any]]]
    away: Callable[[], Collection[str]]
    suggester: Suggester

    @property
    def table(self) -> Table:
        return self.journeys.table

    @property
    def now(self) -> datetime:
        return self.journeys.now


@dataclass
class TicketTransaction:
    """One commit on tickets, and what follows it: `planned` are ids of messages to be sent, `freed` the queues in which
    an agent may have capacity again."""

    uow: UnitOfWork
    planned: list[str] = field(default_factory=list)
    freed: set[str] = field(default_factory=set)


class MessageResult(NamedTuple):
    """What became of a message: its ticket, whether it joined one that existed, what the bot answered, and whether the
    message was recorded before."""

    ticket: Ticket
    joined: bool
    bot_reply: str = ""
    repeated: bool = False
