"""Operations on a data folder and on a deployed stage (the emulated SQS and DynamoDB of moto)."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from moto import mock_aws

from infra.catalogue import QUEUES
from infra.local.commands.ops import (
    as_it_came,
    import_do_not_call,
    issue_key,
    list_keys,
    listed,
    redrive,
    revoke_key,
    rotate_key,
    zalo_state,
)
from infra.local.errors import Trouble
from infra.local.stack.clock import LocalClock
from infra.local.stack.local_stack import LocalStack
from infra.local.stack.session import place
from shared.adapters.aws import clients
from shared.repositories import table_keys
from shared.repositories.api_keys import look_up
from shared.repositories.identity_resolution import link_of_phone

START = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path):
    """A data folder with one message nobody can read in its dead-letter queue."""
    stack = LocalStack(tmp_path, LocalClock(START, frozen=True))
    stack.queues["events"].send(["nonsense"])
    stack.drain()
    stack.close()
    return tmp_path


@pytest.fixture
def stage(monkeypatch):
    """What a deployed stage has, as far as operations go."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-southeast-1")
    with mock_aws():
        clients.forget()
        sqs = clients.client("sqs")
        for row in QUEUES:
            sqs.create_queue(QueueName=f"kq-dev-{row.name}")
            sqs.create_queue(QueueName=f"kq-dev-{row.name}-dlq")
        clients.client("dynamodb").create_table(
            TableName="kq-dev-table",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            BillingMode="PAY_PER_REQUEST",
        )
        clients.client("secretsmanager").create_secret(Name="kq/dev/identity", SecretString="an identity key")
        yield sqs
    clients.forget()


def test_dead_letters_show_their_reason_and_go_back_without_it(folder):
    with place(folder, None) as where:
        (letter,) = listed(where)["events"]
        assert letter["body"] == "nonsense"
        assert "not a message of this queue" in letter["reason"]
        assert redrive(where)["events"] == 1
        assert not any(listed(where).values())
    stack = LocalStack(folder, LocalClock(START, frozen=True))
    assert stack.queues["events"].peek()[0].body == "nonsense"
    stack.close()


@pytest.mark.parametrize(
    ("letter", "body"),
    [
        ({"door": "events_worker", "reason": "r", "body": "as sent"}, "as sent"),
        ({"door": "events_worker", "reason": "r", "event": {"id": "é"}}, '{"events": [{"id": "é"}]}'),
        ({"events": []}, '{"events": []}'),
    ],
)
def test_what_a_worker_set_aside_is_unwrapped(letter, body):
    assert as_it_came(json.dumps(letter, ensure_ascii=False)) == body


def test_what_the_queue_gave_up_on_is_as_it_was():
    assert as_it_came("not JSON") == "not JSON"


def test_a_key_is_issued_and_revoked(folder):
    with place(folder, None) as where:
        key = issue_key(where, "api", "till 3", roles=["store_staff"], stores=["Quận 1"])
        assert key.startswith("kq_api_")
        revoke_key(where, key)
        with pytest.raises(Trouble, match="nobody issued"):
            revoke_key(where, "kq_api_stranger")
        with pytest.raises(Trouble, match="not a role"):
            issue_key(where, "api", "x", roles=["king"])
        with pytest.raises(Trouble, match="stores"):
            issue_key(where, "api", "x", roles=["store_staff"])


