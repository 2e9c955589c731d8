"""May this message go to this person on this channel now? One pure decision, always with a reason (X7, X8, R10-R17)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Literal, NamedTuple

from shared.domain.common.channels import Purpose, consent_channel
from shared.domain.common.lunar_calendar import rest_until
from shared.domain.messaging import legal_limits
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.vietnam_time import DAY, VIETNAM, local_day

# Where a conversation has to be open (R13).
WINDOWED = frozenset(("zalo", "messenger", "whatsapp"))
# Channels that go to a phone number, which a do-not-call list speaks of.
ON_PHONE = frozenset(("sms_ad", "sms_care", "call", "zns", "whatsapp"))

# What staff called to sell something: it counts as a call, and takes no place of a message (R17).
STAFF_CALL = "staff_call"

Outcome = Literal["send", "defer", "suppress", "expire"]


class Decision(NamedTuple):
    """What to do with a message, and why. `until` is when a deferred one asks again."""

    outcome: Outcome
    reason: str
    until: datetime | None = None
    channel: str = ""


class Contact(NamedTuple):
    """One message a person got: when, what for, on which channel."""

    at: datetime
    purpose: str
    channel: str


@dataclass(frozen=True)
class Person:
    """What the policy knows of the person. `consent` maps "channel:purpose" to what they said; None is unknown.

    `windows` says until when a conversation is open on a channel; `closed` why a channel cannot reach them.
    `waiting_priority` is the priority of the most urgent other marketing message that waits for the same slot.
    """

    customer_id: str
    reachable: frozenset[str]
    consent: dict[str, bool]
    closed: dict[str, str]
    windows: dict[str, datetime]
    contacts: Sequence[Contact]
    province: str = ""
    complaint_open: bool = False
    do_not_call: bool = False
    refused: bool = False
    waiting_priority: int | None = None


@dataclass(frozen=True)
class Situation:
    """What holds for everybody now. `halted` is the red button: "*" or provinces in lower case."""

    now: datetime
    do_not_call_checked: date | None
    halted: frozenset[str] = frozenset()
    budget_left: int | None = None


@dataclass(frozen=True)
class Wish:
    """The message to be sent: its prices by channel, and on which the provider's own template opens a
    conversation."""

    purpose: Purpose
    journey: str
    send_before: datetime | None = None
    prices: Mapping[str, int] = field(default_factory=dict)
    templated: frozenset[str] = frozenset()
    human: bool = False


def decide(wish: Wish, channel: str, person: Person, situation: Situation, rules: SendingRules) -> Decision:
    """The decision for one channel. Checks that end the message come first, then the channel's, then the clock's."""
    now = situation.now
    marketing = wish.purpose == "marketing"
    if wish.send_before and now >= wish.send_before:
        return Decision("expire", "too_late")
    if person.refused:
        return Decision("suppress", "not_a_person")
    if marketing and situation.halted & {"*", person.province.lower()}:
        return Decision("suppress", "halted")
    if marketing and in_holdout(person.customer_id, "*", rules.holdout_percent):
        return Decision("suppress", "holdout")
    if channel not in person.reachable:
        return Decision("suppress", "no_address")
    if channel in person.closed:
        return Decision("suppress", person.closed[channel])
    said = person.consent.get(f"{consent_channel(channel)}:{wish.purpose}")
    if said is False:
        return Decision("suppress", "refused_by_customer")
    if marketing and said is not True:
        return Decision("suppress", "no_consent")
    if marketing and person.do_not_call and channel in ON_PHONE:
        return Decision("suppress", "do_not_call")
    hours = rules.hours(wish.purpose, channel)
    if hours and hours.opens >= hours.closes:
        return Decision("suppress", "no_hours")
    if channel in WINDOWED and channel not in wish.templated and person.windows.get(channel, now) <= now:
        return Decision("suppress", "window_closed")

    waits: list[Decision] = []
    if marketing and person.complaint_open:
        waits.append(Decision("defer", "complaint_open", now + DAY))
    if marketing and channel in ON_PHONE and not _fresh(situation):
        waits.append(Decision("defer", "do_not_call_list_old", now + DAY))
    if marketing and (rest := rest_until(local_day(now), rules.tet_rests)):
        waits.append(Decision("defer", "season", _at(rest, time())))
    if free := _cap_frees(wish, channel, person, rules, now):
        waits.append(free)
    elif marketing and person.waiting_priority is not None and person.waiting_priority < rules.priority(wish.journey):
        waits.append(Decision("defer", "more_important_first", now + timedelta(hours=1)))
    price = wish.prices.get(channel, 0) if wish.purpose != "transactional" else 0
    if situation.budget_left is not None and price and price > situation.budget_left:
        waits.append(Decision("defer", "budget_spent", _at(local_day(now) + timedelta(days=1), time())))
    if waits:
        latest = max(waits, key=lambda wait: wait.until or now)
        until = next_open(latest.until or now, hours)
    else:
        until = next_open(now, hours)
        if until == now:
            return Decision("send", "ok")
        latest = Decision("defer", "quiet_hours", until)
    if wish.send_before and until >= wish.send_before:
        return Decision("expire", f"too_late_after_{latest.reason}")
    return latest._replace(until=until)


def choose(wish: Wish, channels: Sequence[str], person: Person, situation: Situation, rules: SendingRules) -> Decision:
    """The first channel that may be used now; else the soonest that may be later; else why none may.

    A reason that speaks of the message and not of the channel ends it whatever channels are left.
    """
    decided = [decide(wish, channel, person, situation, rules)._replace(channel=channel) for channel in channels]
    for decision in decided:
        if decision.outcome == "send":
            return decision
    later = [decision for decision in decided if decision.outcome == "defer" and decision.until]
    if later:
        return min(later, key=lambda decision: decision.until or situation.now)
    expired = [decision for decision in decided if decision.outcome == "expire"]
    if expired:
        return expired[0]
    # That one of several channels has no address says least about why nothing is sent.
    telling = [decision for decision in decided if decision.reason != "no_address"] or decided
    return telling[0] if telling else Decision("suppress", "no_channel")


def in_holdout(customer_id: str, journey: str, percent: int) -> bool:
    """Whether a customer belongs to the hold-out of a journey ("*": of all marketing), always the same (R26)."""
    digest = hashlib.sha256(f"holdout {journey} {customer_id}".encode()).digest()
    return int.from_bytes(digest[:4]) % 100 < percent


def next_open(at: datetime, hours: legal_limits.Hours | None) -> datetime:
    """The first moment from `at` that lies inside the hours."""
    if hours is None:
        return at
    local = at.astimezone(VIETNAM)
    if local.timetz().replace(tzinfo=None) < hours.opens:
        return _at(local.date(), hours.opens)
    if local.timetz().replace(tzinfo=None) >= hours.closes:
        return _at(local.date() + timedelta(days=1), hours.opens)
    return at


def hours_of_day(at: datetime, hours: legal_limits.Hours | None) -> tuple[timedelta, timedelta]:
    """How much of today's hours has passed and how much is left; without hours the day is from midnight to midnight."""
    day = local_day(at)
    opens = _at(day, hours.opens if hours else time())
    closes = _at(day, hours.closes) if hours else _at(day + timedelta(days=1), time())
    now = min(max(at, opens), closes)
    return now - opens, closes - now


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, VIETNAM)


