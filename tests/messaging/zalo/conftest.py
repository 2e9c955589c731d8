"""A Zalo that stands in, a table, and the adapters between them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.local.providers.zalo import Zalo, ZaloTemplate
from infra.local.stack.clock import LocalClock
from shared.adapters.channels import zalo_api
from shared.adapters.channels.zalo_oa import ZaloOa
from shared.adapters.channels.zalo_token import ZaloTokens, permission_url
from shared.adapters.channels.zalo_zns import ZaloZns
from shared.adapters.local.sqlite_table import SqliteTable
from shared.domain.errors import Busy
from shared.ports import Action, Item, Key, Outgoing

# 14:00 in Vietnam.
START = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
VERIFIER = "v" * 43
THANKS = {"ten": 30, "ma_don": 30}


class TroubledTable(SqliteTable):
    """A table at which readers can be made to meet, and which can be busy for some writes."""

    meeting: threading.Barrier | None = None
    busy_writes = 0

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        found = super().get(key, consistent=consistent)
        if (meeting := self.meeting) is not None:
            meeting.wait(timeout=10)
            self.meeting = None
        return found

    def write(self, *actions: Action) -> Item | None:
        if self.busy_writes:
            self.busy_writes -= 1
            raise Busy("the table is throttled")
        return super().write(*actions)


class World:
    """One account, connected, at a moment that moves only by `wait`."""

    def __init__(self) -> None:
        self.clock = LocalClock(START, frozen=True)
        self.zalo = Zalo(
            clock=self.clock.now,
            templates={
                "thanks": ZaloTemplate("Cảm ơn <ten>, đơn <ma_don>", THANKS),
                "offer": ZaloTemplate("Ưu đãi cho <ten>", {"ten": 30}, tag="PROMOTION"),
                "receipt": ZaloTemplate("Biên nhận <ma_don>", {"ma_don": 30}, at_night=True),
            },
        )
        self.table = TroubledTable(clock=self.clock.now)
        self.tokens = self.another_worker()
        self.zns = self.zns_of(self.tokens)
        self.oa = ZaloOa(
            self.tokens,
            {"thanks": zalo_api.ZaloTemplate(210, THANKS), "offer": zalo_api.ZaloTemplate(210, {"ten": 30})},
            clock=self.clock.now,
            base_url=self.zalo.url,
        )
        self.connect()

    def connect(self) -> None:
        link = permission_url(self.zalo.app_id, "https://shop.example/zalo", VERIFIER)
        self.tokens.connect(self.zalo.permit(link), VERIFIER)

    def another_worker(self) -> ZaloTokens:
        return ZaloTokens(
            self.table,
            app_id=self.zalo.app_id,
            app_secret=self.zalo.app_secret,
            oa_id=self.zalo.oa_id,
            clock=self.clock.now,
            oauth_url=self.zalo.url,
        )

    def zns_of(self, tokens: ZaloTokens, **options: Any) -> ZaloZns:
        templates = {
            "thanks": zalo_api.ZaloTemplate(300, THANKS),
            "receipt": zalo_api.ZaloTemplate(300, {"ma_don": 30}),
            "gone": zalo_api.ZaloTemplate(300, {}),
        }
        return ZaloZns(tokens, templates, clock=self.clock.now, base_url=self.zalo.url, **options)

    def wait(self, **time: float) -> None:
        self.clock.set(self.clock.now() + timedelta(**time))

    def refreshes(self) -> int:
        return self.zalo.token_requests.count("refresh_token")


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.zalo.stop()


def thanks(to: str = "+84987654321", tracking_id: str = "a" * 44) -> Outgoing:
    return Outgoing(tracking_id, to, "service", template="thanks", parameters={"ten": "Lan", "ma_don": "DH1"})


def chat(to: str, text: str = "Dạ còn hàng ạ") -> Outgoing:
    return Outgoing("b" * 44, to, "service", text=text)
