"""What providers say about themselves: which templates are approved, and what is left of today's quota (R12).

One process remembers both for a minute at most, so that they cost next to nothing per message.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from shared.domain.errors import Conflict
from shared.domain.inbox.provider_event import Incoming
from shared.domain.messaging.policy import hours_of_day
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.messaging.quota import Quota, margin_class, may_spend
from shared.domain.vietnam_time import local_day, stamp
from shared.ports import Table, Update, absent_or_at_most
from shared.repositories import table_keys
from shared.repositories.cached import ProcessMemory, cached

KEPT_DAYS = 40
# Zalo's word, and WhatsApp's.
ENABLED = frozenset(("ENABLE", "ENABLED", "APPROVED"))
# A counter per class of margin in the item of the day.
_CLASS = "m"


def note_template(table: Table, news: Incoming) -> None:
    """Keep a provider's latest word on one of its templates; late and repeated words change nothing."""
    template = str(news.detail.get("template_id") or news.detail.get("template") or "")
    if not template:
        return
    told: dict[tuple[str, ...], Any] = {
        ("status",): str(news.detail.get("status", "")),
        ("reason",): str(news.detail.get("reason", ""))[:300],
    }
    # Of two words of a provider the later is the one that is later by its own clock.
    at = news.stated or news.at
    newer = (absent_or_at_most(("at",), at),)
    try:
        table.write(Update(table_keys.provider_template(news.channel, template), set=told | {("at",): at}, when=newer))
    except Conflict:
        return


class ProviderLimits:
    """The limits as one process sees them."""

    def __init__(self, table: Table, rules: SendingRules, memory: ProcessMemory) -> None:
        self._table = table
        self._rules = rules
        self._memory = memory

    def enabled(self, channel: str, template: str) -> bool:
        """Whether a provider's template may be used; one that nobody has spoken of may."""
        if not template:
            return True

        def read() -> dict[str, str]:
            page = self._table.query(table_keys.provider_template(channel, "").pk, consistent=False)
            return {item["sk"]: item["status"] for item in page.items}

        status = cached(self._memory.template_states, channel, read).get(template)
        return status is None or status.upper() in ENABLED

    def may_advertise(self, channel: str, margin: int, now: datetime) -> bool:
        """Whether an advertisement may use up one message of the channel's quota; asking counts as demand."""
        if channel != "zns":
            return True
        if self._rules.zns_quota.new_oa:
            return False
        counter = f"{_CLASS}{margin_class(margin)}"
        item = self._table.write(
            Update(
                table_keys.quota(channel, local_day(now).isoformat()), set=self._kept_until(now), add={(counter,): 1}
            )
        )
        assert item is not None
        asked = {int(name[1:]): count for name, count in item.items() if name[0] == _CLASS and name[1:].isdigit()}
        elapsed, remaining = hours_of_day(now, self._rules.hours("marketing", channel))
        quota = Quota(item.get("left"), asked)
        return may_spend(margin, quota, self._rules.zns_quota.kept_for_orders, elapsed, remaining)

    def note_quota(self, channel: str, left: int | None, purpose: str, now: datetime) -> None:
        """Keep what the provider says is left: after each advertisement, else once a minute."""
        noted = self._memory.quota_noted
        minute = stamp(now)[:16]
        if left is None or (purpose != "marketing" and noted.get(channel) == minute):
            return
        noted[channel] = minute
        changes = self._kept_until(now) | {("left",): left, ("left_at",): stamp(now)}
        self._table.write(Update(table_keys.quota(channel, local_day(now).isoformat()), set=changes))

    def _kept_until(self, now: datetime) -> dict[tuple[str, ...], Any]:
        return {("ttl",): int((now + timedelta(days=KEPT_DAYS)).timestamp())}
