"""A notification to staff: a ticket was assigned, a deadline is near or missed, a mention, or the store's digest.

It is sent at most once per channel: on the first that accepts it, and on the next where one refuses or the outcome is
unknown. It ends as sent, or as given up with a reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self, TypedDict, get_args

from pydantic import Field, model_validator

from shared.domain.common.localized_text import Text
from shared.domain.common.stored_item import without
from shared.domain.common.strict_model import StrictModel
from shared.domain.triage.triage import INTENTS, SEVERITIES
from shared.domain.vietnam_time import stamp

Kind = Literal["ticket_assigned", "deadline_warning", "deadline_missed", "mention", "store_digest"]
NoteChannel = Literal["zalo", "email"]

KINDS: tuple[Kind, ...] = get_args(Kind)
# The fields of each kind; a text may leave some out.
_OF_A_TICKET = frozenset(("ticket", "priority", "intent", "severity", "value", "channel", "customer", "store"))
WORDS: Mapping[Kind, frozenset[str]] = {
    "ticket_assigned": _OF_A_TICKET | {"due_at"},
    "deadline_warning": _OF_A_TICKET | {"deadline", "due_at", "assignee"},
    "deadline_missed": _OF_A_TICKET | {"deadline", "due_at", "assignee"},
    "mention": frozenset(("ticket", "by", "text", "customer")),
    "store_digest": frozenset(("store", "day", "calls", "birthdays", "complaints", "pickups")),
}
# Subjects show on lock screens and in logs of mail servers: no personal data of customers.
SUBJECT_WORDS = frozenset(("ticket", "priority", "intent", "severity", "deadline", "due_at", "by", "store", "day"))
ENDED = ("sent", "given_up")
# How long an ended notification is kept, so that the same one is not sent again.
KEPT = timedelta(days=30)


NEEDED: Mapping[str, tuple[str, ...]] = {
    "notes": KINDS,
    "intents": INTENTS,
    "severities": SEVERITIES,
    "deadlines": ("first_response", "resolve", "ask"),
}


class Notification(TypedDict, total=False):
    """A notification as it is stored.

    status   waiting, sending (claimed until `claimed_until` by a worker on `channel`), sent, or given_up with a reason
    tried    the channels that are done with, each with why: [[channel, reason]]; `tries`: those of the current one
    rests    channels in trouble, each with the moment from which it is tried again; `trouble` is the last one
    words    what its text is filled with; it may be about a customer, so it is deleted when the notification ends
    """

    pk: str
    sk: str
    version: int
    due: str
    due_at: str
    ttl: int
    note_id: str
    person: str
    kind: Kind
    words: dict[str, Any]
    at: str
    status: Literal["waiting", "sending", "sent", "given_up"]
    tried: list[list[str]]
    tries: int
    rests: dict[str, str]
    trouble: str
    channel: str
    claimed_until: str
    reason: str
    ended_at: str


class Wording(StrictModel):
    """Subject and text of one kind, and its channels in order."""

    channels: Annotated[tuple[NoteChannel, ...], Field(min_length=1)]
    subject: Text
    text: Text


class NoteWords(StrictModel):
    """Everything in `staff_notes.yaml`: the texts by kind, and words for the codes of tickets."""

    notes: dict[Kind, Wording]
    intents: dict[str, Text]
    severities: dict[str, Text]
    deadlines: dict[str, Text]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for field, needed in NEEDED.items():
            if missing := [name for name in needed if name not in getattr(self, field)]:
                raise ValueError(f"{field}: {missing[0]} is missing")
        return self


def notification_id(person_id: str, kind: str, key: str) -> str:
    """44 hexadecimal digits: the same subject notified twice to a person is one notification."""
    return hashlib.sha256(f"{person_id}\n{kind}\n{key}".encode()).hexdigest()[:44]


def new_notification(person_id: str, kind: Kind, words: Mapping[str, Any], key: str, at: datetime) -> Notification:
    """A new notification, due at once. `words` are the fields of its kind, without floats; raises ValueError for
    others."""
    if strange := sorted(words.keys() - WORDS[kind]):
        raise ValueError(f"a notification of {kind} has no field {strange[0]}")
    return {
        "note_id": notification_id(person_id, kind, key),
        "person": person_id,
        "kind": kind,
        "words": dict(words),
        "at": stamp(at),
        "tried": [],
        "rests": {},
        "tries": 0,
        "status": "waiting",
    }


def channels_left(notification: Notification, wanted: tuple[str, ...], addresses: Mapping[str, str]) -> list[str]:
    """The channels still to try, in order, of those that reach the person."""
    done = {channel for channel, _ in notification["tried"]}
    return [name for name in wanted if addresses.get(name) and name not in done]


def released(notification: Notification) -> Notification:
    """A notification that surely was not sent, ready for the next attempt."""
    return {**without(notification, "channel", "claimed_until"), "status": "waiting"}


def channel_done(notification: Notification, channel: str, reason: str) -> Notification:
    """A notification that a channel refused, or that it may have delivered without an answer."""
    return {**released(notification), "tried": [*notification["tried"], [channel, reason]], "tries": 0}
