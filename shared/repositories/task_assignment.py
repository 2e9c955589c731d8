"""Assignment of staff tasks: by the customer's salesperson, role, shift and capacity for calls (T9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from shared.domain.customers.profile import Profile, caring_store, fold_members
from shared.domain.messaging.legal_limits import Hours
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.staff.directory import Directory, Person, allocate
from shared.domain.tasks.call_scheduling import SlotRequest, find_slot, fit
from shared.domain.tasks.task import NewTask, Slot, Task
from shared.domain.vietnam_time import DAY, day_start, local_day, moment, stamp
from shared.ports import Item, Key, Table
from shared.repositories import table_keys
from shared.repositories.contact_ledger import last_selling_call, ledger_of
from shared.repositories.unit_of_work import UnitOfWork

DAYS_KEPT = timedelta(days=60)


@dataclass(frozen=True)
class Roster:
    """Who is available for tasks, and the permitted hours. `carried` counts the overdue calls by person and day."""

    directory: Directory
    sending: SendingRules
    away: frozenset[str] = frozenset()
    carried: Mapping[tuple[str, date], int] = field(default_factory=dict)

    def with_carried(self, table: Table, today: date) -> Roster:
        """The roster with everybody's overdue calls."""
        people = [person.id for person in self.directory.people.values() if person.calls_a_day]
        return replace(self, carried={(one, today): _overdue(table, one, today) for one in people})

    def slot(self, uow: UnitOfWork, new: NewTask, store: str, members: list[Profile], now: datetime) -> Slot:
        """The slot of a new task, as of this unit of work; the first call also stores the customer's salesperson."""
        return self._find(uow, self._wanted(uow, new, store, members, now))

    def slot_anew(self, uow: UnitOfWork, task: Task, start: datetime, members: list[Profile]) -> Slot:
        """A new slot of an open task that is to be done from `start` on."""
        due_at = start + max(moment(task["due_at"]) - start, timedelta(hours=8))
        new = NewTask(
            task["customer_id"], "", task["kind"], "", due_at, role=task["role"], sells=bool(task.get("sells"))
        )  # fmt: skip
        wanted = replace(self._wanted(uow, new, task.get("store", ""), members, start), seed=task["task_id"])
        return self._find(uow, wanted)

    def slot_for(self, task: Task, assignee: str, uow: UnitOfWork, members: list[Profile], now: datetime) -> Slot:
        """The slot of an open task with another assignee: the same time, or the next permitted one."""
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
        """The customer's salesperson: the stored one, else the one by the allocation rule."""
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
        """The hours of a call: the legal ones for a sales call, else the service hours; None for any other task."""
        if new.kind != "call":
            return None
        window = self.sending.windows["service"]
        assert window is not None  # the rules require it
        return self.sending.hours("marketing", "call") if new.sells else Hours(window.opens, window.closes)

    def _find(self, uow: UnitOfWork, wanted: SlotRequest) -> Slot:
        return find_slot(wanted, self.directory, lambda person, day: self._load(uow, person, day), self.away)

    def _load(self, uow: UnitOfWork, person: Person, day: date) -> int:
        return calls_on(uow, person.id, day) + self.carried.get((person.id, day), 0)

    def _keep(self, uow: UnitOfWork, members: list[Profile], keeper: str) -> None:
        """Store the salesperson on the profile, so that the customer stays with them."""
        key = table_keys.profile(members[0]["customer_id"])
        profile = uow.get(key)
        if keeper and profile and profile.get("keeper") != keeper:
            uow.put(key, {**profile, "keeper": keeper})


def calls_on(uow: UnitOfWork, person_id: str, day: date) -> int:
    """The calls of an agent on a local day: those planned for it, and those made."""
    return len(_places(uow, person_id, day))


def count_call(uow: UnitOfWork, task: Task, by: int, now: datetime) -> None:
    """Take a place in the day of a call's assignee, or give it back (`by` -1), in the commit that opens, moves or
    closes it.

    Each place is a row of its own: a counter would be a row of all customers. Of two who take the last one at once,
    one commit raises Conflict.
    """
    if task["kind"] != "call" or not task.get("assignee"):
        return
    day = local_day(moment(task["due_at"]))
    taken = _places(uow, task["assignee"], day)
    if by < 0:
        for key, row in taken.items():
            if row["task_id"] == task["task_id"]:
                uow.delete(key)
        return
    free = next(key for key in table_keys.call_places(task["assignee"], day.isoformat()) if key not in taken)
    uow.create(free, {"task_id": task["task_id"], "ttl": int((now + DAYS_KEPT).timestamp())})


def _places(uow: UnitOfWork, person_id: str, day: date) -> dict[Key, Item]:
    """The places taken on a day."""
    pk, low, high = table_keys.call_places_of(person_id, day.isoformat())
    return {Key(row["pk"], row["sk"]): row for row in uow.collection(pk, low, high)}


def _overdue(table: Table, person_id: str, today: date) -> int:
    """How many overdue calls a person has."""
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
