"""The ticket context of this deployment: the playbook's rules, directory and routing, triage, bot and suggestions."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path

from shared.domain.tickets.rules import TicketRules
from shared.repositories.staff_absence import away
from shared.runtime import wiring
from shared.runtime.factories.bot import answer, orders
from shared.runtime.factories.journeys import journeys
from shared.runtime.factories.suggestions import suggester
from shared.runtime.factories.triage import classifier
from shared.runtime.playbook.loader import PLAYBOOK
from shared.runtime.playbook.staff import directory, routing
from shared.runtime.playbook.yaml_source import Mistake, load, read
from shared.use_cases.tickets.context import TicketContext

FILE = "tickets.yaml"


def check(folder: Path) -> list[Mistake]:
    """Every mistake in `tickets.yaml` of a playbook folder."""
    return read(folder / FILE, TicketRules)[2]


def load_rules(folder: Path) -> TicketRules:
    """The rules of tickets of a playbook folder; raises PlaybookError with the first thing wrong."""
    return load(folder / FILE, TicketRules)


@cache
def ticket_rules() -> TicketRules:
    """The rules of tickets of this deployment."""
    return load_rules(PLAYBOOK)


def tickets(now: datetime) -> TicketContext:
    """The dependencies of the ticket use cases at this moment."""
    outside = wiring.outside()
    return TicketContext(
        journeys=journeys(now),
        secret=lambda: outside.identity_key,
        queue=lambda: outside.messages["transactional"],
        rules=ticket_rules(),
        directory=directory(),
        routing=routing(),
        triager=classifier(now),
        bot=answer,
        orders=orders(now),
        away=lambda: away(outside.table, outside.memory, now),
        suggester=suggester(now),
    )
