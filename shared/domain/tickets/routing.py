"""Ticket routing: a table over value, severity, intent and channel; then the assignee by skill, shift and load.

Enforced in code, whatever the table says: the bot never gets a severe ticket or an intent outside its list, and a
critical ticket of a VIP goes to a senior manager at once (T2, T3).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from difflib import get_close_matches
from fractions import Fraction
from typing import Annotated, Any, Literal, NamedTuple, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, PositiveInt, model_validator

from shared.domain.common.strict_model import StrictModel
from shared.domain.segments.segmentation import VALUE
from shared.domain.staff.business_hours import ALWAYS, Clock, Hours
from shared.domain.staff.directory import Directory, Person, tie_breaker
from shared.domain.staff.roles import Role
from shared.domain.triage.triage import INTENTS, SEVERITIES

Queue = Literal["bot", "care", "sales", "senior_manager"]
Priority = Literal["P1", "P2", "P3", "P4"]
QUEUES: tuple[Queue, ...] = get_args(Queue)
PRIORITIES: tuple[Priority, ...] = get_args(Priority)
CHANNELS = ("zalo", "messenger", "whatsapp", "web", "app", "email", "comment", "sms", "hotline", "form", "store", "api")

# Never for the bot: the customer is hurt, angry or out of pocket, or asks for a person.
NO_BOT_SEVERITIES = frozenset(("critical", "high"))
NO_BOT_INTENTS = frozenset(("defective_product", "payment_problem", "staff_complaint", "human_request"))
BOT_INTENTS = tuple(intent for intent in INTENTS if intent not in NO_BOT_INTENTS)
# The roles that work on a queue. Senior managers need the flag `senior` too.
QUEUE_ROLES: Mapping[str, tuple[Role, ...]] = {
    "bot": (),
    "care": ("care",),
    "sales": ("sales", "store_staff"),
    "senior_manager": ("manager",),
}
CRITICAL_VIP = "critical_vip"


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _among(known: tuple[str, ...]) -> AfterValidator:
    def check(name: str) -> str:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise ValueError(f"there is no {name}; " + (f"did you mean {near[0]}?" if near else ", ".join(known)))
        return name

    return AfterValidator(check)


_ONE_OR_MORE = BeforeValidator(_listed), Field(min_length=1)
Values = Annotated[tuple[Annotated[str, _among(VALUE)], ...], *_ONE_OR_MORE]
Severities = Annotated[tuple[Annotated[str, _among(SEVERITIES)], ...], *_ONE_OR_MORE]
Intents = Annotated[tuple[Annotated[str, _among(INTENTS)], ...], *_ONE_OR_MORE]
Channels = Annotated[tuple[Annotated[str, _among(CHANNELS)], ...], *_ONE_OR_MORE]


class RoutingLine(StrictModel):
    """One line of the table: an omitted column fits everything, a list fits each of its names. `rule` names the line in
    a ticket's reasons."""

    rule: str = Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")
    value: Values = VALUE
    severity: Severities = SEVERITIES
    intent: Intents = INTENTS
    channel: Channels = CHANNELS
    queue: Queue
    priority: Priority

    def fits(self, value: str, severity: str, intent: str, channel: str) -> bool:
        values = ((value, self.value), (severity, self.severity), (intent, self.intent), (channel, self.channel))
        return all(one in names for one, names in values)


class Missed(StrictModel):
    """The escalation of a missed deadline: who is notified, and the queue the ticket moves to."""

    tell: tuple[str, ...] = ()
    move_to: Literal["care", "sales", "senior_manager"] | None = None


class Target(StrictModel):
    """The SLA target of a priority, in minutes of its clock.

    `vip_first_response_minutes` is for a VIP where that is faster. The warning comes `warn_minutes` before a deadline,
    or halfway where the deadline is nearer than twice that. Recipients: ids of people, or `assignee`, `store_manager`,
    `care_lead`, `senior_manager`.
    """

    first_response_minutes: PositiveInt
    vip_first_response_minutes: PositiveInt | None = None
    resolve_minutes: PositiveInt
    clock: Clock
    warn_minutes: PositiveInt
    warn: tuple[str, ...] = ("assignee",)
    missed: Missed


