"""What agents do with a ticket: answer, note, lock, reassign and correct its labels (T7, T8, R22)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared.domain.common.attachment import Attachment
from shared.domain.errors import Conflict, FieldError, Invalid
from shared.domain.tickets import sla, transitions
from shared.domain.tickets.routing import QUEUE_ROLES, Route, route
from shared.domain.tickets.ticket import Author, CustomerMessage, Ticket, digest, excerpt, seconds, vip_in_need
from shared.domain.vietnam_time import stamp
from shared.repositories import table_keys, tickets
from shared.repositories.staff_notifications import notify
from shared.use_cases.tickets import outgoing, thread
from shared.use_cases.tickets.assignment import auto_assigned, new_deadlines, ticket_reference
from shared.use_cases.tickets.close_and_rate import check_lock
from shared.use_cases.tickets.commit import commit, keep
from shared.use_cases.tickets.context import MARK_KEPT, MessageResult, TicketContext, TicketTransaction
from shared.use_cases.tickets.receive_message import MessageIntake

_MENTION = re.compile(r"@([a-z][a-z0-9_]{1,39})\b")


@dataclass(frozen=True)
class NewMessage:
    """A message for a given ticket. `dedup` is its natural key, `again` as in `CustomerMessage`."""

    author: Author
    text: str
    dedup: str
    by: str = ""
    note: bool = False
    attachments: tuple[Attachment, ...] = ()
    again: int = 0
    verified: bool = False


def post_message(
    context: TicketContext, ticket_id: str, message: NewMessage, stores: frozenset[str] = frozenset()
) -> MessageResult:
    """Add a message to a ticket: a customer's reopens a resolved one, an agent's or the bot's is sent to the customer,
    a note stays internal. `stores` are those of the key that posts it (none: all). Raises NotFound, and Conflict while
    another agent holds the lock."""
    if message.author == "customer":
        return commit(context, lambda tx: _from_customer(context, tx, ticket_id, message, stores))
    return commit(context, lambda tx: _from_agent_or_bot(context, tx, ticket_id, message))


def _from_customer(
    context: TicketContext, tx: TicketTransaction, ticket_id: str, message: NewMessage, stores: frozenset[str]
) -> MessageResult:
    ticket = tickets.get(tx.uow, ticket_id)
    store = ticket.get("store", "")
    as_customer = CustomerMessage(
        channel=ticket["channel"],
        dedup=f"{ticket_id}:{message.dedup}",
        again=message.again,
        at=stamp(context.now),
        text=message.text,
        attachments=message.attachments,
        customer_id=ticket["customer_id"],
        verified=message.verified,
        # A follow-up of an old ticket stays with the store that has it.
        store=store if store in stores else "",
    )
    return MessageIntake(context, tx, as_customer, ticket_id=ticket_id, stores=stores).record()


def _from_agent_or_bot(
    context: TicketContext, tx: TicketTransaction, ticket_id: str, message: NewMessage
) -> MessageResult:
    uow, now = tx.uow, stamp(context.now)
    before = tickets.get(uow, ticket_id)
    name = digest(f"{ticket_id}\n{message.author}\n{message.note}\n{message.dedup}")
    mark = uow.get(table_keys.ticket_mark(before["customer_id"], name))
    if mark and (not message.again or seconds(mark["at"], now) <= message.again):
        return MessageResult(before, True, repeated=True)
    marked = {"ticket_id": ticket_id, "at": now, "joined": True, "ttl": int((context.now + MARK_KEPT).timestamp())}
    uow.put(table_keys.ticket_mark(before["customer_id"], name), marked)
    attachments = [one.model_dump() for one in message.attachments]
    if message.note:
        after = _noted(context, tx, before, message, attachments)
    else:
        check_lock(context, before, message.by)
        after = _answered(context, tx, before, message, attachments, f"{name}-{now}")
    keep(context, tx, before, after)
    return MessageResult(after, True)


def _noted(
    context: TicketContext,
    tx: TicketTransaction,
    ticket: Ticket,
    message: NewMessage,
    attachments: list[dict[str, str]],
) -> Ticket:
    """Add an internal note and notify the people it mentions."""
    now = stamp(context.now)
    people = list(dict.fromkeys(name for name in _MENTION.findall(message.text) if name in context.directory.people))
    after = thread.add(
        tx.uow, ticket, now, message.author, message.text, by=message.by, note=True, mentions=people,
        attachments=attachments,
    )  # fmt: skip
    for person in people:
        words = {**ticket_reference(tx.uow, ticket), "by": message.by, "text": excerpt(message.text)}
        notify(tx.uow, person, "mention", words, f"{ticket['ticket_id']} {after['lines']}", context.now)
    return after


def _answered(
    context: TicketContext,
    tx: TicketTransaction,
    before: Ticket,
    message: NewMessage,
    attachments: list[dict[str, str]],
    step: str,
) -> Ticket:
    """Send an answer to the customer."""
    uow, now = tx.uow, stamp(context.now)
    human = message.author == "agent"
    channels = outgoing.agent_channels(before) if human else outgoing.reply_channels(before)
    message_id = outgoing.send(context, tx, before, step, message.text, channels, human=human) if channels else ""
    after = thread.add(
        uow, before, now, message.author, message.text, by=message.by, message_id=message_id, attachments=attachments
    )
    if before["status"] == "resolved":
        return after
    if not human:
        until = stamp(context.rules.pending_until(context.now, "bot"))
        return transitions.bot_answered(after, now, "said", until) if before["queue"] == "bot" else after
    if after["queue"] == "bot":
        after = transitions.placed(after, _route(context, after))
        after = sla.timed(after, new_deadlines(context, after, now), anew=True)
    if not after["assignee"] and message.by in context.directory.people:
        after = transitions.assigned(after, message.by)
    if "first_response_at" not in after:
        in_time = int(now <= after["first_response_due_at"])
        since = str(after.get("reopened_at", after["opened_at"]))
        waited = {"answers": 1, "seconds": seconds(since, now), "in_time": in_time}
        tickets.count(uow, after, "people", now, waited)
    pending_until = stamp(context.rules.pending_until(context.now, "agent"))
    return transitions.answered(after, now, by=message.by, pending_until=pending_until)


def _route(context: TicketContext, ticket: Ticket) -> Route:
    """Where the routing table sends a ticket, the bot excluded."""
    return route(
        context.routing,
        value=ticket["value"],
        severity=ticket["severity"],
        intent=ticket["intent"],
        channel=ticket["channel"],
        bot_able=False,
    )


def lock(context: TicketContext, ticket_id: str, by: str, *, release: bool) -> Ticket:
    """Acquire, renew or release the lock that keeps two agents from answering at once. Raises NotFound, and Conflict
    while another agent holds it, or for a resolved ticket."""

    def change(tx: TicketTransaction) -> Ticket:
        before = still_open(tx, ticket_id)
        check_lock(context, before, by)
        until = stamp(context.now + timedelta(minutes=context.rules.lock_minutes))
        after = transitions.unlocked(before) if release else transitions.locked(before, by, until)
        if after != before:
            keep(context, tx, before, after)
        return after

    return commit(context, change)


def reassign(context: TicketContext, ticket_id: str, by: str, *, person: str, queue: str, note: str) -> Ticket:
    """Assign a ticket to a person, a queue, or a person in another queue. Raises NotFound, Invalid for an unknown
    person, and Conflict where a VIP's critical ticket would stay unassigned."""

    def change(tx: TicketTransaction) -> Ticket:
        before = still_open(tx, ticket_id)
        to = queue or _queue_of(context, before, person)
        after = before
        if to != before["queue"]:
            after = transitions.placed(after, Route(to, after["priority"], f"reassigned by {by}"))
        if before["queue"] == "bot":
            after = sla.timed(after, new_deadlines(context, after, stamp(context.now)), anew=True)
            after = transitions.our_turn(after)
        if person:
            after = transitions.assigned(after, person)
        elif after["queue"] == before["queue"]:
            after = transitions.assigned(after, "")
        after = auto_assigned(context, after)
        if vip_in_need(after) and not after["assignee"]:
            raise Conflict("a critical ticket of a VIP needs an assignee: name a person", final=True)
        if note:
            after = thread.add(tx.uow, after, stamp(context.now), "agent", note, by=by, note=True)
        keep(context, tx, before, after)
        return after

    return commit(context, change)


