"""What the demo's vouchers came to, by the reconciliation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from infra.local.demo.api_client import Doors
from infra.local.demo.texts import Words
from shared.runtime.playbook.offers import offers

# The books are asked for by quarters at most.
QUARTER = timedelta(days=91)


@dataclass(frozen=True)
class VoucherRow:
    """What became of an offer's vouchers; `given` is what the redeemed ones took off, `liability` what the open ones
    may cost at most, in VND."""

    offer: str
    title: Words
    issued: int
    redeemed: int
    expired: int
    open: int
    given: int
    liability: int


def voucher_lines(doors: Doors, first: date, last: date) -> list[Mapping[str, Any]]:
    """Every issue and every redemption, as the books have it."""
    lines: list[Mapping[str, Any]] = []
    while first <= last:
        until = min(last, first + QUARTER)
        lines += doors.pages("/v1/vouchers/reconciliation", f"from={first}&to={until}")
        first = until + timedelta(days=1)
    return lines


def voucher_rows(lines: Iterable[Mapping[str, Any]]) -> list[VoucherRow]:
    """By offer, the most frequent first."""
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        of = sums[line["offer"]]
        if line["movement"] == "redeemed":
            of["given"] += line["worth"] or 0
        else:
            of["issued"] += 1
            of[line["status"]] += 1
            of["liability"] += line["most"] if line["status"] == "open" else 0
    book = offers().offers
    rows = [
        VoucherRow(
            offer, Words(book[offer].title.in_language("vi"), book[offer].title.in_language("en")),
            of["issued"], of["redeemed"], of["expired"], of["open"], of["given"], of["liability"],
        )
        for offer, of in sums.items()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row.issued, row.offer))
