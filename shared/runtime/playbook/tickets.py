"""Reads the rules of tickets."""

from __future__ import annotations

from functools import cache

from shared.domain.tickets.rules import TicketRules
from shared.runtime.playbook.loader import PLAYBOOK, load

FILE = "tickets.yaml"


@cache
def ticket_rules() -> TicketRules:
    """The rules of tickets of this deployment."""
    return load(PLAYBOOK, FILE, TicketRules)
