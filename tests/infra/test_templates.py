"""House rules that every template keeps, whatever is added to the plan."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.aws import stages
from infra.aws.stages import Stage
from infra.catalogue import DLQ_RETENTION_DAYS, DOORS, FromQueue, FromStream, Http, Schedule
from shared.domain.facts.schema import KINDS, columns
from shared.runtime.settings import OFF
from tests.infra.conftest import Synthesized

pytestmark = pytest.mark.cdk

STAGES = ("dev", "staging", "prod")
FOLDERS = ("facts", "failed", "parquet", "manifests", "models", "aws/lambda", "stream")


def arn_of(logical_id: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [logical_id, "Arn"]}


def functions(stage: Synthesized) -> dict[str, tuple[str, Any]]:
    """Door name → (logical id, properties)."""
    return {
        properties["Handler"].split(".")[1]: (name, properties)
        for name, properties in stage.all("AWS::Lambda::Function").items()
    }


def dead_letter_queues(stage: Synthesized) -> dict[str, Any]:
    return {n: p for n, p in stage.all("AWS::SQS::Queue").items() if p["QueueName"].endswith("-dlq")}


def allowed(stage: Synthesized) -> list[Any]:
    """Every statement that allows somebody something by his role."""
    documents = [p["PolicyDocument"] for p in stage.all("AWS::IAM::Policy").values()]
    for role in stage.all("AWS::IAM::Role").values():
        documents += [policy["PolicyDocument"] for policy in role.get("Policies", [])]
    return [s for document in documents for s in document["Statement"] if s["Effect"] == "Allow"]


# Functions


def test_the_template_has_the_doors_of_the_plan_and_no_helper_of_the_cdks_own(dev: Synthesized):
    assert functions(dev).keys() == {door.name for door in DOORS}
    assert len(dev.all("AWS::Lambda::Function")) == len(DOORS)


def test_functions_run_on_arm_as_their_row_says(dev: Synthesized):
    for door in DOORS:
        _, properties = functions(dev)[door.name]
        assert properties["Architectures"] == ["arm64"]
        assert properties["Handler"] == f"functions.{door.name}.handler"
        assert (properties["MemorySize"], properties["Timeout"]) == (door.memory, door.timeout_seconds)
        assert "ReservedConcurrentExecutions" not in properties


def test_every_variable_of_a_doors_settings_is_in_its_environment_and_no_other(dev: Synthesized):
    for door in DOORS:
        _, properties = functions(dev)[door.name]
        declared = {variable for group in door.settings for variable in group.variables}
        assert properties["Environment"]["Variables"].keys() == declared, door.name


def test_every_function_logs_to_a_group_of_its_own(dev: Synthesized):
    groups = dev.all("AWS::Logs::LogGroup")
    used = [properties["LoggingConfig"]["LogGroup"]["Ref"] for _, properties in functions(dev).values()]

    assert len(set(used)) == len(DOORS)
    assert set(used) <= groups.keys()


@pytest.mark.parametrize("name", STAGES)
def test_every_log_group_forgets(synthesized: Callable[[str], Synthesized], name: str):
    for group, properties in synthesized(name).all("AWS::Logs::LogGroup").items():
        assert properties["RetentionInDays"] <= 90, group


# Permissions


def test_every_grant_names_its_actions_and_its_resource(dev: Synthesized):
    for statement in allowed(dev):
        assert "*" not in json.dumps(statement["Action"])
        # What is named as it is written ends in the folder of one purpose; a stream is named by the moment it opened.
        said = json.dumps(statement["Resource"])
        for folder in FOLDERS:
            said = said.replace(f'"/{folder}/*"', "")
        assert "*" not in said
    assert not [role for role in dev.all("AWS::IAM::Role").values() if role.get("ManagedPolicyArns")]


def test_a_function_may_do_what_its_row_grants_plus_log_receive_and_report_failure(dev: Synthesized):
    own = {"logs:CreateLogStream", "logs:PutLogEvents"}
    receive = {
        *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"),
        *("sqs:GetQueueUrl", "sqs:GetQueueAttributes"),
    }
    report = {"sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"}
    read = {f"dynamodb:{call}" for call in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")}
    given_up = {"s3:PutObject", "s3:ListBucket"}
    by_trigger = {Http: set(), FromQueue: receive, FromStream: read | given_up, Schedule: report}
    policies = dev.all("AWS::IAM::Policy").values()
    for door in DOORS:
        role = functions(dev)[door.name][1]["Role"]["Fn::GetAtt"][0]
        statements = [
            statement
            for policy in policies
            if {"Ref": role} in policy["Roles"]
            for statement in policy["PolicyDocument"]["Statement"]
        ]
        may = {
            action for s in statements for action in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])
        }
        # The stages as they ship have verified no sender of AWS's yet, and name no model.
        grants = [grant for grant in door.grants if not grant.resource.startswith(("sender:", "model:"))]
        granted = {action for grant in grants for action in grant.actions}
        assert may == granted | own | by_trigger[type(door.trigger)], door.name


def test_a_model_is_granted_by_its_exact_arns_an_inference_profile_with_the_model_in_each_region_it_sends_to(
    synthesized: Callable[[str], Synthesized], monkeypatch: pytest.MonkeyPatch
):
    with_models = {
        "chosen": Stage(
            "chosen",
            keeps_data=False,
            backup_days=1,
            log_days=7,
            second_opinion_model="maker.small-v1:0",
            content_help_model="apac.maker.large-v1:0",
            profile_regions=("ap-southeast-1", "ap-northeast-1"),
        ),
        "everywhere": Stage(
            "everywhere", keeps_data=False, backup_days=1, log_days=7, content_help_model="global.maker.large-v1:0"
        ),
    }
    for name, stage in with_models.items():
        monkeypatch.setitem(stages.STAGES, name, stage)

    def of(stage: str, door: str) -> set[str]:
        synthesized_stage = synthesized(stage)
        role = functions(synthesized_stage)[door][1]["Role"]["Fn::GetAtt"][0]
        return {
            _flat(arn)
            for policy in synthesized_stage.all("AWS::IAM::Policy").values()
            if {"Ref": role} in policy["Roles"]
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Action"] == "bedrock:InvokeModel"
            for arn in (
                [statement["Resource"]] if not isinstance(statement["Resource"], list) else statement["Resource"]
            )
        }

    here = "arn:<AWS::Partition>:bedrock:ap-southeast-1:"
    assert of("chosen", "tickets_worker") == {f"{here}:foundation-model/maker.small-v1:0"}
    assert of("chosen", "campaigns_api") == {
        f"{here}<AWS::AccountId>:inference-profile/apac.maker.large-v1:0",
        f"{here}:foundation-model/maker.large-v1:0",
        "arn:<AWS::Partition>:bedrock:ap-northeast-1::foundation-model/maker.large-v1:0",
    }
    assert of("everywhere", "campaigns_api") == {
        f"{here}<AWS::AccountId>:inference-profile/global.maker.large-v1:0",
        f"{here}:foundation-model/maker.large-v1:0",
        "arn:<AWS::Partition>:bedrock:::foundation-model/maker.large-v1:0",
    }
    for name, model in (("chosen", "apac.maker.large-v1:0"), ("everywhere", "global.maker.large-v1:0")):
        variables = functions(synthesized(name))["campaigns_api"][1]["Environment"]["Variables"]
        assert variables["KQ_CONTENT_MODEL"] == model


def test_no_model_drafts_in_the_stages_as_they_ship(dev: Synthesized):
    variables = functions(dev)["campaigns_api"][1]["Environment"]["Variables"]

    assert variables["KQ_CONTENT_MODEL"] == OFF


def test_a_profile_of_a_part_of_the_world_needs_the_regions_it_sends_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    vague = Stage("vague", keeps_data=False, backup_days=1, log_days=7, content_help_model="apac.maker.large-v1:0")
    monkeypatch.setitem(stages.STAGES, "vague", vague)
    app = pytest.importorskip("infra.aws.app")

    with pytest.raises(ValueError, match="profile_regions"):
        app.build("vague", out=tmp_path, assets=False)


def _flat(arn: Any) -> str:
    """An ARN of a template with its pseudo parameters in angle brackets."""
    if isinstance(arn, str):
        return arn
    parts = arn["Fn::Join"][1]
    return "".join(part if isinstance(part, str) else f"<{part['Ref']}>" for part in parts)


def test_the_due_index_is_granted_by_its_own_arn(dev: Synthesized):
    sweeping = [door for door in DOORS if any(grant.resource == "due_index" for grant in door.grants)]
    index = [s for s in allowed(dev) if "/index/due" in json.dumps(s["Resource"])]

    assert len(index) == len(sweeping) > 0
    assert all(statement["Action"] == "dynamodb:Query" for statement in index)


def test_who_may_call_a_function_is_named(dev: Synthesized):
    for name, permission in dev.all("AWS::Lambda::Permission").items():
        assert permission["Principal"] == "apigateway.amazonaws.com", name
        assert "SourceArn" in permission, name


# HTTP


def test_the_api_has_one_route_per_row_and_no_catch_all(dev: Synthesized):
    planned = {route for door in DOORS if isinstance(door.trigger, Http) for route in door.trigger.routes}

    assert {route["RouteKey"] for route in dev.all("AWS::ApiGatewayV2::Route").values()} == planned


def test_calls_are_logged_without_anything_personal_and_limited(dev: Synthesized):
    (stage,) = dev.all("AWS::ApiGatewayV2::Stage").values()

    logged = stage["AccessLogSettings"]["Format"]
    assert not [word for word in ("sourceIp", "userAgent", "path", "authorizer") if word in logged]
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0


# Queues


def test_every_worker_reports_single_failures_within_its_pace_and_its_queue_has_a_dlq(dev: Synthesized):
    queues = dev.all("AWS::SQS::Queue")
    for door in DOORS:
        if not isinstance(door.trigger, FromQueue):
            continue
        function, _ = functions(dev)[door.name]
        sources = [
            mapping
            for mapping in dev.all("AWS::Lambda::EventSourceMapping").values()
            if mapping["FunctionName"] == {"Ref": function}
        ]
        assert len(sources) == len(door.trigger.queues)
        for source in sources:
            queue = queues[source["EventSourceArn"]["Fn::GetAtt"][0]]
            assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
            assert source["ScalingConfig"]["MaximumConcurrency"] == door.trigger.max_concurrency
            assert queue["VisibilityTimeout"] >= 6 * door.timeout_seconds
            assert queue["RedrivePolicy"]["deadLetterTargetArn"] in [arn_of(dlq) for dlq in dead_letter_queues(dev)]


def test_x21_the_stream_names_its_shards_and_keeps_what_it_gives_up(dev: Synthesized):
    (door,) = [door for door in DOORS if isinstance(door.trigger, FromStream)]
    (mapping,) = [m for m in dev.all("AWS::Lambda::EventSourceMapping").values() if "StartingPosition" in m]
    (bucket,) = dev.all("AWS::S3::Bucket")

    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["TumblingWindowInSeconds"] == 5  # without a window no event names its shard
    assert mapping["BisectBatchOnFunctionError"]
    assert mapping["MaximumRecordAgeInSeconds"] < 24 * 3600
    assert bucket in json.dumps(mapping["DestinationConfig"]["OnFailure"])
    (pattern,) = mapping["FilterCriteria"]["Filters"]
    keys = json.loads(pattern["Pattern"])["dynamodb"]["Keys"]
    assert [one["prefix"] for one in keys["pk"]["S"]] == list(door.trigger.partitions)
    assert [one for one in keys["sk"]["S"] if isinstance(one, str)] == list(door.trigger.items)


def test_x21_athena_reads_every_kind_of_fact_by_the_schema(dev: Synthesized):
    tables = {t["TableInput"]["Name"]: t["TableInput"] for t in dev.all("AWS::Glue::Table").values()}

    assert set(tables) == {f"{kind}_versions" for kind in KINDS}
    for kind in KINDS:
        stored = tables[f"{kind}_versions"]["StorageDescriptor"]
        assert [column["Name"] for column in stored["Columns"]] == list(columns(kind))
        assert tables[f"{kind}_versions"]["Parameters"]["projection.enabled"] == "true"
    (group,) = dev.all("AWS::Athena::WorkGroup").values()
    assert group["WorkGroupConfiguration"]["EnforceWorkGroupConfiguration"]
    assert group["WorkGroupConfiguration"]["BytesScannedCutoffPerQuery"] <= 10_000_000_000


def test_a_dead_letter_waits_as_long_as_sqs_allows(dev: Synthesized):
    for name, properties in dead_letter_queues(dev).items():
        assert properties["MessageRetentionPeriod"] == DLQ_RETENTION_DAYS * 24 * 3600, name


def test_somebody_hears_of_every_dead_letter(dev: Synthesized):
    alarms = dev.all("AWS::CloudWatch::Alarm").values()
    watched = [alarm["Dimensions"][0]["Value"] for alarm in alarms if alarm["Namespace"] == "AWS/SQS"]

    for dlq in dead_letter_queues(dev):
        assert {"Fn::GetAtt": [dlq, "QueueName"]} in watched
    assert all(alarm["AlarmActions"] for alarm in alarms)


# Schedules


def test_every_schedule_knows_its_time_zone_its_patience_and_where_failures_go(dev: Synthesized):
    planned = {tick.name: tick for door in DOORS if isinstance(door.trigger, Schedule) for tick in door.trigger.ticks}
    built = dev.all("AWS::Scheduler::Schedule").values()

    assert {schedule["Name"] for schedule in built} == {f"kq-dev-{name}" for name in planned}
    for schedule in built:
        tick = planned[schedule["Name"].removeprefix("kq-dev-")]
        target = schedule["Target"]
        assert schedule["ScheduleExpression"] == f"cron({tick.cron})"
        assert schedule["ScheduleExpressionTimezone"] == "Asia/Ho_Chi_Minh"
        assert target["DeadLetterConfig"]["Arn"] in [arn_of(dlq) for dlq in dead_letter_queues(dev)]
        assert target["RetryPolicy"] == {
            "MaximumEventAgeInSeconds": tick.maximum_age_seconds,
            "MaximumRetryAttempts": tick.retries,
        }
        assert json.loads(target["Input"]) == {"job": tick.job, "time": "<aws.scheduler.scheduled-time>"}


def test_a_tick_that_fails_inside_its_function_is_kept_too(dev: Synthesized):
    configs = {c["FunctionName"]["Ref"]: c for c in dev.all("AWS::Lambda::EventInvokeConfig").values()}
    for door in DOORS:
        if isinstance(door.trigger, Schedule):
            config = configs[functions(dev)[door.name][0]]
            failed = config["DestinationConfig"]["OnFailure"]["Destination"]
            assert failed in [arn_of(dlq) for dlq in dead_letter_queues(dev)]
            assert config["MaximumEventAgeInSeconds"] == max(tick.maximum_age_seconds for tick in door.trigger.ticks)
            assert config["MaximumRetryAttempts"] == max(tick.retries for tick in door.trigger.ticks)


# Data


def test_the_table_is_what_the_table_port_needs(dev: Synthesized):
    (table,) = dev.all("AWS::DynamoDB::Table").values()

    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    (due,) = table["GlobalSecondaryIndexes"]
    assert due["IndexName"] == "due"
    assert [key["AttributeName"] for key in due["KeySchema"]] == ["due", "due_at"]
    assert due["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}


@pytest.mark.parametrize("name", STAGES)
def test_no_backup_outlives_the_promise_of_erasure(synthesized: Callable[[str], Synthesized], name: str):
    stage = synthesized(name)
    (table,) = stage.all("AWS::DynamoDB::Table").values()
    (bucket,) = stage.all("AWS::S3::Bucket").values()

    recovery = table["PointInTimeRecoverySpecification"]
    assert recovery["PointInTimeRecoveryEnabled"]
    assert recovery["RecoveryPeriodInDays"] <= 14
    rules = bucket["LifecycleConfiguration"]["Rules"]
    (old,) = [rule for rule in rules if "NoncurrentVersionExpiration" in rule]
    assert old["NoncurrentVersionExpiration"]["NoncurrentDays"] <= 14
    assert "Prefix" not in old
    # Changes that could not be read hold whole items.
    kept = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule}
    assert kept == {"failed/": 14, "aws/lambda/": 14, "athena/": 7}


def test_everything_is_encrypted_where_it_lies_and_on_its_way(dev: Synthesized):
    (table,) = dev.all("AWS::DynamoDB::Table").values()
    (bucket,) = dev.all("AWS::S3::Bucket").values()
    assert table["SSESpecification"]["SSEEnabled"]
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert all(queue["SqsManagedSseEnabled"] for queue in dev.all("AWS::SQS::Queue").values())

    guarded = [target for p in dev.all("AWS::SQS::QueuePolicy").values() if refuses_plain(p) for target in p["Queues"]]
    assert sorted(target["Ref"] for target in guarded) == sorted(dev.all("AWS::SQS::Queue"))
    assert all(refuses_plain(policy) for policy in dev.all("AWS::S3::BucketPolicy").values())
    assert all(refuses_plain(policy) for policy in dev.all("AWS::SNS::TopicPolicy").values())


def refuses_plain(policy: dict[str, Any]) -> bool:
    return any(
        statement["Effect"] == "Deny" and statement["Condition"].get("Bool", {}).get("aws:SecureTransport") == "false"
        for statement in policy["PolicyDocument"]["Statement"]
    )


# Stages


@pytest.mark.parametrize("name", STAGES)
def test_only_what_prod_keeps_is_protected(synthesized: Callable[[str], Synthesized], name: str):
    stage = synthesized(name)
    kept = name == "prod"
    (table,) = stage.all("AWS::DynamoDB::Table").values()

    assert table.get("DeletionProtectionEnabled", False) is kept
    for kind in ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SecretsManager::Secret"):
        resources = [r for r in stage.data.values() if r["Type"] == kind]
        assert resources
        for resource in resources:
            assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == ("Retain" if kept else "Delete")


def physical_names(stage: Synthesized) -> list[str]:
    """Every name a human types; what AWS names itself carries the stack's name, and so the stage."""
    keys = ("Name", "TableName", "QueueName", "FunctionName", "LogGroupName", "LayerName", "AlarmName", "TopicName")
    found = [r.get("Properties", {}).get(key) for r in [*stage.data.values(), *stage.app.values()] for key in keys]
    return [name for name in found if isinstance(name, str)]


