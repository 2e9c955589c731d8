"""The queues of the plan, each with its dead-letter queue."""

from __future__ import annotations

from typing import NamedTuple

from aws_cdk import (
    Acknowledgment,
    Duration,
    Stack,
    Validations,
)
from aws_cdk import aws_sqs as sqs

from infra.aws.naming import camel
from infra.aws.stages import Stage
from infra.catalogue import DLQ_RETENTION_DAYS, DOORS, QUEUES, FromQueue, QueueRow

# AWS's own rule: a message must stay hidden for as long as a worker may need for it, with its throttled retries.
VISIBILITY_PER_TIMEOUT = 6


class Queues(NamedTuple):
    """`ticks` is the dead-letter queue of all schedules: a failed tick says in its message which it was."""

    work: dict[str, sqs.Queue]
    dead_letters: dict[str, sqs.Queue]
    ticks: sqs.Queue


def queues(stack: Stack, stage: Stage) -> Queues:
    dead_letters = {row.name: _dlq(stack, stage, row.name) for row in QUEUES}
    work = {row.name: _queue(stack, stage, row, dead_letters[row.name]) for row in QUEUES}
    ticks = _dlq(stack, stage, "ticks")
    Validations.of(ticks).acknowledge(
        Acknowledgment(id="AwsSolutions-SQS3", reason="It is itself the dead-letter queue of the schedules.")
    )
    return Queues(work, dead_letters, ticks)


def _dlq(stack: Stack, stage: Stage, name: str) -> sqs.Queue:
    return sqs.Queue(
        stack,
        f"{camel(name)}Dlq",
        queue_name=stage.named(f"{name}-dlq"),
        retention_period=Duration.days(DLQ_RETENTION_DAYS),
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
    )


def _queue(stack: Stack, stage: Stage, row: QueueRow, dlq: sqs.Queue) -> sqs.Queue:
    readers = [door for door in DOORS if isinstance(door.trigger, FromQueue) and row.name in door.trigger.queues]
    return sqs.Queue(
        stack,
        f"{camel(row.name)}Queue",
        queue_name=stage.named(row.name),
        retention_period=Duration.days(row.retention_days),
        visibility_timeout=Duration.seconds(max(VISIBILITY_PER_TIMEOUT * door.timeout_seconds for door in readers)),
        dead_letter_queue=sqs.DeadLetterQueue(queue=dlq, max_receive_count=row.max_receives),
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
    )
