"""A campaign: one message, once, to everybody who fits; made by one person and approved by another (R18)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    Field,
    NonNegativeInt,
    PositiveInt,
    StrictInt,
    StrictStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from shared.domain.common.channels import ChannelName
from shared.domain.common.strict_model import StrictModel
from shared.domain.common.text_folding import fold
from shared.domain.errors import Conflict
from shared.domain.segments.segmentation import LIFECYCLE, VALUE

# The name under which campaigns stand in caps, priorities, budgets and on their messages.
JOURNEY = "campaign"

State = Literal["draft", "approved", "running", "paused", "done", "cancelled"]
Verb = Literal["approve", "pause", "resume", "cancel"]

_FROM: Mapping[Verb, frozenset[State]] = {
    "approve": frozenset(("draft",)),
    "pause": frozenset(("approved", "running")),
    "resume": frozenset(("paused",)),
    "cancel": frozenset(("draft", "approved", "running", "paused")),
}

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Several = Annotated[tuple[Words, ...], Field(max_length=100)]


class Range(StrictModel):
    """Whole numbers from `min` to `max`, both included; either may be left out."""

    min: NonNegativeInt | None = None
    max: NonNegativeInt | None = None

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is greater than max")
        return self

    def __contains__(self, value: int) -> bool:
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)


class Tags(StrictModel):
    """At least one of `any`, where there are any, and not one of `none`."""

    any: Several = ()
    none: Several = ()


class Audience(StrictModel):
    """Who a campaign is for. Every condition that is named has to hold; of a list, one entry has to.

    `stores` are bought in or home; `categories` are bought and kept; amounts are VND; `last_purchase_days` are local
    days since the last kept order, without those of Tết. Of `segments`, one of the lifecycle labels named and one of
    the value labels named have to hold.
    """

    stores: Several = ()
    categories: Several = ()
    spend_365d: Range | None = None
    last_purchase_days: Range | None = None
    cities: Several = ()
    points: Range | None = None
    tags: Tags | None = None
    segments: Several = ()

    @field_validator("segments")
    @classmethod
    def _are_labels(cls, named: tuple[str, ...]) -> tuple[str, ...]:
        for label in named:
            if label not in (*LIFECYCLE, *VALUE):
                raise ValueError(f"{label} is not a segment; segments are {', '.join((*LIFECYCLE, *VALUE))}")
        return named

    @property
    def lists(self) -> tuple[str, ...]:
        """The labels among whose members everybody who fits stands once: each person has one of either kind."""
        lifecycles = tuple(label for label in LIFECYCLE if label in self.segments)
        return lifecycles or tuple(label for label in VALUE if label in self.segments) or LIFECYCLE


Value = StrictInt | Annotated[StrictStr, Field(max_length=1000)]
Variables = Annotated[dict[Words, Value], Field(max_length=20)]


class Content(StrictModel):
    """What is said: a template with the same variables for everybody, on the channels named, else on those of the
    playbook's order for the person."""

    template: Words
    variables: Variables = Field(default_factory=dict)
    channels: tuple[ChannelName, ...] = ()


class Schedule(StrictModel):
    """When: from `send_at` (or its approval) at most `per_minute` and `per_day` messages, none from `until` on."""

    send_at: AwareDatetime | None = None
    per_day: PositiveInt | None = None
    per_minute: int = Field(600, ge=1, le=6000)
    until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.send_at and self.until and self.until <= self.send_at:
            raise ValueError("until does not lie after send_at")
        return self


class Campaign(StrictModel):
    """One campaign as it was written down; nothing of it changes later.

    `most_valuable_first` goes down the churn-risk ranking instead of the lists: so a shop starts with the backlog its
    imported history holds, on purpose and with a daily cap (R1).
    """

    name: Words
    purpose: Literal["marketing", "service"] = "marketing"
    audience: Audience = Audience()
    content: Content
    schedule: Schedule = Schedule()
    holdout_percent: int = Field(0, ge=0, le=50)
    most_valuable_first: bool = False

    @model_validator(mode="after")
    def _backlog_in_portions(self) -> Self:
        if self.most_valuable_first and self.schedule.per_day is None:
            raise ValueError("schedule.per_day: is needed where the most valuable go first")
        return self


@dataclass(frozen=True)
class Facts:
    """What an audience may ask about a person. `points` and `days_silent` are None where nothing is known; `categories`
    is None while nobody has looked them up."""

    stores: frozenset[str]
    city: str
    points: int | None
    tags: frozenset[str]
    lifecycle: str
    value: str
    spend_365d: int
    days_silent: int | None
    categories: frozenset[str] | None = None


def misfits(facts: Facts, audience: Audience) -> tuple[str, ...]:
    """The conditions that do not hold, by name; none for who fits. Categories count once they are looked up."""
    tags = audience.tags or Tags()
    lifecycles = [label for label in audience.segments if label in LIFECYCLE]
    values = [label for label in audience.segments if label in VALUE]
    wrong = {
        "stores": bool(audience.stores) and not facts.stores & set(audience.stores),
        "cities": bool(audience.cities) and fold(facts.city) not in {fold(city) for city in audience.cities},
        "spend_365d": _outside(facts.spend_365d, audience.spend_365d),
        "last_purchase_days": _outside(facts.days_silent, audience.last_purchase_days),
        "points": _outside(facts.points, audience.points),
        "tags": bool(tags.any and not facts.tags & set(tags.any)) or bool(facts.tags & set(tags.none)),
        "segments": bool(lifecycles and facts.lifecycle not in lifecycles)
        or bool(values and facts.value not in values),
        "categories": bool(audience.categories)
        and facts.categories is not None
        and not {fold(name) for name in facts.categories} & {fold(name) for name in audience.categories},
    }
    return tuple(name for name, does_not_hold in wrong.items() if does_not_hold)


def fits(facts: Facts, audience: Audience) -> bool:
    """Whether every condition of an audience holds for a person."""
    return not misfits(facts, audience)


def _outside(value: int | None, wanted: Range | None) -> bool:
    """What is not known fits no range."""
    return wanted is not None and (value is None or value not in wanted)


def moved(state: State, verb: Verb, *, started: bool) -> State:
    """The state after somebody's word; saying it twice changes nothing. Raises Conflict where it cannot be said."""
    if verb == "resume":
        after: State = "running" if started else "approved"
    else:
        after = {"approve": "approved", "pause": "paused", "cancel": "cancelled"}[verb]  # type: ignore[assignment]
    if state == after:
        return state
    if state not in _FROM[verb]:
        raise Conflict(f"a campaign that is {state} cannot be told to {verb}")
    return after


def begins(campaign: Campaign, now: datetime) -> datetime:
    """From when an approved campaign sends."""
    return max(campaign.schedule.send_at or now, now)