@pytest.mark.parametrize("name", STAGES)
def test_the_stage_stands_in_every_name(synthesized: Callable[[str], Synthesized], name: str):
    stage = synthesized(name)

    assert stage.names == {f"kq-{name}-data", f"kq-{name}-app"}
    assert len(physical_names(stage)) > 30
    assert not [physical for physical in physical_names(stage) if name not in physical.replace("/", "-").split("-")]


def test_two_stages_share_an_account_without_meeting(synthesized: Callable[[str], Synthesized]):
    names = [set(physical_names(synthesized(name))) for name in STAGES]

    assert not names[0] & names[1]
    assert not names[0] & names[2]
    assert not names[1] & names[2]


def test_an_unknown_stage_is_refused_with_the_known_ones(synthesized: Callable[[str], Synthesized]):
    from infra.aws.stages import UnknownStageError

    with pytest.raises(UnknownStageError, match=r"no stage 'production'.*dev, staging, prod"):
        synthesized("production")


# What the nag pack accepts is proved by every synthesis above: it refuses to write templates otherwise.


def test_a_finding_nobody_acknowledged_stops_the_synthesis(dev: Synthesized, tmp_path: Path):
    from aws_cdk import aws_s3

    from infra.aws.app import build

    app = build(dev.stage, out=tmp_path, assets=False)
    aws_s3.Bucket(app.node.find_child("kq-dev-data"), "Careless")

    with pytest.raises(RuntimeError, match="AwsSolutions-S10"):
        app.synth()


def test_findings_are_acknowledged_on_the_one_construct_they_are_about_and_with_a_reason(dev: Synthesized):
    about: dict[str, set[str]] = {}
    for path, rules in dev.acknowledged:
        for rule, reason in rules.items():
            assert len(reason) > 40, path
            about.setdefault(rule.removeprefix("Annotation::AwsSolutions-"), set()).add(path)

    folders = {rule for rule in about if rule.startswith("IAM5[Resource::kq-dev-data:")}
    assert {rule.rpartition("/")[0].partition("/")[2] for rule in folders} == set(FOLDERS)
    assert about["IAM5[Resource::kq-dev-data:ExportsOutputFnGetAttLake5F1B88EAArn65E67816/failed/*]"] == {
        "/kq-dev-app/FactsStreamRole"
    }
    assert {rule: paths for rule, paths in about.items() if rule not in folders} == {
        "S1": {"/kq-dev-data/Lake"},
        "SMG4": {"/kq-dev-data/Channels", "/kq-dev-data/Identity"},
        "SQS3": {"/kq-dev-app/TicksDlq"},
        "APIG4": {"/kq-dev-app/Api"},
        "L1": {f"/kq-dev-app/{name.title().replace('_', '')}" for name in functions(dev)},
    }
