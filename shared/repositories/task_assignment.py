"""Staff tasks find their person: whose customer it is, who has the role, the shift and room for a call (T9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from shared.domain.customers.profile import Profile, caring_store, fold_members
from shared.domain.messaging.legal_limits import Hours
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.staff.directory import Directory, Person, allocate
from shared.domain.tasks.call_scheduling import SlotRequest, able, find_slot, fit
from shared.domain.tasks.task import NewTask, Slot, Task
from shared.domain.vietnam_time import DAY, day_start, local_day, moment, stamp
from shared.ports import Item, Table
from shared.repositories import table_keys
from shared.repositories.contact_ledger import last_selling_call, ledger_of
from shared.repositories.unit_of_work import UnitOfWork

DAYS_KEPT = timedelta(days=60)


@dataclass(frozen=True)
class Roster:
    """Who may do tasks today, and by which hours. `carried` are the calls of earlier days that are still to be made."""

    directory: Directory
    sending: SendingRules
    away: frozenset[str] = frozenset()
    carried: Mapping[tuple[str, date], int] = field(default_factory=dict)

    def with_carried(self, table: Table, today: date) -> Roster:
        """The roster with the calls that everybody still has from the days before."""
        people = [person.id for person in self.directory.people.values() if person.calls_a_day]
        return replace(self, carried={(one, today): _overdue(table, one, today) for one in people})

    def slot(self, uow: UnitOfWork, new: NewTask, store: str, members: list[Profile], now: datetime) -> Slot:
        """Who does a new task and when, as of this draft; the customer's person is written down with the first."""
        return self._find(uow, new.kind, self._wanted(uow, new, store, members, now))

    def slot_anew(self, uow: UnitOfWork, task: Task, start: datetime, members: list[Profile]) -> Slot:
        """Who does an open task, and when, if it is to be done from `start` on instead."""
        due_at = start + max(moment(task["due_at"]) - start, timedelta(hours=8))
        new = NewTask(
            task["customer_id"], "", task["kind"], "", due_at, role=task["role"], sells=bool(task.get("sells"))
        )  # fmt: skip
        wanted = replace(self._wanted(uow, new, task.get("store", ""), members, start), seed=task["task_id"])
        return self._find(uow, new.kind, wanted)

    def hours_of(self, task: Task, assignee: str, uow: UnitOfWork, members: list[Profile], now: datetime) -> Slot:
        """The slot of an open task in other hands: the same time, or the next at which it may be done."""
        new = NewTask(
            task["customer_id"], "", task["kind"], "", moment(task["due_at"]), role=task["role"],
            sells=bool(task.get("sells")),
        )  # fmt: skip
        start = max(now, moment(task.get("callable_from", stamp(now))))
        if task["kind"] != "call" or task.get("outcome") == "call_back":
            return Slot(assignee, start, max(start, moment(task["due_at"])))
        wanted = self._wanted(uow, new, task.get("store", ""), members, start)
        return Slot(assignee, *fit(wanted, self.directory))

    def keeper(self, members: list[Profile]) -> str:
        """The customer's salesperson: who was written down as it, else whom the rule gives them."""
        view = fold_members(members)
        known = (member.get("keeper", "") for member in members)
        current = next((one for one in known if one in self.directory.people), "")
        seed = members[0]["customer_id"]
        return allocate(self.directory, caring_store(view), {}, seed, current=current, away=self.away)

    def _wanted(self, uow: UnitOfWork, new: NewTask, store: str, members: list[Profile], now: datetime) -> SlotRequest:
        start = now
        keeper = self.keeper(members) if members else ""
        if members and new.kind == "call":
            self._keep(uow, members, keeper)
        if members and new.sells and (last := last_selling_call(ledger_of(uow, members))):
            start = max(start, last + DAY)
        return SlotRequest(
            role=new.role, store=store, keeper=keeper, start=start, due_at=max(new.due_at, start), seed=new.task_id,
            hours=self._hours(new), sells=new.sells, rests=self.sending.tet_rests,
        )  # fmt: skip

    def _hours(self, new: NewTask) -> Hours | None:
        """A call that sells keeps to the law's hours for calls, any other to those in which we serve."""
        if new.kind != "call":
            return None
        window = self.sending.windows["service"]
        assert window is not None  # the rules see to it
        return self.sending.hours("marketing", "call") if new.sells else Hours(window.opens, window.closes)

    def _find(self, uow: UnitOfWork, kind: str, wanted: SlotRequest) -> Slot:
        if kind == "call":
            day = local_day(wanted.due_at).isoformat()
            people = able(wanted, self.directory, self.away)
            uow.load(table_keys.staff_day(person.id, day) for person in people)
        return find_slot(wanted, self.directory, lambda person, day: self._load(uow, person, day), self.away)

    def _load(self, uow: UnitOfWork, person: Person, day: date) -> int:
        counted = uow.get(table_keys.staff_day(person.id, day.isoformat())) or {}
        return int(counted.get("calls", 0)) + self.carried.get((person.id, day), 0)

    def _keep(self, uow: UnitOfWork, members: list[Profile], keeper: str) -> None:
        """Write the customer's person down, so that they stay with them."""
        key = table_keys.profile(members[0]["customer_id"])
        profile = uow.get(key)
        if keeper and profile and profile.get("keeper") != keeper:
            uow.put(key, {**profile, "keeper": keeper})


def count_call(uow: UnitOfWork, task: Task, by: int, now: datetime) -> None:
    """Add a call to, or take it from, the day of whoever makes it, in the commit that opens, moves or ends it."""
    if task["kind"] != "call" or not task.get("assignee"):
        return
    day = local_day(moment(task["due_at"])).isoformat()
    key = table_keys.staff_day(task["assignee"], day)
    known: Item = uow.get(key) or {"ttl": int((now + DAYS_KEPT).timestamp())}
    uow.put(key, {**known, "calls": max(0, known.get("calls", 0) + by)})


def _overdue(table: Table, person_id: str, today: date) -> int:
    """How many calls somebody has from the days before."""
    low, _ = table_keys.task_range("open")
    found, start = 0, None
    while True:
        page = table.query(
            table_keys.tasks_of(person_id),
            low=low,
            high=f"{low}{stamp(day_start(today))}",
            start=start,
            consistent=False,
        )
        found += len([row for row in page.items if row.get("kind") == "call"])
        start = page.next
        if start is None:
            return found
