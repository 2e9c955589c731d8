"""Gamma-Gamma: what a customer spends per purchase, by maximum likelihood (Fader & Hardie 2013, note 25).

The mean spend of a customer's purchases varies around a level that is gamma distributed over customers; how often
somebody buys says nothing of how much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln, psi

Vector = NDArray[np.float64]

_BOUNDS = [(np.log(1e-4), np.log(1e4)), (np.log(1e-4), np.log(1e4)), (np.log(1e-6), np.log(1e6))]


@dataclass(frozen=True)
class GammaGamma:
    """A fit; `v` is in the currency of the amounts."""

    p: float
    q: float
    v: float

    def expected_spend(self, x: Vector, mean: Vector) -> Vector:
        """The spend to expect per purchase: the customer's own mean, drawn to that of all (eq. 5)."""
        found: Vector = (self.p * (self.v + x * mean)) / (self.p * x + self.q - 1)
        return found


def fit(x: Vector, mean: Vector) -> GammaGamma | None:
    """The parameters of the greatest likelihood, of customers with x >= 1 repeat purchases of `mean` > 0 each; None
    where there are fewer than ten of them."""
    used = (x > 0) & (mean > 0)
    x, mean = x[used], mean[used]
    if len(x) < 10:
        return None
    scale = float(np.median(mean))
    z = mean / scale
    found = minimize(
        _loss, np.log([6.0, 4.0, 1.0]), args=(x, z), jac=True, method="L-BFGS-B", bounds=_BOUNDS,
        options={"ftol": 1e-14, "gtol": 1e-9, "maxiter": 1000},
    )  # fmt: skip
    p, q, v = np.exp(found.x)
    return GammaGamma(float(p), float(q), float(v * scale))


def _loss(log_parameters: Vector, x: Vector, z: Vector) -> tuple[float, Vector]:
    p, q, v = np.exp(log_parameters)
    px, total = p * x, x * z + v
    likelihood = (
        gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(v) + (px - 1) * np.log(z) + px * np.log(x)
        - (px + q) * np.log(total)
    )  # fmt: skip
    by_p = x * (psi(px + q) - psi(px) + np.log(z) + np.log(x) - np.log(total))
    by_q = psi(px + q) - psi(q) + np.log(v) - np.log(total)
    by_v = q / v - (px + q) / total
    gradient = np.array([by_p.sum() * p, by_q.sum() * q, by_v.sum() * v])
    return -float(likelihood.mean()), -gradient / len(x)
