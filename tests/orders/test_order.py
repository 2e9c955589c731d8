"""R2, R3, X15: an order is the set of its facts, and what it is worth is a function of that set and of today."""

from __future__ import annotations

from datetime import date, timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.orders.order import OrderFact, absorb, lines_shown, read
from shared.domain.orders.order_event import PARCEL_FACTS
from tests.support.max_examples import max_examples

PLACED = date(2026, 3, 1)
MATURES = 14


def fact(kind, day=0, *, key=None, amount=None, hour=10, **content):
    at = f"{PLACED + timedelta(days=day)}T{hour:02d}:00:00.000Z"
    return OrderFact(order="HD1", kind=kind, at=at, key=key or kind, amount=amount, content=content)


def state_of(*facts):
    return reduce(absorb, facts, None)


def row(*facts, on=0):
    return read("HD1", state_of(*facts), PLACED + timedelta(days=on), MATURES)


def sold(total=500_000, **content):
    return fact("placed", total=total, **content)


def cod(total=500_000, **content):
    return sold(total, payment="cod", **content)


# ---- what is kept, and when (R2) ----


@pytest.mark.parametrize("payment", [None, "cash", "card", "transfer", "prepaid"])
def test_r2_a_store_or_prepaid_order_is_kept_at_once(payment):
    sale = sold(payment=payment) if payment else sold()
    assert (row(sale).kept, row(sale).counts, row(sale).matures) == (500_000, True, None)


def test_r2_a_cod_order_counts_for_nothing_until_it_is_delivered():
    waiting = row(cod(), on=3)
    assert (waiting.kept, waiting.counts, waiting.status) == (0, False, "awaiting_delivery")
    assert waiting.matures == PLACED + timedelta(days=14)
    there = row(cod(), fact("delivered", 3), on=3)
    assert (there.kept, there.counts, there.status, there.matures) == (500_000, True, "delivered", None)


@pytest.mark.parametrize(("on", "kept"), [(0, 0), (13, 0), (14, 500_000), (15, 500_000)])
def test_r2_a_cod_order_no_carrier_speaks_of_is_kept_on_the_fourteenth_local_day(on, kept):
    assert row(cod(), on=on).kept == kept


@pytest.mark.parametrize(
    ("placed_at", "day"),
    [("2026-03-01T16:59:59.999Z", date(2026, 3, 1)), ("2026-03-01T17:00:00.000Z", date(2026, 3, 2))],
)
def test_the_fourteen_days_count_from_the_local_day(placed_at, day):
    state = state_of(cod(placed_at=placed_at))
    assert read("HD1", state, day + timedelta(days=13), MATURES).kept == 0
    assert read("HD1", state, day + timedelta(days=14), MATURES).kept == 500_000
    assert read("HD1", state, day, MATURES).day == day


def test_r2_a_refused_cod_parcel_is_never_kept_and_is_a_refusal():
    refused = row(cod(), fact("failed", 2), on=200)
    assert (refused.kept, refused.counts, refused.refused, refused.matures) == (0, False, True, None)


def test_r2_a_cod_parcel_sent_back_is_a_refusal_also_after_its_failed_delivery():
    back = row(cod(), fact("failed", 2), fact("returned", 5), on=200)
    assert (back.kept, back.refused, back.status) == (0, True, "returned")


def test_r2_a_second_attempt_that_succeeds_is_a_delivery_and_no_refusal():
    there = row(cod(), fact("failed", 2), fact("delivered", 4), on=4)
    assert (there.kept, there.refused) == (500_000, False)


def test_r2_a_delivery_that_comes_in_after_the_order_matured_changes_nothing():
    assert row(cod(), fact("delivered", 30), on=30).kept == row(cod(), on=30).kept == 500_000


def test_r2_a_late_return_takes_a_matured_cod_order_back():
    assert row(cod(), fact("returned", 20), on=20).kept == 0


def test_r2_a_prepaid_parcel_that_failed_is_still_paid_for_and_no_refusal():
    failed = row(sold(payment="prepaid"), fact("failed", 2), on=2)
    assert (failed.kept, failed.refused) == (500_000, False)


def test_r2_prepaid_goods_sent_back_are_not_kept_and_no_cod_refusal():
    back = row(sold(payment="prepaid"), fact("returned", 5), on=5)
    assert (back.kept, back.counts, back.refused) == (0, False, False)


