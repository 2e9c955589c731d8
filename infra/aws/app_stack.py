"""The app stack: everything that can be thrown away and built again: functions, API, queues, schedules, alarms."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import jsii
from aws_cdk import (
    Acknowledgment,
    AssetHashType,
    BundlingOptions,
    CfnOutput,
    DockerImage,
    Duration,
    Environment,
    ILocalBundling,
    RemovalPolicy,
    Stack,
    TimeZone,
    Validations,
)
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as cloudwatch_actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets
from aws_cdk import aws_ses as ses
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from constructs import Construct

from infra.aws import layer
from infra.aws.data_stack import DUE_INDEX, DataStack
from infra.aws.stages import REGION, Stage
from infra.catalogue import DLQ_RETENTION_DAYS, DOORS, QUEUES, Door, FromQueue, Http, QueueRow, Schedule, Tick
from shared.runtime.settings import OFF

# AWS's own rule: a message must stay hidden for as long as a worker may need for it, with its throttled retries.
VISIBILITY_PER_TIMEOUT = 6

RETENTION = {
    7: logs.RetentionDays.ONE_WEEK,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
}

# What an attack or a runaway till may cost us at most; a chain's busiest minute is a tenth of it.
REQUESTS_PER_SECOND = 500

# No address, no path: whoever reads this log learns nothing about a person.
ACCESS_LOG = {
    "at": "$context.requestTime",
    "request": "$context.requestId",
    "route": "$context.routeKey",
    "status": "$context.status",
    "ms": "$context.responseLatency",
    "bytes": "$context.responseLength",
    "error": "$context.integrationErrorMessage",
}


@jsii.implements(ILocalBundling)
class BuiltHere:
    """Lets the CDK fill an asset by one of our own functions instead of a container."""

    def __init__(self, build: Callable[[Path, layer.Target], None], target: layer.Target) -> None:
        self._build = build
        self._target = target

    def try_bundle(self, output_dir: str, *_args: Any, **_kwargs: Any) -> bool:
        self._build(Path(output_dir), self._target)
        return True


class AppStack(Stack):
    """The catalogue, row by row."""

    def __init__(self, scope: Construct, stage: Stage, data: DataStack, target: layer.Target) -> None:
        super().__init__(
            scope,
            stage.named("app"),
            description=f"Khach Quen {stage.name}: the doors",
            env=Environment(region=REGION),
        )
        self._stage = stage
        self._data = data
        self._runtime = lambda_.Runtime(f"python{target.python}", lambda_.RuntimeFamily.PYTHON)
        self._code = self._asset(layer.build_code, target, asset_hash_type=AssetHashType.OUTPUT)
        self._layers = {"base": self._base_layer(target)}
        self._dlqs = {row.name: self._dlq(row.name) for row in QUEUES}
        self._queues = {row.name: self._queue(row) for row in QUEUES}
        # One for all schedules: a failed tick says in its message which it was.
        self._ticks_dlq = self._dlq("ticks")
        Validations.of(self._ticks_dlq).acknowledge(
            Acknowledgment(id="AwsSolutions-SQS3", reason="It is itself the dead-letter queue of the schedules.")
        )
        # Before the functions, some of which have to know its address.
        self._api = apigateway.HttpApi(
            self, "Api", api_name=f"kq-{stage.name}", create_default_stage=False, description="Khach Quen"
        )
        functions = {door.name: self._function(door) for door in DOORS}
        self._routes(functions)
        if stage.inbound_mail:
            self._inbound_mail(stage.inbound_mail)
        self._clock(functions)
        self._alarms(self._api, functions)

    # Assets

    def _asset(self, build: Callable[[Path, layer.Target], None], target: layer.Target, **hashing: Any) -> lambda_.Code:
        never_pulled = DockerImage.from_registry("none")
        bundling = BundlingOptions(image=never_pulled, local=BuiltHere(build, target))
        return lambda_.Code.from_asset(str(layer.ROOT), bundling=bundling, **hashing)

    def _base_layer(self, target: layer.Target) -> lambda_.LayerVersion:
        hashing = {"asset_hash": layer.layer_hash(target), "asset_hash_type": AssetHashType.CUSTOM}
        return lambda_.LayerVersion(
            self,
            "BaseLayer",
            layer_version_name=self._stage.named("base"),
            description="Locked run-time dependencies",
            code=self._asset(layer.build_layer, target, **hashing),
            compatible_runtimes=[self._runtime],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )

    def _service(self, name: str) -> iam.ServicePrincipal:
        """An AWS service, but only on behalf of this account."""
        return iam.ServicePrincipal(
            f"{name}.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": self.account}}
        )

    # Queues

    def _dlq(self, name: str) -> sqs.Queue:
        return sqs.Queue(
            self,
            f"{_camel(name)}Dlq",
            queue_name=self._stage.named(f"{name}-dlq"),
            retention_period=Duration.days(DLQ_RETENTION_DAYS),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )

    def _queue(self, row: QueueRow) -> sqs.Queue:
        readers = [door for door in DOORS if isinstance(door.trigger, FromQueue) and row.name in door.trigger.queues]
        return sqs.Queue(
            self,
            f"{_camel(row.name)}Queue",
            queue_name=self._stage.named(row.name),
            retention_period=Duration.days(row.retention_days),
            visibility_timeout=Duration.seconds(max(VISIBILITY_PER_TIMEOUT * door.timeout_seconds for door in readers)),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self._dlqs[row.name], max_receive_count=row.max_receives),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )

    # Functions

    def _function(self, door: Door) -> lambda_.Function:
        log_group = self._log_group(f"{_camel(door.name)}Log", f"/kq/{self._stage.name}/{door.name}")
        role = iam.Role(self, f"{_camel(door.name)}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        for grant in door.grants:
            if resource := self._arn(grant.resource):
                role.add_to_policy(iam.PolicyStatement(actions=list(grant.actions), resources=[resource]))
        function = lambda_.Function(
            self,
            _camel(door.name),
            function_name=self._stage.named(door.name),
            runtime=self._runtime,
            architecture=lambda_.Architecture.ARM_64,
            code=self._code,
            handler=f"functions.{door.name}.handler",
            layers=[self._layers[door.layer]],
            role=role,
            log_group=log_group,
            memory_size=door.memory,
            timeout=Duration.seconds(door.timeout_seconds),
            environment={name: self._setting(name) for group in door.settings for name in group.variables},
            **self._failed_ticks(door.trigger),
        )
        Validations.of(function).acknowledge(
            Acknowledgment(
                id="AwsSolutions-L1",
                reason="The version is chosen in one place (layer.LAMBDA), for the bytecode we can ship with it; it is "
                "supported until 2029 and raised on purpose, not whenever the CDK learns of a newer one.",
            )
        )
        if isinstance(door.trigger, FromQueue):
            for queue in door.trigger.queues:
                function.add_event_source(
                    SqsEventSource(
                        self._queues[queue],
                        batch_size=door.trigger.batch_size,
                        max_batching_window=Duration.seconds(door.trigger.window_seconds),
                        max_concurrency=door.trigger.max_concurrency,
                        report_batch_item_failures=True,
                    )
                )
        return function

    def _failed_ticks(self, trigger: Http | FromQueue | Schedule) -> dict[str, Any]:
        """The Scheduler only hands a tick over; what fails inside the function is Lambda's own to retry or to keep."""
        if not isinstance(trigger, Schedule):
            return {}
        return {
            "max_event_age": Duration.seconds(max(tick.maximum_age_seconds for tick in trigger.ticks)),
            "retry_attempts": max(tick.retries for tick in trigger.ticks),
            "on_failure": destinations.SqsDestination(self._ticks_dlq),
        }

    def _log_group(self, construct_id: str, name: str) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            construct_id,
            log_group_name=name,
            retention=RETENTION[self._stage.log_days],
            removal_policy=RemovalPolicy.RETAIN if self._stage.keeps_data else RemovalPolicy.DESTROY,
        )

    def _arn(self, resource: str) -> str:
        """The exact ARN behind a grant's resource name; "" for a sender or a model that this stage does not have."""
        stage = self._stage
        match resource.split(":"):
            case ["table"]:
                return self._data.table.table_arn
            case ["due_index"]:
                return f"{self._data.table.table_arn}/index/{DUE_INDEX}"
            case ["queue", name]:
                return self._queues[name].queue_arn
            case ["dlq", name]:
                return self._dlqs[name].queue_arn
            case ["secret", "identity"]:
                return self._data.identity.secret_arn
            case ["secret", "channels"]:
                return self._data.channels.secret_arn
            case ["sender", "email"]:
                return self._sender("ses", f"identity/{stage.mail_domain}") if stage.mail_domain else ""
            case ["sender", "sms"]:
                return self._sender("sms-voice", f"sender-id/{stage.sms_sender}/VN") if stage.sms_sender else ""
            case ["sender", "whatsapp"]:
                number = f"phone-number-id/{stage.whatsapp_number}"
                return self._sender("social-messaging", number) if stage.whatsapp_number else ""
            case ["model", "second_opinion"]:
                model = f"foundation-model/{stage.second_opinion_model}"
                return f"arn:{self.partition}:bedrock:{self.region}::{model}" if stage.second_opinion_model else ""
        raise ValueError(f"the plan grants something nobody builds: {resource!r}")

    def _sender(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def _setting(self, variable: str) -> str:
        values = {
            "KQ_STAGE": self._stage.name,
            "KQ_TABLE": self._data.table.table_name,
            "KQ_IDENTITY_SECRET_ARN": self._data.identity.secret_arn,
            "KQ_CHANNELS_SECRET_ARN": self._data.channels.secret_arn,
            "KQ_PUBLIC_URL": self._api.api_endpoint,
            "KQ_BEDROCK_MODEL": self._stage.second_opinion_model or OFF,
        }
        for name, queue in self._queues.items():
            variable_name = name.upper().replace("-", "_")
            values[f"KQ_{variable_name}_QUEUE_URL"] = queue.queue_url
            values[f"KQ_{variable_name}_DLQ_URL"] = self._dlqs[name].queue_url
        return values[variable]

    # HTTP

    def _routes(self, functions: dict[str, lambda_.Function]) -> None:
        api = self._api
        for door in DOORS:
            if isinstance(door.trigger, Http):
                integration = HttpLambdaIntegration(_camel(door.name), functions[door.name])
                for route in door.trigger.routes:
                    method, path = route.split(" ")
                    api.add_routes(path=path, methods=[apigateway.HttpMethod[method]], integration=integration)
        # Under this prefix AWS delivers without an entry in the account's log policy, which has room for few.
        access_log = self._log_group("ApiLog", f"/aws/vendedlogs/kq/{self._stage.name}/api")
        apigateway.CfnStage(
            self,
            "DefaultStage",
            api_id=api.api_id,
            stage_name="$default",
            auto_deploy=True,
            access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=access_log.log_group_arn, format=json.dumps(ACCESS_LOG)
            ),
            default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=REQUESTS_PER_SECOND, throttling_burst_limit=2 * REQUESTS_PER_SECOND
            ),
        )
        Validations.of(api).acknowledge(
            Acknowledgment(
                id="AwsSolutions-APIG4",
                reason="Doors authenticate themselves: every refusal is a problem document, roles are checked per "
                "route from one table, and no authorizer cache can leak a role. Health and description are public.",
            )
        )
        CfnOutput(self, "Url", value=api.api_endpoint)

    # E-mails to the shop

    def _inbound_mail(self, recipient: str) -> None:
        """Mails to a domain or an address, whole and scanned, by a topic to the door that checks its signature.

        One rule set of an account is active at a time, and which is no business of a stack: `aws ses
        set-active-receipt-rule-set`. The topic's ARN belongs into the secret of the channels, as aws.topics.
        """
        topic = sns.Topic(self, "InboundMail", topic_name=self._stage.named("inbound-mail"), enforce_ssl=True)
        # The door takes no older signature.
        cast(sns.CfnTopic, topic.node.default_child).signature_version = "2"
        rules = ses.CfnReceiptRuleSet(self, "InboundRules", rule_set_name=self._stage.named("inbound"))
        rule_name = self._stage.named("to-tickets")
        rule_arn = self._sender("ses", f"receipt-rule-set/{rules.rule_set_name}:receipt-rule/{rule_name}")
        allowed = topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[
                    iam.ServicePrincipal(
                        "ses.amazonaws.com",
                        conditions={
                            "StringEquals": {"aws:SourceAccount": self.account, "aws:SourceArn": rule_arn},
                        },
                    )
                ],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
            )
        )
        # Base64 keeps a mail as it is, whatever characters it is written in.
        to_topic = ses.CfnReceiptRule.SNSActionProperty(topic_arn=topic.topic_arn, encoding="Base64")
        rule = ses.CfnReceiptRule(
            self,
            "InboundRule",
            rule_set_name=rules.ref,
            rule=ses.CfnReceiptRule.RuleProperty(
                name=rule_name,
                enabled=True,
                recipients=[recipient],
                scan_enabled=True,
                tls_policy="Optional",
                actions=[ses.CfnReceiptRule.ActionProperty(sns_action=to_topic)],
            ),
        )
        if allowed.policy_dependable:
            # SES tries the topic when the rule is made.
            rule.node.add_dependency(allowed.policy_dependable)
        door = f"{self._api.api_endpoint}/webhooks/ses"
        topic.add_subscription(
            subscriptions.UrlSubscription(
                door, protocol=sns.SubscriptionProtocol.HTTPS, dead_letter_queue=self._dlqs["events"]
            )
        )
        CfnOutput(self, "InboundMailTopic", value=topic.topic_arn)

    # Time

    def _clock(self, functions: dict[str, lambda_.Function]) -> None:
        group = scheduler.ScheduleGroup(self, "Clock", schedule_group_name=f"kq-{self._stage.name}")
        woken = [functions[door.name].function_arn for door in DOORS if isinstance(door.trigger, Schedule)]
        may = [
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=woken),
            iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[self._ticks_dlq.queue_arn]),
        ]
        # Part of the role, so that no tick comes before its permission.
        role = iam.Role(
            self,
            "ClockRole",
            assumed_by=self._service("scheduler"),
            inline_policies={"Wake": iam.PolicyDocument(statements=may)},
        )
        for door in DOORS:
            if isinstance(door.trigger, Schedule):
                for tick in door.trigger.ticks:
                    # Left to itself the target would allow the role every version of the function ("arn:*").
                    self._tick(tick, functions[door.name], group, role.without_policy_updates())

    def _tick(self, tick: Tick, function: lambda_.Function, group: scheduler.ScheduleGroup, role: iam.IRole) -> None:
        scheduler.Schedule(
            self,
            f"{_camel(tick.name)}Tick",
            schedule_name=self._stage.named(tick.name),
            schedule_group=group,
            schedule=scheduler.ScheduleExpression.expression(f"cron({tick.cron})", TimeZone.ASIA_HO_CHI_MINH),
            target=scheduler_targets.LambdaInvoke(
                function,
                role=role,
                dead_letter_queue=self._ticks_dlq,
                max_event_age=Duration.seconds(tick.maximum_age_seconds),
                retry_attempts=tick.retries,
                input=scheduler.ScheduleTargetInput.from_object(
                    {"job": tick.job, "time": scheduler.ContextAttribute.scheduled_time}
                ),
            ),
        )

    # Alarms: whatever fails behind a queue or a schedule ends in a DLQ, so a few alarms see everything.

    def _alarms(self, api: apigateway.HttpApi, functions: dict[str, lambda_.Function]) -> None:
        topic = sns.Topic(self, "Alarms", topic_name=self._stage.named("alarms"), enforce_ssl=True)
        # A topic with a policy of its own has lost the default one, by which alarms of the account may publish.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[self._service("cloudwatch")], actions=["sns:Publish"], resources=[topic.topic_arn]
            )
        )
        action = cloudwatch_actions.SnsAction(topic)
        five_minutes: dict[str, Any] = {"period": Duration.minutes(5), "statistic": "Maximum"}
        for name, dlq in {**self._dlqs, "ticks": self._ticks_dlq}.items():
            waiting = dlq.metric_approximate_number_of_messages_visible(**five_minutes)
            self._alarm(
                f"{name}-dlq", "Something could not be processed; its reason is in the message", waiting, 1, action
            )
        for name, queue in self._queues.items():
            age = queue.metric_approximate_age_of_oldest_message(**five_minutes)
            self._alarm(f"{name}-late", "Messages wait for over 15 minutes", age, 900, action)
        refused = api.metric_server_error(period=Duration.minutes(5), statistic="Sum")
        self._alarm("api-errors", "Callers get 5xx answers", refused, 5, action)
        ticks = functions["timers_schedule"].metric_invocations(period=Duration.minutes(5), statistic="Sum")
        self._alarm("clock-stopped", "The minute tick has not run for 5 minutes", ticks, 1, action, silent=True)

    def _alarm(
        self,
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
            self,
            f"{_camel(name)}Alarm",
            alarm_name=self._stage.named(name),
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


def _camel(name: str) -> str:
    """events_worker → EventsWorker, events-dlq → EventsDlq."""
    return "".join(part.capitalize() for part in name.replace("-", "_").split("_"))
