"""The checklist of a deployed stage (the emulated services of moto), whose accounts nobody has filled in yet."""

from __future__ import annotations

import json

import pytest
from moto import mock_aws
from typer.testing import CliRunner

from infra.catalogue import QUEUES
from infra.local.cli import app
from shared.adapters.aws import clients


@pytest.fixture
def stage(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-southeast-1")
    with mock_aws():
        clients.forget()
        for row in QUEUES:
            clients.client("sqs").create_queue(QueueName=f"kq-dev-{row.name}")
            clients.client("sqs").create_queue(QueueName=f"kq-dev-{row.name}-dlq")
        clients.client("dynamodb").create_table(
            TableName="kq-dev-table",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            BillingMode="PAY_PER_REQUEST",
        )
        accounts = {"ses": {"sender": "a@b.vn", "region": "ap-southeast-1", "configuration_set": "kq"}}
        clients.client("secretsmanager").create_secret(Name="kq/dev/channels", SecretString=json.dumps(accounts))
        yield
    clients.forget()


def test_r27_a_new_stage_has_its_journeys_in_shadow_and_its_accounts_to_be_filled_in(stage):
    answer = CliRunner().invoke(app, ["blueprint", "--stage", "dev", "--json"])
    assert answer.exit_code == 0, answer.output
    found = {item["id"]: item for item in json.loads(answer.stdout)["items"]}
    assert found["zalo_account"]["state"] == "todo"
    assert "app_id" in found["zalo_account"]["evidence"]["en"]
    assert found["other_channels"]["state"] == "under_way"
    modes = found["all_journeys"]["numbers"]
    assert (modes["shadow"], modes["all"]) == (modes["journeys"], 0)
    done = {name for name, item in found.items() if item["state"] == "done"}
    assert done == {"templates_with_tags"}  # what the playbook says of templates is said of no account yet
