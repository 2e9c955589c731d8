"""The staff directory: roles, stores, skills, shifts and capacity of each person (T9, T3).

An API key whose name is a person's id belongs to that person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from shared.domain.common.localized_text import Lang, Text
from shared.domain.common.strict_model import StrictModel
from shared.domain.staff.business_hours import WEEKDAYS, Hours, Span, Weekday
from shared.domain.staff.roles import Role
from shared.domain.vietnam_time import DAY, VIETNAM

ID = r"^[a-z][a-z0-9_]{1,39}$"


class Shift(Span):
    """Local hours on some weekdays; a shift over midnight belongs to the day it begins on."""

    days: tuple[Weekday, ...] = Field(min_length=1)

    def covers(self, at: datetime, hours: Hours) -> bool:
        """Whether a moment lies in the shift; there are none on days off."""
        today = at.astimezone(VIETNAM).date()
        for day in (today - DAY, today):
            if WEEKDAYS[day.weekday()] in self.days and not hours.days_off.has(day):
                begins, ends = self.on(day)
                if begins <= at < ends:
                    return True
        return False


class Person(StrictModel):
    """One member of staff.

    `stores` and `skills` (intents) limit their work, empty means no limit. `senior` makes a manager a senior manager,
    and a care agent the care lead. `capacity` is their number of open tickets, `calls_a_day` their number of calls from
    the lists. Notifications reach them in `lang`, by e-mail or Zalo.
    """

    id: str = Field(pattern=ID)
    title: Text
    role: Role
    senior: bool = False
    stores: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    capacity: PositiveInt = 20
    calls_a_day: int = Field(default=0, ge=0)
    lang: Lang = "vi"
    shifts: tuple[str, ...] = Field(min_length=1)
    email: str = Field(default="", pattern=r"^([^@\s]+@[^@\s]+\.[^@\s]+)?$")
    zalo_user_id: str = Field(default="", pattern=r"^[0-9]*$")

    @property
    def senior_manager(self) -> bool:
        return self.role == "manager" and self.senior

    def serves(self, store: str) -> bool:
        """Whether they work for this store; without stores they work for all."""
        return not self.stores or store in self.stores

    def can(self, intent: str) -> bool:
        return not self.skills or intent in self.skills


class Allocation(StrictModel):
    """The rule that assigns a salesperson to a customer: of these roles in the customer's store, the one with the
    fewest customers. If the store has none, `elsewhere` says whether a person of other stores gets the customer."""

    roles: tuple[Literal["sales", "store_staff"], ...] = Field(default=("sales", "store_staff"), min_length=1)
    elsewhere: Literal["anybody", "nobody"] = "anybody"


class Directory(StrictModel):
    """Everything in `staff.yaml`. `stores` are named as tills and orders name them."""

    hours: Hours
    stores: dict[str, Text] = Field(min_length=1)

    shifts: dict[str, tuple[Shift, ...]] = Field(min_length=1)
    people: dict[str, Person]
    allocation: Allocation = Allocation()

    @property
    def store_names(self) -> frozenset[str]:
        """The stores as tills name them and as customers know them."""
        return frozenset(name for key, text in self.stores.items() for name in (key, text.vi, text.en))

    @model_validator(mode="before")
    @classmethod
    def _with_ids(cls, raw: Any) -> Any:
        people = raw.get("people") if isinstance(raw, dict) else None
        if not isinstance(people, dict):
            return raw
        named = {name: {**one, "id": name} if isinstance(one, dict) else one for name, one in people.items()}
        return {**raw, "people": named}

    @model_validator(mode="after")
    def _has_a_senior_manager(self) -> Self:
        if not self.seniors:
            raise ValueError("people: nobody is a senior manager (role: manager, senior: true)")
        return self

    @property
    def seniors(self) -> tuple[Person, ...]:
        """The senior managers; there is always one."""
        return tuple(person for person in self.people.values() if person.senior_manager)

    def on_duty(self, person_id: str, at: datetime, away: Collection[str] = ()) -> bool:
        """Whether a person works at a moment; False for unknown ids."""
        person = self.people.get(person_id)
        if person is None or person_id in away:
            return False
        return any(shift.covers(at, self.hours) for name in person.shifts for shift in self.shifts.get(name, ()))

    def with_role(self, *roles: str) -> Iterator[Person]:
        return (person for person in self.people.values() if person.role in roles)


def allocate(
    directory: Directory,
    store: str,
    loads: Mapping[str, int],
    seed: str,
    *,
    current: str = "",
    away: Collection[str] = (),
) -> str:
    """The salesperson of a customer, or "" if the rule finds none.

    A customer stays with `current` as long as that is a salesperson of the directory. `store` is the customer's own, ""
    for none; `loads` are the customers per person; the same `seed` breaks ties the same way.
    """
    rule = directory.allocation
    able = list(directory.with_role(*rule.roles))
    if any(person.id == current for person in able):
        return current
    here = [person for person in able if store and store in person.stores]
    if not here and rule.elsewhere == "anybody":
        here = [p for p in able if not p.stores] or [p for p in able if p.role == "sales"] or able
    # Absent people still get customers if there is no one else.
    here = [person for person in here if person.id not in away] or here
    return (
        min((loads.get(person.id, 0), tie_breaker(seed, person.id), person.id) for person in here)[-1] if here else ""
    )


def tie_breaker(seed: str, person_id: str) -> str:
    """Breaks ties: fair over many seeds, deterministic for one."""
    return hashlib.sha256(f"{seed}|{person_id}".encode()).hexdigest()