def _queue_of(context: TicketContext, ticket: Ticket, person: str) -> str:
    """The queue of a ticket assigned to a person: its own if their role works on it, else the one of their role."""
    someone = context.directory.people.get(person)
    if someone is None:
        raise Invalid([FieldError("assignee", "is not in the staff directory")])
    if ticket["queue"] != "bot" and someone.role in QUEUE_ROLES[ticket["queue"]]:
        return str(ticket["queue"])
    return next((name for name, roles in QUEUE_ROLES.items() if someone.role in roles), "care")


def relabel(context: TicketContext, ticket_id: str, labels: Mapping[str, str], by: str) -> Ticket:
    """Correct the labels of a ticket: the correction is kept as a training example, and the ticket is routed anew.
    Raises NotFound, and Conflict for a resolved ticket."""

    def change(tx: TicketTransaction) -> Ticket:
        uow, now = tx.uow, stamp(context.now)
        before = still_open(tx, ticket_id)
        was = {"intent": before["intent"], "severity": before["severity"], "sentiment": before["sentiment"]}
        wrong = {name: value for name, value in labels.items() if was[name] != value}
        if not wrong:
            return before
        after = transitions.relabelled(before, wrong, by)
        where = _route(context, after)
        stays = after.get("misses") and where.queue != "senior_manager"  # an escalated ticket keeps its queue
        after = transitions.placed(after, where._replace(queue=after["queue"]) if stays else where)
        if after["status"] == "pending" and before["queue"] == "bot":
            after = transitions.our_turn(after)
        after = sla.timed(after, new_deadlines(context, after, now), anew=after["priority"] > before["priority"])
        after = auto_assigned(context, after)
        texts = [line["text"] for line in thread.thread(uow, ticket_id) if line["author"] == "customer"]
        example = {
            "ticket_id": ticket_id,
            "text": "\n".join(texts),
            "was": was,
            "is": was | wrong,
            "by": by,
            "at": now,
        }
        uow.mark(table_keys.correction(now, ticket_id), example)
        keep(context, tx, before, after)
        return after

    return commit(context, change)


def still_open(tx: TicketTransaction, ticket_id: str) -> Ticket:
    ticket = tickets.get(tx.uow, ticket_id)
    if ticket["status"] == "resolved":
        raise Conflict(f"the ticket was resolved by {ticket['resolved_by']} at {ticket['resolved_at']}", final=True)
    return ticket
