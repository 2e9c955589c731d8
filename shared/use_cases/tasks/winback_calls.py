"""Win-back calls of one morning: who on the list is called, by whom, with which offer, signalled to journeys (W2)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal

from shared.domain.customers.profile import Profile
from shared.domain.journeys.engine import Signal
from shared.domain.staff.roles import Role
from shared.domain.tasks.task import NewTask
from shared.domain.vietnam_time import day_start, local_day, stamp
from shared.repositories import profiles, table_keys
from shared.repositories.profiles import load_members
from shared.repositories.sales_call_policy import NOT_NOW, why_no_sales_call
from shared.repositories.tasks import number_to_call, open_calls
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.journeys.advance import handle_signal
from shared.use_cases.journeys.context import JourneyContext

SIGNAL = "Listed To Call"
# A call opened in the morning is due within the working day.
WITHIN = timedelta(hours=12)
# Customers who sent parcels back get no offer (R2).
_NO_OFFER = "cod_risk"


@dataclass
class WinbackCalls:
    """Opens the calls of one morning within staff capacity. `_full` are roles and stores without any left."""

    journeys: JourneyContext
    opened: int = 0
    planned: list[tuple[str, str]] = field(default_factory=list)
    _full: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def of(cls, journeys: JourneyContext) -> WinbackCalls:
        """The win-back calls of this morning; overdue calls reduce the capacity."""
        roster = journeys.roster().with_carried(journeys.table, journeys.rules_today.today)
        return cls(replace(journeys, roster=lambda: roster))

    def wanted(self, uow: UnitOfWork, profile: Profile, entry: dict[str, Any]) -> Literal["call", "list", "later"]:
        """Whether a listed customer is called now, is only listed, or waits for a day with capacity."""
        if entry["action"] == "message":
            return "list"
        role, store = _role(entry), entry["store"] or ""
        members = load_members(uow, profile)
        if number_to_call(members) is None or self._call_is_coming(uow, members):
            return "list"
        if why := why_no_sales_call(uow, members, self.journeys.sending, self.journeys.now):
            return "later" if why in NOT_NOW else "list"
        if (role, store) in self._full:
            return "later"
        now = self.journeys.now
        new = NewTask(entry["customer_id"], SIGNAL, "call", "", now + WITHIN, role=role, sells=True)
        slot = self.journeys.roster().slot(uow, new, store, members, now)
        if local_day(slot.due_at) == self.journeys.rules_today.today:
            return "call"
        if local_day(slot.start) == self.journeys.rules_today.today:
            self._full.add((role, store))
        return "later"

    def open(self, uow: UnitOfWork, entry: dict[str, Any]) -> list[tuple[str, str]]:
        """Signal journeys that a customer is to be called; a journey opens the task."""
        members = load_members(uow, profiles.find(uow, entry["customer_id"]) or {})
        today = self.journeys.rules_today.today
        properties = {"on": today.isoformat(), "by": "manager" if _role(entry) == "store_manager" else "sales"}
        properties |= {"reason": entry["reason"], "store": entry["store"] or ""} | self._offer(members, entry)
        return handle_signal(self.journeys, uow, members, Signal(SIGNAL, stamp(day_start(today)), properties))

    def done(self, planned: list[tuple[str, str]], *, opened: bool) -> None:
        self.planned += planned
        self.opened += opened

    def _offer(self, members: list[Profile], entry: dict[str, Any]) -> dict[str, str]:
        """The offer the call may promise, by name; its code is issued during the call."""
        book = self.journeys.playbook.offers
        name = self.journeys.rules_today.rules.winback.offers.get(entry["value"], "")
        if name not in book.offers or _NO_OFFER in members[0].get("labels", ()):
            return {}
        return {"offer": name, "gift": book.gift(book.offers[name]).in_language("vi")}

    def _call_is_coming(self, uow: UnitOfWork, members: list[Profile]) -> bool:
        """Whether a call is coming anyway: one is open, or the customer is in a journey with a sales call."""
        if open_calls(uow, members):
            return True
        keys = [table_keys.journeys_of(member["customer_id"]) for member in members]
        uow.load(keys)
        runs = [run for key in keys for run in (uow.get(key) or {}).get("runs", {}).values()]
        return any(run["journey"] in self._journeys_with_sales_calls() and "due_at" in run for run in runs)

    def _journeys_with_sales_calls(self) -> set[str]:
        playbook = self.journeys.playbook
        return {
            journey.id
            for journey in playbook.journeys.values()
            for step in journey.steps
            if step.task and step.task.script and playbook.templates[step.task.script].purpose == "marketing"
        }


def _role(entry: dict[str, Any]) -> Role:
    return "store_manager" if entry["action"] == "call_by_manager" else "sales"
