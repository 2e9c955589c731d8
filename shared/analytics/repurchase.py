"""From purchases to a judged repurchase model: summaries, fit, and whether it may be used (G8, X23).

A model is used only where it is an estimate at all (no parameter at a bound, customers who come back in numbers,
chances that differ between people) and where it foretold held-out weeks better than the simple rule: as often as so
far, and nothing from whoever has been silent for 90 days.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from shared.analytics import bg_nbd, gamma_gamma
from shared.analytics.bg_nbd import BgNbd, Summary
from shared.analytics.gamma_gamma import GammaGamma

Vector = NDArray[np.float64]

WEEK = 7.0
SILENT_DAYS = 90
# Fewer customers with a repeat purchase than these tell no distribution.
LEAST_REPEATERS = 100
# A parameter beyond these stands for a distribution that has shrunk to a point or grown to everything.
_SANE = {"r": (1e-3, 1e3), "alpha": (1e-3, 1e4), "a": (1e-3, 1e3), "b": (1e-3, 1e3)}
# Chances that differ by less than this between customers order nobody.
_LEAST_SPREAD = 0.05


@dataclass(frozen=True)
class Purchases:
    """Purchases in order of customer and day: customer number, day number, amount. One row per customer and day."""

    customer: NDArray[np.int64]
    day: NDArray[np.int64]
    amount: Vector

    @classmethod
    def of(cls, customer: NDArray[np.int64], day: NDArray[np.int64], amount: Vector) -> Purchases:
        """From single orders in any order: several on a day are one purchase, as in the paper."""
        keys, place = np.unique(np.column_stack((customer, day)), axis=0, return_inverse=True)
        total: Vector = np.bincount(place.ravel(), weights=amount, minlength=len(keys)).astype(np.float64)
        return cls(keys[:, 0], keys[:, 1], total)

    def until(self, day: int) -> Purchases:
        """Those up to a day, with it."""
        some = self.day <= day
        return Purchases(self.customer[some], self.day[some], self.amount[some])


@dataclass(frozen=True)
class History:
    """What is known of each customer at the end of a day; `mean` is the mean amount of repeat purchases."""

    customer: NDArray[np.int64]
    seen: Summary
    last_day: NDArray[np.int64]
    mean: Vector


@dataclass
class Judged:
    """A fit and whether it may be used; `why` says why not, in words. `held_out` compares it with the simple rule."""

    model: BgNbd | None
    spend: GammaGamma | None
    usable: bool
    why: str
    customers: int
    repeaters: int
    held_out: dict[str, float | int] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The fit as JSON: parameters by the names of the papers."""
        m, s = self.model, self.spend
        return {
            "bg_nbd": m and {"r": m.r, "alpha": m.alpha, "a": m.a, "b": m.b, "log_likelihood": m.log_likelihood},
            "gamma_gamma": s and {"p": s.p, "q": s.q, "v": s.v},
            "usable": self.usable, "why": self.why, "customers": self.customers, "repeat_customers": self.repeaters,
            "held_out": self.held_out,
        }  # fmt: skip


def purchases(db: duckdb.DuckDBPyConnection) -> Purchases:
    """What the customers of an open lake bought, by numbers in the order of their ids."""
    found = db.execute(
        "SELECT dense_rank() OVER (ORDER BY customer_id) AS customer, "
        "datediff('day', DATE '1970-01-01', CAST(day AS DATE)) AS day, kept FROM orders "
        "WHERE customer_id IS NOT NULL AND counts"
    ).fetchnumpy()
    day = found["day"].astype(np.int64) + date(1970, 1, 1).toordinal()
    return Purchases.of(found["customer"].astype(np.int64), day, found["kept"].astype(np.float64))


def history(bought: Purchases, until: int) -> History:
    """Each customer's purchases up to a day, in weeks."""
    known = bought.until(until)
    customer, first, count = np.unique(known.customer, return_index=True, return_counts=True)
    last = first + count - 1
    begins, ends = known.day[first], known.day[last]
    x = (count - 1).astype(float)
    repeat = np.add.reduceat(known.amount, first) - known.amount[first] if len(first) else np.zeros(0)
    mean = np.divide(repeat, x, out=np.zeros(len(x)), where=x > 0)
    seen = Summary(x, (ends - begins) / WEEK, (until - begins) / WEEK)
    return History(customer, seen, ends, mean)


