"""Thompson sampling: each new person gets a variant with the chance that it is the best one (U8).

William R. Thompson, Biometrika 25 (1933) 285-294. Every variant begins at Beta(1, 1), so that all rates are as likely.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log, sqrt
from statistics import NormalDist

from shared.domain.experiments.sequential import Tally

NORMAL = NormalDist()
# A source of chance: every call gives another number in (0, 1), as `random.Random(seed).random` does but for its 0.
Uniform = Callable[[], float]


def thompson(variants: Mapping[str, Tally], uniform: Uniform) -> str:
    """The variant for the next person: a rate is drawn for each from what is known of it, and the highest wins."""
    drawn = {
        name: _beta(1 + tally.reached, 1 + tally.entered - tally.reached, uniform)
        for name, tally in sorted(variants.items())
    }
    return max(drawn, key=lambda name: drawn[name])


def _beta(a: float, b: float, uniform: Uniform) -> float:
    one, other = _gamma(a, uniform), _gamma(b, uniform)
    return one / (one + other)


def _gamma(shape: float, uniform: Uniform) -> float:
    """A gamma variate with shape >= 1: Marsaglia and Tsang, ACM Transactions on Mathematical Software 26 (2000) 363."""
    d = shape - 1 / 3
    while True:
        x = NORMAL.inv_cdf(uniform())
        v = (1 + x / sqrt(9 * d)) ** 3
        if v > 0 and log(uniform()) < x * x / 2 + d * (1 - v + log(v)):
            return d * v
