"""The ticket context of this deployment: the playbook's rules, directory and routing, triage, bot and suggestions."""

from __future__ import annotations

from datetime import datetime

from shared.repositories.staff_absence import away
from shared.runtime import wiring
from shared.runtime.factories.bot import answer, orders
from shared.runtime.factories.journeys import journeys
from shared.runtime.factories.suggestions import suggester
from shared.runtime.factories.triage import classifier
from shared.runtime.playbook.staff import directory, routing
from shared.runtime.playbook.tickets import ticket_rules
from shared.use_cases.tickets.context import TicketContext


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
