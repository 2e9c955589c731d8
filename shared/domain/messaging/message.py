"""A message is a promise with a reason: one intent, one outcome, and the whole story of how it got there (X1, X7)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypedDict

from shared.domain.common.channels import Purpose
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.vietnam_time import stamp


class Message(TypedDict, total=False):
    """The stored message, from its intent to its outcome. Times are UTC stamps, amounts VND, `…_on` local days."""

    pk: str
    sk: str
    version: int
    message_id: str
    customer_id: str
    journey: str
    run: str
    step: str
    purpose: Purpose
    template: str
    variables: dict[str, Any]
    created_at: str
    # How it may go: the channels in order (none: the policy's), bounds in time, what it is worth, who typed it.
    channels: list[str]
    send_after: str
    send_before: str
    margin: int
    until_opened: bool
    human: bool
    # The number and the address of the order it speaks of, as names of identities; the write key that reported it.
    placed_with: list[str]
    sender_key: str
    # {"comment_id", "until"}, as of `Comment`.
    comment: dict[str, str]
    # Status, reason and channel as last logged, `at` of that line; `log` has lines of [at, status, reason, channel].
    status: str
    reason: str
    channel: str
    at: str
    log: list[list[str]]
    trouble: str
    # While it waits or goes out.
    due: str
    due_at: str
    not_before: str
    claimed_until: str
    tries: int
    tried: list[str]
    troubled_since: str
    repeated: bool
    withdrawn: str
    gathering_since: str
    price: int
    paid_on: str
    cost: int
    # After the provider took it.
    provider_id: str
    links: list[str]
    open_by: str
    clicks: dict[str, Any]
    call: str
    reached: list[str]
    answer: dict[str, Any]
    score: int
    batch: str
    ttl: int


# How far a message has come; a callback can only move it forward.
PROGRESS = ("sent", "delivered", "opened", "clicked", "replied")
WAITING = frozenset(("planned", "deferred"))
FINAL = frozenset(("suppressed", "expired", "failed", "unknown"))

ID_TAIL = 20
# One hexadecimal digit of the id tells the purpose, so that a sweep knows the queue without reading the message.
PURPOSE_CODES: dict[str, Purpose] = {"a": "transactional", "b": "service", "c": "marketing"}
LOG_KEPT = 20


class Comment(NamedTuple):
    """A comment on the page: its id at the provider, and the stamp until which it takes a private answer."""

    comment_id: str
    until: str


@dataclass(frozen=True)
class Intent:
    """What a journey, a campaign or an order wants to say. `run` and `step` make it the same intent on every try.

    `margin` is what an advertisement is expected to bring, in VND: where a quota is short, the best go first. What
    nobody opens goes on to the next channel, unless `until_opened` says that one is enough. `human`: a person of ours
    typed it, and chats take that for longer. `comment` is the comment on the page that it answers in private. A message
    about an order goes to what that was `placed_with`, and counts against the write key that reported it.
    """

    customer_id: str
    journey: str
    run: str
    step: str
    purpose: Purpose
    template: str
    variables: dict[str, Any] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    send_after: datetime | None = None
    send_before: datetime | None = None
    margin: int = 0
    until_opened: bool = True
    human: bool = False
    comment: Comment | None = None
    placed_with: tuple[str, ...] = ()
    sender_key: str = ""

    @property
    def message_id(self) -> str:
        """44 lower-case letters and digits: the customer, a digit for the purpose, a digest of journey, run and step.

        It is the tracking id at every provider, so that a callback finds its message without an index.
        """
        digest = hashlib.sha256(f"{self.journey}\n{self.run}\n{self.step}".encode()).hexdigest()
        digit = next(digit for digit, purpose in PURPOSE_CODES.items() if purpose == self.purpose)
        return self.customer_id + digit + digest[: ID_TAIL - 1]


def planned(intent: Intent, at: datetime) -> Message:
    """The message as it is first written down."""
    message: Message = {
        "message_id": intent.message_id,
        "customer_id": intent.customer_id,
        "journey": intent.journey,
        "run": intent.run,
        "step": intent.step,
        "purpose": intent.purpose,
        "template": intent.template,
        "variables": intent.variables,
        "channels": list(intent.channels),
        "created_at": stamp(at),
        "cost": 0,
        "tries": 0,
    }
    if intent.send_after and intent.send_after > at:
        message["send_after"] = stamp(intent.send_after)
    if intent.send_before:
        message["send_before"] = stamp(intent.send_before)
    if intent.margin:
        message["margin"] = intent.margin
    if not intent.until_opened:
        message["until_opened"] = False
    if intent.human:
        message["human"] = True
    if intent.placed_with:
        message["placed_with"] = list(intent.placed_with)
    if intent.sender_key:
        message["sender_key"] = intent.sender_key
    if intent.comment:
        message["comment"] = intent.comment._asdict()
    return with_log_entry(message, "planned", "waiting", at)


def with_log_entry(message: Message, status: str, reason: str, at: datetime, channel: str = "") -> Message:
    """The message with one more line of its story. The same line twice in a row is told once."""
    line = [stamp(at), status, reason, channel]
    log = message.get("log", [])
    if not log or log[-1][1:] != line[1:]:
        # The beginning says why it was meant to be, the end why it is as it is.
        log = [*log, line] if len(log) < LOG_KEPT else [log[0], *log[-(LOG_KEPT - 2) :], line]
    logged: Message = {**message, "status": status, "reason": reason, "at": stamp(at), "log": log}
    if channel:
        logged["channel"] = channel
    return logged


def channels_for(purpose: Purpose, age: int | None, value: str, rules: SendingRules) -> tuple[str, ...]:
    """Which channels to try, in order, for a person of this age and value (U9); unknown age fits no age line."""
    for order in rules.orders:
        if order.purpose != purpose or (order.value and order.value != value):
            continue
        if order.older_than is not None and (age is None or age <= order.older_than):
            continue
        if order.younger_than is not None and (age is None or age >= order.younger_than):
            continue
        return order.channels
    return ()


def purpose_of(message_id: str) -> Purpose:
    """The purpose of a message, from its id alone; KeyError for what is no message id."""
    return PURPOSE_CODES[message_id[-ID_TAIL]]
