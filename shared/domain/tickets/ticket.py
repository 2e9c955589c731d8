"""A ticket: one conversation about one matter (T1, T3, T8, N15, N16). Its fields, and what can be asked of it."""

from __future__ import annotations

import hashlib
from typing import Any, Literal, TypedDict

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.common.attachment import Attachment
from shared.domain.customers.identity import Identity
from shared.domain.tickets.routing import CHANNELS
from shared.domain.tickets.rules import TicketRules
from shared.domain.triage.triage import Triage
from shared.domain.vietnam_time import moment

Status = Literal["open", "pending", "resolved"]
Author = Literal["customer", "agent", "bot", "system"]
ChannelOfTicket = Literal[
    "zalo", "messenger", "whatsapp", "web", "app", "email", "comment", "sms", "hotline", "form", "store", "api"
]

STATUSES: tuple[Status, ...] = ("open", "pending", "resolved")
# Channels that are a dialogue: the next message belongs to the same conversation.
CHATS = frozenset(CHANNELS[:8])
FIRST_RESPONSE, RESOLVE = "first_response", "resolve"
ID_TAIL = 20
# Limits of an incoming message; the channel adapters cut what is longer.
TEXT_LENGTH, SUBJECT_LENGTH, ATTACHMENTS = 8000, 300, 10
EXCERPT = 160


class Lock(TypedDict):
    """Who is writing an answer, until when."""

    by: str
    until: str


class Handover(TypedDict, total=False):
    """Why the bot handed the ticket over to people: a code, and the words for staff."""

    reason: str
    at: str
    vi: str
    en: str


class InternalQuestion(TypedDict, total=False):
    """A question to another team of the shop: an entry of `asks`, by the id of its task. `late`: its deadline was
    missed and the assignee notified."""

    task_id: str
    to: str
    question: str
    by: str
    at: str
    due_at: str
    status: Literal["open", "done", "withdrawn"]
    late: bool
    answer: str
    answered_by: str
    answered_at: str


class Compensation(TypedDict, total=False):
    """What the customer is given: an `amount` in VND or an `offer` of the playbook, worth `value` VND at most."""

    amount: int
    offer: str
    value: int
    reason: str
    by: str
    at: str
    status: Literal["waiting", "approved", "refused"]
    approved_by: str
    decided_at: str
    code: str
    valid_until: str
    task_id: str


class OrderDraft(TypedDict, total=False):
    """An order drafted in the POS: requested first at `since` and last at `at`, then done with the POS's id and number,
    or of unknown outcome. `total` is in VND."""

    status: Literal["asking", "done", "unknown"]
    since: str
    at: str
    order_id: str
    number: str
    total: int
    store: str
    by: str


class Rating(TypedDict, total=False):
    """The customer's score of our help, 1 to 5."""

    score: int
    at: str
    comment: str


class Ticket(TypedDict, total=False):
    """A ticket as it is stored. Moments are stamps.

    status       open (an agent or the bot has to act), pending (the customer has to answer) or resolved
    queue        bot, care, sales or senior_manager; `assignee` is a person of the directory, "" while unassigned
    priority     P1 to P4; `severity` and `priority` only rise automatically, staff may lower them
    deadlines    `first_response_due_at` and `resolve_due_at`, with `warn_at` by name; `missed` and `warned` hold the
                 deadline that was escalated or warned of, so that each is notified once, `misses` counts them
    retry_at     when to look for an assignee again
    turns        what the bot answered so far, by topic
    reasons      why the ticket is where it is, the first says how it began
    served_at    when the first answer went out: from then on orders are attributed to the ticket
    lines        how many lines its thread has; `messages`, how many of them went between the customer and us
    """

    pk: str
    sk: str
    version: int
    due: str
    due_at: str
    ticket_id: str
    customer_id: str
    channel: ChannelOfTicket
    status: Status
    queue: str
    assignee: str
    priority: str
    intent: str
    severity: str
    sentiment: str
    confidence: int
    labelled_by: str
    value: str
    store: str
    order_id: str
    comment_id: str
    subject: str
    reasons: list[str]
    messages: int
    lines: int
    opened_at: str
    last_at: str
    first_response_due_at: str
    resolve_due_at: str
    warn_at: dict[str, str]
    warned: dict[str, str]
    missed: dict[str, str]
    misses: int
    escalated_at: str
    retry_at: str
    lock: Lock
    answered_at: str
    answered_by: str
    first_response_at: str
    first_response_seconds: int
    first_response_by: str
    bot_first_response_at: str
    bot_first_response_seconds: int
    turns: list[str]
    handover: Handover
    pending_until: str
    resolved_at: str
    resolved_by: str
    handled_seconds: int
    our_fault: bool
    reopened: int
    reopened_at: str
    rating: Rating
    asks: dict[str, InternalQuestion]
    compensation: Compensation
    drafts: dict[str, OrderDraft]
    suggestions: list[dict[str, Any]]
    served_at: str


class CustomerMessage(BaseModel):
    """A customer's message to the shop, as it travels on the queue `tickets`; it holds personal data.

    `dedup` is its natural key within customer and channel: a message delivered twice has the same. `at` is a stamp.
    The sender is named by `identities`, or by `customer_id` where that is known. `verified`: the sender surely is this
    customer, so that the bot may speak of orders. `comment_id` is the comment on the page that the message was.
    `again` is how many seconds a `dedup` is valid for, 0 for as long as messages are remembered.
    """

    model_config = ConfigDict(frozen=True)

    channel: ChannelOfTicket
    dedup: str = Field(min_length=1)
    at: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
    text: str = ""
    subject: str = ""
    order_id: str = ""
    attachments: tuple[Attachment, ...] = ()
    customer_id: str = ""
    identities: tuple[Identity, ...] = ()
    verified: bool = False
    store: str = ""
    comment_id: str = ""
    again: int = 0

    @property
    def mark(self) -> str:
        """The message's key within its customer."""
        return digest(f"{self.channel}\n{self.dedup}")


def digest(text: str) -> str:
    """20 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:ID_TAIL]


def excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1] + "…"


def seconds(begin: str, end: str) -> int:
    return max(0, int((moment(end) - moment(begin)).total_seconds()))


def unhappy(triage: Triage) -> bool:
    return triage.sentiment == "negative" or triage.severity in ("critical", "high")


def waits(ticket: Ticket) -> bool:
    """Whether the ticket needs an assignee and has none."""
    return ticket["status"] == "open" and ticket["queue"] != "bot" and not ticket["assignee"]


def locked_by(ticket: Ticket, now: str) -> str:
    """Who is writing an answer, or ""."""
    lock = ticket.get("lock")
    return lock["by"] if lock and lock["until"] > now else ""


def is_complaint(ticket: Ticket, rules: TicketRules) -> bool:
    """Whether promotions pause while this ticket is open (R17)."""
    listed = ticket["intent"] in rules.complaints.intents or ticket["severity"] in rules.complaints.severities
    return ticket["status"] != "resolved" and (listed or ticket["sentiment"] == "negative")


def vip_in_need(ticket: Ticket) -> bool:
    """A critical ticket of a VIP: never with the bot, never unassigned (T3)."""
    return ticket["value"] == "vip" and ticket["severity"] == "critical"
