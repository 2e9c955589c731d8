"""A campaign: one message, sent once to an audience; created by one person and approved by another (R18)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypedDict

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
from shared.domain.messaging.template import WORDS
from shared.domain.segments.segmentation import LIFECYCLE, VALUE

# The journey name of campaigns in caps, priorities and budgets, and on their messages.
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


class StoredWords(TypedDict):
    """Words that a person approved in the place of the template's on one channel.

    wording    a `Wording` as JSON
    draft_id   the model's draft they come from
    edited     whether the person changed it
    confirmed  codes of what the person answers for beyond brief and catalogue
    """

    wording: dict[str, str]
    draft_id: str
    edited: bool
    confirmed: list[str]
    approved_by: str
    approved_at: str


class StoredCampaign(TypedDict, total=False):
    """A campaign as it is stored. Moments are stamps.

    campaign     the `Campaign` as JSON; it never changes
    channels     the channels it may be sent on, fixed at its creation
    words        approved words by channel; they change only while the campaign is a draft
    until        nothing is sent from then on
    cursor       how far the walk through the audience is: [number of the list, last sort key]
    found        how many customers this walk has added so far; a walk that adds none is the last
    day, minute  [local day or minute, messages planned in it]
    counts       customers by arm: "planned", "held_out", "held_out_of_all"
    story        the latest changes of state as [moment, verb, name of the API key]
    waits        [reason, moment] while it waits for sending hours, budget or quota
    due, due_at  its place in the due index, while it is approved or running
    ended        why it is over: "everybody", "until" or "cancelled"
    """

    pk: str
    sk: str
    version: int
    due: str
    due_at: str
    campaign_id: str
    campaign: dict[str, Any]
    state: State
    made_by: str
    made_at: str
    approved_by: str
    approved_at: str
    started_at: str
    ended_at: str
    ended: str
    channels: list[str]
    words: dict[str, StoredWords]
    until: str
    cursor: list[Any]
    found: int
    day: list[Any]
    minute: list[Any]
    counts: dict[str, int]
    story: list[list[str]]
    waits: list[str]


class StoredPreview(TypedDict, total=False):
    """The latest preview of a campaign as it is stored. Moments are stamps.

    as_of      the moment for which customers are judged: when the campaign would begin
    looked_at  when the preview last advanced
    cursor     as in `StoredCampaign`; empty when the preview is complete
    counts     by name or "group:name", for example "reachable", "people:email", "not_reachable:no_consent"
    """

    pk: str
    sk: str
    version: int
    as_of: str
    looked_at: str
    cursor: list[Any]
    complete: bool
    counts: dict[str, int]


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
    """The customer has at least one tag of `any`, unless it is empty, and no tag of `none`."""

    any: Several = ()
    none: Several = ()


class Audience(StrictModel):
    """Who a campaign is for. Every condition given has to hold; a list holds when one of its entries does.

    `stores`: where the customer bought, or their home store. `categories`: bought and not returned. Amounts are VND.
    `last_purchase_days`: local days since the last kept order, without those of Tết. `segments`: one of the lifecycle
    labels given and one of the value labels given.
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
        """The labels whose member lists contain every fitting customer exactly once.

        Each customer has one lifecycle label and one value label.
        """
        lifecycles = tuple(label for label in LIFECYCLE if label in self.segments)
        return lifecycles or tuple(label for label in VALUE if label in self.segments) or LIFECYCLE


Value = StrictInt | Annotated[StrictStr, Field(max_length=1000)]
Variables = Annotated[dict[Words, Value], Field(max_length=20)]


class Content(StrictModel):
    """The message: a template with the same variables for every customer, on the channels given, by default on those
    that the playbook prefers for the customer."""

    template: Words
    variables: Variables = Field(default_factory=dict)
    channels: tuple[ChannelName, ...] = ()


class Schedule(StrictModel):
    """When to send: from `send_at` (default: approval) until `until`, at most `per_minute` and `per_day` messages."""

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
    """One campaign as it was created; it never changes.

    `most_valuable_first` walks the churn-risk ranking instead of the segment lists: a shop works off the backlog of its
    imported history with it, deliberately and with a daily cap (R1).
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
    """What an audience may ask about a customer.

    `points` and `days_silent` are None where unknown; `categories` is None until it is looked up.
    """

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
    """The names of the conditions that do not hold; empty for a customer who fits. Unknown `categories` hold."""
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
    """Whether every condition of an audience holds for a customer."""
    return not misfits(facts, audience)


def _outside(value: int | None, wanted: Range | None) -> bool:
    """Whether a value lies outside a range; an unknown value does."""
    return wanted is not None and (value is None or value not in wanted)


def moved(state: State, verb: Verb, *, started: bool) -> State:
    """The state after a verb; repeating the verb changes nothing. Raises Conflict where the state does not allow it."""
    if verb == "resume":
        after: State = "running" if started else "approved"
    else:
        after = {"approve": "approved", "pause": "paused", "cancel": "cancelled"}[verb]  # type: ignore[assignment]
    if state == after:
        return state
    if state not in _FROM[verb]:
        raise Conflict(f"cannot {verb} a campaign that is {state}", final=True)
    return after


def worded(row: StoredCampaign) -> dict[str, Any]:
    """The variables of a campaign's messages: those of its content, and the words that a person approved for it."""
    variables: dict[str, Any] = dict(row["campaign"]["content"].get("variables", {}))
    if words := row.get("words"):
        variables[WORDS] = {channel: approved["wording"] for channel, approved in words.items()}
    return variables


def begins(campaign: Campaign, now: datetime) -> datetime:
    """When an approved campaign starts to send."""
    return max(campaign.schedule.send_at or now, now)
