"""The calls of a morning: who of the win-back list is called, by whom, with what offer, as journeys hear of it (W2)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal

from shared.domain.customers.profile import Profile
from shared.domain.journeys.engine import Signal
from shared.domain.staff.roles import Role
from shared.domain.tasks.task import NewTask
from shared.domain.vietnam_time import day_start, local_day, stamp
from shared.repositories import table_keys
from shared.repositories.profiles import load_members
from shared.repositories.sales_call_policy import NOT_NOW, why_no_sales_call
from shared.repositories.tasks import number_to_call, open_calls
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.journeys.advance import handle_signal
from shared.use_cases.journeys.context import JourneyContext

SIGNAL = "Listed To Call"
# The working day of whoever calls; a call that is opened in the morning is to be made in it.
WITHIN = timedelta(hours=12)
# Whoever sent parcels back is promised nothing (R2).
_NO_OFFER = "cod_risk"


@dataclass
class WinbackCalls:
    """Opens the calls of one morning, as long as somebody has room. `full` are roles and stores where nobody has."""

    journeys: JourneyContext
    opened: int = 0
    planned: list[tuple[str, str]] = field(default_factory=list)
    _full: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def of(cls, journeys: JourneyContext) -> WinbackCalls:
        """The desk of this morning: what everybody still has from the days before takes up their room."""
        roster = journeys.roster().with_carried(journeys.table, journeys.rules_today.today)
        return cls(replace(journeys, roster=lambda: roster))

    def wanted(self, uow: UnitOfWork, profile: Profile, entry: dict[str, Any]) -> Literal["call", "list", "later"]:
        """Whether somebody on the list is called now, is only listed, or has to wait for a day with room for it."""
        if entry["action"] == "message":
            return "list"
        role, store = _role(entry), entry["store"] or ""
        members = load_members(uow, profile)
        if number_to_call(members) is None or self._is_cared_for(uow, members):
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
        """Tell journeys that somebody is to be called; what they make of it is theirs."""
        members = load_members(uow, uow.get(table_keys.profile(entry["customer_id"])) or {})
        today = self.journeys.rules_today.today
        said = {"on": today.isoformat(), "by": "manager" if _role(entry) == "store_manager" else "sales"}
        said |= {"reason": entry["reason"], "store": entry["store"] or ""} | self._offer(members, entry)
        return handle_signal(self.journeys, uow, members, Signal(SIGNAL, stamp(day_start(today)), said))

    def done(self, planned: list[tuple[str, str]], *, opened: bool) -> None:
        self.planned += planned
        self.opened += opened

    def _offer(self, members: list[Profile], entry: dict[str, Any]) -> dict[str, str]:
        """What the call may promise: the name of an offer, whose code is issued when the customer is told of it."""
        book = self.journeys.world.offers
        name = self.journeys.rules_today.rules.winback.offers.get(entry["value"], "")
        if name not in book.offers or _NO_OFFER in members[0].get("labels", ()):
            return {}
        return {"offer": name, "gift": book.gift(book.offers[name]).told("vi")}

    def _is_cared_for(self, uow: UnitOfWork, members: list[Profile]) -> bool:
        """Whether somebody is to call them anyway: a call is open, or they are in a journey that comes to one."""
        if open_calls(uow, members):
            return True
        keys = [table_keys.journeys_of(member["customer_id"]) for member in members]
        uow.load(keys)
        runs = [run for key in keys for run in (uow.get(key) or {}).get("runs", {}).values()]
        return any(run["journey"] in self._that_sell_by_phone() and "due_at" in run for run in runs)

    def _that_sell_by_phone(self) -> set[str]:
        world = self.journeys.world
        return {
            journey.id
            for journey in world.journeys.values()
            for step in journey.steps
            if step.task and step.task.script and world.templates[step.task.script].purpose == "marketing"
        }


def _role(entry: dict[str, Any]) -> Role:
    return "store_manager" if entry["action"] == "call_by_manager" else "sales"
