"""A journey of the playbook as data: what lets a customer in, what it does step by step, and when it is over (A1)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PositiveInt, model_validator

from shared.domain.common.channels import ChannelName
from shared.domain.common.duration import Span
from shared.domain.common.local_time import LocalTime
from shared.domain.common.localized_text import Text
from shared.domain.common.strict_model import StrictModel
from shared.domain.experiments.variants import Choose
from shared.domain.messaging.message import PROGRESS

Path = Annotated[str, Field(pattern=r"^[a-z]+\.[a-z][a-z0-9_]*$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
Value = str | int | bool

OPERATORS = ("is", "is_not", "in", "not_in", "at_least", "at_most", "has", "lacks", "known", "reached")


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str | dict) else value


Events = Annotated[tuple[str, ...], BeforeValidator(_several), Field(min_length=1)]


# What a journey may ask: facts("customer.lifecycle") is a str, int, bool or tuple of str; None is unknown.
Facts = Callable[[str], Any]


class Condition(StrictModel):
    """One fact and what is asked of it. A fact that is not known fits nothing but `known: false`, `is_not`, `not_in`
    and `lacks`."""

    fact: Path
    is_: Value | None = Field(None, alias="is")
    is_not: Value | None = None
    in_: tuple[Value, ...] | None = Field(None, alias="in")
    not_in: tuple[Value, ...] | None = None
    at_least: int | Path | None = None
    at_most: int | Path | None = None
    has: str | None = None
    lacks: str | None = None
    known: bool | None = None
    reached: Literal["sent", "delivered", "opened", "clicked", "replied"] | None = None

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        if len(self.model_fields_set - {"fact"}) != 1:
            raise ValueError(f"needs exactly one of {', '.join(OPERATORS)} beside the fact")
        return self

    def holds(self, facts: Facts) -> bool:
        """Whether it is so."""
        value = facts(self.fact)
        if self.known is not None:
            return (value not in (None, "", ())) == self.known
        if self.is_not is not None:
            return bool(value != self.is_not)
        if self.not_in is not None:
            return value not in self.not_in
        if self.lacks is not None:
            return self.lacks not in (value or ())
        if value is None:
            return False
        if self.is_ is not None:
            return bool(value == self.is_)
        if self.in_ is not None:
            return value in self.in_
        if self.has is not None:
            return self.has in value
        if self.reached is not None:
            return value in PROGRESS and PROGRESS.index(value) >= PROGRESS.index(self.reached)
        wanted = self.at_least if self.at_least is not None else self.at_most
        bound = facts(wanted) if isinstance(wanted, str) else wanted
        if bound is None or isinstance(value, str):
            return False
        return bool(value >= bound if self.at_least is not None else value <= bound)


Conditions = Annotated[tuple[Condition, ...], BeforeValidator(_several)]


class Trigger(StrictModel):
    """What lets a customer in. `key` is the fact that names the run, so that the same thing is one run however often it
    is told; without it the moment does. `again` says what the same news does to who is inside: nothing ("ignore"), or
    it starts anew as long as nothing went out ("restart"), or whatever was done ("anew"), as an appointment that moves.
    `product_with` picks the line of the order whose product has that field."""

    event: Events
    where: Conditions = ()
    key: Path | None = None
    again: Literal["ignore", "restart", "anew"] = "ignore"
    product_with: (
        Literal[
            "guide_url", "maintain_every_days", "warranty_days", "repurchase_days", "lifespan_days", "replaced_by",
            "complements",
        ]
        | None
    ) = None  # fmt: skip


class Limit(StrictModel):
    """At most so many entries of one person in so many days."""

    entries: PositiveInt
    days: PositiveInt


class Goal(StrictModel):
    """What a journey is for: news that ends it well. `same` names the property that has to be the run's own; of an
    order's products it may be any."""

    event: Events
    where: Conditions = ()
    same: str | None = None
    within: Span


class Exit(StrictModel):
    """News that ends a journey because it has lost its reason; `same` as with a goal."""

    event: Events
    where: Conditions = ()
    same: str | None = None
    because: Name


class Wait(StrictModel):
    """Wait `for` a span from here, until `after` a span from what let the person in, or until a `date` (minus
    `before`); then until the next local `at` o'clock. `until` and `event` end the wait early and go on at `then`; a
    date that was past before the wait began goes on at `missed`."""

    for_: Span | None = Field(None, alias="for")
    after: Span | None = None
    date: Path | None = None
    before: Span | None = None
    at: LocalTime | None = None
    until: Conditions = ()
    event: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()
    then: Name | None = None
    missed: Name | None = None

    @model_validator(mode="after")
    def _one_clock(self) -> Self:
        if sum(span is not None for span in (self.for_, self.after, self.date)) != 1:
            raise ValueError("needs exactly one of for, after, date")
        if self.before is not None and self.date is None:
            raise ValueError("before: goes with date only")
        if self.missed is not None and self.date is None:
            raise ValueError("missed: goes with date only")
        if self.then is not None and not self.until and not self.event:
            raise ValueError("then: goes with until or event only")
        return self


class Way(StrictModel):
    """One way of a branch; without `when` it is the way of all others."""

    when: Conditions = ()
    go: Name