def test_a_cancelled_order_counts_for_nothing_whatever_else_is_said():
    assert row(cod(), fact("delivered", 1), fact("cancelled", 2), on=2).kept == 0
    assert row(sold(), fact("cancelled", 2), on=2).status == "cancelled"


# ---- refunds ----


def refund(key, amount, day=1, hour=10):
    return fact("refunded", day, key=key, amount=amount, hour=hour)


def test_partial_refunds_add_up_and_the_order_still_counts():
    part = row(sold(), refund("R1", 100_000), refund("R2", 50_000))
    assert (part.kept, part.counts, part.status) == (350_000, True, "partly_refunded")


def test_a_full_refund_takes_the_order_out_of_orders_and_revenue():
    gone = row(sold(), refund("R1", None))
    assert (gone.kept, gone.counts, gone.status) == (0, False, "refunded")


def test_refunds_never_give_back_more_than_was_paid():
    assert row(sold(), refund("R1", 400_000), refund("R2", 400_000)).kept == 0


def test_the_same_refund_told_twice_counts_once_and_its_later_amount_stands():
    assert row(sold(), refund("R1", 100_000), refund("R1", 100_000)).kept == 400_000
    assert row(sold(), refund("R1", 100_000, day=1), refund("R1", 120_000, day=2)).kept == 380_000


def test_a_refund_heard_of_before_its_order_waits_for_it():
    assert row(refund("R1", 100_000)) is None
    assert row(refund("R1", 100_000), sold()).kept == 400_000


def test_a_refund_of_a_cod_order_counts_from_the_day_it_is_kept():
    assert row(cod(), refund("R1", 100_000), on=5).kept == 0
    assert row(cod(), refund("R1", 100_000), on=14).kept == 400_000


# ---- exchanges and returns by the till (R3) ----


def test_r3_an_exchange_changes_revenue_and_is_no_order_of_its_own():
    swap = row(sold(50_000, exchange_of="HD0"))
    assert (swap.kept, swap.counts) == (50_000, False)


def test_r3_a_return_invoice_is_negative_revenue_and_no_order():
    back = row(sold(-200_000))
    assert (back.kept, back.counts, back.total) == (-200_000, False, -200_000)


def test_r3_an_order_for_nothing_is_a_fact_and_no_purchase():
    assert row(sold(0)).counts is False


def test_r3_an_order_and_its_invoice_are_one_sale_with_the_later_total():
    order, invoice = fact("placed", 0, total=500_000, store="Q1"), fact("placed", 1, total=480_000, cashier="Hoa")
    both = state_of(order, invoice)
    assert read("HD1", both, PLACED, MATURES).kept == 480_000
    assert both["content"] == {"total": 480_000, "store": "Q1", "cashier": "Hoa"}
    assert read("HD1", both, PLACED, MATURES).day == PLACED


# ---- the parcel on its way (A17, R16) ----


@pytest.mark.parametrize("kind", ["tracked", "shipped", "out_for_delivery"])
@pytest.mark.parametrize("payment", ["cod", "prepaid"])
def test_r16_a_parcel_on_its_way_changes_nothing_of_what_the_order_is_worth(kind, payment):
    sale = sold(payment=payment)
    assert row(sale, fact(kind, 1, carrier="Giao Hàng Nhanh"), on=1) == row(sale, on=1)


def test_r16_what_is_shipped_twice_was_shipped_the_first_time():
    state = state_of(fact("shipped", 2), fact("shipped", 1), fact("out_for_delivery", 3), fact("tracked", 0))
    assert state["facts"] == {"shipped": "2026-03-02T10:00:00.000Z", "out_for_delivery": "2026-03-04T10:00:00.000Z"}


def test_a17_the_carriers_latest_word_on_the_parcel_stands_whichever_comes_first():
    said = [sold(), fact("shipped", 1, tracking_code="A", expected_on="2026-03-04"),
            fact("tracked", 2, expected_on="2026-03-05")]  # fmt: skip
    for order in (said, said[::-1]):
        assert state_of(*order)["content"] == {"total": 500_000, "tracking_code": "A", "expected_on": "2026-03-05"}


