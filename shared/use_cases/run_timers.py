"""The timer lane: every minute, do what is due, once; what fails comes back a quarter of an hour later."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.errors import Busy, Conflict
from shared.domain.messaging.message import purpose_of
from shared.domain.vietnam_time import stamp
from shared.ports import Clock, DueRow, Queue, Table, Update, equals
from shared.repositories import table_keys
from shared.repositories.due_index import DAMAGED, OnFailure, Swept, sweep
from shared.repositories.due_index import put_off as later
from shared.repositories.messages import enqueue
from shared.use_cases.campaigns.run import CampaignRun
from shared.use_cases.journeys import advance
from shared.use_cases.journeys.context import JourneyContext
from shared.use_cases.segments.weekly_cutoffs import relabel_pass
from shared.use_cases.tickets.context import TicketContext
from shared.use_cases.tickets.sla_timers import put_off, wake

CLAIM = timedelta(minutes=15)
# The usual minute: so few need no lease, which costs two writes.
FEW = 10
# About ten seconds when every label changes; messages are due this minute, the labels only by Sunday.
PAGES_A_TICK = 5


@dataclass(frozen=True)
class Timers:
    """What timers need. `campaigns` and `tickets` are made only when one of theirs is due; `on_failure` is called
    for a customer whose journeys cannot go on."""

    journeys: JourneyContext
    queues: Mapping[str, Queue]
    campaigns: Callable[[], CampaignRun]
    tickets: Callable[[], TicketContext]
    on_failure: OnFailure

    @property
    def table(self) -> Table:
        return self.journeys.table

    @property
    def now(self) -> datetime:
        return self.journeys.now

    def run(self, partitions: Sequence[str], *, clock: Clock, seconds: float) -> Swept:
        """Sweep all partitions within `seconds`: the remaining time is divided among the remaining partitions.

        One that fails holds up no other, nor what was claimed in it: the first failure is raised at the end.
        """
        total = Swept()
        failure: Exception | None = None
        ends = clock() + timedelta(seconds=seconds)
        for left, partition in zip(range(len(partitions), 0, -1), partitions, strict=True):
            messages: dict[str, list[str]] = {}

            def fire(row: DueRow, messages: dict[str, list[str]] = messages) -> bool:
                return self._fire(row, messages)

            share = (ends - clock()).total_seconds() / left
            try:
                done = sweep(self.table, partition, self.now, fire, clock=clock, seconds=share, unleased=FEW)
                total.worked += done.worked
                total.passed += done.passed
            except Exception as error:  # noqa: BLE001 - raised below
                failure = failure or error
            for purpose, due in messages.items():
                enqueue(self.queues[purpose], due)
        if failure:
            raise failure
        return total

    def _fire(self, row: DueRow, messages: dict[str, list[str]]) -> bool:
        """Claim one timer and do what it is for; False when another sweep was faster.

        Messages are only collected here and enqueued together; should that fail, their claims run out.
        """
        if customer_id := table_keys.journeys_whose(row.key):
            return self._go_on(row, customer_id, messages)
        if ticket_id := table_keys.ticket_of(row.key):
            return self._look_at(ticket_id)
        claimed_until = stamp(self.now + CLAIM)
        try:
            self.table.write(Update(row.key, set={("due_at",): claimed_until}, when=(equals(("due_at",), row.due_at),)))
        except Conflict:
            return False
        if row.key == table_keys.CUTOFFS_PASS:
            relabel_pass(self.journeys, pages=PAGES_A_TICK)
        elif message_id := table_keys.message_of(row.key):
            messages.setdefault(purpose_of(message_id), []).append(message_id)
        elif comment := table_keys.page_comment_of(row.key):
            self.queues["transactional"].send([json.dumps({"comment": comment})])
        elif campaign_id := table_keys.campaign_of(row.key):
            self.campaigns().run(campaign_id)
        elif room := table_keys.ad_room_of(row.key):
            self.queues["marketing"].send([json.dumps({"batch": room})])
        elif batch := table_keys.ad_batch_of(row.key):
            self.queues["marketing"].send([json.dumps({"reports_of": batch})])
        elif note_id := table_keys.staff_note_of(row.key):
            self.queues["transactional"].send([json.dumps({"staff_note": note_id})])
        else:
            raise LookupError(f"nothing knows how to work the timer {row.key}")
        return True

    def _look_at(self, ticket_id: str) -> bool:
        """Let a ticket do what is due; its own commit moves its date, so it needs no claim."""
        try:
            return wake(self.tickets(), ticket_id)
        except Exception:
            put_off(self.tickets(), ticket_id)
            raise

    def _go_on(self, row: DueRow, customer_id: str, messages: dict[str, list[str]]) -> bool:
        """Let a customer's journeys go on; their own commit moves their date, so they need no claim."""
        try:
            planned = advance.wake(self.journeys, customer_id)
        except DAMAGED as error:
            if isinstance(error, Busy | Conflict):
                raise
            self.on_failure(row, error, later(self.table, row, self.now))
            return False
        for purpose, message_id in planned:
            messages.setdefault(purpose, []).append(message_id)
        return True