def _fresh(situation: Situation) -> bool:
    checked = situation.do_not_call_checked
    return checked is not None and (local_day(situation.now) - checked).days <= legal_limits.DO_NOT_CALL_LIST_DAYS


def _cap_frees(wish: Wish, channel: str, person: Person, rules: SendingRules, now: datetime) -> Decision | None:
    """When the person's caps let another message through: the law's per channel and day, ours per purpose."""
    frees: list[Decision] = []
    if wish.purpose == "marketing":
        sold = ("marketing", STAFF_CALL)
        ads = sorted(c.at for c in person.contacts if c.purpose in sold and c.channel == channel)
        if until := _frees_at(ads, legal_limits.cap_a_day(channel), DAY, now):
            frees.append(Decision("defer", "legal_cap", until))
    caps = rules.caps.get(wish.purpose)
    # What a person of ours writes to a customer is a talk, and no cap ends it.
    if caps and not wish.human:
        same = sorted(c.at for c in person.contacts if c.purpose == wish.purpose)
        if until := _frees_at(same, caps.messages, timedelta(days=caps.days), now):
            frees.append(Decision("defer", "own_cap", until))
    return max(frees, key=lambda free: free.until or now) if frees else None


def _frees_at(sent: list[datetime], most: int, span: timedelta, now: datetime) -> datetime | None:
    """When fewer than `most` of the messages lie within the last `span`; None when that is so now."""
    recent = [at for at in sent if at > now - span]
    return recent[-most] + span if len(recent) >= most else None
