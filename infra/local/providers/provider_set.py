"""The provider stand-ins of one local stack: made on first use, connected to its accounts, callbacks in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from infra.local.providers.aws import CERTIFICATE, TOPIC, AwsStandIn
from infra.local.providers.base import FaultMode, Received, StandIn
from infra.local.providers.esms import EsmsStandIn
from infra.local.providers.in_process import address
from infra.local.providers.kiotviet import KiotVietStandIn
from infra.local.providers.messenger import Messenger
from infra.local.providers.zalo import Zalo, ZaloTemplate
from shared.adapters.channels.zalo_token import ZaloTokens, permission_url
from shared.adapters.template_rendering import LIMITS
from shared.domain.vietnam_time import stamp
from shared.ports import Clock, Table
from shared.runtime.playbook.templates import templates

# A shop that has sent well for a while; the quota of a new account is a test's business.
DAILY_QUOTA = 50_000
REGION = "ap-southeast-1"
CALLBACK_TOKEN = "local-callback-token"  # noqa: S105 - it guards a laptop
_VERIFIER = "a" * 43

# Method, path, query, headers and body of a call to one of our doors; answers with the status.
Deliver = Callable[[str, str, str, Mapping[str, str], bytes], int]


class _StandIns(NamedTuple):
    zalo: Zalo
    messenger: Messenger
    esms: EsmsStandIn
    aws: AwsStandIn
    kiotviet: KiotVietStandIn


class _Certificates(Mapping[str, str]):
    """What the stand-in of SNS signs by, made when a signature is looked at."""

    def __init__(self, aws: AwsStandIn) -> None:
        self._aws = aws

    def __getitem__(self, address: str) -> str:
        if address != CERTIFICATE:
            raise KeyError(address)
        return self._aws.certificate

    def __iter__(self) -> Iterator[str]:
        yield CERTIFICATE

    def __len__(self) -> int:
        return 1


class ProviderSet(Mapping[str, Any]):
    """The accounts of the channels, as the doors read them; reading the first one opens the stand-ins.

    `nearby`: they are reached past the network, but for AWS's.
    """

    def __init__(self, table: Table, clock: Clock, *, nearby: bool = False) -> None:
        self._table = table
        self._clock = clock
        self._nearby = nearby
        self._open: _StandIns | None = None

    @cached_property
    def _accounts(self) -> dict[str, Any]:
        providers = self.stand_ins
        zalo_url = self._url(providers.zalo)
        aws = {"region": REGION, "endpoint_url": providers.aws.url}
        aws["credentials"] = {"access_key": "local", "secret_key": "local"}  # type: ignore[assignment]
        return {
            "zalo": {
                "app_id": providers.zalo.app_id,
                "app_secret": providers.zalo.app_secret,
                "oa_id": providers.zalo.oa_id,
                "webhook_secret": providers.zalo.oa_secret,
                "oauth_url": zalo_url,
                "business_url": zalo_url,
                "openapi_url": zalo_url,
            },
            "esms": {
                "api_key": providers.esms.keys[0],
                "secret_key": providers.esms.keys[1],
                "brandname": providers.esms.brandname,
                "callback_token": CALLBACK_TOKEN,
                "short_code_key": providers.esms.short_code_key,
                "base_url": self._url(providers.esms),
            },
            "ses": {"sender": "Khách Quen <cskh@khachquen.example>", "configuration_set": "khach-quen", **aws},
            "aws": {
                "webhook_tokens": [providers.aws.token],
                "topics": [TOPIC],
                "certificates": _Certificates(providers.aws),
            },
            "whatsapp": {"phone_number_id": "phone-number-id-local", **aws},
            "messenger": {
                "page_id": providers.messenger.page_id,
                "page_token": providers.messenger.page_token,
                "app_secret": providers.messenger.app_secret,
                "verify_token": providers.messenger.verify_token,
                "base_url": self._url(providers.messenger),
            },
            "kiotviet": {
                "client_id": providers.kiotviet.client_id,
                "client_secret": providers.kiotviet.client_secret,
                "retailer": providers.kiotviet.retailer,
                "branches": {"": providers.kiotviet.branch},
                "id_url": self._url(providers.kiotviet),
                "api_url": self._url(providers.kiotviet),
            },
        }

    @property
    def stand_ins(self) -> _StandIns:
        """The stand-ins, opened when first asked for."""
        if self._open is None:
            approved = {
                zns.template_id: ZaloTemplate(
                    "\n".join(zns.fixed_texts),
                    {name: LIMITS[parameter.kind] for name, parameter in zns.parameters.items()},
                    price=zns.price_vnd,
                    money=frozenset(name for name, parameter in zns.parameters.items() if parameter.kind == "vnd"),
                )
                for template in templates().values()
                if (zns := template.zns)
            }
            zalo = Zalo(clock=self._clock, templates=approved, daily_quota=DAILY_QUOTA)
            messenger = Messenger(clock=self._clock)
            esms, aws = EsmsStandIn(clock=self._clock), AwsStandIn(clock=self._clock)
            self._open = _StandIns(zalo, messenger, esms, aws, KiotVietStandIn(clock=self._clock))
            # The tokens of an earlier run are unknown to these stand-ins: the account is connected anew.
            tokens = ZaloTokens(
                self._table,
                app_id=zalo.app_id,
                app_secret=zalo.app_secret,
                oa_id=zalo.oa_id,
                clock=self._clock,
                oauth_url=zalo.url,
            )
            tokens.connect(zalo.permit(permission_url(zalo.app_id, "http://localhost", _VERIFIER, zalo.url)), _VERIFIER)
        return self._open

    def __getitem__(self, name: str) -> Any:
        return self._accounts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._accounts)

    def __len__(self) -> int:
        return len(self._accounts)

    def told_by_us(self, ticket: Mapping[str, Any]) -> None:
        """The shop's own integration reported a chat message to the API: the provider knows of it as well."""
        identities = ticket["customer"]["identities"]
        if ticket["channel"] == "zalo" and identities.get("zalo_user_id"):
            self.stand_ins.zalo.wrote(str(identities["zalo_user_id"]))
        elif ticket["channel"] == "messenger" and identities.get("messenger_psid"):
            self.stand_ins.messenger.wrote(str(identities["messenger_psid"]))

    # ---- what the town has to say, and to show ----

    def next_callback_at(self) -> datetime | None:
        return min((at for one in self._opened() if (at := one.next_callback_at())), default=None)

    def call_back(self, now: datetime, deliver: Deliver) -> int:
        """Make every callback that is due; answers with their number."""
        made = 0
        for one in self._opened():
            for callback in one.due_callbacks(now):
                path, _, query = callback.path.partition("?")
                one.answered(callback, deliver(callback.method, path, query, callback.headers, callback.body))
                made += 1
        return made

    def outbox(self, to: str = "") -> list[dict[str, Any]]:
        """What the stand-ins received, oldest first: all of it, or what went to one address."""
        received = [message for one in self._opened() for message in one.received]
        shown = [_shown(message) for message in received if not to or _digits(message.to) == _digits(to)]
        return sorted(shown, key=lambda message: (message["at"], message["tracking_id"]))

    def set_fault(self, channel: str, mode: FaultMode, rate: float) -> None:
        """Let a share of a channel's calls go wrong; raises ValueError for an unknown channel, mode or rate."""
        for one in self.stand_ins:
            if channel in one.sends.values():
                one.set_fault(mode, rate, on=channel)
                return
        channels = sorted({name for one in self.stand_ins for name in one.sends.values()})
        raise ValueError(f"channel must be one of {', '.join(channels)}")

    def close(self) -> None:
        for one in self._opened():
            one.stop()

    def _url(self, stand_in: StandIn) -> str:
        return address(stand_in) if self._nearby else stand_in.url

    def _opened(self) -> tuple[StandIn, ...]:
        return self._open or ()


def _shown(message: Received) -> dict[str, Any]:
    return {
        "at": stamp(message.at),
        "channel": message.channel,
        "to": message.to,
        "text": message.text,
        "tracking_id": message.tracking_id,
    }


def _digits(address: str) -> str:
    """Phone numbers are compared whatever their prefix, other addresses as they stand."""
    bare = address.strip().removeprefix("+")
    if bare.isdigit():
        return bare.removeprefix("84").removeprefix("0")
    return bare.lower()
