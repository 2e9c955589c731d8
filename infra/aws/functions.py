"""The Lambda functions of the plan: assets, roles with exact grants, settings, queue triggers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import (
    Acknowledgment,
    AssetHashType,
    BundlingOptions,
    DockerImage,
    Duration,
    ILocalBundling,
    Stack,
    Validations,
)
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk.aws_lambda_event_sources import SqsEventSource

from infra.aws import layer
from infra.aws.data_stack import DUE_INDEX, GIVEN_UP, DataStack
from infra.aws.naming import arn_of, camel, log_group
from infra.aws.queues import Queues
from infra.aws.stages import Stage
from infra.catalogue import Door, FromQueue, FromStream, Http, Schedule
from shared.runtime.settings import OFF

# How findings name the bucket and the table of the data stack: by the output that carries their ARN over.
_LAKE = "ExportsOutputFnGetAttLake5F1B88EAArn65E67816"
_TABLE = "ExportsOutputFnGetAttTableCD117FA1ArnE2C8C204"
# What the ids of system-defined inference profiles begin with.
_PROFILES = ("apac", "au", "ca", "eu", "global", "jp", "us")


@jsii.implements(ILocalBundling)
class BuiltHere:
    """Lets the CDK fill an asset by one of our own functions instead of a container."""

    def __init__(self, build: Callable[[Path, layer.Target], None], target: layer.Target) -> None:
        self._build = build
        self._target = target

    def try_bundle(self, output_dir: str, *_args: Any, **_kwargs: Any) -> bool:
        self._build(Path(output_dir), self._target)
        return True


class Functions:
    """Builds a function per door of the plan."""

    def __init__(
        self, stack: Stack, stage: Stage, data: DataStack, queues: Queues, public_url: str, target: layer.Target
    ) -> None:
        self._stack = stack
        self._stage = stage
        self._data = data
        self._queues = queues
        self._public_url = public_url
        self._runtime = lambda_.Runtime(f"python{target.python}", lambda_.RuntimeFamily.PYTHON)
        self._code = self._asset(layer.build_code, target, asset_hash_type=AssetHashType.OUTPUT)
        base, analytics = self._base_layer(target), self._analytics_layer(target)
        self._layers = {"base": [base], "analytics": [base, analytics]}

    def _asset(self, build: Callable[[Path, layer.Target], None], target: layer.Target, **hashing: Any) -> lambda_.Code:
        never_pulled = DockerImage.from_registry("none")
        bundling = BundlingOptions(image=never_pulled, local=BuiltHere(build, target))
        return lambda_.Code.from_asset(str(layer.ROOT), bundling=bundling, **hashing)

    def _base_layer(self, target: layer.Target) -> lambda_.LayerVersion:
        hashing = {"asset_hash": layer.layer_hash(target), "asset_hash_type": AssetHashType.CUSTOM}
        return lambda_.LayerVersion(
            self._stack,
            "BaseLayer",
            layer_version_name=self._stage.named("base"),
            description="Locked run-time dependencies",
            code=self._asset(layer.build_layer, target, **hashing),
            compatible_runtimes=[self._runtime],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )

    def _analytics_layer(self, target: layer.Target) -> lambda_.LayerVersion:
        hashing = {"asset_hash": layer.layer_hash(target, "analytics"), "asset_hash_type": AssetHashType.CUSTOM}
        return lambda_.LayerVersion(
            self._stack,
            "AnalyticsLayer",
            layer_version_name=self._stage.named("analytics"),
            description="DuckDB, NumPy and SciPy, over the base layer",
            code=self._asset(layer.build_analytics_layer, target, **hashing),
            compatible_runtimes=[self._runtime],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )

    def function(self, door: Door) -> lambda_.Function:
        logs_to = log_group(self._stack, self._stage, f"{camel(door.name)}Log", f"/kq/{self._stage.name}/{door.name}")
        role = iam.Role(self._stack, f"{camel(door.name)}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        logs_to.grant_write(role)
        for grant in door.grants:
            if resources := self._arns(grant.resource):
                role.add_to_policy(iam.PolicyStatement(actions=list(grant.actions), resources=resources))
        function = lambda_.Function(
            self._stack,
            camel(door.name),
            function_name=self._stage.named(door.name),
            runtime=self._runtime,
            architecture=lambda_.Architecture.ARM_64,
            code=self._code,
            handler=f"functions.{door.name}.handler",
            layers=self._layers[door.layer],
            role=role,
            log_group=logs_to,
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
                        self._queues.work[queue],
                        batch_size=door.trigger.batch_size,
                        max_batching_window=Duration.seconds(door.trigger.window_seconds),
                        max_concurrency=door.trigger.max_concurrency,
                        report_batch_item_failures=True,
                    )
                )
        if isinstance(door.trigger, FromStream):
            self._read_stream(door, door.trigger, function, role)
        self._acknowledge_folders(door, role)
        return function

    def _read_stream(self, door: Door, trigger: FromStream, function: lambda_.Function, role: iam.Role) -> None:
        """Changes of the table in tumbling windows, whose events name their shard; a batch that is given up is kept."""
        stream, bucket = self._data.table.table_stream_arn, self._data.bucket
        reading = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
        role.add_to_policy(iam.PolicyStatement(actions=list(reading), resources=[stream or ""]))
        role.add_to_policy(
            iam.PolicyStatement(actions=["dynamodb:ListStreams"], resources=[f"{self._data.table.table_arn}/stream/*"])
        )
        role.add_to_policy(
            iam.PolicyStatement(actions=["s3:PutObject"], resources=[bucket.arn_for_objects(f"{GIVEN_UP}*")])
        )
        role.add_to_policy(iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn]))
        keys = {
            "pk": {"S": [{"prefix": start} for start in trigger.partitions]},
            "sk": {"S": [*trigger.items, *({"prefix": start} for start in trigger.kinds)]},
        }
        mapping = lambda_.CfnEventSourceMapping(
            self._stack,
            f"{camel(door.name)}Source",
            function_name=function.function_name,
            event_source_arn=stream,
            starting_position="TRIM_HORIZON",
            batch_size=trigger.batch_size,
            tumbling_window_in_seconds=trigger.window_seconds,
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=trigger.retries,
            maximum_record_age_in_seconds=trigger.maximum_age_hours * 3600,
            function_response_types=["ReportBatchItemFailures"],
            filter_criteria=lambda_.CfnEventSourceMapping.FilterCriteriaProperty(
                filters=[lambda_.CfnEventSourceMapping.FilterProperty(pattern=json.dumps({"dynamodb": {"Keys": keys}}))]
            ),
            destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
                on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(destination=bucket.bucket_arn)
            ),
        )
        # Lambda asks at once whether the function may read the stream.
        mapping.node.add_dependency(role)

    def _acknowledge_folders(self, door: Door, role: iam.Role) -> None:
        """Say of each grant that ends in a folder why it does, by the name the finding has."""
        folders = [grant.resource.removeprefix("lake:") for grant in door.grants if grant.resource.startswith("lake:")]
        found = [f"{_LAKE}/{folder}/*" for folder in folders]
        if isinstance(door.trigger, FromStream):
            found += [f"{_LAKE}/{GIVEN_UP}*", f"{_TABLE}/stream/*"]
        for place in found:
            Validations.of(role).acknowledge(
                Acknowledgment(
                    id=f"AwsSolutions-IAM5[Resource::{self._stage.named('data')}:{place}]",
                    reason="What lies below is named as it is written, by day and source, or by the moment the stream "
                    "was opened: the grant ends in the folder of one purpose, or in the streams of the one table.",
                )
            )

    def _failed_ticks(self, trigger: Http | FromQueue | FromStream | Schedule) -> dict[str, Any]:
        """The Scheduler only hands a tick over; what fails inside the function is Lambda's own to retry or to keep."""
        if not isinstance(trigger, Schedule):
            return {}
        return {
            "max_event_age": Duration.seconds(max(tick.maximum_age_seconds for tick in trigger.ticks)),
            "retry_attempts": max(tick.retries for tick in trigger.ticks),
            "on_failure": destinations.SqsDestination(self._queues.ticks),
        }

    def _arns(self, resource: str) -> list[str]:
        """The exact ARNs behind a grant's resource name; none for a sender or a model that this stage does not have."""
        match resource.split(":"):
            case ["model", "second_opinion"]:
                return self._model(self._stage.second_opinion_model)
            case ["model", "content_help"]:
                return self._model(self._stage.content_help_model)
        arn = self._arn(resource)
        return [arn] if arn else []

    def _model(self, model: str) -> list[str]:
        """A foundation model of this region; or an inference profile with its model in each region it sends to, for
        AWS asks for the permission on all of them."""
        partition, region, account = self._stack.partition, self._stack.region, self._stack.account
        profile, _, name = model.partition(".")
        if not model:
            return []
        if profile not in _PROFILES:
            return [f"arn:{partition}:bedrock:{region}::foundation-model/{model}"]
        # A global profile may send anywhere: its model is named once more, without a region.
        regions = (region, "") if profile == "global" else self._stage.profile_regions
        if not regions:
            raise ValueError(f"{model} is an inference profile: name the regions it sends to in profile_regions")
        return [
            f"arn:{partition}:bedrock:{region}:{account}:inference-profile/{model}",
            *(f"arn:{partition}:bedrock:{to}::foundation-model/{name}" for to in regions),
        ]

    def _arn(self, resource: str) -> str:
        """The exact ARN behind any other grant's resource name; "" for a sender that this stage does not have."""
        stage = self._stage
        match resource.split(":"):
            case ["table"]:
                return self._data.table.table_arn
            case ["due_index"]:
                return f"{self._data.table.table_arn}/index/{DUE_INDEX}"
            case ["queue", name]:
                return self._queues.work[name].queue_arn
            case ["dlq", name]:
                return self._queues.dead_letters[name].queue_arn
            case ["secret", "identity"]:
                return self._data.identity.secret_arn
            case ["secret", "channels"]:
                return self._data.channels.secret_arn
            case ["lake"]:
                return self._data.bucket.bucket_arn
            case ["lake", folder]:
                return self._data.bucket.arn_for_objects(f"{folder}/*")
            case ["sender", "email"]:
                return arn_of(self._stack, "ses", f"identity/{stage.mail_domain}") if stage.mail_domain else ""
            case ["sender", "sms"]:
                return arn_of(self._stack, "sms-voice", f"sender-id/{stage.sms_sender}/VN") if stage.sms_sender else ""
            case ["sender", "whatsapp"]:
                number = f"phone-number-id/{stage.whatsapp_number}"
                return arn_of(self._stack, "social-messaging", number) if stage.whatsapp_number else ""
        raise ValueError(f"the plan grants something nobody builds: {resource!r}")

    def _setting(self, variable: str) -> str:
        values = {
            "KQ_STAGE": self._stage.name,
            "KQ_TABLE": self._data.table.table_name,
            "KQ_IDENTITY_SECRET_ARN": self._data.identity.secret_arn,
            "KQ_CHANNELS_SECRET_ARN": self._data.channels.secret_arn,
            "KQ_LAKE_BUCKET": self._data.bucket.bucket_name,
            "KQ_PUBLIC_URL": self._public_url,
            "KQ_BEDROCK_MODEL": self._stage.second_opinion_model or OFF,
            "KQ_CONTENT_MODEL": self._stage.content_help_model or OFF,
        }
        for name, queue in self._queues.work.items():
            variable_name = name.upper().replace("-", "_")
            values[f"KQ_{variable_name}_QUEUE_URL"] = queue.queue_url
            values[f"KQ_{variable_name}_DLQ_URL"] = self._queues.dead_letters[name].queue_url
        return values[variable]
