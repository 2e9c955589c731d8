"""What the demo's messages and journeys came to, from the product's own figures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from infra.local.demo.api_client import Doors
from infra.local.demo.texts import Words
from infra.local.stack.local_stack import LocalStack
from shared.domain.messaging.message import PROGRESS, WAITING, Message
from shared.repositories import table_keys


@dataclass(frozen=True)
class Tally:
    """So many messages ended this way on this channel, and what they cost in VND."""

    channel: str
    status: str
    reason: str
    messages: int
    cost: int


@dataclass(frozen=True)
class Turn:
    """So many messages left or had to wait for a channel for this reason."""

    channel: str
    reason: str
    messages: int


@dataclass(frozen=True)
class Arm:
    """People of a journey who are treated alike: how many entered, and why it was over for how many."""

    entered: int
    ended: Mapping[str, int]

    @property
    def converted(self) -> int:
        return self.ended.get("goal", 0)


@dataclass(frozen=True)
class JourneyRow:
    """What came of one journey; `aimed` says whether it has a goal. `inside` are in it still, the hold-out among them.
    `sent` and `unsent` are its messages, `cost` what they cost in VND."""

    journey: str
    title: Words
    aimed: bool
    live: Arm
    holdout: Arm
    inside: int
    sent: int
    unsent: int
    cost: int


def journey_rows(doors: Doors, sent: Sequence[Message]) -> list[JourneyRow]:
    """Journeys somebody entered, the fullest first."""
    went: Counter[str] = Counter(message["journey"] for message in sent if message["status"] in PROGRESS)
    every: Counter[str] = Counter(message["journey"] for message in sent)
    cost: Counter[str] = Counter()
    for message in sent:
        cost[message["journey"]] += message["cost"]
    rows = [
        JourneyRow(
            journey=(name := told["id"]),
            title=Words(**told["title"]),
            aimed="goal" in doors.get(f"/v1/journeys/{name}")["definition"],
            live=Arm(told["entered"], told["results"]),
            holdout=Arm(told["holdout"]["entered"], told["holdout"]["results"]),
            inside=told["people"],
            sent=went[name],
            unsent=every[name] - went[name],
            cost=cost[name],
        )
        for told in doors.get("/v1/journeys")["items"]
        if told["entered"] or told["holdout"]["entered"]
    ]
    return sorted(rows, key=lambda row: (-row.live.entered, row.journey))


def messages(stack: LocalStack) -> list[Message]:
    """Every message there is, sent or not; read from this laptop's database end to end, which no door does."""
    rows = stack.store.db.execute("SELECT body FROM items WHERE sk BETWEEN ? AND ?", table_keys.MESSAGES)
    return sorted((json.loads(body) for (body,) in rows), key=lambda item: (item["created_at"], item["message_id"]))


def tallies(sent: Iterable[Message]) -> list[Tally]:
    """Outcomes by channel, the channel with the most messages first; all of them add up to all messages."""
    count: Counter[tuple[str, str, str]] = Counter()
    cost: Counter[tuple[str, str, str]] = Counter()
    by_channel: Counter[str] = Counter()
    for message in sent:
        outcome = (message.get("channel", ""), message["status"], message["reason"])
        count[outcome] += 1
        cost[outcome] += message["cost"]
        by_channel[outcome[0]] += 1
    ordered = sorted(count, key=lambda outcome: (-by_channel[outcome[0]], outcome[0], -count[outcome], outcome))
    return [Tally(*outcome, count[outcome], cost[outcome]) for outcome in ordered]


def turns(sent: Iterable[Message]) -> list[Turn]:
    """Why messages left a channel for the next or had to wait, the most frequent first."""
    found = Counter(
        (channel, reason)
        for message in sent
        for _, status, reason, channel in message["log"]
        if channel and status in WAITING
    )
    return [Turn(*turn, found[turn]) for turn in sorted(found, key=lambda turn: (-found[turn], turn))]
