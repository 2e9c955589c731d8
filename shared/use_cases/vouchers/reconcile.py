"""What became of the vouchers of a period, line by line, and what those still open may cost at most (R21)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from shared.domain.customers.reach import sees, stores_of
from shared.domain.errors import FieldError, Invalid
from shared.domain.vietnam_time import stamp
from shared.ports import Item, Table
from shared.repositories import table_keys
from shared.repositories.profiles import members_of
from shared.repositories.unit_of_work import UnitOfWork

# A quarter. Each day costs four queries, and one more for each megabyte of rows.
MOST_DAYS = 92
# Customers looked up in one request.
AT_ONCE = 100
MOVEMENTS = {"I": "issued", "R": "redeemed"}
COLUMNS = (
    "movement", "day", "code", "offer", "journey", "customer_id", "kind", "value", "most", "issued_at", "valid_until",
    "status", "order_id", "store", "redeemed_at", "worth",
)  # fmt: skip


class Period(NamedTuple):
    """Local days, both of them in it."""

    first: date
    last: date


def lines(
    table: Table, period: Period, stores: Collection[str], now: datetime, start: str | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every issue and every redemption of a period, after the place `start`; raises Invalid for another text.

    Each line comes with its own place and says how the voucher stands now; amounts in VND. `stores` keep it to what
    they redeemed, and to vouchers that are good at no other store; of customers of others it names none (R44).
    """
    found = _lines(table, period, stores, now, start)
    return _as_seen(table, found, stores) if stores else found


def _lines(
    table: Table, period: Period, stores: Collection[str], now: datetime, start: str | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    begun, shard_begun, sk_begun = _place(start) if start else (period.first, 0, None)
    day = max(period.first, begun)
    while day <= period.last:
        for shard in range(table_keys.VOUCHER_SHARDS):
            if day == begun and shard < shard_begun:
                continue
            after = sk_begun if day == begun and shard == shard_begun else None
            pk = table_keys.voucher_rows(day.isoformat(), shard)
            for item in _all(table, pk, after):
                if not stores or _is_theirs(item, stores):
                    yield f"{day.isoformat()}#{shard}#{item['sk']}", _line(item, day, now)
        day += timedelta(days=1)


def totals(table: Table, period: Period, stores: Collection[str], now: datetime) -> dict[str, int]:
    """How many were issued and redeemed in the period, for how much; of those issued, how many are expired or open.

    `liability` is what the open ones may cost at most, in VND.
    """
    sums = dict.fromkeys(("issued", "redeemed", "redeemed_value", "expired", "open", "liability"), 0)
    for _, line in _lines(table, period, stores, now):
        sums[line["movement"]] += 1
        if line["movement"] == "redeemed":
            sums["redeemed_value"] += line["worth"] or 0
        elif line["status"] == "open":
            sums["open"] += 1
            sums["liability"] += line["most"]
        elif line["status"] == "expired":
            sums["expired"] += 1
    return sums


def _as_seen(
    table: Table, found: Iterator[tuple[str, dict[str, Any]]], stores: Collection[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The lines without whoever the stores do not see; a code of theirs stands there only where it was redeemed."""
    while chunk := list(islice(found, AT_ONCE)):
        uow = UnitOfWork(table)
        uow.load(table_keys.profile(line["customer_id"]) for _, line in chunk)
        for place, line in chunk:
            if not sees(stores, stores_of(members_of(uow, line["customer_id"]))):
                line["customer_id"] = None
                line["code"] = line["code"] if line["store"] in stores else None
            yield place, line


def _all(table: Table, pk: str, start: str | None) -> Iterator[Item]:
    while True:
        page = table.query(pk, start=start, consistent=False)
        yield from page.items
        if page.next is None:
            return
        start = page.next


def _place(text: str) -> tuple[date, int, str]:
    try:
        day, shard, sk = text.split("#", 2)
        return date.fromisoformat(day), int(shard), sk
    except ValueError:
        raise Invalid([FieldError("next", "is not a `next` of this list")]) from None


def _line(item: Item, day: date, now: datetime) -> dict[str, Any]:
    status = "redeemed" if "redeemed_at" in item else "expired" if item["valid_until"] <= stamp(now) else "open"
    line = {"movement": MOVEMENTS[item["sk"][0]], "day": day.isoformat(), "status": status}
    return {name: line[name] if name in line else item.get(name) for name in COLUMNS}


def _is_theirs(item: Item, stores: Collection[str]) -> bool:
    if "store" in item:
        return item["store"] in stores
    return bool(item["stores"]) and set(item["stores"]) <= set(stores)
