"""The clock: a schedule per tick of the plan, in Vietnam time."""

from __future__ import annotations

from aws_cdk import (
    Duration,
    Stack,
    TimeZone,
)
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets
from aws_cdk import aws_sqs as sqs

from infra.aws.naming import camel, service
from infra.aws.stages import Stage
from infra.catalogue import DOORS, Schedule, Tick


def schedules(stack: Stack, stage: Stage, functions: dict[str, lambda_.Function], dead_letters: sqs.Queue) -> None:
    group = scheduler.ScheduleGroup(stack, "Clock", schedule_group_name=f"kq-{stage.name}")
    woken = [functions[door.name].function_arn for door in DOORS if isinstance(door.trigger, Schedule)]
    may = [
        iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=woken),
        iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[dead_letters.queue_arn]),
    ]
    # Part of the role, so that no tick comes before its permission.
    role = iam.Role(
        stack,
        "ClockRole",
        assumed_by=service(stack, "scheduler"),
        inline_policies={"Wake": iam.PolicyDocument(statements=may)},
    )
    for door in DOORS:
        if isinstance(door.trigger, Schedule):
            for tick in door.trigger.ticks:
                # Left to itself the target would allow the role every version of the function ("arn:*").
                _tick(stack, stage, tick, functions[door.name], group, role.without_policy_updates(), dead_letters)


def _tick(
    stack: Stack,
    stage: Stage,
    tick: Tick,
    function: lambda_.Function,
    group: scheduler.ScheduleGroup,
    role: iam.IRole,
    dead_letters: sqs.Queue,
) -> None:
    scheduler.Schedule(
        stack,
        f"{camel(tick.name)}Tick",
        schedule_name=stage.named(tick.name),
        schedule_group=group,
        schedule=scheduler.ScheduleExpression.expression(f"cron({tick.cron})", TimeZone.ASIA_HO_CHI_MINH),
        target=scheduler_targets.LambdaInvoke(
            function,
            role=role,
            dead_letter_queue=dead_letters,
            max_event_age=Duration.seconds(tick.maximum_age_seconds),
            retry_attempts=tick.retries,
            input=scheduler.ScheduleTargetInput.from_object(
                {"job": tick.job, "time": scheduler.ContextAttribute.scheduled_time}
            ),
        ),
    )
