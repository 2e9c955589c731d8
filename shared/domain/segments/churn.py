"""How likely a customer is still a customer: BG/NBD in closed form, and what is at stake.

Fader, Hardie & Lee (2005), "Counting Your Customers the Easy Way", Marketing Science 24(2), 275-284. Time is in weeks:
x = repeat visits, t_x = weeks from the first to the last visit, T = weeks from the first visit to now.
"""

from __future__ import annotations

import math
from datetime import date, timedelta

from shared.domain.common.playbook_rules import BgNbdRules

YEAR_WEEKS = 365 / 7


def p_alive(p: BgNbdRules, x: int, t_x: float, t: float) -> float:
    """P(alive | x, t_x, T), equation (7) of Fader & Hardie's note on P(alive) for the BG/NBD; 1 when x = 0."""
    if x == 0:
        return 1.0
    odds: float = p.a / (p.b + x - 1) * ((p.alpha + t) / (p.alpha + t_x)) ** (p.r + x)
    return 1 / (1 + odds)


def p_purchase(p: BgNbdRules, x: int, t_x: float, t: float, weeks: float) -> float:
    """P(at least one purchase in the next `weeks`).

    An active customer has a purchase rate that is gamma distributed with shape r + x and rate alpha + T, and can only
    drop out after a purchase, so the chance to stay silent is the gamma's Laplace transform at `weeks`.
    """
    silent: float = ((p.alpha + t) / (p.alpha + t + weeks)) ** (p.r + x)
    return p_alive(p, x, t_x, t) * (1 - silent)


def expected_purchases(p: BgNbdRules, x: int, t_x: float, t: float, weeks: float) -> float:
    """E[purchases in the next `weeks` | x, t_x, T], equation (10) of the paper."""
    a = p.a if abs(p.a - 1) > 1e-6 else 1 + 1e-6
    later = p.alpha + t + weeks
    came = 1 - ((p.alpha + t) / later) ** (p.r + x) * _hypergeometric(p.r + x, p.b + x, a + p.b + x - 1, weeks / later)
    found: float = (a + p.b + x - 1) / (a - 1) * came * p_alive(p, x, t_x, t)
    return max(0.0, found)


def _hypergeometric(a: float, b: float, c: float, z: float) -> float:
    """Gauss's 2F1 for 0 <= z < 1, by its series; the functions that need it load no SciPy."""
    term = total = 1.0
    for n in range(20_000):
        term *= (a + n) * (b + n) / ((c + n) * (n + 1)) * z
        total += term
        if abs(term) < 1e-12 * abs(total):
            break
    return total


def half_life_day(p: BgNbdRules, first: date, last: date, x: int) -> date | None:
    """The first local day on which P(alive) is at most one half; None for one-time buyers, whose P(alive) stays 1.

    Solving P(alive) = 1/2 for T gives T = (alpha + t_x) * ((b + x - 1) / a) ** (1 / (r + x)) - alpha.
    """
    if x == 0:
        return None
    t_x = (last - first).days / 7
    t = (p.alpha + t_x) * ((p.b + x - 1) / p.a) ** (1 / (p.r + x)) - p.alpha
    days = math.ceil(t * 7)
    if days > 365 * 100:
        return None
    # More than half dead on the very day of the purchase happens with b + x - 1 < a; the day after is soon enough.
    return max(first + timedelta(days=days), last + timedelta(days=1))


def weeks_between(first: date, until: date) -> float:
    return (until - first).days / 7


def value_at_risk(p: BgNbdRules, x: int, t_x: float, t: float, yearly_spend: int) -> int:
    """VND we stand to lose: the spend of the year up to the last purchase times P(no purchase in the coming year)."""
    return round(yearly_spend * (1 - p_purchase(p, x, t_x, t, YEAR_WEEKS)))
