"""Operations on the laptop's data or on a deployed stage: API keys, and messages that could not be processed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from infra.catalogue import QUEUES
from infra.local.house import DLQ
from infra.local.trouble import Trouble
from infra.local.up import opened
from shared.domain.errors import Conflict
from shared.ports import Queue, Table
from shared.runtime import wiring
from shared.use_cases import keys

# Looking at an SQS queue means receiving from it; whoever comes next sees the messages again after this time.
LOOK_SECONDS = 10
SHOWN = 100


class Received(Protocol):
    """A received message."""

    @property
    def body(self) -> str: ...
    @property
    def receipt(self) -> str: ...


class DeadLetters(Protocol):
    """The consumer's side of a queue."""

    def peek(self, limit: int) -> Sequence[Received]: ...
    def receive(self, max_messages: int = 10) -> Sequence[Received]: ...
    def delete(self, receipts: Iterable[str]) -> None: ...


class Place(NamedTuple):
    """Where to operate: the table, and per queue its dead letters and itself."""

    table: Table
    now: datetime
    queues: Mapping[str, tuple[DeadLetters, Queue]]


@contextmanager
def place(data: Path | None, stage: str | None) -> Iterator[Place]:
    """The laptop's data folder or a deployed stage, whichever is named; Trouble for none, both, or no way in."""
    if (data is None) == (stage is None):
        raise Trouble("say where: either --data FOLDER or --stage NAME")
    if data is not None:
        if not data.is_dir():
            raise Trouble(f"there is no folder {data}")
        with opened(data) as house:
            queues = {row.name: (house.queues[row.name + DLQ], house.queues[row.name]) for row in QUEUES}
            yield Place(house.table, house.now, queues)
        return
    from infra.aws.stages import REGION, UnknownStageError, stage_named

    try:
        named = stage_named(stage).named
        os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
        from botocore.exceptions import BotoCoreError, ClientError

        from shared.adapters import aws_clients
        from shared.adapters.dynamo_table import DynamoTable
        from shared.adapters.sqs_queue import SqsQueue
    except UnknownStageError as error:
        raise Trouble(str(error)) from error
    except ImportError as error:
        raise Trouble(f"the aws extra is not installed: {error}") from error
    try:

        def url(queue: str) -> str:
            return str(aws_clients.call("sqs", "get_queue_url", QueueName=named(queue))["QueueUrl"])

        deployed = {row.name: (SqsConsumer(url(row.name + DLQ)), SqsQueue(url(row.name))) for row in QUEUES}
        yield Place(DynamoTable(named("table")), wiring.now(), deployed)
    except (BotoCoreError, ClientError) as error:
        raise Trouble(f"AWS says: {error}") from error


def issue_key(where: Place, kind: str, roles: list[str], stores: list[str], name: str) -> str:
    """A new key in clear, seen this once; Trouble for roles and stores that do not go together."""
    try:
        return keys.issue_key(
            where.table, kind=kind, roles=roles, stores=stores, name=name, now=where.now, new_id=wiring.new_id
        )
    except ValueError as error:
        raise Trouble(str(error)) from error


def revoke_key(where: Place, key: str) -> None:
    """Take a key out of use, within a minute everywhere; Trouble for a key nobody issued."""
    try:
        keys.revoke_key(where.table, key, where.now)
    except Conflict as error:
        raise Trouble("nobody issued that key here") from error


def listed(where: Place) -> dict[str, list[Any]]:
    """The first dead letters of each queue; those a worker set aside are JSON with their reason."""
    return {name: [_read(letter.body) for letter in letters.peek(SHOWN)] for name, (letters, _) in where.queues.items()}


def redrive(where: Place) -> dict[str, int]:
    """Send dead letters back to their queues, without the reason they were set aside for; how many there were."""
    moved = {}
    for name, (letters, queue) in where.queues.items():
        moved[name] = 0
        while messages := letters.receive():
            queue.send([as_it_came(message.body) for message in messages])
            letters.delete([message.receipt for message in messages])
            moved[name] += len(messages)
    return moved


def as_it_came(body: str) -> str:
    """What a worker set aside stands beside its reason; what the queue itself gave up on is as it was."""
    letter = _read(body)
    if not isinstance(letter, dict) or "reason" not in letter:
        return body
    return str(letter["body"]) if "body" in letter else json.dumps({"events": [letter["event"]]}, ensure_ascii=False)


def _read(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


class SqsLetter(NamedTuple):
    """A message received from SQS."""

    body: str
    receipt: str


class SqsConsumer:
    """The consumer's side of a queue on SQS, which no door needs: Lambda receives for them."""

    def __init__(self, url: str) -> None:
        self._url = url

    def peek(self, limit: int) -> list[SqsLetter]:
        """The first messages; hidden from everybody else for a moment, because SQS cannot show without that."""
        found: list[SqsLetter] = []
        while len(found) < limit and (letters := self._receive(VisibilityTimeout=LOOK_SECONDS)):
            found += letters
        return found[:limit]

    def receive(self, max_messages: int = 10) -> list[SqsLetter]:
        return self._receive(MaxNumberOfMessages=max_messages)

    def delete(self, receipts: Iterable[str]) -> None:
        for receipt in receipts:
            self._call("delete_message", ReceiptHandle=receipt)

    def _receive(self, **options: Any) -> list[SqsLetter]:
        # A short wait asks all of SQS's servers; without it an answer may be empty though there are messages.
        answer = self._call("receive_message", **({"MaxNumberOfMessages": 10, "WaitTimeSeconds": 1} | options))
        return [SqsLetter(m["Body"], m["ReceiptHandle"]) for m in answer.get("Messages", ())]

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        from shared.adapters.aws_clients import call

        return call("sqs", operation, QueueUrl=self._url, **parameters)
