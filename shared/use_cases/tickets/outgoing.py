"""What a ticket sends out: messages to its customer, and signals to journeys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.domain.common.stored_item import picked
from shared.domain.journeys.engine import Signal
from shared.domain.messaging.message import Comment, Intent
from shared.domain.messaging.reply_windows import COMMENT_ANSWER
from shared.domain.tickets.ticket import Ticket, excerpt
from shared.domain.vietnam_time import moment, stamp
from shared.repositories.messages import plan
from shared.repositories.profiles import members_of
from shared.repositories.tickets import case_code
from shared.use_cases.journeys.advance import handle_signal
from shared.use_cases.tickets.context import TicketContext, TicketTransaction

JOURNEY = "ticket"
REPLY, APOLOGY, RECEIVED = "ticket_reply", "ticket_apology", "ticket_received"
# The channel that answers a ticket's channel; a ticket from any other channel has none.
OWN = {"zalo": "zalo", "messenger": "messenger", "comment": "messenger", "whatsapp": "whatsapp", "web": "web",
       "app": "web", "email": "email", "form": "email", "sms": "sms_care"}  # fmt: skip
# Where an agent's answer goes if it cannot go back the way the question came; a call is a staff task.
ELSEWHERE = ("zalo", "messenger", "whatsapp", "email", "call")


def send(
    context: TicketContext,
    tx: TicketTransaction,
    ticket: Ticket,
    step: str,
    text: str,
    channels: tuple[str, ...],
    *,
    human: bool = False,
    template: str = REPLY,
    variables: Mapping[str, Any] | None = None,
) -> str:
    """Plan a message to the customer of a ticket and return its id; the same `step` is the same message on every
    attempt."""
    values: dict[str, Any] = {"case_code": case_code(ticket), **(variables or {})}
    if template == REPLY:
        values["text"] = text
    if template in (REPLY, RECEIVED):
        values["subject"] = excerpt(ticket["subject"])
    intent = Intent(
        customer_id=ticket["customer_id"],
        journey=JOURNEY,
        run=ticket["ticket_id"][-20:],
        step=step,
        purpose="transactional",
        template=template,
        variables=values,
        channels=channels,
        human=human,
        comment=_comment(ticket),
    )
    plan(tx.uow, intent, context.now, context.journeys.sending)
    tx.planned.append(intent.message_id)
    return intent.message_id


def _comment(ticket: Ticket) -> Comment | None:
    """The comment to answer in private; the platform takes one answer only."""
    if not ticket.get("comment_id") or "answered_at" in ticket or "bot_first_response_at" in ticket:
        return None
    return Comment(ticket["comment_id"], stamp(moment(ticket["opened_at"]) + COMMENT_ANSWER))


def reply_channels(ticket: Ticket) -> tuple[str, ...]:
    """The channel that answers where the ticket came from; empty if there is none."""
    own = OWN.get(ticket["channel"], "")
    return (own,) if own else ()


def agent_channels(ticket: Ticket) -> tuple[str, ...]:
    """The channels an agent's answer tries, in order; policy skips those whose reply window is closed (R13)."""
    return tuple(dict.fromkeys((*reply_channels(ticket), *ELSEWHERE)))


def signal_journeys(context: TicketContext, tx: TicketTransaction, ticket: Ticket, name: str, **more: Any) -> None:
    """Signal journeys what happened to a ticket; a customer who enters one is due at the next minute."""
    members = members_of(tx.uow, ticket["customer_id"])
    if not members:
        return
    names = ("ticket_id", "channel", "intent", "severity", "order_id")
    properties = picked(ticket, names) | {"case_code": case_code(ticket), **more}
    signal = Signal(name, stamp(context.now), properties)
    handle_signal(context.journeys, tx.uow, members, signal, home=ticket["customer_id"], act=False)