def test_a_parcel_nobody_has_ordered_is_no_order():
    assert row(fact("shipped", 1, tracking_code="A"), fact("tracked", 1)) is None


# ---- when an order is an order ----


def test_facts_about_an_order_nobody_has_placed_yet_are_kept_and_count_for_nothing():
    assert row(fact("delivered", 2)) is None
    assert row(fact("updated", 0, store="Q1")) is None


def test_an_update_with_a_total_may_be_the_first_word_of_an_order():
    assert row(fact("updated", 0, total=300_000)).kept == 300_000


def test_the_shops_own_moment_of_sale_goes_before_the_events():
    late = row(fact("placed", 3, total=1, placed_at="2026-03-01T02:00:00.000Z"), on=3)
    assert (late.placed_at, late.day) == ("2026-03-01T02:00:00.000Z", PLACED)


@pytest.mark.parametrize(
    ("content", "promo", "percent"),
    [
        ({}, False, 0),
        ({"coupon": "TET26"}, True, 0),
        ({"discount": 500_000}, False, 50),
        ({"discount": 100_000}, False, 16),
    ],
)
def test_g2_vouchers_and_discounts_are_seen(content, promo, percent):
    assert (row(sold(**content)).promo, row(sold(**content)).discount_percent) == (promo, percent)


def test_a_return_invoice_with_a_discount_has_no_share_of_discount():
    assert row(sold(-200_000, discount=200_000)).discount_percent == 0


def test_only_the_first_lines_are_shown_and_only_what_a_person_reads():
    lines = [{"sku": f"A{n}", "name": "Áo sơ mi", "size": "M", "quantity": 1, "measure": "x"} for n in range(20)]
    shown = lines_shown({"lines": lines})
    assert len(shown) == 8
    assert shown[0] == {"sku": "A0", "name": "Áo sơ mi", "size": "M", "quantity": 1}


# ---- any permutation, any repetition (X15) ----

moments = st.integers(0, 4).map(lambda n: f"2026-03-0{n + 1}T10:00:00.000Z")
contents = st.fixed_dictionaries(
    {},
    optional={
        "total": st.sampled_from([0, 100_000, -50_000]),
        "payment": st.sampled_from(["cod", "cash"]),
        "store": st.sampled_from(["Q1", "Q7"]),
        "coupon": st.sampled_from(["A", "B"]),
        "lines": st.lists(st.fixed_dictionaries({"sku": st.sampled_from("xy"), "quantity": st.integers(1, 2)})),
    },
)

parcels = st.fixed_dictionaries(
    {},
    optional={
        "carrier": st.sampled_from(["Giao Hàng Nhanh", "Viettel Post"]),
        "tracking_code": st.sampled_from(["A", "B"]),
        "expected_on": st.sampled_from(["2026-03-04", "2026-03-05"]),
    },
)


def _said(kind):
    return st.builds(
        OrderFact,
        order=st.just("HD1"),
        kind=st.just(kind),
        at=moments,
        key=st.sampled_from(["R1", "R2"]) if kind == "refunded" else st.just(kind),
        amount=st.sampled_from([None, 10_000, 20_000]) if kind == "refunded" else st.none(),
        content={"placed": contents, "updated": contents}.get(kind, parcels if kind in PARCEL_FACTS else st.just({})),
        backfill=st.booleans(),
    )


KINDS = ("placed", "updated", *PARCEL_FACTS, "refunded", "cancelled")
facts = st.sampled_from(KINDS).flatmap(_said)


@max_examples(200)
@given(st.lists(facts, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_x15_absorbing_is_commutative_associative_and_idempotent(said, random):
    once = state_of(*said)
    shuffled = [*said, *random.choices(said, k=len(said))]
    random.shuffle(shuffled)
    assert state_of(*shuffled) == once


@max_examples(200)
@given(st.lists(facts, min_size=1, max_size=8), st.integers(0, 30))
def test_an_order_never_counts_without_being_kept_and_matures_only_in_the_future(said, on):
    seen = row(*said, on=on)
    if seen is None:
        return
    assert not (seen.counts and seen.kept <= 0)
    assert min(0, seen.total) <= seen.kept <= max(0, seen.total)
    assert seen.matures is None or (seen.matures > PLACED + timedelta(days=on) and seen.kept == 0)
