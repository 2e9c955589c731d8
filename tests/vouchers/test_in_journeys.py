"""A journey issues the voucher, the till redeems it, and journeys hear of that in the same commit."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from shared.repositories import table_keys
from tests.support.journey_playbooks import OwnPlaybook, playbook
from tests.support.vouchers import PHONE, Till

__all__ = ["playbook"]

GIVES = """
id: gives
title: Tặng mã sau khi mua
aim: Thử
trigger: {event: Order Completed}
ends_after: 5d
steps:
  - {id: gift, offer: birthday}
  - {id: over, end: given}
"""
HEARS = """
id: hears
title: Cảm ơn đã dùng mã
aim: Thử
trigger: {event: Voucher Redeemed, where: {fact: event.value, at_least: 100000}}
ends_after: 5d
steps:
  - {id: a_day, wait: {for: 1d}}
  - {id: call, task: {kind: call, title: Cảm ơn khách, reason: Vừa dùng mã}}
"""


def items(till: Till, pk: str) -> list[dict]:
    with till.stack.store.transaction() as db:
        rows = db.execute("SELECT body FROM items WHERE pk LIKE ?", (pk,)).fetchall()
    return [json.loads(body) for (body,) in rows]


@pytest.mark.parametrize("at_the_till", [True, False])
def test_a18_a_journey_issues_a_code_once_and_another_hears_of_its_use(
    till: Till, playbook: OwnPlaybook, at_the_till: bool
):
    playbook.write("gives", GIVES)
    playbook.write("hears", HEARS)
    customer = till.customer()
    for _ in range(2):  # at least once
        till.tell("Order Completed", "HD1", total=500_000)
    till.later(minutes=5)
    (voucher,) = items(till, "V#%")
    assert (voucher["customer_id"], voucher["journey"], voucher["offer"]) == (customer, "gives", "birthday")

    if at_the_till:
        assert till.redeem(voucher["code"], "HD2", total=500_000).status == 200
        assert till.redeem(voucher["code"], "HD2", total=500_000).status == 200
    else:
        till.tell("Order Completed", "HD2", total=400_000, discount=100_000, coupon=voucher["code"])
    inside = till.stack.table.get(table_keys.journeys_of(customer)) or {}
    assert [run["journey"] for run in inside["runs"].values()].count("hears") == 1
    till.later(days=1, hours=1)
    tasks = till.call("GET", "/v1/tasks").json["items"]
    assert [task["title"] for task in tasks] == ["Cảm ơn khách"]


def test_r1_history_that_redeems_starts_no_journey(till: Till, playbook: OwnPlaybook):
    playbook.write("hears", HEARS)
    given = till.give(till.customer())
    till.tell("Order Completed", "HD1", user=PHONE, at=till.now + timedelta(minutes=1), total=500_000,
              coupon=given.code, context={"backfill": True})  # fmt: skip

    assert till.look(given.code)["status"] == "redeemed"
    inside = till.stack.table.get(table_keys.journeys_of(given.customer_id)) or {}
    assert not inside.get("runs")
