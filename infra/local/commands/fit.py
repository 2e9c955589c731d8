"""`kq fit`: the repurchase model of a file of orders, judged, and each customer's chances on demand."""

from __future__ import annotations

import csv
import math
from datetime import date
from pathlib import Path
from typing import Any

from infra.local.errors import Trouble
from shared.analytics.orders_file import BadFile, Orders, read_orders
from shared.analytics.repurchase import Judged, history, judge

# How far ahead purchases are told for each customer.
DAYS_AHEAD = (30, 90)


def fit(path: Path, until: date, scores: Path | None) -> dict[str, Any]:
    """Fit on the orders up to and with `until`; later ones judge the fit. Raises Trouble for a file that is none."""
    try:
        orders = read_orders(path)
    except (BadFile, OSError) as error:
        raise Trouble(str(error)) from error
    if orders.purchases.day.min() > until.toordinal():
        raise Trouble(f"{path.name} has no order up to {until}")
    judged = judge(orders.purchases, until.toordinal())
    if scores:
        _write(scores, orders, judged, until)
    return {**judged.document(), "until": until.isoformat(), "rejected": orders.rejected}


def _write(path: Path, orders: Orders, judged: Judged, until: date) -> None:
    """One line per customer known by then. P(alive) is empty where the model cannot know it: after a single purchase,
    and everywhere for a model that may not be used."""
    known = history(orders.purchases, until.toordinal())
    model, spend = (judged.model, judged.spend) if judged.usable else (None, None)
    alive = model.p_alive(known.seen) if model else None
    ahead = [model.expected(known.seen, days / 7) if model else None for days in DAYS_AHEAD]
    each = spend.expected_spend(known.seen.x, known.mean) if spend else None
    with path.open("w", encoding="utf-8", newline="") as file:
        sheet = csv.writer(file)
        sheet.writerow(
            ("customer_id", "purchases", "p_alive", *(f"expected_{days}d" for days in DAYS_AHEAD), "expected_spend")
        )
        for place, number in enumerate(known.customer):
            told = [alive, *ahead, each]
            sheet.writerow(
                (
                    orders.customers[number],
                    int(known.seen.x[place]) + 1,
                    *("" if one is None or math.isnan(one[place]) else f"{one[place]:.6g}" for one in told),
                )
            )
