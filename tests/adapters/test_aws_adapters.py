"""What the AWS adapters make of AWS's answers: moto where it can play them, botocore's stubber for trouble."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from botocore.stub import Stubber

from infra.catalogue import DOORS
from shared.adapters.aws import clients
from shared.adapters.aws.dynamo_table import DynamoTable
from shared.adapters.aws.secrets import read_secret
from shared.adapters.aws.sqs_queue import SqsQueue
from shared.domain.errors import Busy, Conflict
from shared.ports import Key, Put, Update, absent

KEY = Key("C#1", "P")
REPO = Path(__file__).parents[2]


def put() -> Put:
    return Put({"pk": "C#1", "sk": "P"}, (absent(),))


@pytest.fixture
def stub(aws: None) -> Iterator[Callable[[str], Stubber]]:
    """Stubs a service; every answer prepared must have been asked for in the end."""
    stubs: list[Stubber] = []

    def make(service: str) -> Stubber:
        stubber = Stubber(clients.client(service))
        stubber.activate()
        stubs.append(stubber)
        return stubber

    yield make
    for stubber in stubs:
        stubber.assert_no_pending_responses()
        stubber.deactivate()


# DynamoDB


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("ConditionalCheckFailedException", 400, Conflict),
        ("ProvisionedThroughputExceededException", 400, Busy),
        ("ThrottlingException", 400, Busy),
        ("RequestLimitExceeded", 400, Busy),
        ("TransactionConflictException", 400, Busy),
        ("InternalServerError", 500, Busy),
        ("ServiceUnavailable", 503, Busy),
        ("ValidationException", 400, ValueError),
        ("ResourceNotFoundException", 400, ClientError),
        ("AccessDeniedException", 400, ClientError),
    ],
)
def test_refusals_become_errors_of_the_port(
    stub: Callable[[str], Stubber], code: str, status: int, expected: type[Exception]
) -> None:
    stub("dynamodb").add_client_error("put_item", code, "why", http_status_code=status)
    with pytest.raises(expected) as caught:
        DynamoTable("kq").write(put())
    if expected is not ClientError:
        assert isinstance(caught.value.__cause__, ClientError)


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        (["None", "ConditionalCheckFailed"], Conflict),
        (["TransactionConflict", "ConditionalCheckFailed"], Conflict),
        (["TransactionConflict", "None"], Busy),
        (["ThrottlingError", "None"], Busy),
        (["ProvisionedThroughputExceeded", "None"], Busy),
        (["ValidationError", "None"], ValueError),
    ],
)
def test_a_cancelled_transaction_is_judged_by_its_reasons(
    stub: Callable[[str], Stubber], reasons: list[str], expected: type[Exception]
) -> None:
    stub("dynamodb").add_client_error(
        "transact_write_items",
        "TransactionCanceledException",
        "cancelled",
        modeled_fields={"CancellationReasons": [{"Code": reason} for reason in reasons]},
    )
    with pytest.raises(expected) as caught:
        DynamoTable("kq").write(put(), Update(Key("C#2", "P"), set={("a",): 1}))
    assert isinstance(caught.value.__cause__, ClientError)


@pytest.mark.parametrize(
    "trouble",
    [
        EndpointConnectionError(endpoint_url="https://dynamodb"),
        ReadTimeoutError(endpoint_url="https://dynamodb"),
    ],
    ids=lambda trouble: type(trouble).__name__,
)
def test_a_network_that_is_down_is_busy(aws: None, monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    def fail(**_: Any) -> None:
        raise trouble

    monkeypatch.setattr(clients.client("dynamodb"), "get_item", fail)
    with pytest.raises(Busy, match="dynamodb cannot be reached") as caught:
        DynamoTable("kq").get(KEY)
    assert caught.value.__cause__ is trouble


def batch_answer(*found: str, left: tuple[str, ...] = ()) -> dict[str, Any]:
    rows = [{"pk": {"S": pk}, "sk": {"S": "P"}} for pk in (*found, *left)]
    answer: dict[str, Any] = {"Responses": {"kq": rows[: len(found)]}}
    if left:
        answer["UnprocessedKeys"] = {"kq": {"Keys": rows[len(found) :], "ConsistentRead": True}}
    return answer


def test_a_batch_asks_again_for_what_was_left_out(stub: Callable[[str], Stubber]) -> None:
    dynamodb = stub("dynamodb")
    both = [{"pk": {"S": pk}, "sk": {"S": "P"}} for pk in ("a", "b")]
    dynamodb.add_response(
        "batch_get_item",
        batch_answer("a", left=("b",)),
        {"RequestItems": {"kq": {"Keys": both, "ConsistentRead": True}}},
    )
    dynamodb.add_response(
        "batch_get_item", batch_answer("b"), {"RequestItems": {"kq": {"Keys": both[1:], "ConsistentRead": True}}}
    )
    waits: list[float] = []
    found = DynamoTable("kq", sleep=waits.append).batch_get([Key("a", "P"), Key("b", "P")])
    assert sorted(found) == [Key("a", "P"), Key("b", "P")]
    assert len(waits) == 1


def test_a_batch_gives_up_after_some_attempts(stub: Callable[[str], Stubber]) -> None:
    dynamodb = stub("dynamodb")
    for _ in range(6):
        dynamodb.add_response("batch_get_item", batch_answer(left=("a",)))
    waits: list[float] = []
    with pytest.raises(Busy, match="unfinished"):
        DynamoTable("kq", sleep=waits.append, chance=lambda: 1.0).batch_get([Key("a", "P")])
    assert waits == sorted(waits)
    assert sum(waits) < 2


def test_a_lost_race_is_waited_for_with_full_jitter_and_a_ceiling() -> None:
    waits: list[float] = []
    table = DynamoTable("kq", sleep=waits.append, chance=lambda: 1.0)

    assert [table.pause(lost) for lost in range(1, 9)] == [True] * 8
    assert waits == [0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]

    DynamoTable("kq", sleep=waits.append, chance=lambda: 0.0).pause(8)
    assert waits[-1] == 0.0


def test_nobody_waits_longer_than_the_invocation_lives() -> None:
    waits: list[float] = []
    table = DynamoTable("kq", sleep=waits.append, chance=lambda: 1.0, time_left=lambda: timedelta(seconds=1))

    assert table.pause(5)  # 400 ms, and half a second is left to answer in
    assert not table.pause(6)  # 800 ms
    assert waits == [0.4]


def test_due_goes_on_when_a_page_ends_before_the_limit(stub: Callable[[str], Stubber]) -> None:
    dynamodb = stub("dynamodb")
    rows = [{"pk": {"S": pk}, "sk": {"S": "T"}, "due": {"S": "timer#0"}, "due_at": {"S": "2026"}} for pk in "abc"]
    dynamodb.add_response("query", {"Items": rows[:2], "LastEvaluatedKey": rows[1]})
    dynamodb.add_response("query", {"Items": rows[2:]})
    assert [row.key.pk for row in DynamoTable("kq").due("timer#0", "2027", limit=5)] == ["a", "b", "c"]


@pytest.mark.parametrize("value", [{"N": "1.5"}, {"SS": ["a"]}, {"B": b"x"}])
def test_what_nobody_of_ours_wrote_is_not_read_as_something_else(
    stub: Callable[[str], Stubber], value: dict[str, Any]
) -> None:
    stub("dynamodb").add_response("get_item", {"Item": {"pk": {"S": "a"}, "field": value}})
    with pytest.raises(ValueError, match=r"none of ours|invalid literal"):
        DynamoTable("kq").get(KEY)


# SQS


@pytest.fixture
def sqs(aws: None) -> Any:
    return clients.client("sqs")


def test_messages_arrive_whole_and_in_as_few_requests_as_allowed(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="kq-events")["QueueUrl"]
    requests: list[int] = []
    sqs.meta.events.register(
        "provide-client-params.sqs.SendMessageBatch", lambda params, **_: requests.append(len(params["Entries"]))
    )
    bodies = [json.dumps({"n": n, "text": "chào bạn"}, ensure_ascii=False) for n in range(23)]
    SqsQueue(url).send(bodies)
    assert requests == [10, 10, 3]
    received: list[str] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        received += [message["Body"] for message in messages]
    assert sorted(received) == sorted(bodies)
    requests.clear()
    SqsQueue(url).send(["x" * 100_000] * 5)
    assert requests == [2, 2, 1]
    SqsQueue(url).send([])
    assert requests == [2, 2, 1]


def test_a_delay_goes_with_every_message(stub: Callable[[str], Stubber]) -> None:
    entries = [{"Id": str(n), "MessageBody": body, "DelaySeconds": 60} for n, body in enumerate("ab")]
    stub("sqs").add_response(
        "send_message_batch", {"Successful": [], "Failed": []}, {"QueueUrl": "https://q", "Entries": entries}
    )
    SqsQueue("https://q").send(["a", "b"], delay_seconds=60)


def failed(*numbers: str) -> dict[str, Any]:
    return {
        "Successful": [],
        "Failed": [{"Id": number, "SenderFault": False, "Code": "InternalError"} for number in numbers],
    }


def entries(*numbers: str) -> dict[str, Any]:
    return {
        "QueueUrl": "https://q",
        "Entries": [{"Id": number, "MessageBody": f"m{number}", "DelaySeconds": 0} for number in numbers],
    }


def test_messages_that_were_not_taken_are_sent_once_more(stub: Callable[[str], Stubber]) -> None:
    sqs = stub("sqs")
    sqs.add_response("send_message_batch", failed("1"), entries("0", "1", "2"))
    sqs.add_response("send_message_batch", failed(), entries("1"))
    SqsQueue("https://q").send(["m0", "m1", "m2"])


def test_messages_refused_twice_make_the_queue_busy(stub: Callable[[str], Stubber]) -> None:
    sqs = stub("sqs")
    sqs.add_response("send_message_batch", failed("0", "1"), entries("0", "1"))
    sqs.add_response("send_message_batch", failed("1"), entries("0", "1"))
    with pytest.raises(Busy, match="did not take 1 messages: InternalError"):
        SqsQueue("https://q").send(["m0", "m1"])


def test_a_throttled_queue_is_busy(stub: Callable[[str], Stubber]) -> None:
    stub("sqs").add_client_error("send_message_batch", "RequestThrottled", http_status_code=403)
    with pytest.raises(Busy):
        SqsQueue("https://q").send(["a"])


# Secrets


def test_secrets_are_read_as_bytes(aws: None) -> None:
    secrets = clients.client("secretsmanager")
    text = secrets.create_secret(Name="text", SecretString="khóa")["ARN"]
    binary = secrets.create_secret(Name="binary", SecretBinary=b"\x00\x01")["ARN"]
    assert read_secret(text) == "khóa".encode()
    assert read_secret(binary) == b"\x00\x01"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        read_secret(text + "x")


# Clients


def test_clients_are_made_once_and_obey_the_endpoint_of_the_environment(
    aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    clients.forget()
    assert clients.client("sqs").meta.endpoint_url == "http://127.0.0.1:4566"
    assert clients.client("sqs") is clients.client("sqs")


def test_a_door_pays_for_boto3_only_when_it_calls() -> None:
    program = (
        "import sys\n"
        "from importlib import import_module\n"
        f"for door in {[door.name for door in DOORS]!r}: import_module('functions.' + door)\n"
        # Powertools loads what little of botocore it names itself by, with or without a client.
        "def paid(): return sorted({'boto3', 's3transfer', 'botocore.client'} & sys.modules.keys())\n"
        "print(paid())\n"
        "from shared.adapters.aws.dynamo_table import DynamoTable\n"
        "from shared.adapters.aws.sqs_queue import SqsQueue\n"
        "from shared.adapters.aws.clients import client\n"
        "DynamoTable('kq'); SqsQueue('https://q')\n"
        "assert client.cache_info().currsize == 0\n"
        "client('dynamodb')\n"
        "print(paid())\n"
    )
    environment = {**os.environ, "AWS_DEFAULT_REGION": "ap-southeast-1"}
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=REPO, env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.splitlines() == [
        "[]",
        "['boto3', 'botocore.client', 's3transfer']",
    ]
