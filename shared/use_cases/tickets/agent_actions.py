"""What staff do with a ticket: answer, note, lock, hand over and put its labels right (T7, T8, R22)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared.domain.common.attachment import Attachment
from shared.domain.errors import Conflict, FieldError, Invalid
from shared.domain.tickets import sla as clocks
from shared.domain.tickets import ticket as transitions
from shared.domain.tickets.routing import QUEUE_ROLES, Route, route
from shared.domain.tickets.ticket import Author, Said, Ticket, digest, seconds
from shared.domain.vietnam_time import stamp
from shared.repositories import table_keys, tickets
from shared.repositories.staff_notifications import tell
from shared.use_cases.ticket_work import MARK_KEPT, Taken, Work
from shared.use_cases.tickets import thread
from shared.use_cases.tickets.assignment import about, hand_out, promised
from shared.use_cases.tickets.close_and_rate import check_lock
from shared.use_cases.tickets.context import Tickets
from shared.use_cases.tickets.receive_message import Message

_MENTION = re.compile(r"@([a-z][a-z0-9_]{1,39})\b")


@dataclass(frozen=True)
class Written:
    """A message that is written into a ticket. `dedup` makes it the same on every try, `again` as of `Said`."""

    author: Author
    text: str
    dedup: str
    by: str = ""
    note: bool = False
    attachments: tuple[Attachment, ...] = ()
    again: int = 0
    verified: bool = False


def write(desk: Tickets, ticket_id: str, written: Written) -> Taken:
    """Put a message into a ticket: what the customer said reopens it where it was resolved, what staff or a bot say
    goes out to the customer, a note stays inside. Raises NotFound, and Conflict while somebody else is answering."""
    if written.author == "customer":
        return desk.commit(lambda work: _from_customer(desk, work, ticket_id, written))
    return desk.commit(lambda work: _from_us(desk, work, ticket_id, written))


def _from_customer(desk: Tickets, work: Work, ticket_id: str, written: Written) -> Taken:
    ticket = tickets.get(work.uow, ticket_id)
    said = Said(
        channel=ticket["channel"],
        dedup=f"{ticket_id}:{written.dedup}",
        again=written.again,
        at=stamp(desk.now),
        text=written.text,
        attachments=written.attachments,
        customer_id=ticket["customer_id"],
        verified=written.verified,
    )
    return Message(desk, work, said, onto=ticket_id).take()


def _from_us(desk: Tickets, work: Work, ticket_id: str, written: Written) -> Taken:
    uow, now = work.uow, stamp(desk.now)
    before = tickets.get(uow, ticket_id)
    name = digest(f"{ticket_id}\n{written.author}\n{written.note}\n{written.dedup}")
    mark = uow.get(table_keys.ticket_mark(before["customer_id"], name))
    if mark and (not written.again or seconds(mark["at"], now) <= written.again):
        return Taken(before, True, repeated=True)
    said = {"ticket_id": ticket_id, "at": now, "joined": True, "ttl": int((desk.now + MARK_KEPT).timestamp())}
    uow.put(table_keys.ticket_mark(before["customer_id"], name), said)
    attachments = [one.model_dump() for one in written.attachments]
    if written.note:
        after = _noted(desk, work, before, written, attachments)
    else:
        check_lock(desk, before, written.by)
        after = _sent(desk, work, before, written, attachments, f"{name}-{now}")
    desk.keep(work, before, after)
    return Taken(after, True)


def _noted(desk: Tickets, work: Work, ticket: Ticket, written: Written, attachments: list[dict[str, str]]) -> Ticket:
    """An inner note; who is mentioned is told."""
    now = stamp(desk.now)
    people = list(dict.fromkeys(name for name in _MENTION.findall(written.text) if name in desk.directory.people))
    after = thread.add(
        work.uow, ticket, now, written.author, written.text, by=written.by, note=True, mentions=people,
        attachments=attachments,
    )  # fmt: skip
    for person in people:
        words = {**about(work.uow, ticket), "by": written.by, "text": transitions.excerpt(written.text)}
        tell(work.uow, person, "mention", words, f"{ticket['ticket_id']} {after['lines']}", desk.now)
    return after


def _sent(
    desk: Tickets, work: Work, before: Ticket, written: Written, attachments: list[dict[str, str]], step: str
) -> Ticket:
    """An answer that goes out to the customer."""
    uow, now = work.uow, stamp(desk.now)
    human = written.author == "agent"
    channels = thread.anyhow(before) if human else thread.back(before)
    message_id = desk.say(work, before, step, written.text, channels, human=human) if channels else ""
    after = thread.add(
        uow, before, now, written.author, written.text, by=written.by, message_id=message_id, attachments=attachments
    )
    if before["status"] == "resolved":
        return after
    if not human:
        until = stamp(desk.rules.pending_until(desk.now, "bot"))
        return transitions.bot_answered(after, now, "said", until) if before["queue"] == "bot" else after
    if after["queue"] == "bot":
        after = transitions.placed(after, _route(desk, after))
        after = clocks.timed(after, promised(desk, after, now), anew=True)
    if not after["assignee"] and written.by in desk.directory.people:
        after = transitions.assigned(after, written.by)
    if "first_response_at" not in after:
        in_time = int(now <= after["first_response_due_at"])
        since = str(after.get("reopened_at", after["opened_at"]))
        waited = {"answers": 1, "seconds": seconds(since, now), "in_time": in_time}
        tickets.count(uow, after, "people", now, waited)
    pending_until = stamp(desk.rules.pending_until(desk.now, "agent"))
    return transitions.answered(after, now, by=written.by, pending_until=pending_until)


def _route(desk: Tickets, ticket: Ticket) -> Route:
    """Where the table sends a ticket that people have."""
    return route(
        desk.routing,
        value=ticket["value"],
        severity=ticket["severity"],
        intent=ticket["intent"],
        channel=ticket["channel"],
        bot_able=False,
    )


def lock(desk: Tickets, ticket_id: str, by: str, *, release: bool) -> Ticket:
    """Take, renew or release the lock against two people answering. Raises NotFound, and Conflict while somebody else
    has it, or for a resolved ticket."""

    def change(work: Work) -> Ticket:
        before = still_open(work, ticket_id)
        check_lock(desk, before, by)
        until = stamp(desk.now + timedelta(minutes=desk.rules.lock_minutes))
        after = transitions.unlocked(before) if release else transitions.locked(before, by, until)
        if after != before:
            desk.keep(work, before, after)
        return after

    return desk.commit(change)


def hand_over(desk: Tickets, ticket_id: str, by: str, *, person: str, queue: str, note: str) -> Ticket:
    """Give a ticket to a person, a queue, or a person in another queue. Raises NotFound, Invalid for somebody nobody
    knows, and Conflict where a critical matter of a VIP would be nobody's."""

    def change(work: Work) -> Ticket:
        before = still_open(work, ticket_id)
        to = queue or _queue_of(desk, before, person)
        after = before
        if to != before["queue"]:
            after = transitions.placed(after, Route(to, after["priority"], f"handed over by {by}"))
        if before["queue"] == "bot":
            after = clocks.timed(after, promised(desk, after, stamp(desk.now)), anew=True)
            after = transitions.our_turn(after)
        if person:
            after = transitions.assigned(after, person)
        elif after["queue"] == before["queue"]:
            after = transitions.assigned(after, "")
        after = hand_out(desk, after)
        if transitions.vip_in_need(after) and not after["assignee"]:
            raise Conflict("a critical matter of a VIP is never nobody's: name a person")
        if note:
            after = thread.add(work.uow, after, stamp(desk.now), "agent", note, by=by, note=True)
        desk.keep(work, before, after)
        return after

    return desk.commit(change)


