"""A customer in many journeys: what lasts for years, is long or is gone never stands in the way of today (X1, X5)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.catalogue.product import Product
from shared.domain.vietnam_time import stamp
from shared.repositories import table_keys
from shared.runtime.factories import journeys as runtime_journeys
from shared.runtime.playbook.templates import templates
from shared.use_cases.journeys.customer_runs import RUNS_AT_ONCE
from tests.support.journey_playbooks import OwnPlaybook, playbook
from tests.support.journeys import Shop

__all__ = ["playbook"]

FILTER = Product(
    sku="LOC", name="Lõi lọc", category="Lọc nước", url="https://tiem.example/loc", maintain_every_days=90,
    warranty_days=365, repurchase_days=200, lifespan_days=900,
)  # fmt: skip


def runs(shop: Shop, guest) -> dict:
    return (shop.stack.table.get(table_keys.journeys_of(guest.id)) or {})["runs"]


def test_x5_reminders_that_last_for_years_leave_room_for_todays_receipt(shop: Shop) -> None:
    shop.sell(FILTER)
    lan = shop.guest()
    for number in range(35):
        shop.order(lan, f"LOC{number}", channel="store", sku="LOC")
        shop.later(hours=3)

    assert len(runs(shop, lan)) < RUNS_AT_ONCE
    assert shop.counts("order") == {"entered": 35, "ended done": 35}


VISIT = """
id: visit
title: {vi: Chuẩn bị đón khách, en: Before a visit}
aim: {vi: Để thử, en: To try}
trigger: {event: Appointment Booked, key: event.appointment_id}
ends_after: 9d
steps:
  - {id: a_day, wait: {for: 1d}}
  - {id: gift, offer: birthday}
  - {id: thanks, send: {template: feedback_thanks}}
  - {id: call, task: {kind: other, title: Chuẩn bị, reason: Khách sắp đến}}
"""


def test_x5_more_than_one_commit_holds_goes_on_minute_by_minute(shop: Shop, playbook: OwnPlaybook) -> None:
    playbook.write("visit", VISIT)
    lan = shop.guest()
    for number in range(30):
        shop.tell("Appointment Booked", lan, appointment_id=f"A{number}", at=shop.at(9))
    shop.until(8, 59, days=1)
    assert not shop.of("visit", lan)
    shop.until(9, 20, days=1)

    assert len(shop.of("visit", lan)) == len(shop.items("OT#%")) == 30
    assert len(shop.items("I#%")) == 30
    assert shop.counts("visit") == {"entered": 30, "ended done": 30}


def test_x5_long_texts_of_a_page_fill_no_ones_runs(shop: Shop) -> None:
    lan = shop.guest()
    for number in range(20):
        shop.tell("Appointment Booked", lan, appointment_id=f"A{number}", service="x" * 20_000, note="y" * 9_000,
                  starts_at=stamp(shop.now + timedelta(days=30)))  # fmt: skip

    assert len(runs(shop, lan)) == 20
    assert all(len(str(run["vars"])) < 4_000 and run["vars"]["appointment_id"] for run in runs(shop, lan).values())
    assert not shop.stack.queue_state()["events-dlq"]["visible"]


def test_r2_an_order_whose_parcel_is_refused_and_sent_again_is_no_new_order(shop: Shop) -> None:
    lan = shop.guest()
    shop.order(lan, "COD1", 4_000_000, payment="cod")
    shop.later(minutes=30)
    shop.parcel("Delivery Failed", "COD1")
    shop.later(minutes=30)
    shop.parcel("Order Delivered", "COD1")
    shop.later(days=1)

    assert shop.counts("order")["entered"] == 1
    assert shop.counts("high_value_order")["entered"] == 1
    assert len(shop.got("order", lan)) == 1


NOTE = """
id: note
title: {vi: Ghi chú, en: A note}
aim: {vi: Để thử, en: To try}
trigger: {event: Signed Up}
ends_after: 5d
steps:
  - {id: a_day, wait: {for: 1d}}
  - {id: thanks, send: {template: feedback_thanks}}
"""


def test_x18_what_the_playbook_has_dropped_ends_the_run_and_holds_up_nobody(
    shop: Shop, playbook: OwnPlaybook, monkeypatch: pytest.MonkeyPatch
) -> None:
    lan = shop.guest()
    playbook.write("note", NOTE)
    shop.tell("Signed Up", lan)
    left = {name: template for name, template in templates().items() if name != "feedback_thanks"}
    monkeypatch.setattr(runtime_journeys, "templates", lambda: left)
    playbook.forget()
    shop.until(10, 1, days=1)

    assert shop.ends(lan, "note") == [("note", "content_gone")]
    assert shop.counts("note") == {"entered": 1, "ended content_gone": 1}


def test_x1_what_only_we_can_know_nobody_else_tells_journeys(shop: Shop) -> None:
    """The write key stands in every browser: whoever plays us with it gets no voucher out of it."""
    lan = shop.guest()
    today = f"{shop.now:%Y-%m-%d}"
    shop.tell("Birthday", lan, on=today)
    shop.tell("Value Changed", lan, to="vip", was="none", on=today)
    shop.tell("Survey Answered", lan, survey="nps", score=10, asked="A", journey="nps", step="survey", run="R")
    shop.tell("Voucher Redeemed", lan, offer="referral_friend", code="BB-23456789", order_id="X", value=1)
    shop.tell("Followed", lan, channel="zalo")
    shop.tell("Goods Received", lan, order_id="X", total=90_000_000)
    shop.later(days=2)

    assert not shop.inside(lan)
    assert not shop.messages()
    assert not shop.items("I#%")
    assert "Birthday" in [entry["name"] for entry in shop.entries(lan)]


def test_x3_a_mark_that_a_merged_customer_brought_along_is_taken_away(shop: Shop) -> None:
    lan, other = shop.guest(mail=False), shop.customer(900, consent=True, email="lan900@example.vn")
    event = {"type": "track", "event": "Product Reviewed", "messageId": "review", "timestamp": stamp(shop.now),
             "userId": "lan900@example.vn", "properties": {"sku": "AO", "rating": 1, "review_body": "x"}}  # fmt: skip
    shop.call("POST", "/v1/batch", {"batch": [event]}, key="write")
    shop.stack.drain()
    shop.later(minutes=1)
    shop.call("PUT", "/v1/customers", {"identities": {"phone": lan.phone, "email": "lan900@example.vn"}})
    assert shop.tags(lan) == ["unhappy"]
    (task,) = shop.call("GET", "/v1/tasks")["items"]
    shop.finish(task, "reached")

    assert shop.tags(lan) == []
    assert (shop.stack.table.get(table_keys.profile(other)) or {})["marks"] == []