class Routing(StrictModel):
    """Everything in `routing.yaml`. The first line of the table that fits counts; the last one fits everything."""

    bot_intents: tuple[Annotated[str, _among(BOT_INTENTS)], ...] = ()
    targets: dict[Priority, Target]
    table: tuple[RoutingLine, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if missing := [priority for priority in PRIORITIES if priority not in self.targets]:
            raise ValueError(f"targets: {missing[0]} is missing")
        last = self.table[-1]
        conditions = (last.value, last.severity, last.intent, last.channel)
        if last.queue == "bot" or conditions != (VALUE, SEVERITIES, INTENTS, CHANNELS):
            raise ValueError("table: has to end with a line without conditions that does not go to the bot")
        return self


class Route(NamedTuple):
    """Queue and priority of a ticket, and the line of the table that gave them."""

    queue: str
    priority: str
    rule: str


class Deadline(NamedTuple):
    """The moments of one deadline: when to warn, and when it is missed."""

    warn_at: datetime
    due_at: datetime


RECIPIENT_ROLES = ("assignee", "store_manager", "care_lead", "senior_manager")


def bot_may(routing: Routing, *, value: str, severity: str, intent: str, bot_able: bool) -> bool:
    """Whether the bot may be asked at all. The playbook can only make this stricter."""
    if not bot_able or severity in NO_BOT_SEVERITIES or (value == "vip" and severity == "critical"):
        return False
    return intent in routing.bot_intents and intent in BOT_INTENTS


def route(routing: Routing, *, value: str, severity: str, intent: str, channel: str, bot_able: bool) -> Route:
    """The route of a ticket by the table. `bot_able`: triage is confident, and nothing else excludes the bot."""
    bot = bot_may(routing, value=value, severity=severity, intent=intent, bot_able=bot_able)
    fitting = (line for line in routing.table if line.fits(value, severity, intent, channel))
    # The last line fits names unknown here yet, such as a new channel.
    found = next((line for line in fitting if bot or line.queue != "bot"), routing.table[-1])
    if value == "vip" and severity == "critical":
        rule = found.rule if found.queue == "senior_manager" else CRITICAL_VIP
        return Route("senior_manager", "P1", rule)
    return Route(found.queue, found.priority, found.rule)


# ---- deadlines ----


def clock(target: Target, hours: Hours) -> Hours:
    """The clock of a target: round the clock, or the shop's open hours."""
    return ALWAYS if target.clock == "always" else hours


def first_response(target: Target, hours: Hours, at: datetime, *, value: str = "") -> Deadline:
    """The first-response deadline of a message sent at `at`."""
    minutes = target.first_response_minutes
    if value == "vip" and target.vip_first_response_minutes:
        minutes = min(minutes, target.vip_first_response_minutes)
    return _deadlines(target, hours, at, minutes)


def resolve(target: Target, hours: Hours, at: datetime) -> Deadline:
    """The resolution deadline of a ticket opened at `at`."""
    return _deadlines(target, hours, at, target.resolve_minutes)


def _deadlines(target: Target, hours: Hours, at: datetime, minutes: int) -> Deadline:
    running = clock(target, hours)
    return Deadline(running.add(at, max(minutes - target.warn_minutes, minutes // 2)), running.add(at, minutes))


# ---- assignee ----


def pick_assignee(
    directory: Directory,
    queue: str,
    *,
    intent: str,
    store: str,
    at: datetime,
    loads: Mapping[str, int],
    away: Collection[str],
    seed: str,
) -> str:
    """The assignee of a ticket, or "" while nobody of its queue is available.

    Candidates have the skill, are on duty and below capacity; people of the ticket's store come before people of all
    stores, then the least loaded in relation to capacity. A senior manager is always found: on duty with capacity, else
    on duty, else present, else any.
    """
    if queue == "senior_manager":
        return _least_loaded(_seniors_by_availability(directory, at, loads, away), store, loads, seed)
    able = [
        person
        for person in directory.with_role(*QUEUE_ROLES.get(queue, ()))
        if person.can(intent) and directory.on_duty(person.id, at, away) and _has_capacity(person, loads)
    ]
    return _least_loaded(able, store, loads, seed) if able else ""


def _seniors_by_availability(
    directory: Directory, at: datetime, loads: Mapping[str, int], away: Collection[str]
) -> tuple[Person, ...] | list[Person]:
    seniors = directory.seniors
    working = [person for person in seniors if directory.on_duty(person.id, at, away)]
    free = [person for person in working if _has_capacity(person, loads)]
    return free or working or [person for person in seniors if person.id not in away] or seniors


def _has_capacity(person: Person, loads: Mapping[str, int]) -> bool:
    return loads.get(person.id, 0) < person.capacity


def _least_loaded(people: Collection[Person], store: str, loads: Mapping[str, int], seed: str) -> str:
    def rank(person: Person) -> tuple[int, Fraction, str]:
        nearness = 1 if not person.stores else 0 if store in person.stores else 2
        return nearness, Fraction(loads.get(person.id, 0), person.capacity), tie_breaker(seed, person.id)

    return min(people, key=rank).id


def recipients(directory: Directory, names: Collection[str], *, assignee: str, store: str) -> tuple[str, ...]:
    """The people behind the names of a target, each once; unknown names are left out."""
    found: dict[str, None] = {}
    for name in names:
        found |= dict.fromkeys(_resolve_name(directory, name, assignee, store))
    return tuple(found)


def _resolve_name(directory: Directory, name: str, assignee: str, store: str) -> list[str]:
    if name == "assignee":
        return [assignee] if assignee in directory.people else []
    if name == "store_manager":
        return [person.id for person in directory.with_role("store_manager") if store and store in person.stores]
    if name == "care_lead":
        return [person.id for person in directory.with_role("care") if person.senior]
    if name == "senior_manager":
        return [person.id for person in directory.seniors]
    return [name] if name in directory.people else []
