"""Alarms: a record that fails behind a queue or a schedule ends in a dead-letter queue, so a few alarms see all."""

from __future__ import annotations

from typing import Any

from aws_cdk import (
    Duration,
    Stack,
)
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as cloudwatch_actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns

from infra.aws.naming import camel, service
from infra.aws.queues import Queues
from infra.aws.stages import Stage
from shared.runtime.logs import KEY_CAP_REACHED


def alarms(
    stack: Stack, stage: Stage, api: apigateway.HttpApi, functions: dict[str, lambda_.Function], queues: Queues
) -> None:
    topic = sns.Topic(stack, "Alarms", topic_name=stage.named("alarms"), enforce_ssl=True)
    # A topic with a policy of its own has lost the default one, by which alarms of the account may publish.
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[service(stack, "cloudwatch")], actions=["sns:Publish"], resources=[topic.topic_arn]
        )
    )
    action = cloudwatch_actions.SnsAction(topic)
    five_minutes: dict[str, Any] = {"period": Duration.minutes(5), "statistic": "Maximum"}
    for name, dlq in {**queues.dead_letters, "ticks": queues.ticks}.items():
        waiting = dlq.metric_approximate_number_of_messages_visible(**five_minutes)
        _alarm(
            stack,
            stage,
            f"{name}-dlq",
            "Something could not be processed; its reason is in the message",
            waiting,
            1,
            action,
        )
    for name, queue in queues.work.items():
        age = queue.metric_approximate_age_of_oldest_message(**five_minutes)
        _alarm(stack, stage, f"{name}-late", "Messages wait for over 15 minutes", age, 900, action)
    refused = api.metric_server_error(period=Duration.minutes(5), statistic="Sum")
    _alarm(stack, stage, "api-errors", "Callers get 5xx answers", refused, 5, action)
    capped = functions["messages_worker"].log_group.add_metric_filter(
        "KeyCap",
        metric_namespace="KhachQuen",
        metric_name=f"{stage.name}-key-cap",
        filter_pattern=logs.FilterPattern.string_value("$.message", "=", KEY_CAP_REACHED),
    )
    meaning = "The orders of one write key lead to more messages than an hour may have: a flash sale, or a stolen key"
    over = capped.metric(period=Duration.minutes(5), statistic="Sum")
    _alarm(stack, stage, "key-cap", meaning, over, 1, action)
    behind = functions["facts_stream"].metric("IteratorAge", **five_minutes)
    _alarm(
        stack,
        stage,
        "facts-late",
        "Changes of the table wait for over 15 minutes to be counted",
        behind,
        900_000,
        action,
    )
    ticks = functions["timers_schedule"].metric_invocations(period=Duration.minutes(5), statistic="Sum")
    _alarm(stack, stage, "clock-stopped", "The minute tick has not run for 5 minutes", ticks, 1, action, silent=True)


def _alarm(
    stack: Stack,
    stage: Stage,
    name: str,
    meaning: str,
    metric: cloudwatch.Metric,
    threshold: int,
    action: cloudwatch.IAlarmAction,
    *,
    silent: bool = False,
) -> None:
    """Rings at `threshold` and above, or with `silent` below it and when there is no data at all."""
    alarm = metric.create_alarm(
        stack,
        f"{camel(name)}Alarm",
        alarm_name=stage.named(name),
        alarm_description=meaning,
        evaluation_periods=1,
        threshold=threshold,
        comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
        if silent
        else cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.BREACHING
        if silent
        else cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    alarm.add_alarm_action(action)
