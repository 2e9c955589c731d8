"""The composition root: which adapter implements each port, on AWS or on the laptop."""

from __future__ import annotations

import base64
import json
import os
import secrets
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Protocol

from cachetools import TTLCache

from shared.domain.common.channels import PURPOSES
from shared.ports import Clock, CopyWriter, NewId, ObjectStore, Queue, SecondOpinion, Table
from shared.repositories.cached import ProcessMemory, cached
from shared.runtime import settings

# A rotated secret is in use within this time, with every client that is made from it.
SECRET_SECONDS = 300


class Outside(Protocol):
    """Everything a door may reach."""

    @property
    def table(self) -> Table: ...
    @property
    def events(self) -> Queue: ...
    @property
    def events_dlq(self) -> Queue: ...
    @property
    def tickets(self) -> Queue: ...
    @property
    def tickets_dlq(self) -> Queue: ...
    @property
    def messages(self) -> Mapping[str, Queue]:
        """The queues of messages to customers, by purpose."""
        ...

    @property
    def messages_dlq(self) -> Queue: ...
    @property
    def identity_key(self) -> bytes:
        """The secret of every HMAC over a phone number, a link or a user id."""
        ...

    @property
    def channel_accounts(self) -> Mapping[str, Any]:
        """The providers' accounts by channel, see `factories/channels.py`."""
        ...

    @property
    def public_url(self) -> str:
        """Where links in messages lead, without a slash at its end."""
        ...

    @property
    def lake(self) -> ObjectStore: ...
    @property
    def second_opinion(self) -> SecondOpinion | None: ...
    @property
    def content_help(self) -> CopyWriter | None: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def new_id(self) -> NewId: ...
    @property
    def shadow_first(self) -> bool:
        """A journey decides and sends nothing until staff set its mode (R27); not so on the laptop."""
        ...

    @property
    def memory(self) -> ProcessMemory: ...


@dataclass
class LocalOutside:
    """An outside of parts that are given, as on the laptop; with `replace` it gets a memory of its own."""

    table: Table
    events: Queue
    events_dlq: Queue
    messages_dlq: Queue
    identity_key: bytes
    clock: Clock
    new_id: NewId
    tickets: Queue
    tickets_dlq: Queue
    lake: ObjectStore
    messages: Mapping[str, Queue] = field(default_factory=dict)
    channel_accounts: Mapping[str, Any] = field(default_factory=dict)
    public_url: str = ""
    second_opinion: SecondOpinion | None = None
    content_help: CopyWriter | None = None
    shadow_first: bool = False
    memory: ProcessMemory = field(init=False)

    def __post_init__(self) -> None:
        self.memory = ProcessMemory(self.clock)


def new_id() -> str:
    """120 random bits as 24 lower-case letters and digits."""
    return base64.b32encode(secrets.token_bytes(15)).decode().lower()


def now() -> datetime:
    return datetime.now(UTC)


class AwsOutside:
    """An outside built from the environment, each part on first use, so that a door pays only for what it needs."""

    def __init__(self) -> None:
        self.clock: Clock = now
        self.new_id: NewId = new_id
        self.shadow_first = True
        self.memory = ProcessMemory(lambda: self.clock())
        self._secrets: TTLCache[str, bytes] = TTLCache(8, SECRET_SECONDS, timer=lambda: self.clock().timestamp())

    def _secret(self, arn: str) -> bytes:
        from shared.adapters.aws.secrets import read_secret

        return cached(self._secrets, arn, lambda: read_secret(arn))

    @property
    def table(self) -> Table:
        return _dynamo_table(settings.read("KQ_TABLE"))

    @property
    def events(self) -> Queue:
        return _sqs_queue(settings.read("KQ_EVENTS_QUEUE_URL"))

    @property
    def events_dlq(self) -> Queue:
        return _sqs_queue(settings.read("KQ_EVENTS_DLQ_URL"))

    @property
    def tickets(self) -> Queue:
        return _sqs_queue(settings.read("KQ_TICKETS_QUEUE_URL"))

    @property
    def tickets_dlq(self) -> Queue:
        return _sqs_queue(settings.read("KQ_TICKETS_DLQ_URL"))

    @property
    def identity_key(self) -> bytes:
        return self._secret(settings.read("KQ_IDENTITY_SECRET_ARN"))

    @property
    def messages(self) -> Mapping[str, Queue]:
        return {purpose: _sqs_queue(settings.read(f"KQ_MESSAGES_{purpose.upper()}_QUEUE_URL")) for purpose in PURPOSES}

    @property
    def messages_dlq(self) -> Queue:
        return _sqs_queue(settings.read("KQ_MESSAGES_TRANSACTIONAL_DLQ_URL"))

    @property
    def channel_accounts(self) -> Mapping[str, Any]:
        accounts: dict[str, Any] = json.loads(self._secret(settings.read("KQ_CHANNELS_SECRET_ARN")))
        return accounts

    @property
    def public_url(self) -> str:
        return settings.read("KQ_PUBLIC_URL")

    @property
    def lake(self) -> ObjectStore:
        return _s3_store(settings.read("KQ_LAKE_BUCKET"))

    @property
    def second_opinion(self) -> SecondOpinion | None:
        # Most doors do not declare this setting, for they read no messages.
        model = os.environ.get("KQ_BEDROCK_MODEL", settings.OFF)
        return None if model == settings.OFF else _bedrock_reader(model)

    @property
    def content_help(self) -> CopyWriter | None:
        model = os.environ.get("KQ_CONTENT_MODEL", settings.OFF)
        return None if model == settings.OFF else _bedrock_copywriter(model)


@cache
def _dynamo_table(name: str) -> Table:
    from shared.adapters.aws.dynamo_table import DynamoTable

    return DynamoTable(name, time_left=time_left)


@cache
def _sqs_queue(url: str) -> Queue:
    from shared.adapters.aws.sqs_queue import SqsQueue

    return SqsQueue(url)


@cache
def _s3_store(bucket: str) -> ObjectStore:
    from shared.adapters.aws.s3_store import S3Store

    return S3Store(bucket)


@cache
def _bedrock_reader(model: str) -> SecondOpinion:
    from shared.adapters.aws.bedrock import BedrockReader
    from shared.runtime.playbook.triage import asking

    return BedrockReader(model, asking().system())


@cache
def _bedrock_copywriter(model: str) -> CopyWriter:
    from shared.adapters.aws.bedrock_copy import BedrockCopyWriter
    from shared.runtime.playbook.content_help import content_help

    return BedrockCopyWriter(model, content_help().instructions)


_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def keep_time(context: Any) -> None:
    """Keep until when this invocation may run; `context` is Lambda's, or None where nothing ends it."""
    left = getattr(context, "get_remaining_time_in_millis", None)
    _deadline.set(time.monotonic() + left() / 1000 if left else None)


def time_left() -> timedelta:
    """How long this invocation may still run; `timedelta.max` where nothing ends it."""
    deadline = _deadline.get()
    return timedelta.max if deadline is None else timedelta(seconds=max(0.0, deadline - time.monotonic()))


_installed: ContextVar[Outside | None] = ContextVar("outside", default=None)
_on_aws = AwsOutside()


def outside() -> Outside:
    """What this invocation may reach: the installed parts where the local stack called the door, AWS otherwise."""
    return _installed.get() or _on_aws


def install(parts: Outside) -> Any:
    """Make `parts` the outside of the current context; `uninstall` undoes it by the token returned."""
    return _installed.set(parts)


def uninstall(token: Any) -> None:
    _installed.reset(token)
