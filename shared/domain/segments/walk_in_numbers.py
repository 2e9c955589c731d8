"""Phone numbers that cashiers type for walk-in customers: many names, marketplace buyers, or orders a day (R4)."""

from __future__ import annotations

from collections import Counter

from shared.domain.common.playbook_rules import IdentityRules
from shared.domain.customers.profile import Profile, different_people
from shared.domain.segments.metrics import Metrics


def refusal(m: Metrics, profile: Profile, rules: IdentityRules) -> str:
    """Why this number is one that cashiers type for walk-ins, or "" (R4).

    A function of all facts, not of the moment: the sales stay together under the number, in no list and no journey.
    """
    if m.busiest_day_orders >= rules.orders_a_day_until_refused:
        return "rate"
    buyers = Counter(name.split(":")[1] for name in profile["identities"] if name.startswith("external:"))
    if max(buyers.values(), default=0) >= rules.buyers_until_refused:
        return "buyers"
    if len(profile["names"]) >= rules.names_until_refused:
        return "names" if different_people(profile["names"]) >= rules.names_until_refused else ""
    return ""
