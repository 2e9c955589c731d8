"""What staff do with a ticket: answer, note, lock, hand over and put its labels right (T7, T8, R22)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared.domain.common.attachment import Attachment
from shared.domain.errors import Conflict, FieldError, Invalid
from shared.domain.tickets import sla as clocks
from shared.domain.tickets import transitions
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
    """A message that is written into a ticket. `dedup` makes it the same on every try, `again` as there."""

    author: Author
    text: str
    dedup: str
    by: str = ""
    note: bool = False
    attachments: tuple[Attachment, ...] = ()
    again: int = 0
    verified: bool = False


def post_message(context: TicketContext, ticket_id: str, written: NewMessage) -> MessageResult:
    """Put a message into a ticket: what the customer said reopens it where it was resolved, what staff or a bot say
    goes out to the customer, a note stays inside. Raises NotFound, and Conflict while somebody else is answering."""
    if written.author == "customer":
        return commit(context, lambda tx: _from_customer(context, tx, ticket_id, written))
    return commit(context, lambda tx: _from_us(context, tx, ticket_id, written))


def _from_customer(context: TicketContext, tx: TicketTransaction, ticket_id: str, written: NewMessage) -> MessageResult:
    ticket = tickets.get(tx.uow, ticket_id)
    said = CustomerMessage(
        channel=ticket["channel"],
        dedup=f"{ticket_id}:{written.dedup}",
        again=written.again,
        at=stamp(context.now),
        text=written.text,
        attachments=written.attachments,
        customer_id=ticket["customer_id"],
        verified=written.verified,
    )
    return MessageIntake(context, tx, said, onto=ticket_id).record()


def _from_us(context: TicketContext, tx: TicketTransaction, ticket_id: str, written: NewMessage) -> MessageResult:
    uow, now = tx.uow, stamp(context.now)
    before = tickets.get(uow, ticket_id)
    name = digest(f"{ticket_id}\n{written.author}\n{written.note}\n{written.dedup}")
    mark = uow.get(table_keys.ticket_mark(before["customer_id"], name))
    if mark and (not written.again or seconds(mark["at"], now) <= written.again):
        return MessageResult(before, True, repeated=True)
    said = {"ticket_id": ticket_id, "at": now, "joined": True, "ttl": int((context.now + MARK_KEPT).timestamp())}
    uow.put(table_keys.ticket_mark(before["customer_id"], name), said)
    attachments = [one.model_dump() for one in written.attachments]
    if written.note:
        after = _noted(context, tx, before, written, attachments)
    else:
        check_lock(context, before, written.by)
        after = _sent(context, tx, before, written, attachments, f"{name}-{now}")
    keep(context, tx, before, after)
    return MessageResult(after, True)


def _noted(
    context: TicketContext,
    tx: TicketTransaction,
    ticket: Ticket,
    written: NewMessage,
    attachments: list[dict[str, str]],
) -> Ticket:
    """An inner note; who is mentioned is told."""
    now = stamp(context.now)
    people = list(dict.fromkeys(name for name in _MENTION.findall(written.text) if name in context.directory.people))
    after = thread.add(
        tx.uow, ticket, now, written.author, written.text, by=written.by, note=True, mentions=people,
        attachments=attachments,
    )  # fmt: skip
    for person in people:
        words = {**ticket_reference(tx.uow, ticket), "by": written.by, "text": excerpt(written.text)}
        notify(tx.uow, person, "mention", words, f"{ticket['ticket_id']} {after['lines']}", context.now)
    return after


def _sent(
    context: TicketContext,
    tx: TicketTransaction,
    before: Ticket,
    written: NewMessage,
    attachments: list[dict[str, str]],
    step: str,
) -> Ticket:
    """An answer that goes out to the customer."""
    uow, now = tx.uow, stamp(context.now)
    human = written.author == "agent"
    channels = outgoing.agent_channels(before) if human else outgoing.reply_channels(before)
    message_id = outgoing.send(context, tx, before, step, written.text, channels, human=human) if channels else ""
    after = thread.add(
        uow, before, now, written.author, written.text, by=written.by, message_id=message_id, attachments=attachments
    )
    if before["status"] == "resolved":
        return after
    if not human:
        until = stamp(context.rules.pending_until(context.now, "bot"))
        return transitions.bot_answered(after, now, "said", until) if before["queue"] == "bot" else after
    if after["queue"] == "bot":
        after = transitions.placed(after, _route(context, after))
        after = clocks.timed(after, new_deadlines(context, after, now), anew=True)
    if not after["assignee"] and written.by in context.directory.people:
        after = transitions.assigned(after, written.by)
    if "first_response_at" not in after:
        in_time = int(now <= after["first_response_due_at"])
        since = str(after.get("reopened_at", after["opened_at"]))
        waited = {"answers": 1, "seconds": seconds(since, now), "in_time": in_time}
        tickets.count(uow, after, "people", now, waited)
    pending_until = stamp(context.rules.pending_until(context.now, "agent"))
    return transitions.answered(after, now, by=written.by, pending_until=pending_until)


def _route(context: TicketContext, ticket: Ticket) -> Route:
    """Where the table sends a ticket that people have."""
    return route(
        context.routing,
        value=ticket["value"],
        severity=ticket["severity"],
        intent=ticket["intent"],
        channel=ticket["channel"],
        bot_able=False,
    )


def lock(context: TicketContext, ticket_id: str, by: str, *, release: bool) -> Ticket:
    """Take, renew or release the lock against two people answering. Raises NotFound, and Conflict while somebody else
    has it, or for a resolved ticket."""

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
    """Give a ticket to a person, a queue, or a person in another queue. Raises NotFound, Invalid for somebody nobody
    knows, and Conflict where a critical matter of a VIP would be nobody's."""

    def change(tx: TicketTransaction) -> Ticket:
        before = still_open(tx, ticket_id)
        to = queue or _queue_of(context, before, person)
        after = before
        if to != before["queue"]:
            after = transitions.placed(after, Route(to, after["priority"], f"handed over by {by}"))
        if before["queue"] == "bot":
            after = clocks.timed(after, new_deadlines(context, after, stamp(context.now)), anew=True)
            after = transitions.our_turn(after)
        if person:
            after = transitions.assigned(after, person)
        elif after["queue"] == before["queue"]:
            after = transitions.assigned(after, "")
        after = auto_assigned(context, after)
        if vip_in_need(after) and not after["assignee"]:
            raise Conflict("a critical matter of a VIP is never nobody's: name a person", final=True)
        if note:
            after = thread.add(tx.uow, after, stamp(context.now), "agent", note, by=by, note=True)
        keep(context, tx, before, after)
        return after

    return commit(context, change)