def _queue_of(desk: Tickets, ticket: Ticket, person: str) -> str:
    """The queue a ticket is in with somebody: its own where that is their work, else theirs."""
    someone = desk.directory.people.get(person)
    if someone is None:
        raise Invalid([FieldError("assignee", "is nobody of the directory")])
    if ticket["queue"] != "bot" and someone.role in QUEUE_ROLES[ticket["queue"]]:
        return str(ticket["queue"])
    return next((name for name, roles in QUEUE_ROLES.items() if someone.role in roles), "care")


def relabel(desk: Tickets, ticket_id: str, labels: Mapping[str, str], by: str) -> Ticket:
    """Put the labels of a ticket right: kept as an example to learn from, and the ticket goes where it belongs.
    Raises NotFound, and Conflict for a resolved ticket."""

    def change(work: Work) -> Ticket:
        uow, now = work.uow, stamp(desk.now)
        before = still_open(work, ticket_id)
        wrong = {name: value for name, value in labels.items() if before[name] != value}
        if not wrong:
            return before
        after = transitions.relabelled(before, wrong, by)
        where = _route(desk, after)
        stays = after.get("misses") and where.queue != "senior_manager"  # what was escalated stays where it is
        after = transitions.placed(after, where._replace(queue=after["queue"]) if stays else where)
        if after["status"] == "pending" and before["queue"] == "bot":
            after = transitions.our_turn(after)
        after = clocks.timed(after, promised(desk, after, now), anew=after["priority"] > before["priority"])
        after = hand_out(desk, after)
        said = [line["text"] for line in thread.thread(uow, ticket_id) if line["author"] == "customer"]
        was = {name: before[name] for name in ("intent", "severity", "sentiment")}
        example = {"ticket_id": ticket_id, "text": "\n".join(said), "was": was, "is": was | wrong, "by": by, "at": now}
        uow.mark(table_keys.correction(now, ticket_id), example)
        desk.keep(work, before, after)
        return after

    return desk.commit(change)


def still_open(work: Work, ticket_id: str) -> Ticket:
    ticket = tickets.get(work.uow, ticket_id)
    if ticket["status"] == "resolved":
        raise Conflict(f"the ticket was resolved by {ticket['resolved_by']} at {ticket['resolved_at']}")
    return ticket
