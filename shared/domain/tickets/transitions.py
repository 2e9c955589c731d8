"""How a ticket changes: pure functions from a ticket and what happened to a new ticket; the one given is unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from shared.domain.common.stored_item import without
from shared.domain.tickets.routing import Route
from shared.domain.tickets.ticket import CustomerMessage, Handover, Rating, Ticket, excerpt, seconds
from shared.domain.triage.triage import SENTIMENTS, SEVERITIES, Triage

REASONS_KEPT, TURNS_KEPT = 12, 20

# ---- the beginning ----


def opened(
    message: CustomerMessage, triage: Triage, *, ticket_id: str, customer_id: str, value: str, store: str
) -> Ticket:
    """A new ticket, before it is routed."""
    ticket: Ticket = {
        "ticket_id": ticket_id,
        "customer_id": customer_id,
        "channel": message.channel,
        "status": "open",
        "queue": "",
        "assignee": "",
        "intent": triage.intent,
        "severity": triage.severity,
        "sentiment": triage.sentiment,
        "confidence": triage.confidence,
        "priority": "",
        "value": value,
        "subject": message.subject or excerpt(message.text),
        "opened_at": message.at,
        "last_at": message.at,
        "missed": {},
        "warned": {},
        "warn_at": {},
        "reasons": why(triage),
        "messages": 0,
    }
    if message.order_id:
        ticket["order_id"] = message.order_id
    if store:
        ticket["store"] = store
    if message.comment_id:
        ticket["comment_id"] = message.comment_id
    return ticket


def why(triage: Triage) -> list[str]:
    """What decided the labels, for staff."""
    return [f"{triage.intent}/{triage.severity} {triage.confidence}%: {', '.join(triage.words)}".rstrip(": ")]


def placed(ticket: Ticket, where: Route) -> Ticket:
    """The ticket in a queue; one that changes its queue loses its assignee."""
    moved: Ticket = {**ticket, "queue": where.queue, "priority": where.priority}
    if where.queue != ticket["queue"]:
        moved["assignee"] = ""
        moved.pop("retry_at", None)
    return reasoned(moved, f"{where.queue} {where.priority}: {where.rule}")


def reasoned(ticket: Ticket, reason: str) -> Ticket:
    """The ticket with one more reason for its state; the first, which says how it began, is always kept."""
    known = ticket["reasons"]
    if known and known[-1] == reason:
        return ticket
    reasons = [*known, reason]
    if len(reasons) > REASONS_KEPT:
        reasons = [reasons[0], *reasons[-(REASONS_KEPT - 1) :]]
    return {**ticket, "reasons": reasons}


# ---- one more message ----


def read_again(ticket: Ticket, triage: Triage) -> Ticket:
    """The labels after one more message: severity only rises, sentiment stays at its worst, and the intent is that of
    the most severe message. An intent that staff corrected stays."""
    worse = SEVERITIES.index(triage.severity) < SEVERITIES.index(ticket["severity"])
    after: Ticket = {
        **ticket,
        "severity": triage.severity if worse else ticket["severity"],
        "sentiment": max(ticket["sentiment"], triage.sentiment, key=SENTIMENTS.index),
    }
    vague = ticket["intent"] in ("other", "human_request", "feedback_praise") or ticket["queue"] == "bot"
    if (worse or (vague and triage.intent != "other")) and "labelled_by" not in ticket:
        after["intent"], after["confidence"] = triage.intent, triage.confidence
    return reasoned(after, why(triage)[0]) if after != ticket else ticket


def revalued(ticket: Ticket, value: str) -> Ticket:
    """The ticket of a customer who became a VIP meanwhile; any other value stays as it was at the opening."""
    return {**ticket, "value": value} if value == "vip" else ticket


def rerouted(ticket: Ticket, where: Route) -> Ticket:
    """The ticket after its labels changed: it leaves its queue only where it must, and never becomes less urgent."""
    priority = min(ticket["priority"], where.priority)
    queue = ticket["queue"]
    from_sales = queue == "sales" and where.queue == "care" and ticket["severity"] in ("critical", "high")
    if queue == "bot" or where.queue == "senior_manager" or from_sales:
        return placed(ticket, where._replace(priority=priority))
    return {**ticket, "priority": priority}


def customer_wrote(ticket: Ticket, at: str) -> Ticket:
    """The ticket after a customer's message: it is our turn. The message may arrive late."""
    return our_turn({**ticket, "last_at": max(ticket["last_at"], at), "messages": ticket["messages"] + 1})


