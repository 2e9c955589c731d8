"""A ticket: one conversation about one matter, from its first word to its rating (T1, T3, T8, N15, N16).

Pure functions from a ticket and what happened to the ticket after it. A ticket is a plain item:

    status       open (somebody of us has to do something), pending (the customer has to answer) or resolved
    queue        bot, care, sales or senior_manager; `assignee` is a person of the directory, "" while nobody has it
    priority     P1 to P4; `severity` and `priority` only rise by themselves, staff may lower them
    deadlines    first_response_due_at and resolve_due_at, with `warn_at` by name; `missed` and `warned` hold the moment
                 of the deadline that was escalated or warned of, so that each is told once
    lock         {by, until}: who is writing an answer

Moments are stamps. Every function answers with a new ticket; what was given stays as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.common.attachment import Attachment
from shared.domain.customers.identity import Identity
from shared.domain.tickets.routing import CHANNELS, Route
from shared.domain.tickets.rules import TicketRules
from shared.domain.triage.triage import SENTIMENTS, SEVERITIES, Triage
from shared.domain.vietnam_time import moment

Ticket = dict[str, Any]
Status = Literal["open", "pending", "resolved"]
Author = Literal["customer", "agent", "bot", "system"]
ChannelOfTicket = Literal[
    "zalo", "messenger", "whatsapp", "web", "app", "email", "comment", "sms", "hotline", "form", "store", "api"
]

STATUSES: tuple[Status, ...] = ("open", "pending", "resolved")
# Where people write to and fro, so that what they say next belongs to what they said before.
CHATS = frozenset(CHANNELS[:8])
FIRST_RESPONSE, RESOLVE = "first_response", "resolve"
ID_TAIL = 20
# What a message to us may have at most; what is longer is cut by whoever takes it in.
TEXT_LENGTH, SUBJECT_LENGTH, ATTACHMENTS = 8000, 300, 10
REASONS_KEPT, MATTERS_KEPT, EXCERPT = 12, 20, 160


class Said(BaseModel):
    """Something that was said to the shop, as it travels on the queue `tickets`; it holds personal data.

    `dedup` is its natural key within customer and channel: the same message told twice has the same. `at` is a stamp.
    Who said it is named by `identities`, or by `customer_id` where that is known. `verified`: it surely is this
    customer who writes, so that the bot may speak of orders. `comment_id` is the comment on the page that it was.
    Without `again` seconds a dedup is good for as long as we remember; with it the same is something new after so long.
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
        """What the message is remembered by, within its customer."""
        return digest(f"{self.channel}\n{self.dedup}")


