"""Tickets without HTTP: random shops with random staff, and every invariant of a ticket's state."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from infra.local.stack.clock import LocalClock
from infra.local.stack.local_stack import LocalStack
from shared.domain.customers.identity import identity
from shared.domain.events.segment_protocol import translate
from shared.domain.events.sender import Sender
from shared.domain.staff.directory import Directory
from shared.domain.tickets import sla as clocks
from shared.domain.tickets.ticket import CustomerMessage, Ticket, is_complaint, vip_in_need
from shared.domain.vietnam_time import moment, stamp
from shared.repositories import table_keys
from shared.repositories import tickets as ticket_store
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime import wiring
from shared.runtime.factories.journeys import event_ingestion
from shared.runtime.factories.tickets import tickets
from shared.runtime.playbook.rules import rules as playbook_rules
from shared.runtime.playbook.tickets import ticket_rules
from shared.use_cases.tickets.agent_actions import NewMessage, post_message
from shared.use_cases.tickets.context import MessageResult, TicketContext
from shared.use_cases.tickets.receive_message import receive
from shared.use_cases.tickets.sla_timers import wake
from tests.support.engine import sale

RULES = ticket_rules()
KIND_OF = {"zalo": "zalo_user_id", "messenger": "messenger_psid", "email": "email"}


class Engine:
    """One shop's tickets over a local table; `people` replace the playbook's directory."""

    def __init__(self, start: datetime, people: Directory | None = None, faults: Any = None) -> None:
        self.clock = LocalClock(start, frozen=True)
        ids = iter(range(10**9))
        self.stack = LocalStack(None, self.clock, faults=faults, new_id=lambda: f"khachhang{next(ids):015d}")
        self.stack.outside.identity_key = b"k" * 32
        self.faults, self.people = faults, people
        self.table = self.stack.table
        self.missed: set[tuple[str, str, str]] = set()

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def context(self, table: Any = None) -> TicketContext:
        """The ticket context of now; over another table where a test inserts one."""
        token = wiring.install(replace(self.stack.outside, table=table or self.table))
        try:
            made = tickets(self.now)
        finally:
            wiring.uninstall(token)
        return replace(made, directory=self.people) if self.people else made

    # ---- what happens ----

    def buys(self, who: int, *, orders: int, total: int) -> None:
        """Place orders in the last weeks, one visit each."""
        rules = playbook_rules()
        sales = [
            sale(f"HD{who}-{number}", stamp(self.now - timedelta(days=7 * number + 1)), f"09{who:08d}", total=total)
            for number in range(orders)
        ]
        events = [
            translate(
                one,
                kind=None,
                received_at=self.now,
                sent_at=None,
                new_id=self.stack.outside.new_id,
                rules=rules,
                sender=Sender(),
            )
            for one in sales
        ]
        token = wiring.install(self.stack.outside)
        try:
            outcome = event_ingestion(self.now).ingest(events)
        finally:
            wiring.uninstall(token)
        assert not outcome.poison
        assert not outcome.retry

    def says(
        self, who: int, channel: str, text: str, *, dedup: str = "", order_id: str = "", table: Any = None
    ) -> MessageResult:
        names = [identity("phone", f"09{who:08d}")]
        if channel in KIND_OF:
            value = f"khach{who}@example.vn" if channel == "email" else f"u{who}"
            names.append(identity(KIND_OF[channel], value, "verified"))
        message = CustomerMessage(
            channel=channel, dedup=dedup or f"{who} {channel} {text} {stamp(self.now)}", at=stamp(self.now), text=text,
            order_id=order_id, identities=tuple(names), verified=True,
        )  # fmt: skip
        return receive(self.context(table), message)

    def replies(
        self, ticket: str, by: str, text: str = "Dạ em xem ngay ạ", *, table: Any = None, dedup: str = ""
    ) -> MessageResult:
        return post_message(
            self.context(table), ticket, NewMessage("agent", text, dedup or f"{by} {stamp(self.now)}", by=by)
        )

    def passes(self, span: timedelta) -> None:
        """Let time pass, and wake every ticket when it is due."""
        end = self.now + span
        while True:
            due = [(one["due_at"], one["ticket_id"]) for one in self.tickets() if one.get("due_at", "~") <= stamp(end)]
            if not due:
                break
            at, ticket_id = min(due)
            self.clock.set(max(self.now, moment(at)))
            wake(self.context(), ticket_id)
            self.note_missed()
        self.clock.set(max(self.now, end))

    # ---- looking ----

    @contextmanager
    def honest(self) -> Any:
        bad, self.table._faults = self.table._faults, None
        try:
            yield
        finally:
            self.table._faults = bad

    def items(self, like: str = "%", sk: str = "%") -> list[dict[str, Any]]:
        rows = self.table.store.db.execute(
            "SELECT body FROM items WHERE pk LIKE ? AND sk LIKE ?", (like, sk)
        ).fetchall()
        return [json.loads(body) for (body,) in rows]

    def tickets(self) -> list[Ticket]:
        return self.items("C#%", "OS#%") + self.items("C#%", "TS#%")

    def thread(self, ticket_id: str) -> list[dict[str, Any]]:
        lines = self.items(f"C#{ticket_id[:24]}", f"TM#{ticket_id[24:]}#%")
        return sorted(lines, key=lambda line: line["sk"])

    def loads(self) -> dict[str, int]:
        """How many open tickets each agent has, by the lists."""
        return dict(Counter(item["pk"][8:] for item in self.items("TICKETS@_%", "open#%")))

    def note_missed(self) -> None:
        for ticket in self.tickets():
            self.missed |= {(ticket["ticket_id"], name, due) for name, due in ticket["missed"].items()}

    # ---- invariants ----

    def check(self) -> None:
        """Every ticket is in exactly one place, the counters are exact, and no VIP in need waits."""
        self.note_missed()
        found = self.tickets()
        names = [ticket["ticket_id"] for ticket in found]
        assert len(names) == len(set(names)), "a ticket stands in two places"
        rows = {
            (key.pk, key.sk): shown for ticket in found for key, shown in ticket_store.rows(ticket).items()
        }  # fmt: skip
        stored = {(item.pop("pk"), item.pop("sk")): item for item in self.items("TICKETS%")}
        assert stored == rows
        held = Counter(holder for ticket in found if (holder := ticket_store.load_of(ticket)))
        assert self.loads() == dict(held)
        for ticket in found:
            self._check_one(ticket)
        for profile in self.items("C#%", "P"):
            mine = [one for one in found if one["customer_id"] == profile["customer_id"]]
            open_ones = sorted(one["ticket_id"] for one in mine if is_complaint(one, RULES))
            assert profile.get("complaints", []) == open_ones

    def _check_one(self, ticket: Ticket) -> None:
        place = ticket_store.place(ticket)
        assert (ticket["pk"], ticket["sk"]) == place
        assert ticket.get("due_at") == clocks.next_due(ticket)
        assert ("due" in ticket) == ("due_at" in ticket)
        if ticket["status"] == "open":
            # No open ticket is forgotten: it has an assignee and a running clock, or an assignee is looked for.
            assert ticket["assignee"] or "retry_at" in ticket, ticket
        if vip_in_need(ticket) and ticket["status"] != "resolved":
            assert ticket["queue"] != "bot"
            assert ticket["assignee"] or ticket["status"] == "pending"
        counted = {one for one in self.missed if one[0] == ticket["ticket_id"]}
        assert ticket.get("misses", 0) == len(counted), "a missed deadline was escalated twice, or not at all"
        late = clocks.late(ticket, stamp(self.now - timedelta(minutes=1)))
        assert not late, "a missed deadline was not escalated"
        members = UnitOfWork(self.table).get(table_keys.profile(ticket["customer_id"]))
        assert members, "a ticket without its customer"
