"""What is said in a ticket: the thread people read, and the answers that go out to the customer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.domain.messaging.message import Comment, Intent
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.messaging.reply_windows import COMMENT_ANSWER
from shared.domain.tickets.ticket import Author, Ticket, excerpt
from shared.domain.vietnam_time import moment, stamp
from shared.ports import Item
from shared.repositories import table_keys
from shared.repositories.messages import plan
from shared.repositories.tickets import case_code
from shared.repositories.unit_of_work import UnitOfWork

JOURNEY = "ticket"
REPLY, APOLOGY, RECEIVED = "ticket_reply", "ticket_apology", "ticket_received"
# The channel a message goes out on where a ticket came in on one of these; from the others nothing goes back.
OWN = {"zalo": "zalo", "messenger": "messenger", "comment": "messenger", "whatsapp": "whatsapp", "web": "web",
       "app": "web", "email": "email", "form": "email", "sms": "sms_care"}  # fmt: skip
# Where a person's answer goes if it cannot go back where the question came from; a call is staff's task.
ELSEWHERE = ("zalo", "messenger", "whatsapp", "email", "call")


def add(uow: UnitOfWork, ticket: Ticket, at: str, author: Author, text: str, **more: Any) -> Ticket:
    """Put a line into the thread; `more` may hold by, attachments, note, mentions, order_id, message_id, sources."""
    number = ticket.get("lines", 0) + 1
    line: Item = {"at": at, "author": author, "text": text}
    line |= {name: value for name, value in more.items() if value not in ("", None, (), [], False)}
    uow.create(table_keys.ticket_message(ticket["ticket_id"], at, number), line)
    return {**ticket, "lines": number}


def thread(uow: UnitOfWork, ticket_id: str) -> list[Item]:
    """Everything said in a ticket, in order of time."""
    return uow.collection(f"C#{ticket_id[:-20]}", *table_keys.ticket_thread(ticket_id))


def send(
    uow: UnitOfWork,
    ticket: Ticket,
    step: str,
    text: str,
    now: datetime,
    rules: SendingRules,
    *,
    channels: tuple[str, ...],
    human: bool = False,
    template: str = REPLY,
    variables: Mapping[str, Any] | None = None,
) -> str:
    """Plan an answer to the customer; `step` makes it the same message on every try. Answers with its id."""
    said: dict[str, Any] = {"case_code": case_code(ticket), **(variables or {})}
    if template == REPLY:
        said["text"] = text
    if template in (REPLY, RECEIVED):
        said["subject"] = excerpt(ticket["subject"])
    intent = Intent(
        customer_id=ticket["customer_id"],
        journey=JOURNEY,
        run=ticket["ticket_id"][-20:],
        step=step,
        purpose="transactional",
        template=template,
        variables=said,
        channels=channels,
        human=human,
        comment=_comment(ticket),
    )
    plan(uow, intent, now, rules)
    return intent.message_id


def _comment(ticket: Ticket) -> Comment | None:
    """The comment that is answered in private, which takes one answer only."""
    if not ticket.get("comment_id") or "answered_at" in ticket or "bot_first_response_at" in ticket:
        return None
    return Comment(ticket["comment_id"], stamp(moment(ticket["opened_at"]) + COMMENT_ANSWER))


def back(ticket: Ticket) -> tuple[str, ...]:
    """The channel a ticket came in on, as messages go out on it; empty where nothing goes back that way."""
    own = OWN.get(ticket["channel"], "")
    return (own,) if own else ()


def anyhow(ticket: Ticket) -> tuple[str, ...]:
    """The channels a person's answer tries, in order; policy passes over those whose window is closed (R13)."""
    return tuple(dict.fromkeys((*back(ticket), *ELSEWHERE)))
