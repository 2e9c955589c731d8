"""Cut-offs from the shop's own base: the VIP line, RFM quintiles, the high-value order, the usual discount."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.domain.common.playbook_rules import CutOffs, Rules

# Below this many buyers a percentile says more about chance than about the shop.
FEWEST = 20


@dataclass
class Base:
    """The figures of everybody who bought inside the value window; amounts in VND."""

    spend: list[int] = field(default_factory=list)
    visits: list[int] = field(default_factory=list)
    largest: list[int] = field(default_factory=list)

    def add(self, spend: int, visits: int, largest_order: int) -> None:
        if visits:
            self.spend.append(spend)
            self.visits.append(visits)
            self.largest.append(largest_order)


def nearest_rank(values: Sequence[int], percent: int) -> int:
    """The nearest-rank percentile of ascending values: the smallest that at least `percent` of them do not exceed."""
    return values[max(0, -(-len(values) * percent // 100) - 1)]


def compute(base: Base, before: CutOffs, rules: Rules) -> CutOffs:
    """The next version; a base that is too small keeps the figures in force.

    VIP line: the spend that only the top share exceeds or reaches, over everybody with a purchase in the window.
    Quintiles are nearest-rank percentiles 20, 40, 60 and 80.
    """
    if len(base.spend) < FEWEST:
        return before.model_copy(update={"version": before.version + 1, "customers": len(base.spend)})
    spend, visits, largest = sorted(base.spend), sorted(base.visits), sorted(base.largest)
    quintiles = (20, 40, 60, 80)
    return before.model_copy(
        update={
            "version": before.version + 1,
            "vip_spend": max(1, nearest_rank(spend, 100 - rules.value.vip_top_share_percent) + 1),
            "order_p95": nearest_rank(largest, 95),
            "spend": tuple(nearest_rank(spend, q) + 1 for q in quintiles),
            "visits": tuple(nearest_rank(visits, q) + 1 for q in quintiles),
            "customers": len(spend),
        }
    )
