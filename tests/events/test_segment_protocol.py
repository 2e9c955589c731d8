"""The tracking protocol as Segment has it, and what the trade adds: one message in, one event out.

What is wrong with a message, field by field, is shown at the doors (tests/doors/test_bad_input.py).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.errors import Invalid
from shared.domain.events.segment_protocol import translate
from shared.domain.events.sender import Sender
from shared.domain.orders.order_event import money
from shared.domain.vietnam_time import stamp
from shared.runtime.playbook.rules import rules

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
RULES = rules()
SERVER = Sender()
OWN = RULES.model_copy(update={"identity": RULES.identity.model_copy(update={"own_numbers": ("+84909111222",)})})


def event(message, *, kind=None, rules=RULES, sent_at=None, context=None, sender=SERVER):
    return translate(message, kind=kind, received_at=NOW, sent_at=sent_at, new_id=lambda: "fresh", rules=rules,
                     sender=sender, common_context=context)  # fmt: skip


def order(name="Order Completed", **properties):
    return event({"type": "track", "event": name, "userId": "0901234567",
                  "properties": {"order_id": "HD1", **properties}}).order  # fmt: skip


def who(**message):
    return {i.name: i.certainty for i in event({"type": "track", "event": "x", **message}).identities}


def errors(message, **more):
    with pytest.raises(Invalid) as refused:
        event(message, **more)
    return {error.field for error in refused.value.errors}


# ---- who ----


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ({"userId": "0901 234 567"}, "phone:+84901234567"),
        ({"userId": "Lan@Example.VN"}, "email:lan@example.vn"),
        ({"userId": "kh-17"}, "user:kh-17"),
        ({"userId": 17}, "user:17"),
        ({"anonymousId": "b1"}, "anonymous:b1"),
        ({"context": {"traits": {"phone": "84901234567"}}}, "phone:+84901234567"),
        ({"traits": {"phone": "+84901234567"}}, "phone:+84901234567"),
        ({"context": {"traits": {"external": {"shopee": "b-1"}}}}, "external:shopee:b-1"),
    ],
)
def test_d3_identities_stand_where_segment_and_the_till_put_them(message, name):
    assert list(who(**message)) == [name]


def test_one_phone_named_three_times_is_one_identity():
    assert list(who(userId="0901234567", traits={"phone": "+84901234567"}, context={"traits": {"phone": "84901234567"}})
                ) == ["phone:+84901234567"]  # fmt: skip


@pytest.mark.parametrize("source", RULES.identity.claiming_sources)
def test_r5_what_is_typed_into_a_chat_is_claimed_and_the_channels_own_id_verified(source):
    traits = {"phone": "0901234567", "email": "a@b.vn", "messenger_psid": "P1", "zalo_user_id": "Z1"}
    assert who(context={"source": source, "traits": traits}) == {
        "phone:+84901234567": "claimed",
        "email:a@b.vn": "claimed",
        "messenger_psid:P1": "verified",
        "zalo_user_id:Z1": "verified",
    }


def test_r5_an_alias_is_as_sure_as_where_it_comes_from():
    alias = {"type": "alias", "userId": "kh-17", "previousId": "0901234567"}
    assert event(alias).previous.certainty == "staff_confirmed"
    assert event(alias | {"context": {"source": "chat"}}).previous.certainty == "claimed"


def test_the_traits_of_a_group_are_no_persons():
    message = {"userId": "kh-17", "groupId": "g", "traits": {"email": "office@x.vn", "phone": "0901234567"}}
    for said, kind in ((message | {"type": "group"}, None), (message, "group")):
        assert [i.name for i in event(said, kind=kind).identities] == ["user:kh-17"]
        assert event(said, kind=kind).traits == {"@group": "g"}


def test_r4_the_shops_own_number_is_no_customer_and_loses_no_sale():
    sale = {"type": "track", "event": "Order Completed", "userId": "0909 111 222",
            "properties": {"order_id": "HD1", "total": 1}}  # fmt: skip
    taken = event(sale, rules=OWN)
    assert (taken.identities, taken.bad_phone["code"]) == ((), "own_number")
    assert errors({"type": "identify", "userId": "0909111222"}, rules=OWN) == {"userId"}
    assert errors({"type": "alias", "userId": "kh-17", "previousId": "0909111222"}, rules=OWN) == {"previousId"}


def test_r4_a_walk_in_needs_no_identity_and_anything_else_does():
    sale = {"type": "track", "event": "Order Completed", "properties": {"order_id": "HD1", "total": 1}}
    assert event(sale).identities == ()
    assert errors({"type": "track", "event": "Spin The Wheel"}) == {"userId"}


# ---- when ----


def test_an_event_without_a_time_happened_now():
    assert event({"type": "page", "userId": "kh-17"}).at == stamp(NOW)


def test_a_device_whose_clock_runs_ahead_is_corrected_by_when_it_sent():
    ahead = timedelta(days=400)
    at, sent = stamp(NOW + ahead - timedelta(minutes=10)), stamp(NOW + ahead)
    assert event({"type": "page", "userId": "u", "timestamp": at, "sentAt": sent}).at == stamp(
        NOW - timedelta(minutes=10)
    )


@pytest.mark.parametrize(("ahead", "fine"), [(4, True), (6, False)])
def test_a_few_minutes_ahead_is_now_and_more_is_refused(ahead, fine):
    message = {"type": "page", "userId": "u", "timestamp": stamp(NOW + timedelta(minutes=ahead))}
    if fine:
        assert event(message).at == stamp(NOW)
    else:
        assert errors(message) == {"timestamp"}


# ---- orders ----


@pytest.mark.parametrize("name", ["total", "revenue", "value"])
def test_the_amount_stands_under_any_of_segments_names(name):
    assert order(**{name: 1_250_000}).content["total"] == 1_250_000


@pytest.mark.parametrize(
    ("raw", "currency", "amount"),
    [
        (1_250_000, None, 1_250_000),
        ("1250000", "VND", 1_250_000),
        (1250000.0, "vnd", 1_250_000),
        (0, None, 0),
        (-200_000, None, -200_000),
        (25.5, "USD", 663_000),
        ("0.1", "EUR", 3_000),
    ],
)
def test_money_is_whole_vnd_and_never_a_float(raw, currency, amount):
    told = order(total=raw, **({"currency": currency} if currency else {}))
    assert told.content["total"] == amount
    assert type(told.content["total"]) is int


@pytest.mark.parametrize("raw", ["1.5", 0.1, True, None, [], "một triệu", "1e400", float("inf"), 10**16])
def test_what_is_no_whole_amount_of_vnd_is_refused(raw):
    with pytest.raises(ValueError, match=r"must be|is |can be read|amount|fraction|digits"):
        money(raw)


def test_an_order_without_a_total_is_the_sum_of_its_lines():
    lines = [{"sku": "A", "price": 100_000, "quantity": 2}, {"sku": "B", "price": 50_000}]
    assert order(products=lines).content["total"] == 250_000


def test_r3_an_invoice_is_a_fact_of_the_order_it_names():
    assert order(invoice_of="DH9", total=1, system="kiotviet").order == "kiotviet:DH9"
    assert order(total=1, system="kiotviet").order == "kiotviet:HD1"
    assert order(total=1).order == "HD1"
    assert order(total=1, exchange_of="HD0").content["exchange_of"] == "HD0"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Order Completed", "placed"),
        ("Order Updated", "updated"),
        ("Order Refunded", "refunded"),
        ("Order Cancelled", "cancelled"),
        ("Order Shipped", "shipped"),
        ("Out For Delivery", "out_for_delivery"),
        ("Order Delivered", "delivered"),
        ("Delivery Failed", "failed"),
        ("Returned To Sender", "returned"),
    ],
)
def test_every_order_event_is_a_fact(name, kind):
    assert order(name, total=1).kind == kind


PARCEL = {
    "carrier": "GHN",
    "tracking_code": "GHN123",
    "tracking_url": "https://ghn.example/GHN123",
    "expected_on": "2026-03-04",
}


@pytest.mark.parametrize("name", ["Order Shipped", "Out For Delivery", "Order Delivered", "Delivery Failed"])
def test_a17_a_delivery_event_may_tell_how_to_follow_the_parcel(name):
    assert order(name, **PARCEL).content == {**PARCEL, "carrier": "Giao Hàng Nhanh"}
    assert order(name).content == {}


def test_a17_a_parcel_is_expected_on_the_local_day():
    assert order("Order Shipped", expected_on="2026-03-04T18:00:00Z").content == {"expected_on": "2026-03-05"}


@pytest.mark.parametrize(
    ("carrier", "status", "kind"),
    [
        ("GHN", "picked", "shipped"),
        ("ghn", "DELIVERING", "out_for_delivery"),
        ("Giao hàng nhanh", "delivered", "delivered"),
        ("GHN", "delivery_fail", "failed"),
        ("GHN", "returned", "returned"),
        ("GHN", "ready_to_pick", "tracked"),
        ("GHN", "waiting_to_return", "tracked"),
        ("GHN", "cancel", "tracked"),
        ("GHN", "lost", "tracked"),
        ("GHTK", 4, "out_for_delivery"),
        ("GHTK", "5", "delivered"),
        ("Giao Hàng Tiết Kiệm", 45, "delivered"),
        ("ghtk", "-1", "tracked"),
        ("GHTK", "21", "returned"),
        ("Viettel Post", "500", "out_for_delivery"),
        ("viettelpost", 501, "delivered"),
        ("VTP", "504", "returned"),
        ("viettel_post", "503", "tracked"),
        ("GHN", "a word of next year", "tracked"),
    ],
)
def test_r16_a_carriers_own_word_is_a_fact_of_the_order_or_nothing_but_its_story(carrier, status, kind):
    told = order("Shipment Updated", carrier=carrier, status=status)
    assert (told.kind, told.key) == (kind, kind)


@pytest.mark.parametrize(
    ("properties", "field"),
    [
        ({"status": "picked"}, "carrier"),
        ({"carrier": "Ong Vàng", "status": "picked"}, "carrier"),
        ({"carrier": "GHN"}, "status"),
        ({"carrier": "GHN", "status": True}, "status"),
        ({"carrier": "GHN", "status": "picked", "tracking_url": "javascript:alert(1)"}, "tracking_url"),
        ({"carrier": "GHN", "status": "picked", "expected_on": "thứ ba"}, "expected_on"),
        ({"carrier": "GHN", "status": "picked", "expected_on": "2026-02-30"}, "expected_on"),
        ({"carrier": "GHN", "status": "picked", "expected_on": 20260304}, "expected_on"),
    ],
)
def test_a_word_of_a_carrier_that_cannot_be_read_is_refused_by_its_field(properties, field):
    said = {"type": "track", "event": "Shipment Updated", "properties": {"order_id": "HD1", **properties}}
    assert errors(said) == {f"properties.{field}"}


def test_a_parcel_may_be_told_of_without_saying_whose_it_is():
    said = {"type": "track", "event": "Shipment Updated",
            "properties": {"order_id": "HD1", "carrier": "GHN", "status": "picked"}}  # fmt: skip
    assert event(said).identities == ()
    assert event(said).order.kind == "shipped"


def test_a_refund_is_an_amount_whatever_its_sign_and_all_of_it_without_one():
    assert order("Order Refunded", refund_id="R1", total=-50_000).amount == 50_000
    assert order("Order Refunded", refund_id="R1").amount is None
    assert order("Order Refunded", refund_id="R1").key == "R1"


def test_r1_backfill_marks_history_also_for_a_whole_batch():
    sale = {"type": "track", "event": "Order Completed", "properties": {"order_id": "HD1", "total": 1}}
    assert event(sale).order.backfill is False
    assert event(sale, context={"backfill": True}).order.backfill is True


# ---- everything else is kept ----


def test_a_custom_event_keeps_what_it_said_as_text():
    said = {"nested": {"vòng": [1, 2.5, None]}, "quà": "túi vải"}
    kept = event({"type": "track", "event": "Spin The Wheel", "userId": "u", "properties": said}).properties
    assert json.loads(kept) == said


def test_traits_without_a_field_of_their_own_are_attributes():
    traits = {"lastName": "Nguyễn", "firstName": "Lan", "points": 1200, "rate": 1.5, "vip": True}
    assert event({"type": "identify", "userId": "u", "traits": traits}).traits == {
        "name": "Nguyễn Lan",
        "@points": 1200,
        "@rate": "1.5",
        "@vip": True,
    }


@pytest.mark.parametrize("kind", ["identify", "track", "page", "screen", "group", "alias"])
def test_an_event_survives_the_queue(kind):
    message = {"type": kind, "userId": "0901234567", "event": "x", "previousId": "b1", "traits": {"city": "Huế"}}
    taken = event(message)
    assert type(taken).model_validate_json(taken.model_dump_json(exclude_defaults=True)) == taken
