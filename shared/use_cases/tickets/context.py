"""Tickets at work: what somebody says finds its ticket, is read, routed, answered by the bot or given to a person.

One message is one commit: its mark, the thread, the ticket with its lists and loads, the customer's standing and the
answers that go out. Told twice, it is done once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from shared.domain.bot.reply import Answer, Asked, HandOver
from shared.domain.customers.profile import Profile
from shared.domain.errors import Busy, Conflict, NotFound
from shared.domain.journeys.engine import Signal
from shared.domain.staff.directory import Directory
from shared.domain.tickets.routing import Routing
from shared.domain.tickets.rules import TicketRules
from shared.domain.tickets.ticket import Said, Ticket
from shared.domain.triage.triage import MessageReader
from shared.domain.vietnam_time import stamp
from shared.ports import Queue, Table
from shared.repositories import table_keys, tickets
from shared.repositories.messages import enqueue
from shared.repositories.profiles import figures, members_of
from shared.repositories.segment_membership import relabel
from shared.repositories.ticket_credit_window import open_window
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.journeys.context import Journeys
from shared.use_cases.recommendations.suggest_products import Suggester
from shared.use_cases.ticket_work import Taken, Work
from shared.use_cases.tickets import thread
from shared.use_cases.tickets.assignment import hand_out, tell_of
from shared.use_cases.tickets.receive_message import Message

ATTEMPTS = 8
# When somebody becomes free, so many tickets that wait are looked at.
WAITING_AT_ONCE = 5

T = TypeVar("T")


@dataclass(frozen=True)
class Tickets:
    """Everything tickets need at one moment.

    `queue` takes the ids of answers to customers, `bot` answers what it is asked, `orders` are a customer's recent ones
    as the bot speaks of them, `away` are people who are not there although their shift says so, `suggester` says what
    may be offered to whoever wrote.
    """

    journeys: Journeys
    secret: Callable[[], bytes]
    queue: Callable[[], Queue]
    rules: TicketRules
    directory: Directory
    routing: Routing
    triager: MessageReader
    bot: Callable[[Asked], Answer | HandOver]
    orders: Callable[[UnitOfWork, list[Profile]], Sequence[Mapping[str, Any]]]
    away: Callable[[], Collection[str]]
    suggester: Suggester

    @property
    def table(self) -> Table:
        return self.journeys.table

    @property
    def now(self) -> datetime:
        return self.journeys.now

    def take(self, said: Said) -> Taken:
        """Take in what somebody said; safe to repeat. Raises Busy when too many change the same customer at once, and
        NotFound for a customer nobody knows."""
        at = min(said.at, stamp(self.now))
        return self.commit(lambda work: Message(self, work, said.model_copy(update={"at": at})).take())

    # ---- commits ----

    def commit(self, change: Callable[[Work], T]) -> T:
        """Commit what `change` puts into a draft, from the start again when somebody else was faster; then send what
        it planned and give waiting tickets to whom it freed. Raises Busy, and what `change` raises."""
        for _ in range(ATTEMPTS):
            work = Work(UnitOfWork(self.table))
            with suppress(Busy):
                done = change(work)
                try:
                    work.uow.commit()
                except Conflict:
                    continue
                self._committed(work)
                return done
        raise Busy("this ticket is being changed by too many at once")

    def _committed(self, work: Work) -> None:
        """What is lost here is found again: messages and tickets that wait are due by themselves."""
        with suppress(Busy):
            if work.planned:
                enqueue(self.queue(), work.planned)
            for queue in sorted(work.freed):
                self.hand_out_waiting(queue)

    def keep(self, work: Work, before: Ticket | None, after: Ticket) -> None:
        """Put a ticket into the draft with all that follows from where it stands now."""
        uow = work.uow
        after = open_window(uow, after, self.suggester.rules.credit) | {"suggestions": self.suggester.still(after)}
        tell_of(self, uow, before, after)
        complaint_changed = tickets.save(uow, before, after, self.rules)
        had = tickets.load_of(before)
        if before and had and had != tickets.load_of(after):
            work.freed.add(before["queue"])
        if complaint_changed and (members := members_of(uow, after["customer_id"])):
            metrics = figures(members[0]) if "metrics" in members[0] else None
            relabel(uow, members, metrics, self.journeys.rules_today)

    def hand_out_waiting(self, queue: str) -> None:
        """Give tickets that nobody has to whom there is room with, the most urgent first."""
        nobodys = table_keys.ticket_list(assignee="")
        rows = self.table.query(nobodys, low="open#", high="open#~", limit=200).items
        waiting = [row["ticket_id"] for row in rows if row["queue"] == queue]
        for ticket_id in waiting[:WAITING_AT_ONCE]:
            with suppress(Busy, NotFound):
                if not self.commit(lambda work, one=ticket_id: self._give(work, one)):  # type: ignore[misc]
                    return

    def _give(self, work: Work, ticket_id: str) -> bool:
        before = tickets.get(work.uow, ticket_id)
        after = hand_out(self, before)
        if after["assignee"]:
            self.keep(work, before, after)
        return bool(after["assignee"])

    # ---- what the customer and the journeys hear ----

    def news(self, work: Work, ticket: Ticket, name: str, **more: Any) -> None:
        """Tell journeys what happened to a ticket; whoever gets in is due at the next minute."""
        members = members_of(work.uow, ticket["customer_id"])
        if not members:
            return
        told = ("ticket_id", "channel", "intent", "severity", "order_id")
        said = {field: ticket[field] for field in told if ticket.get(field)}
        said |= {"case_code": tickets.case_code(ticket), **more}
        signal = Signal(name, stamp(self.now), said)
        self.journeys.tell(work.uow, members, signal, home=ticket["customer_id"], act=False)

    def say(self, work: Work, ticket: Ticket, step: str, text: str, channels: tuple[str, ...], **more: Any) -> str:
        """Plan a message about a ticket to its customer; answers with its id."""
        uow, rules = work.uow, self.journeys.sending
        message_id = thread.send(uow, ticket, step, text, self.now, rules, channels=channels, **more)
        work.planned.append(message_id)
        return message_id
