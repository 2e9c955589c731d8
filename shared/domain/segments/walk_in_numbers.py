"""Phone numbers that cashiers type for walk-in customers: a number with many names, or too many orders a day (R4)."""

from __future__ import annotations

from shared.domain.common.playbook_rules import IdentityRules
from shared.domain.customers.profile import Profile, different_people
from shared.domain.segments.metrics import Metrics


def refusal(m: Metrics, profile: Profile, rules: IdentityRules) -> str:
    """Why this number is one that cashiers type for walk-ins, or "" (R4).

    A function of all facts, not of the moment: the sales stay together under the number, in no list and no journey.
    """
    if m.busiest_day_orders >= rules.orders_a_day_until_refused:
        return "rate"
    if len(profile["names"]) >= rules.names_until_refused:
        return "names" if different_people(profile["names"]) >= rules.names_until_refused else ""
    return ""
