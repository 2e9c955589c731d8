"""Reads a file of orders for the repurchase model: `customer_id,date,amount`, by the million, bad rows named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from shared.analytics.repurchase import Purchases

COLUMNS = ("customer_id", "date", "amount")
# Days are counted as Python's ordinals are; DuckDB counts from 1970.
_EPOCH = date(1970, 1, 1).toordinal()
# So many bad rows are named one by one.
NAMED = 20


class BadFile(ValueError):
    """The file cannot be read as orders at all."""


@dataclass(frozen=True)
class Orders:
    """The purchases of a file, by numbers into `customers`, and what was left out and why."""

    purchases: Purchases
    customers: list[str]
    rejected: dict[str, Any]


def read_orders(path: Path) -> Orders:
    """Read a CSV file with a header; raises BadFile. Amounts below 0 give money back and are no purchases."""
    with duckdb.connect() as db:
        try:
            names = [
                row[0]
                for row in db.execute(
                    "DESCRIBE SELECT * FROM read_csv(?, all_varchar = true, header = true)", [str(path)]
                ).fetchall()
            ]
            if missing := [name for name in COLUMNS if name not in names]:
                raise BadFile(f"{path.name} has no column {', '.join(missing)}; it needs {', '.join(COLUMNS)}")
            db.execute(_READ, [str(path)])
            for view in _VIEWS:
                db.execute(view)
        except duckdb.Error as error:
            raise BadFile(f"{path.name} is no CSV file: {str(error).splitlines()[0]}") from error
        rejected = _rejected(db)
        db.execute("CREATE TABLE people AS SELECT DISTINCT customer_id FROM good ORDER BY customer_id")
        customers = [row[0] for row in db.execute("SELECT customer_id FROM people ORDER BY customer_id").fetchall()]
        found = db.execute(
            "SELECT p.number, datediff('day', DATE '1970-01-01', g.day) AS day, g.amount FROM good g "
            "JOIN (SELECT customer_id, row_number() OVER (ORDER BY customer_id) - 1 AS number FROM people) p "
            "USING (customer_id)"
        ).fetchnumpy()
    if not customers:
        raise BadFile(f"{path.name} holds no order that can be read")
    purchases = Purchases.of(
        found["number"].astype(np.int64), found["day"].astype(np.int64) + _EPOCH, found["amount"].astype(float)
    )
    return Orders(purchases, customers, rejected)


# The first line of a file is its header.
_READ = """
CREATE TABLE orders AS
SELECT row_number() OVER () + 1 AS line, nullif(trim(customer_id), '') AS customer_id,
       COALESCE(try_strptime(trim("date"), '%Y%m%d')::DATE, TRY_CAST(substr(trim("date"), 1, 10) AS DATE)) AS day,
       TRY_CAST(trim(amount) AS DOUBLE) AS amount
FROM read_csv(?, all_varchar = true, header = true)
"""
_VIEWS = (
    """CREATE VIEW bad AS
SELECT line, CASE WHEN customer_id IS NULL THEN 'customer_id is empty' WHEN day IS NULL THEN 'date is none'
                  WHEN amount IS NULL OR NOT isfinite(amount) THEN 'amount is no number' END AS reason
FROM orders""",
    """CREATE VIEW good AS
SELECT o.* FROM orders o JOIN bad b USING (line) WHERE b.reason IS NULL AND o.amount >= 0""",
)


def _rejected(db: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    rows = db.execute("SELECT line, reason FROM bad WHERE reason IS NOT NULL ORDER BY line").fetchall()
    ((back,),) = db.execute(
        "SELECT count(*) FROM orders o JOIN bad b USING (line) WHERE b.reason IS NULL AND o.amount < 0"
    ).fetchall()
    named = [{"line": line, "reason": reason} for line, reason in rows[:NAMED]]
    return {"rows": len(rows), "first": named, "negative_amounts": back}