def our_turn(ticket: Ticket) -> Ticket:
    """The ticket when it waits for the customer no longer."""
    return {**without(ticket, "pending_until"), "status": "open"}


def reopened(ticket: Ticket, at: str) -> Ticket:
    """A resolved ticket that the customer wrote to again; its clocks restart, what was measured stays."""
    after: Ticket = {**ticket, "status": "open", "reopened": ticket.get("reopened", 0) + 1, "reopened_at": at}
    after = without(after, "resolved_at", "resolved_by", "first_response_at", "answered_at", "lock", "turns")
    return reasoned(after, f"reopened {at}")


# ---- answers ----


def answered(ticket: Ticket, at: str, *, by: str, pending_until: str) -> Ticket:
    """After an agent answered. The first answer is what the customer waited for, and is measured once."""
    after: Ticket = {**ticket, "status": "pending", "answered_at": at, "pending_until": pending_until}
    after["last_at"], after["messages"] = max(ticket["last_at"], at), ticket["messages"] + 1
    after["answered_by"] = by
    after.setdefault("first_response_at", at)
    after.setdefault("first_response_seconds", seconds(ticket["opened_at"], at))
    after.setdefault("first_response_by", by)
    return without(after, "retry_at", "turns")


def bot_answered(ticket: Ticket, at: str, matter: str, pending_until: str) -> Ticket:
    """After the bot answered; counted apart from answers of agents (T8)."""
    after: Ticket = {
        **ticket, "status": "pending", "pending_until": pending_until, "messages": ticket["messages"] + 1,
    }  # fmt: skip
    after["turns"] = [*ticket.get("turns", ()), matter][-TURNS_KEPT:]
    after.setdefault("bot_first_response_at", at)
    after.setdefault("bot_first_response_seconds", seconds(ticket["opened_at"], at))
    return after


def handed_over(ticket: Ticket, reason: str, words: Mapping[str, str], at: str) -> Ticket:
    """The bot hands the ticket over to people; `words` say why, in `vi` and `en`."""
    handover = cast(Handover, {"reason": reason, "at": at, **words})
    return reasoned({**ticket, "handover": handover}, f"bot: {reason}")


# ---- assignment and lock ----


def assigned(ticket: Ticket, person: str, retry_at: str = "") -> Ticket:
    """The ticket with an assignee, or without one ("") and with the moment to look for one again."""
    after: Ticket = {**without(ticket, "retry_at"), "assignee": person}
    if not person and retry_at:
        after["retry_at"] = retry_at
    return after if person == ticket["assignee"] else without(after, "lock")


def locked(ticket: Ticket, by: str, until: str) -> Ticket:
    return {**ticket, "lock": {"by": by, "until": until}}


def unlocked(ticket: Ticket) -> Ticket:
    return without(ticket, "lock")


# ---- the end ----


def resolved(ticket: Ticket, at: str, by: str, *, wrong: bool = False) -> Ticket:
    """The resolved ticket; `by` is a person, "bot" or "silence", `wrong`: it was our fault."""
    after: Ticket = {
        **without(ticket, "lock", "retry_at", "pending_until"),
        "status": "resolved",
        "resolved_at": at,
        "resolved_by": by,
        "last_at": max(ticket["last_at"], at),
        "handled_seconds": seconds(ticket.get("reopened_at", ticket["opened_at"]), at),
    }
    if wrong:
        after["our_fault"] = True
    return after


def rated(ticket: Ticket, score: int, comment: str, at: str) -> Ticket:
    rating: Rating = {"score": score, "at": at}
    if comment:
        rating["comment"] = comment
    return {**ticket, "rating": rating}


def relabelled(ticket: Ticket, labels: Mapping[str, str], by: str) -> Ticket:
    """The ticket with labels that staff corrected: any of `intent`, `severity`, `sentiment`."""
    known = cast(Mapping[str, str], ticket)
    changes = ", ".join(f"{name} {known[name]} → {value}" for name, value in sorted(labels.items()))
    return reasoned(cast(Ticket, {**ticket, **labels, "labelled_by": by}), f"{by}: {changes}")
