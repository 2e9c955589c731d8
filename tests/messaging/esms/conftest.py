"""A gateway that speaks eSMS's protocol over real HTTP, its clock in our hand, and both kinds of SMS through it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.providers.esms import EsmsStandIn
from shared.adapters.channels.esms import EsmsAds, EsmsCare
from shared.ports import Outgoing

AD = "[QC] Tui da moi ve cua hang. Tu choi: soan TC gui 8088"

TOKEN = "unguessable"
KEYS = {"api_key": "esms-key", "secret_key": "esms-secret"}
TEXT = "Khach Quen: don DH-20 cua quy khach dang duoc giao."


class Hand:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


def outgoing(number: int = 1, *, text: str = TEXT, purpose: str = "transactional", tracking: str = "") -> Outgoing:
    tracking_id = tracking or f"{number:044d}"
    return Outgoing(tracking_id=tracking_id, to=f"+8490{number:07d}", purpose=purpose, text=text)


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def gateway(clock: Hand) -> Iterator[EsmsStandIn]:
    stand_in = EsmsStandIn(clock=clock)
    yield stand_in
    stand_in.stop()


@pytest.fixture
def care(gateway: EsmsStandIn, clock: Hand) -> EsmsCare:
    return EsmsCare(**account(gateway, clock))


@pytest.fixture
def ads(gateway: EsmsStandIn, clock: Hand) -> EsmsAds:
    return EsmsAds(**account(gateway, clock))


def account(gateway: EsmsStandIn, clock: Hand, **changed) -> dict:
    return {
        "credentials": KEYS,
        "brandname": "KHACHQUEN",
        "clock": clock,
        "base_url": gateway.url,
        "callback_url": f"https://khach.example/webhooks/esms/{TOKEN}",
        "price_per_part": 850,
        **changed,
    }


def batch(count: int = 30, text: str = AD) -> list:
    return [outgoing(number, text=text, purpose="marketing") for number in range(1, count + 1)]
