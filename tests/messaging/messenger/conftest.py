"""A Messenger page with somebody who writes to it, and answers to send."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.providers.messenger import Messenger as StandIn
from infra.local.stack.clock import LocalClock
from shared.adapters.channels.messenger import Messenger
from shared.ports import Outgoing

START = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


class World:
    def __init__(self) -> None:
        self.clock = LocalClock(START, frozen=True)
        self.meta = StandIn(
            clock=self.clock.now, templates={"delivered": "Đơn {{1}} của {{2}} đã giao", "plain": "Shop mở cửa lại"}
        )
        self.channel = self.channel_with(self.meta.page_token, self.meta.app_secret)

    def channel_with(self, token: str, app_secret: str = "") -> Messenger:
        return Messenger(
            self.meta.page_id,
            token,
            {"delivered": ("order", "name"), "plain": (), "refused": ()},
            clock=self.clock.now,
            app_secret=app_secret,
            base_url=self.meta.url,
        )

    def wait(self, **time: float) -> None:
        self.clock.set(self.clock.now() + timedelta(**time))


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.meta.stop()


def answer(to: str = "p1", text: str = "Dạ còn ạ") -> Outgoing:
    return Outgoing("a" * 44, to, "service", text=text)