def judge(bought: Purchases, until: int, *, last: int | None = None) -> Judged:
    """Fit on the purchases up to the day `until`, and judge it on those after it up to `last`; where there are none, on
    the last third of the time before it, by a fit on the rest."""
    known = history(bought, until)
    repeaters = int((known.seen.x > 0).sum())
    if repeaters < 2:
        return Judged(None, None, False, "nobody has bought twice", len(known.customer), repeaters)
    model = bg_nbd.fit(known.seen)
    spend = gamma_gamma.fit(known.seen.x, known.mean)
    found = Judged(model, spend, False, "", len(known.customer), repeaters)
    end = int(bought.day.max()) if last is None else last
    if end > until:
        found.held_out = _held_out(model, bought, until, end)
    else:
        begins = int(bought.day.min())
        split = until - (until - begins) // 3
        earlier = history(bought, split)
        if (earlier.seen.x > 0).sum() >= 2:
            found.held_out = _held_out(bg_nbd.fit(earlier.seen), bought, split, until)
    found.why = _why_not(model, known, repeaters, found.held_out)
    found.usable = not found.why
    return found


def _held_out(model: BgNbd, bought: Purchases, until: int, end: int) -> dict[str, float | int]:
    """What the model and the simple rule foretold of the days after `until`, against what came."""
    known = history(bought, until)
    days = end - until
    later = (bought.day > until) & (bought.day <= end)
    came = _counted(bought.customer[later], known.customer)
    foretold = model.expected(known.seen, days / WEEK)
    rate = np.divide(known.seen.x, known.seen.T, out=np.zeros(len(known.customer)), where=known.seen.T > 0)
    simple = np.where(until - known.last_day >= SILENT_DAYS, 0, rate * days / WEEK)
    return {
        "days": days,
        "purchases": int(came.sum()),
        "expected": round(float(foretold.sum()), 1),
        "correlation": _correlation(foretold, came),
        "error": _error(foretold, came),
        "simple_rule_expected": round(float(simple.sum()), 1),
        "simple_rule_correlation": _correlation(simple, came),
        "simple_rule_error": _error(simple, came),
    }


def _why_not(model: BgNbd, known: History, repeaters: int, held_out: dict[str, float | int]) -> str:
    """Why a fit may not be used; "" where it may."""
    outside = [name for name, (least, most) in _SANE.items() if not least < getattr(model, name) < most]
    if outside:
        return f"the fit is degenerate: {', '.join(outside)} ran away, the data do not tell when customers stop"
    if repeaters < LEAST_REPEATERS:
        return f"only {repeaters} customers bought again, at least {LEAST_REPEATERS} are needed"
    alive = model.p_alive(known.seen)
    alive = alive[~np.isnan(alive)]
    if np.quantile(alive, 0.95) - np.quantile(alive, 0.05) < _LEAST_SPREAD:
        return "the fit is degenerate: it gives every customer the same chance to be there still"
    if not held_out:
        return "there is too little time to hold any of it out"
    if held_out["error"] >= held_out["simple_rule_error"]:
        return "on held-out time the simple rule foretells better"
    return ""


def _counted(customer: NDArray[np.int64], known: NDArray[np.int64]) -> Vector:
    found: Vector = np.zeros(len(known))
    place = np.searchsorted(known, customer)
    ours = (place < len(known)) & (known[np.minimum(place, len(known) - 1)] == customer)
    np.add.at(found, place[ours], 1)
    return found


def _correlation(foretold: Vector, came: Vector) -> float:
    if len(came) < 2 or foretold.std() == 0 or came.std() == 0:
        return 0.0
    return round(float(np.corrcoef(foretold, came)[0, 1]), 4)


def _error(foretold: Vector, came: Vector) -> float:
    """The root mean square error, in purchases."""
    return round(float(np.sqrt(np.mean((foretold - came) ** 2))), 5)
