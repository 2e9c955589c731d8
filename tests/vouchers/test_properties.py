"""However tills, orders, cancellations and repeats interleave: a voucher is worth at most once, and orders converge."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.support.engine import START, differences, on, track
from tests.support.max_examples import max_examples
from tests.support.voucher_engine import CODE, ask, shop, stored
from tests.support.vouchers import PHONE

ORDERS = ("A", "B", "C")
OTHER = "0912345678"

# What may be told of an order, the same words each time, so that a repetition is one.
SALES = {
    "placed": (on(0, 4), PHONE, 500_000),
    "by another": (on(0, 4), OTHER, 500_000),
    "by nobody": (on(0, 4), None, 500_000),
    "too late": (on(20, 4), PHONE, 500_000),
    "too early": (on(-2, 4), PHONE, 500_000),
    "too small": (on(0, 4), PHONE, 1_000),
}
FACTS = {
    (order, kind): track("Order Completed", at.replace("04:00", f"04:0{number}"), user, order_id=order, total=total,
                         coupon=CODE)
    for number, order in enumerate(ORDERS)
    for kind, (at, user, total) in SALES.items()
}  # fmt: skip
for _order in ORDERS:
    FACTS[_order, "cancelled"] = track("Order Cancelled", on(0, 9), order_id=_order)
    FACTS[_order, "refunded"] = track("Order Refunded", on(0, 9), order_id=_order, refund_id="r", total=500_000)


@st.composite
def stories(draw, sales):
    """For each order one kind of sale and perhaps its end, all in some order with some told again."""
    told = []
    for order in ORDERS:
        told += draw(st.lists(st.just((order, draw(st.sampled_from(sales)))), max_size=2))
        told += draw(st.lists(st.sampled_from([(order, "cancelled"), (order, "refunded")]), max_size=1))
    return draw(st.permutations(told))


def prepared(**later):
    engine = shop()
    # Both people are known and nobody is met for the first time by an order, so that only vouchers differ.
    engine.take(track("Visited", on(0), OTHER))
    engine.now = START + timedelta(**later)
    return engine


def picture(engine):
    """The voucher and everything that shows it, free of random ids."""
    names = {p["customer_id"]: next(iter(p["identities"])) for p in engine.leads()}
    rows = [{k: v for k, v in item.items() if k != "customer_id"} for item in engine.items("VOUCHERS#")]
    notes = [
        (names[item["pk"][2:]], item["sk"], item["name"], json.loads(item["properties"]))
        for item in engine.items("C#")
        if item.get("source") == "vouchers" and item["name"] != "Voucher Issued"
    ]
    voucher = stored(engine)
    claims = {order: (claim.said, claim.void) for order, claim in voucher.claims.items()}
    return {"claims": claims, "redeemed": voucher.redeemed, "rows": rows, "notes": notes}


@max_examples(40)
@given(stories(sorted(SALES)), st.data())
def test_r21_any_order_and_repetition_of_orders_ends_in_one_state(story, data):
    one, other = prepared(days=40), prepared(days=40)
    for step in story:
        one.take(FACTS[step])
    again = data.draw(st.lists(st.sampled_from(story), max_size=3)) if story else []
    for step in data.draw(st.permutations([*story, *again])):
        other.take(FACTS[step])

    assert differences(picture(one), picture(other)) == []


@max_examples(40)
@given(stories(sorted(SALES.keys() - {"too late"})), st.lists(st.sampled_from([*ORDERS, "D"]), max_size=5), st.data())
def test_r21_a_voucher_is_worth_at_most_once_whatever_happens(story, asked, data):
    # The code is good for a fortnight, so tills may still be told yes.
    engine = prepared(days=10)
    steps = data.draw(st.permutations([*story, *(("till", order) for order in asked)]))
    told_yes = Counter()
    for what, step in steps:
        if what == "till":
            answer = ask(engine, step)
            told_yes[answer] += answer in (*ORDERS, "D")
        else:
            engine.take(FACTS[what, step])
        # One order holds it or none; the lists of the days and the timelines say the same.
        seen, shown = stored(engine).redeemed, picture(engine)
        redeemed = [row for row in shown["rows"] if row["sk"].startswith("R#")]
        tells = [said for _, _, name, said in shown["notes"] if name == "Voucher Redeemed"]
        assert [row["order_id"] for row in redeemed] == ([seen.order_id] if seen else [])
        assert [said["order_id"] for said in tells] == ([seen.order_id] if seen else [])
        assert seen is None or seen.value <= 100_000
    # Two orders were told yes only where the first of them came back.
    gone = {order for order, kind in story if kind in ("cancelled", "refunded")}
    assert len({order for order in told_yes if told_yes[order]} - gone) <= 1
