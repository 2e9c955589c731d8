"""AWS's sending services on a local port, a clock in our hand, and the three channels through botocore itself."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.providers.aws import AwsStandIn
from shared.adapters.channels.aws_sms import AwsSms
from shared.adapters.channels.ses import Ses
from shared.adapters.channels.whatsapp import WhatsApp
from shared.domain.messaging.channel_errors import ChannelError
from shared.ports import Outgoing

KEYS = {"access_key": "AKIDEXAMPLE", "secret_key": "not-a-secret"}
UNSUBSCRIBE = "https://khach.example/u/token"


class Hand:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


def mail(number: int = 1, **changed) -> Outgoing:
    fields = {
        "tracking_id": f"{number:044d}",
        "to": f"lan{number}@mail.example",
        "purpose": "marketing",
        "subject": "[QC] Túi da mới về",
        "text": "Chào chị Lan",
        "html": "<p>Chào chị Lan</p>",
        "unsubscribe": UNSUBSCRIBE,
    }
    return Outgoing(**{**fields, **changed})


def sms(number: int = 1, **changed) -> Outgoing:
    fields = {
        "tracking_id": f"{number:044d}",
        "to": f"+8490{number:07d}",
        "purpose": "service",
        "text": "Khach Quen: don DH-20 dang duoc giao.",
    }
    return Outgoing(**{**fields, **changed})


def refusal(call: Callable[[], object]) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        call()
    return caught.value


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def aws(clock: Hand) -> Iterator[AwsStandIn]:
    stand_in = AwsStandIn(clock=clock)
    yield stand_in
    stand_in.stop()


def place(aws: AwsStandIn) -> dict:
    return {"region": "ap-southeast-1", "endpoint_url": aws.url, "credentials": KEYS}


@pytest.fixture
def ses(aws: AwsStandIn, clock: Hand) -> Ses:
    sender = "Khách Quen <cskh@shop.example>"
    return Ses(sender=sender, clock=clock, configuration_set="khach-quen", price=3, **place(aws))


@pytest.fixture
def aws_sms(aws: AwsStandIn) -> AwsSms:
    return AwsSms(sender_id="KHACHQUEN", configuration_set="khach-quen", price_per_part=900, **place(aws))


@pytest.fixture
def whatsapp(aws: AwsStandIn) -> WhatsApp:
    return WhatsApp(phone_number_id="phone-number-id-1", price=600, **place(aws))