class Send(StrictModel):
    """A message by its template. `variables` are filled from facts, `texts` are as they stand; whatever else the
    template needs comes from the run. `within` ends sooner than the template does the time in which it may be sent."""

    template: Name
    variables: dict[str, Path] = Field(default_factory=dict)
    texts: dict[str, str] = Field(default_factory=dict)
    channels: tuple[ChannelName, ...] = ()
    within: Span | None = None


class Survey(Send):
    """A message that asks; the answer is the fact `answer.<step>`."""


class Task(StrictModel):
    """Something for staff to do. Texts may name facts in braces: {customer.days_silent}. `script` is a template with
    words for a call. The outcome is the fact `task.<step>`."""

    kind: Literal["call", "deposit", "check_delivery", "alarm", "other"]
    title: str = Field(min_length=3)
    reason: str = Field(min_length=3)
    script: Name | None = None
    role: Literal["store_staff", "store_manager", "sales", "care", "manager"] = "store_staff"
    within: Span = timedelta(days=1)


class Tag(StrictModel):
    """Mark the customer, or take a mark away."""

    add: Name | None = None
    remove: Name | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.add is None) == (self.remove is None):
            raise ValueError("needs either add or remove")
        return self


KINDS = ("wait", "branch", "send", "task", "offer", "survey", "tag", "deal", "end")
DEALS = ("open", "contacted", "offered", "won", "lost", "nurturing")


class Step(StrictModel):
    """One step: exactly one of `KINDS`. `next` goes on elsewhere than at the following step."""

    id: Name
    wait: Wait | None = None
    branch: tuple[Way, ...] | None = None
    send: Send | None = None
    task: Task | None = None
    offer: Name | None = None
    survey: Survey | None = None
    tag: Tag | None = None
    deal: Literal["open", "contacted", "offered", "won", "lost", "nurturing"] | None = None
    end: Name | None = None
    next: Name | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if len(self.model_fields_set - {"id", "next"}) != 1:
            raise ValueError(f"needs exactly one of {', '.join(KINDS)}")
        if self.next is not None and (self.end or self.branch):
            raise ValueError("next: an end or a branch says itself where it goes")
        return self

    @property
    def kind(self) -> str:
        return next(iter(self.model_fields_set - {"id", "next"}))

    @property
    def acts(self) -> bool:
        """Whether it does something that people or staff notice."""
        return self.kind in ("send", "task", "offer", "survey")


class Journey(StrictModel):
    """One journey. `aim` says what it is for (A21). `keep_while` has to hold at every step, or the run is over.
    `variants` share the people by weight; the fact `run.variant` says which. With `choose: winner` everybody gets the
    best one once it is known, with `thompson` the better ones more often by and by. `ends_after` ends every run."""

    id: Name
    title: Text
    aim: Text
    trigger: Trigger
    limit: Limit | None = None
    keep_while: Conditions = ()
    goal: Goal | None = None
    exits: tuple[Exit, ...] = ()
    holdout_percent: int = Field(0, ge=0, le=50)
    variants: dict[Name, PositiveInt] = Field(default_factory=dict)
    choose: Choose = "fixed"
    ends_after: Span
    steps: tuple[Step, ...] = Field(min_length=1)

    @cached_property
    def version(self) -> str:
        """Twelve hexadecimal digits of its content; what stands as it does by default is not part of it."""
        content = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        canonical = json.dumps(content, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {step.id: place for place, step in enumerate(self.steps)}

    def step(self, name: str) -> Step | None:
        return self.steps[self._places[name]] if name in self._places else None

    def following(self, step: Step) -> str:
        """Where a step leads when nothing else is said: a step, or "" at the end."""
        if step.next:
            return step.next
        place = self._places[step.id] + 1
        return self.steps[place].id if place < len(self.steps) else ""

    @cached_property
    def hears(self) -> frozenset[str]:
        """The names of all news that means something to it."""
        heard = set(self.trigger.event)
        heard |= set(self.goal.event) if self.goal else set()
        for leaving in self.exits:
            heard |= set(leaving.event)
        for step in self.steps:
            heard |= set(step.wait.event) if step.wait else set()
        return frozenset(heard)

    def conditions(self) -> Iterator[tuple[tuple[str, ...], Condition]]:
        """Every condition with its place in the file."""
        groups: list[tuple[tuple[str, ...], tuple[Condition, ...]]] = [
            (("trigger", "where"), self.trigger.where),
            (("keep_while",), self.keep_while),
            (("goal", "where"), self.goal.where if self.goal else ()),
        ]
        groups += [(("exits", str(n), "where"), leaving.where) for n, leaving in enumerate(self.exits)]
        for n, step in enumerate(self.steps):
            if step.wait:
                groups.append((("steps", str(n), "wait", "until"), step.wait.until))
            for k, way in enumerate(step.branch or ()):
                groups.append((("steps", str(n), "branch", str(k), "when"), way.when))
        for place, conditions in groups:
            for k, condition in enumerate(conditions):
                yield (*place, str(k)), condition


def a_day(value: Any) -> date | None:
    """The day a fact speaks of, or None for what is none."""
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
