"""R21: what was issued and used in a period, and what is still open and may cost at most; no scan of the table."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

from tests.support.shop import PHONE, Answer
from tests.support.vouchers import Till

PATH = "/v1/vouchers/reconciliation"


def report(till: Till, query: str = "from=2026-11-21&to=2026-12-21", **how) -> Answer:
    return till.call("GET", PATH, query=query, **how)


def busy_month(till: Till):
    """Five vouchers: one used, two open, one expired, one issued the day before the period."""
    customer = till.customer()
    old = till.give(customer, at=till.now - timedelta(days=1))
    used, _open, percent = till.give(customer), till.give(customer), till.give(customer, "vip")
    dead = till.give(customer, "winback_90")
    till.later(days=3)
    till.redeem(used.code, "=HD1+1", total=80_000_000)
    till.redeem(old.code, "HD2", total=400_000, store="Huế")
    return used, percent, dead


def test_r21_the_books_show_every_movement_and_the_liability(till: Till):
    used, percent, dead = busy_month(till)
    answer = report(till)

    assert answer.json["totals"] == {
        "issued": 4, "redeemed": 2, "redeemed_value": 200_000, "expired": 1, "open": 2, "liability": 1_100_000,
    }  # fmt: skip
    lines = answer.json["items"]
    assert [(line["movement"], line["day"]) for line in lines] == [("issued", "2026-11-21")] * 4 + [
        ("redeemed", "2026-11-24")
    ] * 2
    by_code = {line["code"]: line for line in lines if line["movement"] == "issued"}
    assert by_code[used.code]["status"] == "redeemed"
    assert (by_code[used.code]["store"], by_code[used.code]["worth"]) == ("Q1", 100_000)
    assert (by_code[percent.code]["status"], by_code[percent.code]["most"]) == ("open", 1_000_000)
    assert by_code[dead.code]["status"] == "expired"


def test_r21_pages_hold_every_line_once_and_only_the_first_adds_up(till: Till):
    busy_month(till)
    whole = report(till).json["items"]
    pages, after = [], ""
    while True:
        page = report(till, f"from=2026-11-21&to=2026-12-21&limit=1{after and f'&next={after}'}").json
        pages.append(page)
        after = page["next"]
        if not after:
            break

    assert [line for page in pages for line in page["items"]] == whole
    assert [page["totals"] is None for page in pages] == [False, True, True, True, True, True]


def test_r21_the_sheet_says_the_same_and_is_no_formula(till: Till):
    busy_month(till)
    status, headers, content = till.stack.http(
        "GET", PATH, "from=2026-11-21&to=2026-12-21&format=csv", {"authorization": f"Bearer {till.admin_key}"}, b""
    )

    assert (status, headers["content-type"]) == (200, "text/csv; charset=utf-8")
    sheet = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    lines = report(till).json["items"]
    assert [row["code"] for row in sheet] == [line["code"] for line in lines]
    assert {row["order_id"] for row in sheet} == {"", "'=HD1+1", "HD2"}


def test_r7_a_stores_manager_sees_what_the_store_redeemed(till: Till):
    busy_month(till)
    till.call("PUT", "/v1/customers", {"identities": {"phone": PHONE}, "traits": {"home_store": "Huế"}})
    mine = till.give(till.customer(), stores=("Huế",))
    key = till.key("api", "store_manager", stores=("Huế",))
    answer = report(till, key=key).json

    assert {(line["movement"], line["order_id"], line["code"] == mine.code) for line in answer["items"]} == {
        ("redeemed", "HD2", False), ("issued", None, True),
    }  # fmt: skip
    assert answer["totals"]["liability"] == 100_000
    assert report(till, key=till.key("api", "sales")).status == 403


def test_r21_a_redemption_given_back_leaves_the_books(till: Till):
    given = till.give(till.customer())
    till.tell("Order Completed", "HD1", total=500_000, coupon=given.code)
    assert report(till).json["totals"]["redeemed"] == 1
    till.tell("Order Cancelled", "HD1")

    assert report(till).json["totals"] == {
        "issued": 1, "redeemed": 0, "redeemed_value": 0, "expired": 0, "open": 1, "liability": 100_000,
    }  # fmt: skip


def test_a_period_that_is_none_is_refused_field_by_field(till: Till):
    assert report(till, "").fields == ["from", "to"]
    assert report(till, "from=hôm nay&to=2026-11-21&format=pdf").fields == ["from", "format"]
    assert report(till, "from=2026-11-22&to=2026-11-21").fields == ["to"]
    assert report(till, "from=9999-12-30&to=9999-12-31").fields == ["from", "to"]
    assert report(till, "from=2026-01-01&to=2026-11-21").fields == ["to"]
    for token in ("AAAA", "MjAyNiM0"):
        assert report(till, f"from=2026-11-21&to=2026-11-21&next={token}").fields == ["next"]
