"""Take in what was spent outside of us: advertisements, acquisition. Without it there is no ROAS (R26, K11)."""

from __future__ import annotations

from datetime import date
from typing import Any

from shared.domain.errors import FieldError, Invalid
from shared.domain.vietnam_time import day_start, read_day, stamp
from shared.ports import Put, Table
from shared.repositories import table_keys
from shared.repositories.reports import spend_item

PURPOSES = ("ads", "acquisition", "other")
MOST = 500
_WORD = 60
_FIELDS = {"day", "purpose", "channel", "campaign", "amount"}


def report_spend(table: Table, body: Any, today: date) -> dict[str, Any]:
    """Keep the good rows of `{items: [{day, purpose, amount, channel?, campaign?}]}` and name the bad ones.

    Answers `{kept, rejected: [{index, field, reason}]}`; raises Invalid for a body that holds no rows.
    """
    items = body.get("items") if isinstance(body, dict) else None
    if not isinstance(items, list) or not 0 < len(items) <= MOST:
        raise Invalid([FieldError("items", f"is a list of 1 to {MOST} rows")])
    rejected, kept = [], 0
    for index, row in enumerate(items):
        wrong = _wrong(row, today)
        if wrong:
            rejected.append({"index": index, "field": wrong.field, "reason": wrong.reason})
            continue
        channel, campaign = row.get("channel", ""), row.get("campaign", "")
        key = table_keys.spend(row["day"], row["purpose"], channel, campaign)
        at = stamp(day_start(read_day(row["day"])))
        table.write(Put(spend_item(key, row["amount"], at, row["purpose"], channel, campaign)))
        kept += 1
    return {"kept": kept, "rejected": rejected}


def _wrong(row: Any, today: date) -> FieldError | None:
    if not isinstance(row, dict):
        return FieldError("", "is no object")
    if unknown := sorted(row.keys() - _FIELDS):
        return FieldError(unknown[0], "is no field of a row")
    try:
        day = read_day(row.get("day", "") if isinstance(row.get("day"), str) else "")
    except ValueError:
        return FieldError("day", "is no day such as 2026-11-21")
    if day > today:
        return FieldError("day", "has not come yet")
    if row.get("purpose") not in PURPOSES:
        return FieldError("purpose", f"is one of {', '.join(PURPOSES)}")
    amount = row.get("amount")
    if not isinstance(amount, int) or isinstance(amount, bool) or not 0 <= amount <= 10**12:
        return FieldError("amount", "is whole VND, 0 or more")
    for name in ("channel", "campaign"):
        value = row.get(name, "")
        if not isinstance(value, str) or len(value) > _WORD or "#" in value:
            return FieldError(name, f"is a name of up to {_WORD} characters without #")
    return None
