"""A secret that is rotated in Secrets Manager is in use within five minutes, with everything that was made from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import moto  # before any AWS client exists
import pytest

from shared.adapters.aws import clients
from shared.runtime import wiring
from shared.runtime.factories.channels import dispatcher
from shared.runtime.factories.pos import pos

START = datetime(2026, 11, 21, 5, tzinfo=UTC)
ACCOUNTS: dict[str, Any] = {
    "ses": {"sender": "shop@example.vn", "region": "ap-southeast-1"},
    "kiotviet": {"client_id": "id", "client_secret": "old", "retailer": "shop", "branches": {}},
}


class Vault:
    """A deployment's outside with a clock of its own, and its two secrets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = START
        self.outside = wiring.AwsOutside()
        self.outside.clock = lambda: self.now
        self._secrets = clients.client("secretsmanager")
        self.identity = self._create("identity", "a" * 32)
        self.channels = self._create("channels", json.dumps(ACCOUNTS))
        monkeypatch.setenv("KQ_IDENTITY_SECRET_ARN", self.identity)
        monkeypatch.setenv("KQ_CHANNELS_SECRET_ARN", self.channels)
        monkeypatch.setattr(wiring, "_on_aws", self.outside)

    def _create(self, name: str, value: str) -> str:
        return str(self._secrets.create_secret(Name=name, SecretString=value)["ARN"])

    def rotate(self, arn: str, value: str) -> None:
        self._secrets.put_secret_value(SecretId=arn, SecretString=value)

    def forward(self, **parts: float) -> None:
        self.now += timedelta(**parts)


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "ap-southeast-1",
        "KQ_TABLE": "kq",
        "KQ_PUBLIC_URL": "https://shop.example.vn",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    clients.forget()
    with moto.mock_aws():
        yield Vault(monkeypatch)
    clients.forget()


def test_a_rotated_secret_is_read_within_five_minutes_and_not_before_it_must(vault: Vault) -> None:
    assert vault.outside.identity_key == b"a" * 32
    vault.rotate(vault.identity, "b" * 32)

    vault.forward(minutes=4, seconds=59)
    assert vault.outside.identity_key == b"a" * 32
    vault.forward(seconds=1)
    assert vault.outside.identity_key == b"b" * 32


def test_what_was_made_from_a_secret_is_made_anew_with_it_and_kept_until_then(vault: Vault) -> None:
    sender, register = dispatcher(), pos()
    vault.forward(minutes=10)
    assert dispatcher() is sender
    assert pos() is register

    vault.rotate(vault.channels, json.dumps({**ACCOUNTS, "kiotviet": {**ACCOUNTS["kiotviet"], "client_secret": "new"}}))
    vault.forward(minutes=5)
    assert dispatcher() is not sender
    assert pos() is not register

    sender = dispatcher()
    vault.rotate(vault.identity, "b" * 32)
    vault.forward(minutes=5)
    assert dispatcher() is not sender
    assert dispatcher().secret == b"b" * 32