def test_x24_keys_are_listed_rotated_and_revoked_by_their_id(folder):
    with place(folder, None) as where:
        old = issue_key(where, "browser", "web shop", origins=["https://nhamay.example"])
        issue_key(where, "write", "till", system="kiotviet", stores=["Quận 1"], days=30)
        listing = list_keys(where)
        assert [(key["name"], key["kind"], key["state"]) for key in sorted(listing, key=lambda key: key["name"])] == [
            ("till", "write", "in use"), ("web shop", "browser", "in use"),
        ]  # fmt: skip
        assert not any(old in json.dumps(key) for key in listing)
        (web,) = [key for key in listing if key["name"] == "web shop"]
        assert web["origins"] == ["https://nhamay.example"]

        fresh = rotate_key(where, web["id"], 7)["key"]
        assert fresh != old
        memory = {}
        assert look_up(where.table, old, memory, where.now).origins == {"https://nhamay.example"}
        assert look_up(where.table, fresh, memory, where.now).name == "web shop"
        assert look_up(where.table, old, memory, where.now + timedelta(days=7)) is None

        revoke_key(where, web["id"])
        assert {key["state"] for key in list_keys(where) if key["id"] == web["id"]} == {"revoked"}
        with pytest.raises(Trouble, match="revoked"):
            rotate_key(where, web["id"], 7)


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"kind": "api", "roles": ["store_staff"], "stores": ["Quan 1"]}, "Quan 1.*Quận 1"),
        ({"kind": "api", "roles": ["king"]}, "not a role"),
        ({"kind": "api"}, "needs a role"),
        ({"kind": "write", "roles": ["admin"]}, "only an api key has roles"),
        ({"kind": "browser"}, "needs the origins"),
        ({"kind": "browser", "origins": ["https://nhamay.example/shop"]}, "no origin"),
        ({"kind": "browser", "origins": ["nhamay.example"]}, "no origin"),
        ({"kind": "write", "origins": ["https://nhamay.example"]}, "only a browser key"),
        ({"kind": "api", "roles": ["pos"], "system": "x"}, "only a server key"),
        ({"kind": "write", "system": "kiot viet"}, "1 to 40 letters"),
        ({"kind": "browser", "origins": ["*"], "stores": ["Quận 1"]}, "no stores"),
    ],
)
def test_x24_what_does_not_go_together_in_a_key_is_named_when_it_is_issued(folder, wanted, reason):
    with place(folder, None) as where:
        with pytest.raises(Trouble, match=reason):
            issue_key(where, name="x", **wanted)
        assert list_keys(where) == []


def test_a_stage_is_operated_in_the_same_words(stage):
    urls = {name: stage.get_queue_url(QueueName=f"kq-dev-{name}")["QueueUrl"] for name in ("events", "events-dlq")}
    for body in ("as it was", json.dumps({"reason": "r", "body": "inner"})):
        stage.send_message(QueueUrl=urls["events-dlq"], MessageBody=body)
    with place(None, "dev") as where:
        assert redrive(where)["events"] == 2
        assert not any(redrive(where).values())
        assert issue_key(where, "write", "web shop").startswith("kq_write_")
    answer = stage.receive_message(QueueUrl=urls["events"], MaxNumberOfMessages=10)
    assert sorted(message["Body"] for message in answer["Messages"]) == ["as it was", "inner"]


def test_looking_at_a_stages_dead_letters_leaves_them_there(stage):
    url = stage.get_queue_url(QueueName="kq-dev-events-dlq")["QueueUrl"]
    stage.send_message(QueueUrl=url, MessageBody="x")
    with place(None, "dev") as where:
        assert listed(where)["events"] == ["x"]
    counts = stage.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessagesNotVisible"] == "1"


def test_a_stages_lists_and_accounts_are_reached_through_its_own_secrets(stage, tmp_path):
    vault = clients.client("secretsmanager")
    vault.create_secret(Name="kq/dev/channels", SecretString=json.dumps({"zalo": {"app_id": "1", "app_secret": "s"}}))
    numbers = tmp_path / "dnc.txt"
    numbers.write_text("0901234567\nkhông phải số\n", encoding="utf-8")
    with place(None, "dev") as where:
        done = import_do_not_call(where, numbers, full=True, on_line=lambda _: None)
        assert (done.listing.numbers, [line.line for line in done.refused]) == (1, [2])
        listed_here = where.table.get(table_keys.do_not_call(link_of_phone("+84901234567", b"an identity key")))
        assert listed_here is not None
        with pytest.raises(Trouble, match="oa_id"):
            zalo_state(where)


def test_where_to_operate_must_be_said_once(tmp_path):
    for data, stage_name in ((None, None), (tmp_path, "dev")):
        with pytest.raises(Trouble, match="either"), place(data, stage_name):
            pass


def test_a_stage_that_is_not_deployed_is_said_plainly(stage):
    with pytest.raises(Trouble, match="AWS says"), place(None, "prod"):
        pass
