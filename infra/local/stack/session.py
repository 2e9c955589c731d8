"""Open the local stack in a folder, or a stage's table and queues on AWS, for one command."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from infra.catalogue import QUEUES
from infra.local.errors import Trouble
from infra.local.stack.clock import LocalClock
from infra.local.stack.local_stack import DLQ, LocalStack
from shared.ports import Queue, Table
from shared.runtime import wiring


@contextmanager
def opened(
    data: Path | None, now: datetime | None = None, *, frozen: bool = False, recomputing: bool = False
) -> Iterator[LocalStack]:
    """A house that is closed again at the end, with its counters up to date; `recomputing` as of `LocalStack`."""
    stack = LocalStack(data, LocalClock(now, frozen=frozen), recomputing=recomputing)
    try:
        yield stack
        stack.read_stream()
    finally:
        stack.close()


# Looking at an SQS queue means receiving from it; the next reader sees the messages again after this time.
LOOK_SECONDS = 10


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
    """Where to operate: the table, per queue its dead letters and itself, and two secrets that few commands read.

    `administrator` follows a permission link by itself, where the provider is this laptop's stand-in.
    """

    table: Table
    now: datetime
    queues: Mapping[str, tuple[DeadLetters, Queue]]
    identity_key: Callable[[], bytes]
    accounts: Callable[[], Mapping[str, Any]]
    administrator: Callable[[str], str] | None = None


@contextmanager
def place(data: Path | None, stage: str | None) -> Iterator[Place]:
    """The laptop's data folder or a deployed stage, whichever is named; Trouble for none, both, or no way in."""
    if (data is None) == (stage is None):
        raise Trouble("say where: either --data FOLDER or --stage NAME")
    if data is not None:
        if not data.is_dir():
            raise Trouble(f"there is no folder {data}")
        with opened(data) as stack:
            queues = {row.name: (stack.queues[row.name + DLQ], stack.queues[row.name]) for row in QUEUES}
            outside = stack.outside
            yield Place(
                stack.table,
                stack.now,
                queues,
                lambda: outside.identity_key,
                lambda: outside.channel_accounts,
                lambda link: stack.providers.stand_ins.zalo.permit(link),
            )
        return
    from infra.aws.stages import REGION, UnknownStageError, stage_named

    try:
        named = stage_named(stage).named
        os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
        from botocore.exceptions import BotoCoreError, ClientError

        from shared.adapters.aws import clients
        from shared.adapters.aws.dynamo_table import DynamoTable
        from shared.adapters.aws.secrets import read_secret
        from shared.adapters.aws.sqs_queue import SqsQueue
    except UnknownStageError as error:
        raise Trouble(str(error)) from error
    except ImportError as error:
        raise Trouble(f"the aws extra is not installed: {error}") from error
    try:

        def url(queue: str) -> str:
            return str(clients.call("sqs", "get_queue_url", QueueName=named(queue))["QueueUrl"])

        deployed = {row.name: (SqsConsumer(url(row.name + DLQ)), SqsQueue(url(row.name))) for row in QUEUES}
        yield Place(
            DynamoTable(named("table")),
            wiring.now(),
            deployed,
            lambda: read_secret(f"kq/{stage}/identity"),
            lambda: json.loads(read_secret(f"kq/{stage}/channels")),
        )
    except (BotoCoreError, ClientError) as error:
        raise Trouble(f"AWS says: {error}") from error


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
        from shared.adapters.aws.clients import call

        return call("sqs", operation, QueueUrl=self._url, **parameters)
