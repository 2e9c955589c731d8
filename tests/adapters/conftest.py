"""Tables and object stores for their contracts: the local ones, and DynamoDB and S3 as moto plays them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import moto  # before any AWS client exists
import pytest

from shared.adapters.aws import clients
from shared.adapters.aws.dynamo_table import DynamoTable
from shared.adapters.aws.s3_store import S3Store
from shared.adapters.local.folder_store import FolderStore
from shared.adapters.local.sqlite_table import SqliteTable
from shared.ports import ObjectStore, Table

NOW = datetime(2026, 11, 21, 5, tzinfo=UTC)


class HandClock:
    """A clock that moves only when told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **parts: float) -> None:
        self.now += timedelta(**parts)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An AWS account that lives as long as the test."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-southeast-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    clients.forget()
    with moto.mock_aws():
        yield
    clients.forget()


@pytest.fixture
def dynamo_table(aws: None) -> DynamoTable:
    clients.client("dynamodb").create_table(
        TableName="kq-test",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "due", "due_at")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "due",
                "KeySchema": [
                    {"AttributeName": "due", "KeyType": "HASH"},
                    {"AttributeName": "due_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return DynamoTable("kq-test", sleep=lambda _: None)


@pytest.fixture
def local_table(clock: HandClock) -> SqliteTable:
    return SqliteTable(clock=clock)


@pytest.fixture(params=["local", "dynamo"])
def table(request: pytest.FixtureRequest) -> Table:
    if request.param == "local":
        local: SqliteTable = request.getfixturevalue("local_table")
        return local
    dynamo: DynamoTable = request.getfixturevalue("dynamo_table")
    return dynamo


@pytest.fixture
def s3_store(aws: None) -> S3Store:
    clients.client("s3").create_bucket(
        Bucket="kq-test", CreateBucketConfiguration={"LocationConstraint": "ap-southeast-1"}
    )
    return S3Store("kq-test")


@pytest.fixture(params=["folder", "s3"])
def objects(request: pytest.FixtureRequest) -> ObjectStore:
    if request.param == "folder":
        return FolderStore()
    s3: S3Store = request.getfixturevalue("s3_store")
    return s3