def digest(text: str) -> str:
    """20 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:ID_TAIL]


# ---- the beginning ----


def opened(said: Said, triage: Triage, *, ticket_id: str, customer_id: str, value: str, store: str) -> Ticket:
    """A new ticket, before it is routed."""
    ticket: Ticket = {
        "ticket_id": ticket_id,
        "customer_id": customer_id,
        "channel": said.channel,
        "status": "open",
        "queue": "",
        "assignee": "",
        "intent": triage.intent,
        "severity": triage.severity,
        "sentiment": triage.sentiment,
        "confidence": triage.confidence,
        "priority": "",
        "value": value,
        "subject": said.subject or excerpt(said.text),
        "opened_at": said.at,
        "last_at": said.at,
        "missed": {},
        "warned": {},
        "warn_at": {},
        "reasons": why(triage),
        "messages": 0,
    }
    for name, given in (("order_id", said.order_id), ("store", store), ("comment_id", said.comment_id)):
        if given:
            ticket[name] = given
    return ticket


def excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1] + "…"


def why(triage: Triage) -> list[str]:
    """What decided the labels, for staff."""
    return [f"{triage.intent}/{triage.severity} {triage.confidence}%: {', '.join(triage.words)}".rstrip(": ")]


def placed(ticket: Ticket, where: Route) -> Ticket:
    """The ticket in a queue; whoever had it in another has it no more."""
    moved = {**ticket, "queue": where.queue, "priority": where.priority}
    if where.queue != ticket["queue"]:
        moved["assignee"] = ""
        moved.pop("retry_at", None)
    return reasoned(moved, f"{where.queue} {where.priority}: {where.rule}")


def reasoned(ticket: Ticket, reason: str) -> Ticket:
    """The ticket with one more reason of where it stands; the first says how it began."""
    known = ticket["reasons"]
    if known and known[-1] == reason:
        return ticket
    told = [*known, reason]
    return {**ticket, "reasons": told if len(told) <= REASONS_KEPT else [told[0], *told[-(REASONS_KEPT - 1) :]]}


# ---- a message more ----

Meets = Literal["join", "reopen", ""]


def meets(ticket: Ticket, said: Said, triage: Triage, rules: TicketRules) -> Meets:
    """Whether what was said belongs to a ticket of the same customer and channel, which may be resolved."""
    orders_differ = bool(said.order_id and ticket.get("order_id") and said.order_id != ticket["order_id"])
    chat = said.channel in CHATS
    if orders_differ and not chat:
        return ""
    if ticket["status"] != "resolved":
        near = abs(moment(said.at) - moment(ticket["last_at"])) <= timedelta(minutes=rules.join_minutes)
        return "join" if chat or near else ""
    if moment(said.at) - moment(ticket["resolved_at"]) > timedelta(days=rules.reopen_days):
        return ""
    same_matter = triage.intent == ticket["intent"] or bool(said.order_id and said.order_id == ticket.get("order_id"))
    return "reopen" if chat or same_matter else ""


def told_onto(ticket: Ticket, said: Said, rules: TicketRules) -> tuple[Ticket | None, Meets]:
    """A ticket and what a message for this very one does to it; None where it was resolved too long ago."""
    if ticket["status"] != "resolved":
        return ticket, "join"
    late = moment(said.at) - moment(ticket["resolved_at"]) > timedelta(days=rules.reopen_days)
    return (None, "") if late else (ticket, "reopen")


def read_again(ticket: Ticket, triage: Triage) -> Ticket:
    """The labels after one more message: severity rises and never falls, and feelings are as bad as they were at
    worst. The matter is what weighs most; what staff said it is stays."""
    worse = SEVERITIES.index(triage.severity) < SEVERITIES.index(ticket["severity"])
    said = {
        **ticket,
        "severity": triage.severity if worse else ticket["severity"],
        "sentiment": max(ticket["sentiment"], triage.sentiment, key=SENTIMENTS.index),
    }
    vague = ticket["intent"] in ("other", "human_request", "feedback_praise") or ticket["queue"] == "bot"
    if (worse or (vague and triage.intent != "other")) and "labelled_by" not in ticket:
        said |= {"intent": triage.intent, "confidence": triage.confidence}
    return reasoned(said, why(triage)[0]) if said != ticket else ticket


def worth(ticket: Ticket, value: str) -> Ticket:
    """The ticket of somebody who has become a VIP meanwhile; what they were when it was opened stays otherwise."""
    return {**ticket, "value": value} if value == "vip" else ticket


def unhappy(triage: Triage) -> bool:
    return triage.sentiment == "negative" or triage.severity in ("critical", "high")


def rerouted(ticket: Ticket, where: Route) -> Ticket:
    """The ticket after its labels changed: it leaves its queue only where it must, and is never less urgent."""
    priority = min(ticket["priority"], where.priority)
    queue = ticket["queue"]
    from_sales = queue == "sales" and where.queue == "care" and ticket["severity"] in ("critical", "high")
    if queue == "bot" or where.queue == "senior_manager" or from_sales:
        return placed(ticket, where._replace(priority=priority))
    return {**ticket, "priority": priority}


def told_by_customer(ticket: Ticket, at: str) -> Ticket:
    """The ticket after the customer wrote: it is our turn. What was said long ago may arrive late."""
    return our_turn({**ticket, "last_at": max(ticket["last_at"], at), "messages": ticket["messages"] + 1})


def our_turn(ticket: Ticket) -> Ticket:
    """The ticket when it does not wait for the customer any more."""
    return {name: value for name, value in ticket.items() if name != "pending_until"} | {"status": "open"}


def reopened(ticket: Ticket, at: str) -> Ticket:
    """A resolved ticket that the customer wrote to again; its clocks begin anew, what was measured stays."""
    said = {**ticket, "status": "open", "reopened": ticket.get("reopened", 0) + 1, "reopened_at": at}
    for gone in ("resolved_at", "resolved_by", "first_response_at", "answered_at", "lock", "turns"):
        said.pop(gone, None)
    return reasoned(said, f"reopened {at}")


# ---- answers ----


def answered(ticket: Ticket, at: str, *, by: str, pending_until: str) -> Ticket:
    """After a person answered. Their first answer is what the customer waited for, and is measured once."""
    said = {**ticket, "status": "pending", "answered_at": at, "pending_until": pending_until}
    said |= {"last_at": max(ticket["last_at"], at), "messages": ticket["messages"] + 1, "answered_by": by}
    said.setdefault("first_response_at", at)
    said.setdefault("first_response_seconds", seconds(ticket["opened_at"], at))
    said.setdefault("first_response_by", by)
    return {name: value for name, value in said.items() if name not in ("retry_at", "turns")}


def bot_answered(ticket: Ticket, at: str, matter: str, pending_until: str) -> Ticket:
    """After the bot answered; that is counted apart from what people do (T8)."""
    said = {**ticket, "status": "pending", "pending_until": pending_until, "messages": ticket["messages"] + 1}
    said["turns"] = [*ticket.get("turns", ()), matter][-MATTERS_KEPT:]
    said.setdefault("bot_first_response_at", at)
    said.setdefault("bot_first_response_seconds", seconds(ticket["opened_at"], at))
    return said


def seconds(begin: str, end: str) -> int:
    return max(0, int((moment(end) - moment(begin)).total_seconds()))


def handed_over(ticket: Ticket, reason: str, words: Mapping[str, str], at: str) -> Ticket:
    """The bot gives the ticket to people, and says why."""
    return reasoned({**ticket, "handover": {"reason": reason, "at": at, **words}}, f"bot: {reason}")


# ---- who has it ----


def assigned(ticket: Ticket, person: str, retry_at: str = "") -> Ticket:
    """The ticket with somebody who has it, or with nobody and the moment to look for somebody again."""
    said = {**ticket, "assignee": person}
    said.pop("retry_at", None)
    if not person and retry_at:
        said["retry_at"] = retry_at
    if person != ticket["assignee"]:
        said.pop("lock", None)
    return said


def waits(ticket: Ticket) -> bool:
    """Whether people have to take it and nobody has."""
    return ticket["status"] == "open" and ticket["queue"] != "bot" and not ticket["assignee"]


def locked_by(ticket: Ticket, now: str) -> str:
    """Who is writing an answer, or ""."""
    lock = ticket.get("lock")
    return str(lock["by"]) if lock and lock["until"] > now else ""


def locked(ticket: Ticket, by: str, until: str) -> Ticket:
    return {**ticket, "lock": {"by": by, "until": until}}


def unlocked(ticket: Ticket) -> Ticket:
    return {name: value for name, value in ticket.items() if name != "lock"}


# ---- the end ----


def resolved(ticket: Ticket, at: str, by: str, *, wrong: bool = False) -> Ticket:
    """The ticket when its matter is done; `by` is a person, "bot" or "silence"."""
    said = {**ticket, "status": "resolved", "resolved_at": at, "resolved_by": by, "last_at": max(ticket["last_at"], at)}
    said["handled_seconds"] = seconds(str(ticket.get("reopened_at", ticket["opened_at"])), at)
    if wrong:
        said["our_fault"] = True
    return {name: value for name, value in said.items() if name not in ("lock", "retry_at", "pending_until")}


def rated(ticket: Ticket, score: int, comment: str, at: str) -> Ticket:
    given = {"score": score, "at": at} | ({"comment": comment} if comment else {})
    return {**ticket, "rating": given}


def relabelled(ticket: Ticket, labels: Mapping[str, str], by: str) -> Ticket:
    """The labels as staff say they are."""
    told = ", ".join(f"{name} {ticket[name]} → {value}" for name, value in sorted(labels.items()))
    return reasoned({**ticket, **labels, "labelled_by": by}, f"{by}: {told}")


def is_complaint(ticket: Ticket, rules: TicketRules) -> bool:
    """Whether promotions pause while this is open (R17)."""
    told = ticket["intent"] in rules.complaints.intents or ticket["severity"] in rules.complaints.severities
    return ticket["status"] != "resolved" and (told or ticket["sentiment"] == "negative")


def vip_in_need(ticket: Ticket) -> bool:
    """A critical matter of a VIP: never with the bot, never with nobody (T3)."""
    return bool(ticket["value"] == "vip" and ticket["severity"] == "critical")
