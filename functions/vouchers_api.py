"""Door: vouchers. Checked and redeemed at the till, reckoned up for the books; with the cashier's page."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from itertools import islice
from typing import Any

from aws_lambda_powertools.event_handler import Response

from shared.domain.common.field_reader import Reader
from shared.domain.customers.identity import Identity, identity
from shared.domain.customers.reach import sees
from shared.domain.errors import FieldError, Forbidden, Invalid
from shared.domain.orders.order_event import money
from shared.domain.vietnam_time import read_day
from shared.domain.vouchers.voucher import Redemption, Use, Voucher, status
from shared.repositories import vouchers
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime import wiring
from shared.runtime.factories.journeys import journeys
from shared.runtime.html_pages import page_answer
from shared.runtime.http import HttpDoor, answer, listing
from shared.runtime.playbook.offers import offers
from shared.use_cases.vouchers import reconcile
from shared.use_cases.vouchers import redeem as redeem_voucher

FIELDS = ("order_id", "store", "phone", "total")
UNITS = {"amount": "VND", "percent": "percent", "gift": "gift"}
# So many lines fit into one answer of a Lambda.
CSV_LINES = 15_000

handler = HttpDoor()


@handler.routes.get("/till")
def till() -> Response[str]:
    """The cashier's page; the key is asked for there, and every call it makes goes through the routes below."""
    return page_answer("till.html", script="till.js")


@handler.routes.get("/v1/vouchers/reconciliation")
def get_reconciliation() -> Response[str]:
    query = handler.event.get("queryStringParameters") or {}
    period, outside = _period(query), wiring.outside()
    stores = _stores()
    if query.get("format") == "csv":
        every = reconcile.lines(outside.table, period, stores, outside.clock())
        return _as_csv([line for _, line in islice(every, CSV_LINES + 1)])
    limit, start = handler.page()
    found = list(islice(reconcile.lines(outside.table, period, stores, outside.clock(), start), limit + 1))
    after = found[limit - 1][0] if len(found) > limit else None
    # Adding up reads the whole period, so only the first page does.
    sums = None if start else reconcile.totals(outside.table, period, stores, outside.clock())
    return listing([line for _, line in found[:limit]], after, totals=sums)


@handler.routes.get("/v1/vouchers/<code>")
def get_voucher(code: str) -> Response[str]:
    """What a code is worth, and to whom; changes nothing."""
    outside = wiring.outside()
    uow = UnitOfWork(outside.table)
    voucher = vouchers.find(uow, offers(), code)
    stores = _stores()
    if voucher.stores and not sees(stores, voucher.stores):
        raise Forbidden("this voucher is for stores the key has no access to")
    shown = {
        "status": status(voucher, outside.clock()),
        "owner": vouchers.owner_masked(uow, voucher) if vouchers.owner_seen(uow, voucher, stores) else None,
        "min_order": voucher.min_order,
        "categories": list(voucher.categories),
        "stores": list(voucher.stores),
        "bearer": voucher.bearer,
        "issued_at": voucher.issued_at,
        "redeemed": _used(voucher.redeemed, told=vouchers.use_seen(uow, voucher, stores)),
    }
    return answer({**_worth(voucher, None), **shown})


@handler.routes.post("/v1/vouchers/<code>/redeem")
def redeem(code: str) -> Response[str]:
    outside = wiring.outside()
    use, who = _read(handler.json())
    if not sees(_stores(), {use.store}):
        raise Forbidden(f"the key has no access to store {use.store}")
    voucher, redeemed = redeem_voucher.redeem(journeys(use.at), outside.identity_key, code, use, who, _stores())
    return answer({**_worth(voucher, redeemed), "redeemed": _used(redeemed)})


def _read(body: Any) -> tuple[Use, Identity | None]:
    """The body of a redemption; raises Invalid naming every wrong field."""
    if not isinstance(body, dict):
        raise Invalid([FieldError("body", "must be an object")])
    read = Reader()
    read.only(body, FIELDS)
    order_id = read.text(body, "order_id", limit=141)
    store = read.text(body, "store", limit=80)
    for name, value in (("order_id", order_id), ("store", store)):
        if not value and not any(error.field == name for error in read.errors):
            read.wrong(name, "is needed")
    phone, who, total = read.text(body, "phone"), None, None
    if phone:
        with read.reading("phone"):
            who = identity("phone", phone)
    if body.get("total") is not None:
        with read.reading("total"):
            total = money(body["total"])
            if total < 0:
                raise ValueError("must not be below 0")
    if read.errors:
        raise Invalid(read.errors)
    return Use(order_id, wiring.outside().clock(), store, total), who


def _worth(voucher: Voucher, redeemed: Redemption | None) -> dict[str, Any]:
    """What the cashier does: take `value` off, in `unit`; a percentage only where the order's total is not known."""
    in_vnd = redeemed is not None and redeemed.value is not None and voucher.kind != "gift"
    return {
        "code": voucher.code,
        "offer": voucher.offer,
        "value": redeemed.value if redeemed and in_vnd else 0 if voucher.kind == "gift" else voucher.value,
        "unit": "VND" if in_vnd else UNITS[voucher.kind],
        "most": voucher.most,
        "gift": voucher.gift.in_language("vi"),
        "gift_en": voucher.gift.in_language("en"),
        "valid_until": voucher.valid_until,
    }


def _used(redeemed: Redemption | None, *, told: bool = True) -> dict[str, Any] | None:
    """The order that used a code; of one that is not `told` only when that was."""
    if redeemed is None:
        return None
    return redeemed._asdict() if told else {**dict.fromkeys(Redemption._fields), "at": redeemed.at}


def _stores() -> frozenset[str]:
    return handler.caller.stores if handler.caller else frozenset()


def _period(query: dict[str, str]) -> reconcile.Period:
    """`from` and `to` of a report, both local days; raises Invalid."""
    read = Reader()
    days = []
    for name in ("from", "to"):
        try:
            days.append(read_day(query.get(name, "")))
        except ValueError:
            read.wrong(name, "must be a day such as 2026-11-21")
    if not read.errors and not timedelta() <= days[1] - days[0] < timedelta(days=reconcile.MOST_DAYS):
        read.wrong("to", f"must be at or after `from`, and within {reconcile.MOST_DAYS} days")
    if query.get("format", "json") not in ("json", "csv"):
        read.wrong("format", "must be json or csv")
    if read.errors:
        raise Invalid(read.errors)
    return reconcile.Period(days[0], days[1])


def _as_csv(lines: list[dict[str, Any]]) -> Response[str]:
    if len(lines) > CSV_LINES:
        raise Invalid([FieldError("to", f"the period holds more than {CSV_LINES} lines; ask for a shorter one")])
    out = io.StringIO()
    sheet = csv.DictWriter(out, reconcile.COLUMNS)
    sheet.writeheader()
    sheet.writerows({name: _harmless(value) for name, value in line.items()} for line in lines)
    headers = {"Content-Disposition": 'attachment; filename="vouchers.csv"', "Cache-Control": "no-store"}
    # The mark in front tells Excel that it is UTF-8.
    return Response(200, "text/csv; charset=utf-8", "\ufeff" + out.getvalue(), headers=headers)


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet does not take for a formula; order numbers and stores are written by others."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
