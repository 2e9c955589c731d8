"""What the bot answers to a text, without a shop around it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shared.domain.bot.reply import Answer, BotRequest, HandOver
from shared.domain.triage.triage import Triage
from shared.runtime.factories.bot import answer

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)

LAN = {"name": "Nguyễn Thị Lan", "gender": "female"}


def order(state: str, code: str = "DH10234", **more: Any) -> dict[str, Any]:
    made = {"order_id": code, "code": code, "state": state, "placed_at": "2026-11-20T03:00:00.000Z",
            "placed_on": "2026-11-20", "total": 500_000, "product": "Áo sơ mi", "product_en": "Áo sơ mi"}  # fmt: skip
    return made | more


def say(text: str, triage: Triage | None = None, **more: Any) -> Answer | HandOver:
    known = {"verified": True, "traits": LAN} | more
    return answer(BotRequest(text, triage or read(), NOW, **known))


def read(intent: str = "order_status", severity: str = "low", sentiment: str = "neutral", confidence: int = 90,
         *, bot: bool = True) -> Triage:  # fmt: skip
    return Triage(intent, severity, sentiment, confidence, bot, ())
