"""The people who work here: who does what, for which stores, when, and how much of it at once (T9, T3).

Ids stand where other systems have names: an API key whose name is a person's id belongs to this person.
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
        """Whether a moment lies in it; nobody works it on a day off."""
        today = at.astimezone(VIETNAM).date()
        for day in (today - DAY, today):
            if WEEKDAYS[day.weekday()] in self.days and not hours.days_off.has(day):
                begins, ends = self.on(day)
                if begins <= at < ends:
                    return True
        return False


class Person(StrictModel):
    """Somebody who works here.

    `stores` and `skills` (intents) limit what they do, empty: to none in particular. `senior` makes a manager the one
    for what cannot wait, and somebody of care the lead of care. `capacity` is how many open tickets they can work on,
    `calls_a_day` how many calls of the lists they make. They are written to in `lang`, by e-mail or on Zalo.
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
        """Whether this is a store of theirs; who has none in particular serves all."""
        return not self.stores or store in self.stores

    def can(self, intent: str) -> bool:
        return not self.skills or intent in self.skills


class Allocation(StrictModel):
    """The rule by which a customer gets a salesperson: of these roles in the customer's store, who has the fewest.

    Where the store has none, `elsewhere` says whether anybody else takes the customer.
    """

    roles: tuple[Literal["sales", "store_staff"], ...] = Field(default=("sales", "store_staff"), min_length=1)
    elsewhere: Literal["anybody", "nobody"] = "anybody"


class Directory(StrictModel):
    """Everything in `staff.yaml`. `stores` are named as tills and orders name them."""

    hours: Hours
    stores: dict[str, Text] = Field(min_length=1)
    shifts: dict[str, tuple[Shift, ...]] = Field(min_length=1)
    people: dict[str, Person]
    allocation: Allocation = Allocation()

    @model_validator(mode="before")
    @classmethod
    def _named_by_their_place(cls, said: Any) -> Any:
        people = said.get("people") if isinstance(said, dict) else None
        if not isinstance(people, dict):
            return said
        named = {name: {**one, "id": name} if isinstance(one, dict) else one for name, one in people.items()}
        return {**said, "people": named}

    @model_validator(mode="after")
    def _somebody_for_what_cannot_wait(self) -> Self:
        if not self.seniors:
            raise ValueError("people: nobody is a senior manager (role: manager, senior: true)")
        return self

    @property
    def seniors(self) -> tuple[Person, ...]:
        """The senior managers; there is always one."""
        return tuple(person for person in self.people.values() if person.senior_manager)

    def on_duty(self, person_id: str, at: datetime, away: Collection[str] = ()) -> bool:
        """Whether somebody works now; strangers do not."""
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
    """The salesperson of a customer, or "" where the rule has nobody.

    A customer stays with `current` as long as that is a salesperson of the directory. `store` is the one that cares for
    the customer, "" where none does; `loads` says how many customers each person has; the same `seed` breaks a tie the
    same way.
    """
    rule = directory.allocation
    able = list(directory.with_role(*rule.roles))
    if any(person.id == current for person in able):
        return current
    here = [person for person in able if store and store in person.stores]
    if not here and rule.elsewhere == "anybody":
        here = [p for p in able if not p.stores] or [p for p in able if p.role == "sales"] or able
    # Who is away for some days still gets customers where there is nobody else.
    here = [person for person in here if person.id not in away] or here
    return min((loads.get(person.id, 0), lot(seed, person.id), person.id) for person in here)[-1] if here else ""


def lot(seed: str, person_id: str) -> str:
    """What breaks a tie: fair over many seeds, the same for the same one."""
    return hashlib.sha256(f"{seed}|{person_id}".encode()).hexdigest()
