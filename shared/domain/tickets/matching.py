"""Which ticket a customer's message belongs to: it joins one, reopens one, or opens a new one (T1)."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from shared.domain.tickets.rules import TicketRules
from shared.domain.tickets.ticket import CHATS, CustomerMessage, Ticket
from shared.domain.triage.triage import Triage
from shared.domain.vietnam_time import moment

Match = Literal["join", "reopen", ""]


def match(ticket: Ticket, message: CustomerMessage, triage: Triage, rules: TicketRules) -> Match:
    """What a message does to a ticket, open or resolved, of the same customer and channel; "" where it does not belong
    to it."""
    orders_differ = bool(message.order_id and ticket.get("order_id") and message.order_id != ticket["order_id"])
    chat = message.channel in CHATS
    if orders_differ and not chat:
        return ""
    if ticket["status"] != "resolved":
        near = abs(moment(message.at) - moment(ticket["last_at"])) <= timedelta(minutes=rules.join_minutes)
        return "join" if chat or near else ""
    if _too_late(ticket, message, rules):
        return ""
    same_order = bool(message.order_id and message.order_id == ticket.get("order_id"))
    return "reopen" if chat or same_order or triage.intent == ticket["intent"] else ""


def match_given(ticket: Ticket, message: CustomerMessage, rules: TicketRules) -> tuple[Ticket | None, Match]:
    """The ticket a message was sent for and what the message does to it; None if it was resolved too long ago."""
    if ticket["status"] != "resolved":
        return ticket, "join"
    return (None, "") if _too_late(ticket, message, rules) else (ticket, "reopen")


def _too_late(ticket: Ticket, message: CustomerMessage, rules: TicketRules) -> bool:
    return moment(message.at) - moment(ticket["resolved_at"]) > timedelta(days=rules.reopen_days)
