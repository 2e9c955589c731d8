"""Assigns staff tasks: the customer's salesperson, role, store, shift and capacity, and the permitted hours of a call.

A sales call keeps to the legal hours and pauses at Tết; any other keeps to the day. If a person's day is full a
colleague gets the call; if every day is full it moves to the next day (T9, W13, R17).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from shared.domain.common.lunar_calendar import Rest, rest_until
from shared.domain.messaging.legal_limits import Hours
from shared.domain.staff.business_hours import WEEKDAYS
from shared.domain.staff.directory import Directory, Person, tie_breaker
from shared.domain.staff.roles import Role
from shared.domain.tasks.task import Slot
from shared.domain.vietnam_time import DAY, VIETNAM, local_day

# A task is postponed this long at most for lack of capacity; then it is unassigned, on the list of its role.
DAYS_AHEAD = 14

# The number of calls a person has on a local day, overdue ones included.
Load = Callable[[Person, date], int]


@dataclass(frozen=True)
class SlotRequest:
    """What a slot is wanted for: role, store, the customer's own salesperson (`keeper`) and the time between `start`
    and `due_at`. `seed` breaks ties. `sells` and `hours` limit when to call; without hours it is no call and needs no
    capacity."""

    role: Role
    store: str
    keeper: str
    start: datetime
    due_at: datetime
    seed: str
    hours: Hours | None = None
    sells: bool = False
    rests: tuple[Rest, ...] = ()


def find_slot(wanted: SlotRequest, directory: Directory, load: Load, away: Collection[str] = ()) -> Slot:
    """Assignee and time; the assignee is "" if nobody has the role, or capacity within two weeks."""
    pool = able(wanted, directory, away)
    if wanted.hours is None:
        on_duty = [person for person in pool if directory.on_duty(person.id, wanted.start)] or pool
        return Slot(_best(wanted, [(person, 0) for person in on_duty]), wanted.start, wanted.due_at)
    windows = list(_spans(wanted, wanted.hours, directory))
    for start, due_at in windows:
        ends = {person.id: _works_until(directory, person, start, due_at, wanted.hours) for person in pool}
        loads = [(person, load(person, local_day(end))) for person in pool if (end := ends[person.id])]
        free = [(person, calls) for person, calls in loads if calls < person.calls_a_day]
        if not wanted.sells:
            free = free or loads  # a service call does not wait for tomorrow's capacity
        if chosen := _best(wanted, free):
            return Slot(chosen, start, ends[chosen] or due_at)
    return Slot("", *windows[-1 if pool else 0])


def fit(wanted: SlotRequest, directory: Directory) -> tuple[datetime, datetime]:
    """The first moment at which a call may be made, and its deadline, for any caller."""
    assert wanted.hours is not None
    return next(_spans(wanted, wanted.hours, directory))


def _spans(wanted: SlotRequest, hours: Hours, directory: Directory) -> Iterator[tuple[datetime, datetime]]:
    """The spans in which the call may be made: the permitted part of the one wanted, then day by day."""

    def free(day: date) -> bool:
        if directory.hours.days_off.has(day):
            return False
        return not (wanted.sells and rest_until(day, wanted.rests))

    def opening(at: datetime) -> datetime:
        day = local_day(at) + (DAY if at >= _at(local_day(at), hours.closes) else timedelta())
        while not free(day):
            day += DAY
        return max(at, _at(day, hours.opens))

    start, due_at = opening(wanted.start), wanted.due_at
    day = local_day(due_at)
    inside = free(day) and _at(day, hours.opens) <= due_at <= _at(day, hours.closes)
    if not inside:
        while not free(day) or _at(day, hours.closes) > due_at:
            day -= DAY
        due_at = _at(day, hours.closes)
    if due_at <= start:
        due_at = min(start + (wanted.due_at - wanted.start), _at(local_day(start), hours.closes))
    yield start, due_at
    day = local_day(due_at)
    for _ in range(DAYS_AHEAD):
        start = opening(_at(day + DAY, time()))
        day = local_day(start)
        yield start, _at(day, hours.closes)


def _works_until(
    directory: Directory, person: Person, start: datetime, due_at: datetime, hours: Hours
) -> datetime | None:
    """The latest end of a person's working time for a call open from `start` to `due_at`; None if they do not work
    then."""
    ends = []
    for shift in (shift for name in person.shifts for shift in directory.shifts.get(name, ())):
        for day in (local_day(due_at) - DAY, local_day(due_at)):
            if WEEKDAYS[day.weekday()] not in shift.days or directory.hours.days_off.has(day):
                continue
            begins, closes = shift.on(day)
            end = min(closes, due_at, _at(day, hours.closes))
            if max(begins, start, _at(day, hours.opens)) < end:
                ends.append(end)
    return max(ends, default=None)


def able(wanted: SlotRequest, directory: Directory, away: Collection[str] = ()) -> list[Person]:
    """The people who may do it: of the role, for that store; in a store without a manager its sales staff."""
    selling = directory.allocation.roles
    for roles in (selling if wanted.role in selling else (wanted.role,), selling):
        people = [person for person in directory.with_role(*roles) if person.id not in away]
        here = [person for person in people if person.serves(wanted.store) or person.id == wanted.keeper]
        if here or wanted.role != "store_manager":
            return [person for person in here if not person.skills] or here
    return []


def _best(wanted: SlotRequest, people: list[tuple[Person, int]]) -> str:
    """The customer's salesperson, else people of the store, the least loaded first."""

    def rank(one: tuple[Person, int]) -> tuple[bool, bool, int, str]:
        person, calls = one
        return person.id != wanted.keeper, not person.stores, calls, tie_breaker(wanted.seed, person.id)

    return min(people, key=rank)[0].id if people else ""


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, VIETNAM)
