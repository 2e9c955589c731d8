"""Names of constructs, and principals, that several parts of the app stack use."""

from __future__ import annotations

from aws_cdk import (
    RemovalPolicy,
    Stack,
)
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs

from infra.aws.stages import Stage


def camel(name: str) -> str:
    """events_worker → EventsWorker, events-dlq → EventsDlq."""
    return "".join(part.capitalize() for part in name.replace("-", "_").split("_"))


def service(stack: Stack, name: str) -> iam.ServicePrincipal:
    """An AWS service, but only on behalf of this account."""
    return iam.ServicePrincipal(
        f"{name}.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": stack.account}}
    )


def arn_of(stack: Stack, kind: str, resource: str) -> str:
    """The ARN of a resource of this account and region, such as arn_of(stack, "ses", "identity/shop.vn")."""
    return f"arn:{stack.partition}:{kind}:{stack.region}:{stack.account}:{resource}"


RETENTION = {
    7: logs.RetentionDays.ONE_WEEK,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
}


def log_group(stack: Stack, stage: Stage, construct_id: str, name: str) -> logs.LogGroup:
    return logs.LogGroup(
        stack,
        construct_id,
        log_group_name=name,
        retention=RETENTION[stage.log_days],
        removal_policy=RemovalPolicy.RETAIN if stage.keeps_data else RemovalPolicy.DESTROY,
    )