def _queue_of(context: TicketContext, ticket: Ticket, person: str) -> str:
    """The queue a ticket is in with somebody: its own where that is their work, else theirs."""
    someone = context.directory.people.get(person)
    if someone is None:
        raise Invalid([FieldError("assignee", "is nobody of the directory")])
    if ticket["queue"] != "bot" and someone.role in QUEUE_ROLES[ticket["queue"]]:
        return str(ticket["queue"])
    return next((name for name, roles in QUEUE_ROLES.items() if someone.role in roles), "care")


def relabel(context: TicketContext, ticket_id: str, labels: Mapping[str, str], by: str) -> Ticket:
    """Put the labels of a ticket right: kept as an example to learn from, and the ticket goes where it belongs.
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
        stays = after.get("misses") and where.queue != "senior_manager"  # what was escalated stays where it is
        after = transitions.placed(after, where._replace(queue=after["queue"]) if stays else where)
        if after["status"] == "pending" and before["queue"] == "bot":
            after = transitions.our_turn(after)
        after = clocks.timed(after, new_deadlines(context, after, now), anew=after["priority"] > before["priority"])
        after = auto_assigned(context, after)
        said = [line["text"] for line in thread.thread(uow, ticket_id) if line["author"] == "customer"]
        example = {"ticket_id": ticket_id, "text": "\n".join(said), "was": was, "is": was | wrong, "by": by, "at": now}
        uow.mark(table_keys.correction(now, ticket_id), example)
        keep(context, tx, before, after)
        return after

    return commit(context, change)


def still_open(tx: TicketTransaction, ticket_id: str) -> Ticket:
    ticket = tickets.get(tx.uow, ticket_id)
    if ticket["status"] == "resolved":
        raise Conflict(f"the ticket was resolved by {ticket['resolved_by']} at {ticket['resolved_at']}", final=True)
    return ticket
