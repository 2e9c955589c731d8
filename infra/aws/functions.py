"""The Lambda functions of the plan: assets, roles with exact grants, settings, queue triggers."""

from __future__ import annotations

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
from infra.aws.data_stack import DUE_INDEX, DataStack
from infra.aws.naming import arn_of, camel, log_group
from infra.aws.queues import Queues
from infra.aws.stages import Stage
from infra.catalogue import Door, FromQueue, Http, Schedule
from shared.runtime.settings import OFF

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
        self._layers = {"base": self._base_layer(target)}

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
            layers=[self._layers[door.layer]],
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
        return function

    def _failed_ticks(self, trigger: Http | FromQueue | Schedule) -> dict[str, Any]:
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
