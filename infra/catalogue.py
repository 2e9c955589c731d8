"""The plan: one typed row per door. `infra.aws` builds it with the CDK, `infra.local` builds it in one process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.runtime import settings


@dataclass(frozen=True)
class Http:
    """Routes of the HTTP API, as "METHOD /path/{parameter}"."""

    routes: tuple[str, ...]


@dataclass(frozen=True)
class FromQueue:
    """Messages of some of `QUEUES`; failures of single records are reported, the rest is deleted."""

    queues: tuple[str, ...]
    batch_size: int = 10
    window_seconds: int = 0
    max_concurrency: int = 10


@dataclass(frozen=True)
class FromStream:
    """Changes of the table, shard by shard: of items whose partition begins with one of `partitions`, and whose sort
    key is one of `items` or begins with one of `kinds`.

    A tumbling window of `window_seconds` puts the shard's id into the event, which is what makes repeats harmless.
    """

    partitions: tuple[str, ...]
    items: tuple[str, ...]
    kinds: tuple[str, ...]
    batch_size: int = 500
    window_seconds: int = 5
    retries: int = 20
    maximum_age_hours: int = 20


@dataclass(frozen=True)
class Tick:
    """One schedule: an EventBridge cron in Asia/Ho_Chi_Minh and the input the door receives.

    A run that `recomputes` all from what is stored makes up for every one before it that was left out.
    """

    name: str
    cron: str
    job: str
    maximum_age_seconds: int = 3600
    retries: int = 2
    recomputes: bool = False


@dataclass(frozen=True)
class Schedule:
    """A door woken by the clock."""

    ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Grant:
    """Exact actions on one resource.

    Resources are "table", "due_index", "queue:<name>", "dlq:<name>", "secret:<name>", "lake" (the bucket itself),
    "lake:<folder>" (all objects below it), and "sender:<channel>" and "model:<use>", which a stage may not have.
    """

    resource: str
    actions: tuple[str, ...]


@dataclass(frozen=True)
class Door:
    """One file in `functions/`, one Lambda."""

    name: str
    trigger: Http | FromQueue | FromStream | Schedule
    settings: tuple[settings.Group, ...]
    grants: tuple[Grant, ...]
    memory: int = 512
    timeout_seconds: int = 10
    layer: Literal["base", "analytics"] = "base"


@dataclass(frozen=True)
class QueueRow:
    """A standard queue with a dead-letter queue of its own; names get the stage in front on AWS."""

    name: str
    max_receives: int = 5
    retention_days: int = 4


# Owned by the events queue's DLQ and by every queue to come: long enough to come back from a holiday.
DLQ_RETENTION_DAYS = 14

QUEUES = (
    QueueRow("events"),
    QueueRow("tickets"),
    QueueRow("messages-transactional"),
    QueueRow("messages-service"),
    QueueRow("messages-marketing"),
)

SENDS = tuple(
    Grant(f"queue:messages-{purpose}", ("sqs:SendMessage",)) for purpose in ("transactional", "service", "marketing")
)
# What the `converse` call of a model needs.
ASKS = (Grant("model:second_opinion", ("bedrock:InvokeModel",)),)
DRAFTS = Grant("model:content_help", ("bedrock:InvokeModel",))
READ = ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query")
WRITE = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem")

DOORS = (
    Door(
        "health_api",
        Http(("GET /health", "GET /openapi.json")),
        settings=(settings.STAGE,),
        grants=(),
        memory=256,
    ),
    Door(
        "events_api",
        Http(
            (
                "POST /v1/batch",
                "POST /v1/identify",
                "POST /v1/track",
                "POST /v1/page",
                "POST /v1/screen",
                "POST /v1/group",
                "POST /v1/alias",
                "POST /v1/b",
                "POST /v1/i",
                "POST /v1/t",
                "POST /v1/p",
                "POST /v1/s",
                "POST /v1/g",
                "POST /v1/a",
                "POST /v1/import",
                "OPTIONS /v1/{call}",
            )
        ),
        settings=(settings.STAGE, settings.TABLE, settings.EVENTS, settings.EVENTS_DLQ, settings.IDENTITY),
        grants=(
            Grant("table", ("dynamodb:GetItem", "dynamodb:Query")),
            Grant("queue:events", ("sqs:SendMessage",)),
            Grant("dlq:events", ("sqs:SendMessage",)),
            Grant("secret:identity", ("secretsmanager:GetSecretValue",)),
        ),
    ),
    Door(
        "customers_api",
        Http(
            (
                "PUT /v1/customers",
                "POST /v1/customers/search",
                "GET /v1/customers/{customer_id}",
                "GET /v1/customers/{customer_id}/timeline",
                "GET /v1/customers/{customer_id}/messages",
                "POST /v1/customers/{customer_id}/merge",
                "POST /v1/customers/{customer_id}/unmerge",
                "GET /v1/segments",
                "GET /v1/segments/{label}/customers",
                "GET /v1/churn-risk",
            )
        ),
        settings=(settings.STAGE, settings.TABLE, settings.IDENTITY),
        grants=(Grant("table", READ + WRITE), Grant("secret:identity", ("secretsmanager:GetSecretValue",))),
        timeout_seconds=15,
    ),
    Door(
        "events_worker",
        FromQueue(("events",)),
        settings=(
            settings.STAGE,
            settings.TABLE,
            settings.EVENTS_DLQ,
            settings.IDENTITY,
            settings.MESSAGES,
            settings.TICKETS,
            settings.PUBLIC,
        ),
        grants=(
            *SENDS,
            Grant("table", READ + WRITE),
            Grant("queue:tickets", ("sqs:SendMessage",)),
            Grant("dlq:events", ("sqs:SendMessage",)),
            Grant("secret:identity", ("secretsmanager:GetSecretValue",)),
        ),
        timeout_seconds=60,
    ),
    Door(
        "segments_schedule",
        Schedule((Tick("segments", "0/15 0-5 * * ? *", "segments"),)),
        settings=(settings.STAGE, settings.TABLE, settings.EVENTS_DLQ),
        grants=(
            Grant("table", READ + WRITE),
            Grant("due_index", ("dynamodb:Query",)),
            Grant("dlq:events", ("sqs:SendMessage",)),
        ),
        timeout_seconds=840,
    ),
    Door(
        "winback_schedule",
        Schedule((Tick("winback", "0 6 * * ? *", "winback"),)),
        settings=(settings.STAGE, settings.TABLE, settings.MESSAGES, settings.PUBLIC),
        grants=(*SENDS, Grant("table", READ + WRITE)),
        timeout_seconds=300,
    ),
    Door(
        "digest_schedule",
        # Behind the night's wakes and the win-back scan, whose lists it tells of; a hiccup must not cost a morning.
        Schedule((Tick("digest", "0 8 * * ? *", "digest"),)),
        settings=(settings.STAGE, settings.TABLE),
        grants=(Grant("table", READ + WRITE),),
        timeout_seconds=120,
    ),
    Door(
        "timers_schedule",
        # The next tick catches up, so a late minute is dropped and never repeated.
        Schedule((Tick("timers", "* * * * ? *", "timers", maximum_age_seconds=60, retries=0),)),
        settings=(settings.STAGE, settings.TABLE, settings.MESSAGES, settings.PUBLIC, settings.EVENTS_DLQ),
        grants=(
            *SENDS,
            Grant("table", READ + WRITE),
            Grant("due_index", ("dynamodb:Query",)),
            Grant("dlq:events", ("sqs:SendMessage",)),
        ),
        timeout_seconds=55,
    ),
    Door(
        "messages_worker",
        FromQueue(("messages-transactional", "messages-service", "messages-marketing")),
        settings=(
            settings.STAGE,
            settings.TABLE,
            settings.IDENTITY,
            settings.CHANNELS,
            settings.MESSAGES_DLQ,
            settings.PUBLIC,
        ),
        grants=(
            Grant("table", READ + WRITE),
            Grant("secret:identity", ("secretsmanager:GetSecretValue",)),
            Grant("secret:channels", ("secretsmanager:GetSecretValue",)),
            Grant("dlq:messages-transactional", ("sqs:SendMessage",)),
            Grant("sender:email", ("ses:SendEmail",)),
            Grant("sender:sms", ("sms-voice:SendTextMessage",)),
            Grant("sender:whatsapp", ("social-messaging:SendWhatsAppMessage",)),
        ),
        timeout_seconds=120,
    ),
    Door(
        "appointments_api",
        Http(
            (
                "POST /v1/appointments",
                "GET /v1/appointments",
                "POST /v1/appointments/{appointment_id}/cancel",
                "POST /v1/appointments/{appointment_id}/move",
            )
        ),
        settings=(settings.STAGE, settings.TABLE, settings.IDENTITY, settings.PUBLIC),
        grants=(Grant("table", READ + WRITE), Grant("secret:identity", ("secretsmanager:GetSecretValue",))),
    ),
    Door(
        "tasks_api",
        Http(
            (
                "GET /v1/tasks",
                "POST /v1/tasks/{task_id}/outcome",
                "POST /v1/tasks/{task_id}/assign",
                "POST /v1/tasks/{task_id}/skip",
                "POST /v1/tasks/{task_id}/offer",
            )
        ),
        settings=(settings.STAGE, settings.TABLE, settings.PUBLIC),
        grants=(Grant("table", READ + WRITE),),
    ),
    Door(
        "tickets_api",
        Http(
            (
                "POST /v1/tickets",
                "GET /v1/tickets",
                "GET /v1/tickets/{ticket_id}",
                "POST /v1/tickets/{ticket_id}/messages",
                "POST /v1/tickets/{ticket_id}/resolve",
                "POST /v1/tickets/{ticket_id}/rating",
                "POST /v1/tickets/{ticket_id}/lock",
                "POST /v1/tickets/{ticket_id}/assign",
                "POST /v1/tickets/{ticket_id}/labels",
                "POST /v1/tickets/{ticket_id}/asks",
                "POST /v1/tickets/{ticket_id}/compensation",
                "POST /v1/tickets/{ticket_id}/compensation/approve",
                "POST /v1/tickets/{ticket_id}/draft-order",
            )
        ),
        settings=(
            settings.STAGE,
            settings.TABLE,
            settings.IDENTITY,
            settings.MESSAGES,
            settings.PUBLIC,
            settings.CHANNELS,
            settings.SECOND_OPINION,
        ),
        grants=(
            *SENDS,
            *ASKS,
            Grant("table", READ + WRITE),
            Grant("secret:identity", ("secretsmanager:GetSecretValue",)),
            Grant("secret:channels", ("secretsmanager:GetSecretValue",)),
        ),
        memory=1024,
        timeout_seconds=15,
    ),
    Door(
        "tickets_worker",
        FromQueue(("tickets",)),
        settings=(
            settings.STAGE,
            settings.TABLE,
            settings.TICKETS_DLQ,
            settings.IDENTITY,
            settings.MESSAGES,
            settings.PUBLIC,
            settings.SECOND_OPINION,
        ),
        grants=(
            *SENDS,
            *ASKS,
            Grant("table", READ + WRITE),
            Grant("dlq:tickets", ("sqs:SendMessage",)),
            Grant("secret:identity", ("secretsmanager:GetSecretValue",)),
        ),
        memory=1024,
        timeout_seconds=60,
    ),
    Door(
        "journeys_api",
        Http(("GET /v1/journeys", "GET /v1/journeys/{journey_id}")),
        settings=(settings.STAGE, settings.TABLE),
        grants=(Grant("table", READ),),
    ),
    Door(
        "vouchers_api",
        Http(
            (
                "GET /v1/vouchers/reconciliation",
                "GET /v1/vouchers/{code}",
                "POST /v1/vouchers/{code}/redeem",
                "GET /till",
            )
        ),
        settings=(settings.STAGE, settings.TABLE, settings.IDENTITY),
        grants=(Grant("table", READ + WRITE), Grant("secret:identity", ("secretsmanager:GetSecretValue",))),
        timeout_seconds=15,
    ),
    Door(
        "campaigns_api",
        Http(
            (
                "POST /v1/campaigns",
                "GET /v1/campaigns",
                "GET /v1/campaigns/{campaign_id}",
                "POST /v1/campaigns/{campaign_id}/preview",
                "POST /v1/campaigns/{campaign_id}/test",
                "POST /v1/campaigns/{campaign_id}/drafts",
                "POST /v1/campaigns/{campaign_id}/drafts/{draft_id}/approve",
                "POST /v1/campaigns/{campaign_id}/approve",
                "POST /v1/campaigns/{campaign_id}/pause",
                "POST /v1/campaigns/{campaign_id}/resume",
                "POST /v1/campaigns/{campaign_id}/cancel",
            )
        ),
        settings=(
            settings.STAGE,
            settings.TABLE,
            settings.IDENTITY,
            settings.MESSAGES,
            settings.CHANNELS,
            settings.PUBLIC,
            settings.CONTENT_HELP,
        ),
        grants=(
            *SENDS,
            DRAFTS,
            Grant("table", READ + WRITE),
            Grant("secret:identity", ("secretsmanager:GetSecretValue",)),
            Grant("secret:channels", ("secretsmanager:GetSecretValue",)),
        ),
        memory=1024,
        timeout_seconds=29,
    ),
    Door(
        "popups_api",
        Http(("POST /v1/popups",)),
        settings=(settings.STAGE, settings.TABLE, settings.IDENTITY),
        grants=(Grant("table", READ + WRITE), Grant("secret:identity", ("secretsmanager:GetSecretValue",))),
    ),
    Door(
        "webhooks_api",
        Http(
            (
                "POST /webhooks/zalo",
                "GET /webhooks/messenger",
                "POST /webhooks/messenger",
                "POST /webhooks/ses",
                "GET /webhooks/esms/{token}",
                "GET /webhooks/esms-short-code",
                "POST /webhooks/whatsapp",
                "POST /webhooks/sms",
            )
        ),
        settings=(settings.STAGE, settings.EVENTS, settings.CHANNELS),
        grants=(
            Grant("secret:channels", ("secretsmanager:GetSecretValue",)),
            Grant("queue:events", ("sqs:SendMessage",)),
        ),
    ),
    Door(
        "links_api",
        Http(
            (
                "GET /r/{token}",
                "GET /u/{token}",
                "POST /u/{token}",
                "GET /s/{token}",
                "POST /s/{token}",
                "GET /o/{code}",
                "GET /faq",
                "POST /faq",
                "OPTIONS /{page}",
                "OPTIONS /{page}/{token}",
            )
        ),
        settings=(settings.STAGE, settings.TABLE, settings.IDENTITY),
        grants=(Grant("table", READ + WRITE), Grant("secret:identity", ("secretsmanager:GetSecretValue",))),
    ),
    Door(
        "facts_stream",
        FromStream(
            partitions=("C#", "ORDER#", "CAMPAIGN#", "SPEND#"),
            items=("P", "OJ", "O", "K"),
            kinds=("X#", "OS#", "TS#", "OT#", "DT#", "E#", "P#", "S#"),
        ),
        settings=(settings.STAGE, settings.TABLE, settings.LAKE),
        grants=(
            Grant("table", ("dynamodb:GetItem", "dynamodb:BatchGetItem", *WRITE)),
            Grant("lake:facts", ("s3:PutObject",)),
            Grant("lake:failed", ("s3:PutObject",)),
        ),
        timeout_seconds=60,
    ),
    Door(
        "models_schedule",
        Schedule(
            (
                Tick("hourly", "40 * * * ? *", "hourly", recomputes=True),
                Tick("nightly", "30 2 * * ? *", "nightly", recomputes=True),
                Tick("cutoffs", "0 4 ? * SUN *", "cutoffs"),
            )
        ),
        settings=(settings.STAGE, settings.TABLE, settings.LAKE),
        grants=(
            Grant("table", READ + WRITE),
            Grant("lake", ("s3:ListBucket",)),
            Grant("lake:facts", ("s3:GetObject", "s3:DeleteObject")),
            Grant("lake:parquet", ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")),
            Grant("lake:manifests", ("s3:GetObject", "s3:PutObject")),
            Grant("lake:models", ("s3:GetObject", "s3:PutObject")),
        ),
        memory=2048,
        timeout_seconds=840,
        layer="analytics",
    ),
    Door(
        "reports_api",
        Http(
            (
                "GET /v1/reports/kpis",
                "GET /v1/reports/kpis/{kpi}/facts",
                "GET /v1/reports/campaigns",
                "GET /v1/reports/funnel",
                "PUT /v1/reports/spend",
            )
        ),
        settings=(settings.STAGE, settings.TABLE, settings.LAKE),
        grants=(
            Grant("table", (*READ, "dynamodb:PutItem")),
            Grant("lake", ("s3:ListBucket",)),
            Grant("lake:facts", ("s3:GetObject",)),
            Grant("lake:parquet", ("s3:GetObject",)),
            Grant("lake:manifests", ("s3:GetObject",)),
        ),
        memory=1024,
        timeout_seconds=29,
        layer="analytics",
    ),
)
