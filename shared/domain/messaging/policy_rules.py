"""The playbook's rules of sending; loading them fails where they are looser than the law."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Self, get_args

from pydantic import Field, PositiveInt, model_validator

from shared.domain.common.channels import ChannelName, Purpose
from shared.domain.common.local_time import LocalTime
from shared.domain.common.lunar_calendar import Rest
from shared.domain.common.strict_model import StrictModel
from shared.domain.messaging import legal_limits


class SendingHours(StrictModel):
    """Local hours in which a purpose may be sent."""

    opens: LocalTime
    closes: LocalTime


class Caps(StrictModel):
    """How much of a purpose one person gets in any `days` days, over all channels (R17)."""

    messages: PositiveInt
    days: PositiveInt


class ChannelRules(StrictModel):
    """What a channel costs and how fast its provider lets us go."""

    price_vnd: int = Field(ge=0)
    per_minute: PositiveInt
    opens_count: bool = True


class Order(StrictModel):
    """Channels to try, in order, for a purpose and a group of people (U9)."""

    purpose: Purpose
    older_than: int | None = None
    younger_than: int | None = None
    value: str | None = None
    channels: tuple[ChannelName, ...]


class ZnsQuota(StrictModel):
    """How the daily quota of Zalo's templates is shared: so many stay for orders and service, the best adverts get the
    rest. A new account has too little for adverts at all (R12)."""

    kept_for_orders: int = Field(ge=0)
    new_oa: bool = False


class SendingRules(StrictModel):
    """Everything in `shared/playbook/sending.yaml`."""

    windows: dict[Purpose, SendingHours | None]
    narrower: dict[ChannelName, SendingHours] = Field(default_factory=dict)
    caps: dict[Purpose, Caps | None]
    tet_rests: tuple[Rest, ...]
    priorities: dict[str, int]
    holdout_percent: int = Field(ge=0, le=50)
    margin_percent: int = Field(ge=0, le=100)
    daily_budget_vnd: PositiveInt
    transactional_per_key_an_hour: PositiveInt
    journey_budget_vnd: dict[str, PositiveInt] = Field(default_factory=dict)
    open_after_hours: PositiveInt
    backlog_minutes: PositiveInt
    attempts: PositiveInt
    zns_quota: ZnsQuota
    channels: dict[ChannelName, ChannelRules]
    orders: tuple[Order, ...]
    store_channels: tuple[str, ...]
    sensitive_categories: tuple[str, ...]
    exchange_days: PositiveInt
    ads_consent_since: date | None = None
    payment_words: dict[str, str]
    reasons: dict[str, dict[str, str]]

    @model_validator(mode="after")
    def _not_looser_than_the_law(self) -> Self:
        proactive: tuple[Purpose, ...] = ("marketing", "service")
        for purpose in proactive:
            window = self.windows.get(purpose)
            if window is None:
                raise ValueError(f"windows.{purpose}: a {purpose} message has hours")
            if window.opens < legal_limits.MESSAGES.opens or window.closes > legal_limits.MESSAGES.closes:
                raise ValueError(f"windows.{purpose}: may be narrower than {_span(legal_limits.MESSAGES)}, not wider")
        for channel, span in self.narrower.items():
            legal = legal_limits.hours(channel)
            if span.opens < legal.opens or span.closes > legal.closes:
                raise ValueError(f"narrower.{channel}: may be narrower than {_span(legal)}, not wider")
        for name, window in self.windows.items():
            if window and window.opens >= window.closes:
                raise ValueError(f"windows.{name}: closes before it opens")
        if self.caps.get("marketing") is None:
            raise ValueError("caps.marketing: is needed")
        if missing := sorted(set(get_args(ChannelName)) - self.channels.keys()):
            raise ValueError(f"channels.{missing[0]}: has no price and no pace")
        if "other" not in self.payment_words:
            raise ValueError("payment_words.other: is missing")
        for reason, words in self.reasons.items():
            if words.keys() != {"vi", "en"}:
                raise ValueError(f"reasons.{reason}: must be said in vi and en, and in nothing else")
        for order in self.orders:
            for used in order.channels:
                hours = self.hours(order.purpose, used)
                if hours and hours.opens >= hours.closes:
                    raise ValueError(f"windows.{order.purpose}: leaves {used} no hours, which an order names")
        return self

    def hours(self, purpose: Purpose, channel: str) -> legal_limits.Hours | None:
        """The hours of a purpose on a channel, the strictest of all that speak; None: at any time."""
        spans = [legal_limits.hours(channel)] if purpose != "transactional" or channel == "call" else []
        narrower = {str(name): window for name, window in self.narrower.items()}
        ours = [self.windows.get(purpose), narrower.get(channel) if purpose != "transactional" else None]
        spans += [legal_limits.Hours(window.opens, window.closes) for window in ours if window]
        if not spans:
            return None
        return legal_limits.Hours(max(s.opens for s in spans), min(s.closes for s in spans))

    def channel(self, name: str) -> ChannelRules:
        """The rules of one channel; KeyError for a name that is none."""
        return self.channels[name]  # type: ignore[index]

    @property
    def budgets_vnd(self) -> dict[str, int]:
        """What may be spent per local day: by journey, and "*" for all together."""
        return {"*": self.daily_budget_vnd, **self.journey_budget_vnd}

    def priority(self, journey: str) -> int:
        """The smaller, the more urgent; journeys nobody ranked come last."""
        return self.priorities.get(journey, 100)

    @property
    def longest_memory(self) -> timedelta:
        """How far back what was sent to a person has to be known."""
        return timedelta(days=max([1, *(caps.days for caps in self.caps.values() if caps)]))


def _span(hours: legal_limits.Hours) -> str:
    return f"{hours.opens:%H:%M}-{hours.closes:%H:%M}"
