"""BG/NBD: how often customers buy and when they stop, by maximum likelihood (Fader, Hardie & Lee 2005).

While a customer is there, purchases come at a Poisson rate that is gamma distributed over customers (r, alpha); after
each purchase the customer stops with a chance that is beta distributed (a, b). Times are weeks, as in the paper: `x` is
the number of repeat purchases, `t_x` when the last one was, `T` how long the customer has been known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1, psi

Vector = NDArray[np.float64]

# The fit works on logarithms within these bounds; a parameter at one of them is no estimate.
LEAST, MOST = 1e-5, 1e5
_STARTS = ((0.25, 4.0, 0.8, 2.5), (1.0, 10.0, 0.5, 3.0), (1.0, 30.0, 2.0, 10.0))


class Summary(NamedTuple):
    """One row per customer: repeat purchases, weeks of the last one, weeks known. All of one length."""

    x: Vector
    t_x: Vector
    T: Vector


@dataclass(frozen=True)
class BgNbd:
    """A fit: `alpha` is in weeks, `log_likelihood` that of all customers."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float

    def p_alive(self, seen: Summary) -> Vector:
        """The chance that a customer is still there. Without a repeat purchase it is 1 by construction, which no data
        say: NaN."""
        x = np.maximum(seen.x, 1)
        gone = self.a / (self.b + x - 1) * ((self.alpha + seen.T) / (self.alpha + seen.t_x)) ** (self.r + x)
        return np.where(seen.x > 0, 1 / (1 + gone), np.nan)

    def expected(self, seen: Summary, weeks: float) -> Vector:
        """Purchases to expect in the coming weeks (eq. 10 of the paper)."""
        r, alpha, b, x = self.r, self.alpha, self.b, seen.x
        # At a = 1 the formula is 0/0; next to it, it is as near as doubles come.
        a = self.a if abs(self.a - 1) > 1e-6 else 1 + 1e-6
        z = weeks / (alpha + seen.T + weeks)
        left = hyp2f1(r + x, b + x, a + b + x - 1, z)
        came = 1 - ((alpha + seen.T) / (alpha + seen.T + weeks)) ** (r + x) * left
        repeat = np.maximum(x, 1)
        gone = np.where(x > 0, self.a / (b + repeat - 1) * ((alpha + seen.T) / (alpha + seen.t_x)) ** (r + x), 0)
        found: Vector = np.maximum((a + b + x - 1) / (a - 1) * came / (1 + gone), 0)
        return found


def fit(seen: Summary) -> BgNbd:
    """The parameters of the greatest likelihood. Customers with equal histories are one row with a weight."""
    rows, weights = np.unique(np.column_stack(seen), axis=0, return_counts=True)
    x, t_x, weeks = rows.T
    scale = float(weeks.max()) or 1.0
    data = (x, t_x / scale, weeks / scale, weights.astype(float))
    best: Any = None
    for start in _STARTS:
        begin = np.log([start[0], start[1] / scale, start[2], start[3]])
        found = minimize(
            _loss, begin, args=data, jac=True, method="L-BFGS-B", bounds=[(np.log(LEAST), np.log(MOST))] * 4,
            options={"ftol": 1e-14, "gtol": 1e-9, "maxiter": 500},
        )  # fmt: skip
        if best is None or found.fun < best.fun - 1e-9:
            best = found
        if found.success and start is _STARTS[0]:
            break
    r, alpha, a, b = np.exp(best.x)
    # The likelihood of times in other units differs by a factor for each purchase.
    shift = float((weights * x).sum() * np.log(scale))
    return BgNbd(float(r), float(alpha * scale), float(a), float(b), float(-best.fun * weights.sum() - shift))


def _loss(log_parameters: Vector, x: Vector, t_x: Vector, weeks: Vector, weights: Vector) -> tuple[float, Vector]:
    """Minus the mean log-likelihood, and its gradient by the logarithms of the parameters."""
    r, alpha, a, b = np.exp(log_parameters)
    repeat = x > 0
    before = b + np.maximum(x, 1) - 1
    alive = -(r + x) * np.log(alpha + weeks)
    gone = np.where(repeat, np.log(a) - np.log(before) - (r + x) * np.log(alpha + t_x), -np.inf)
    together = np.logaddexp(alive, gone)
    share_alive, share_gone = np.exp(alive - together), np.exp(gone - together)
    likelihood = (
        gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x) + together
    )  # fmt: skip
    by_r = psi(r + x) - psi(r) + np.log(alpha) - share_alive * np.log(alpha + weeks) - share_gone * np.log(alpha + t_x)
    by_alpha = r / alpha - (r + x) * (share_alive / (alpha + weeks) + share_gone / (alpha + t_x))
    by_a = psi(a + b) - psi(a + b + x) + share_gone / a
    by_b = psi(a + b) + psi(b + x) - psi(b) - psi(a + b + x) - share_gone / before
    gradient = np.array([by_r @ weights * r, by_alpha @ weights * alpha, by_a @ weights * a, by_b @ weights * b])
    total = weights.sum()
    return -float(likelihood @ weights) / total, -gradient / total
