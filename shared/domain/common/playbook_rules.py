"""The playbook's rules for identity, segments, win-back and carriers, typed; the YAML lives in `shared/playbook`."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from shared.domain.common.lunar_calendar import Rest
from shared.domain.common.strict_model import StrictModel


class LifecycleRules(StrictModel):
    """Days of silence (R15) at which a customer lapses, and at which they count as lost (G7)."""

    lapsed_30: PositiveInt = 30
    lapsed_60: PositiveInt = 60
    lapsed_90: PositiveInt = 90
    lost: PositiveInt = 180

    @model_validator(mode="after")
    def _later_and_later(self) -> Self:
        for (_, sooner), (name, later) in pairwise(self):
            if later <= sooner:
                raise ValueError(f"{name}: must be more than {sooner}, the days before it, and is {later}")
        return self


class ValueRules(StrictModel):
    """Value tiers over the last `window_days` local days (G2-G4, R8)."""

    window_days: PositiveInt = 365
    vip_top_share_percent: PositiveInt = 5
    vip_min_visits: PositiveInt = 2
    vip_kept_days: PositiveInt = 365
    loyal_min_visits: PositiveInt = 4


class TagRules(StrictModel):
    """Thresholds of the tags (G1, G2, R2)."""

    promo_min_orders: PositiveInt = 3
    promo_share_percent: PositiveInt = 60
    promo_discount_above_baseline_percent: PositiveInt = 15
    high_value_order_floor_vnd: PositiveInt = 2_000_000
    low_engagement_days: PositiveInt = 60
    cod_refusals: PositiveInt = 2


class OrderRules(StrictModel):
    """When an order is kept (R2), and which of its lines are no goods: words in their name or category."""

    cod_matures_days: PositiveInt = 14
    no_goods: tuple[str, ...] = ()
    currency_to_vnd: dict[str, PositiveInt] = Field(default_factory=dict)


class CarrierRules(StrictModel):
    """A carrier as its customers know it, other ways to write it, and what its words mean for an order (R16)."""

    name: str
    also: tuple[str, ...] = ()
    statuses: dict[str, Literal["shipped", "out_for_delivery", "delivered", "failed", "returned"]]


class IdentityRules(StrictModel):
    """What is refused as an identity (R4, R34), which sources only claim one (R5), and what a browser may report.

    Addresses may have * for any text.
    """

    own_numbers: tuple[str, ...] = ()
    own_addresses: tuple[str, ...] = ()
    placeholders: frozenset[str] = frozenset()
    guest_addresses: tuple[str, ...] = ()
    browser_events: frozenset[str] = frozenset()
    buyers_until_refused: PositiveInt = 20
    names_until_refused: PositiveInt = 4
    orders_a_day_until_refused: PositiveInt = 20
    claiming_sources: tuple[str, ...] = ()


class BgNbdRules(StrictModel):
    """Parameters of the BG/NBD model, time in weeks."""

    r: float = Field(gt=0)
    alpha: float = Field(gt=0)
    a: float = Field(gt=0)
    b: float = Field(gt=0)
    source: str


class WinbackRules(StrictModel):
    """The daily win-back list (W1, G11). `offers` names what a call may promise, by value tier (W2)."""

    calls_per_store_a_day: PositiveInt = 50
    rest_days: PositiveInt = 14
    actions: dict[str, Literal["call_by_manager", "call", "message_then_call", "message"]]
    reasons: dict[str, str]
    offers: dict[str, str] = Field(default_factory=dict)


class CutOffs(StrictModel):
    """Versioned boundaries that depend on the shop's own base; amounts in VND.

    `visits` and `spend` are the four ascending lower bounds of RFM scores 2 to 5, `silent_days` the four ascending
    upper bounds of scores 5 to 2.
    """

    version: int = 0
    vip_spend: int
    order_p95: int
    discount_baseline_percent: int = 0
    silent_days: tuple[int, int, int, int]
    visits: tuple[int, int, int, int]
    spend: tuple[int, int, int, int]
    customers: int = 0


Stage = Literal["awareness", "consideration", "purchase", "delivery", "after_sales", "engagement"]


class SegmentRules(StrictModel):
    """`segments.yaml`."""

    lifecycle: LifecycleRules
    value: ValueRules
    tags: TagRules
    orders: OrderRules
    bg_nbd: BgNbdRules
    first_cutoffs: CutOffs


class Rules(SegmentRules):
    """Everything in the playbook's segments.yaml, identity.yaml, winback.yaml, stages.yaml and carriers.yaml."""

    identity: IdentityRules
    winback: WinbackRules
    stages: dict[str, Stage]
    # From sending.yaml: the silence clock rests when promotions do (R15).
    tet_rests: tuple[Rest, ...]
    carriers: dict[str, CarrierRules]
