"""R21 by the order that carries the code: late, twice, cancelled, somebody else's; never an error, always a reason."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.shop import PHONE
from tests.support.vouchers import OTHER, Till


def test_r21_an_order_that_carries_the_code_redeems_it(till: Till):
    customer = till.customer()
    given = till.give(customer, "winback_60")
    till.tell("Order Completed", "HD1", total=850_000, discount=150_000, coupon=given.code.lower(), store="Huế")

    # The value is taken from the price before the discount.
    assert till.stored(given).redeemed == ("HD1", "Huế", "2026-11-21T03:00:00.000Z", 150_000)
    assert till.refused(given.code, "HD2")[1] == "used"
    assert till.noted(customer) == [
        ("Voucher Redeemed", {"code": given.code, "offer": "winback_60", "order_id": "HD1", "value": 150_000,
                              "store": "Huế"}),
    ]  # fmt: skip


def test_r21_a_till_and_its_order_are_one_use_whichever_comes_first(till: Till):
    customer = till.customer()
    first, second = till.give(customer), till.give(customer)
    assert till.redeem(first.code, "HD1", total=500_000).status == 200
    till.tell("Order Completed", "HD1", total=400_000, discount=100_000, coupon=first.code)
    till.tell("Order Completed", "HD2", total=400_000, discount=100_000, coupon=second.code)
    assert till.redeem(second.code, "HD2", total=500_000).status == 200

    for given, order_id in ((first, "HD1"), (second, "HD2")):
        redeemed = till.stored(given).redeemed
        assert redeemed is not None
        assert (redeemed.order_id, redeemed.value) == (order_id, 100_000)
    assert [name for name, _ in till.noted(customer)] == ["Voucher Redeemed"] * 2


def test_r21_an_order_placed_in_time_counts_however_late_it_is_uploaded(till: Till):
    customer = till.customer()
    given, over = till.give(customer, "winback_90"), till.give(customer, "winback_90")
    start = till.now
    till.later(days=5)
    till.tell("Order Completed", "HD1", at=start + timedelta(hours=47), total=750_000, coupon=given.code)
    till.tell("Order Completed", "HD2", at=start + timedelta(hours=49), total=750_000, coupon=over.code)

    redeemed = till.stored(given).redeemed
    assert redeemed is not None
    assert redeemed.order_id == "HD1"
    assert till.stored(over).redeemed is None
    assert till.noted(customer)[-1] == (
        "Voucher Refused",
        {"code": over.code, "offer": "winback_90", "order_id": "HD2", "reason": "expired"},
    )


@pytest.mark.parametrize(
    ("event", "more"),
    [("Order Cancelled", {}), ("Returned To Sender", {}), ("Order Refunded", {"total": 500_000})],
)
@pytest.mark.parametrize("at_the_till", [False, True])
def test_r21_an_order_that_comes_back_whole_gives_the_code_back(till: Till, event: str, more, at_the_till: bool):
    customer = till.customer()
    given = till.give(customer)
    if at_the_till:
        till.redeem(given.code, "HD1")
    till.tell("Order Completed", "HD1", total=500_000, coupon="" if at_the_till else given.code)
    assert till.look(given.code)["status"] == "redeemed"
    till.tell(event, "HD1", **more)

    assert till.look(given.code)["status"] == "open"
    assert till.noted(customer) == []
    assert till.redeem(given.code, "HD2").status == 200


def test_r21_a_part_that_comes_back_gives_nothing_back_and_a_late_return_frees_no_dead_code(till: Till):
    given = till.give(till.customer(), "winback_90")
    till.tell("Order Completed", "HD1", total=500_000, coupon=given.code)
    till.tell("Order Refunded", "HD1", total=100_000)
    assert till.look(given.code)["status"] == "redeemed"
    till.later(days=3)
    till.tell("Order Cancelled", "HD1")

    assert till.look(given.code)["status"] == "expired"
    assert till.refused(given.code, "HD2")[1] == "expired"


def test_r21_the_earlier_of_two_orders_holds_the_code_whichever_is_told_first(till: Till):
    customer = till.customer()
    given = till.give(customer)
    till.tell("Order Completed", "LATE", at=till.now - timedelta(minutes=10), total=500_000, coupon=given.code)
    till.tell("Order Completed", "EARLY", at=till.now - timedelta(minutes=20), total=500_000, coupon=given.code)

    redeemed = till.stored(given).redeemed
    assert redeemed is not None
    assert redeemed.order_id == "EARLY"
    notes = {said["order_id"]: (name, said.get("reason")) for name, said in till.noted(customer)}
    assert notes == {"EARLY": ("Voucher Redeemed", None), "LATE": ("Voucher Refused", "used")}

    till.tell("Order Cancelled", "EARLY")
    redeemed = till.stored(given).redeemed
    assert redeemed is not None
    assert redeemed.order_id == "LATE"


def test_r21_what_a_till_was_told_stands_against_an_earlier_order_that_comes_later(till: Till):
    given = till.give(till.customer())
    till.later(minutes=30)
    till.redeem(given.code, "HD1")
    till.tell("Order Completed", "OFFLINE", at=till.now - timedelta(minutes=20), total=500_000, coupon=given.code)

    redeemed = till.stored(given).redeemed
    assert redeemed is not None
    assert redeemed.order_id == "HD1"


def test_r21_somebody_elses_order_is_noted_with_them_and_leaves_the_code_to_its_owner(till: Till):
    mine, theirs = till.customer(PHONE), till.customer(OTHER)
    given = till.give(mine)
    till.tell("Order Completed", "HD1", user=OTHER, total=500_000, coupon=given.code)

    assert till.noted(theirs) == [
        ("Voucher Refused", {"code": given.code, "offer": "birthday", "order_id": "HD1", "reason": "foreign"})
    ]
    assert till.redeem(given.code, "HD2").status == 200
    assert till.dead_letters == []


def test_r21_a_walk_ins_order_uses_the_code_until_it_turns_out_whose_it_was(till: Till):
    mine, theirs = till.customer(PHONE), till.customer(OTHER)
    given = till.give(mine)
    till.tell("Order Completed", "HD1", user=None, total=500_000, coupon=given.code)
    assert till.look(given.code)["status"] == "redeemed"
    till.tell("Order Updated", "HD1", user=OTHER, total=500_000)

    assert till.look(given.code)["status"] == "open"
    assert [said["reason"] for _, said in till.noted(theirs)] == ["foreign"]
    assert till.noted(mine) == []


def test_a18_a_code_for_related_goods_needs_some_in_the_order(till: Till):
    customer = till.customer()
    given = till.give(customer, "post_purchase", categories=("Phụ kiện",))
    shirt = {"sku": "A1", "name": "Áo", "category": "Áo", "price": 300_000}
    belt = {"sku": "T1", "name": "Thắt lưng", "category": "Phụ kiện", "price": 200_000}
    till.tell("Order Completed", "HD1", total=300_000, coupon=given.code, products=[shirt])
    assert [said["reason"] for _, said in till.noted(customer)] == ["wrong_goods"]
    till.tell("Order Completed", "HD2", total=500_000, coupon=given.code, products=[shirt, belt])

    assert till.look(given.code)["redeemed"]["order_id"] == "HD2"


@pytest.mark.parametrize("coupon", ["TET2026", "SN-22222222", "x" * 80])
def test_r21_a_coupon_that_is_not_ours_is_left_alone(till: Till, coupon: str):
    customer = till.customer()
    till.tell("Order Completed", "HD1", total=500_000, coupon=coupon)

    assert till.noted(customer) == []
    assert till.dead_letters == []


def test_r21_an_order_that_turns_out_to_carry_another_code_frees_the_first(till: Till):
    customer = till.customer()
    one, two = till.give(customer), till.give(customer)
    till.tell("Order Completed", "HD1", total=500_000, coupon=one.code)
    till.later(minutes=1)
    till.tell("Order Updated", "HD1", total=500_000, coupon=two.code)

    assert [till.look(given.code)["status"] for given in (one, two)] == ["open", "redeemed"]


def test_r1_history_redeems_and_tells_nobody(till: Till):
    given = till.give(till.customer())
    till.tell("Order Completed", "HD1", total=500_000, coupon=given.code, context={"backfill": True})

    assert till.look(given.code)["status"] == "redeemed"
    assert till.call("GET", f"/v1/customers/{given.customer_id}/messages").json["items"] == []
