"""Inputs that came out wrong in the field, in every order of arrival, and their neighbours (R34 to R36, D9)."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from shared.runtime.wiring import new_id
from tests.support.shop import Answer, Shop, basic

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
LAN, HUNG = "0868149003", "0868149004"
SHARED = "noemail@gmail.com"


@pytest.fixture
def shop():
    house = Shop(NOW)
    yield house
    house.stack.close()


def say(shop: Shop, *messages: dict[str, Any]) -> Answer:
    answer = shop.call("POST", "/v1/batch", {"batch": [{"messageId": new_id(), **message} for message in messages]})
    assert answer.status == 200, answer
    shop.stack.drain()
    return answer


def who(shop: Shop, phone: str) -> dict[str, Any]:
    found = shop.call("POST", "/v1/customers/search", {"phone": phone})
    assert found.status == 200, (phone, found)
    customer: dict[str, Any] = shop.call("GET", f"/v1/customers/{found.json['customer_id']}").json
    return customer


# ---- birthdays ----


@pytest.mark.parametrize(
    ("stated", "day"),
    [
        ("1990-05-20T17:00:00.000Z", "1990-05-21"),  # midnight in Vietnam, as JavaScript writes it
        ("1990-05-20T16:59:59.000Z", "1990-05-20"),
        ("1990-05-21T00:00:00.000Z", "1990-05-21"),
        ("1990-05-21T00:00:00+07:00", "1990-05-21"),
        ("1990-05-21T23:30:00", "1990-05-21"),  # without a zone its own day counts
        ("1990-05-21", "1990-05-21"),
    ],
)
def test_d9_a_birthday_is_a_day_in_vietnam(shop: Shop, stated: str, day: str):
    say(shop, {"type": "identify", "userId": LAN, "traits": {"name": "Trần Lan", "birthday": stated}})

    assert who(shop, LAN)["traits"]["birthday"] == day


# ---- placeholders ----

PLACEHOLDERS = ["undefined", "null", "NULL", " Undefined ", "0", "-1", "0000", "guest", "anonymous", "[object Object]",
                "none", "NaN", "00000000-0000-0000-0000-000000000000", "khách lẻ"]  # fmt: skip


@pytest.mark.parametrize("nobody", PLACEHOLDERS)
def test_r34_what_programs_write_for_nobody_joins_nobody_in_whatever_field(shop: Shop, nobody: str):
    for phone, name in ((LAN, "Trần Lan"), (HUNG, "Lê Hùng")):
        traits = {"phone": phone, "name": name, "loyalty_id": nobody, "external": {"haravan": nobody}, "email": nobody}
        answer = say(shop, {"type": "identify", "userId": nobody, "anonymousId": nobody, "traits": traits})
        assert answer.json == {"success": True}

    assert who(shop, LAN)["customer_id"] != who(shop, HUNG)["customer_id"]
    for phone in (LAN, HUNG):
        seen = who(shop, phone)
        assert [link["kind"] for link in seen["identities"]["links"]] == ["phone"]
        assert seen["tasks"] == []


@pytest.mark.parametrize(
    "address", ["guest@haravan.com", "KhachHang@Haravan.com", "undefined@gmail.com", "null@null.com"]
)
def test_r34_the_address_of_a_platforms_guest_joins_nobody_and_is_no_mistake(shop: Shop, address: str):
    for phone in (LAN, HUNG):
        assert say(shop, {"type": "identify", "userId": phone, "traits": {"email": address}}).json == {"success": True}
        put = shop.call("PUT", "/v1/customers", {"identities": {"phone": phone, "email": address}})
        assert put.status == 200

    assert who(shop, LAN)["customer_id"] != who(shop, HUNG)["customer_id"]


@pytest.mark.parametrize("nobody", ["undefined", "null", "0", "[object Object]"])
def test_r34_an_alias_from_a_placeholder_joins_nobody(shop: Shop, nobody: str):
    for phone in (LAN, HUNG):
        answer = say(
            shop, {"type": "identify", "userId": phone}, {"type": "alias", "userId": phone, "previousId": nobody}
        )
        assert [(one["index"], one["field"]) for one in answer.json["rejected"]] == [(1, "previousId")]

    assert who(shop, LAN)["customer_id"] != who(shop, HUNG)["customer_id"]


@pytest.mark.parametrize("nothing", ["undefined", "null", "[object Object]"])
def test_r34_messages_whose_id_is_a_placeholder_are_not_taken_for_one(shop: Shop, nothing: str):
    for number in ("U1", "U2"):
        say(shop, {**bought(number, 100_000, THREE), "messageId": nothing})
        for _ in range(2):
            say(
                shop,
                {**gave_back(number, total=10_000), "messageId": nothing, "timestamp": "2026-03-09T12:00:00+07:00"},
            )

    assert (who(shop, LAN)["metrics"]["orders"], who(shop, LAN)["metrics"]["revenue"]) == (2, 180_000)


def test_r34_a_message_that_names_nothing_but_a_placeholder_says_so(shop: Shop):
    answer = say(shop, {"type": "identify", "userId": "undefined", "traits": {"name": "Trần Lan"}})

    assert answer.json["rejected"] == [
        {"index": 0, "field": "userId", "reason": "is a placeholder that identifies nobody"}
    ]


def test_r34_a_sale_to_a_placeholder_is_a_walk_ins(shop: Shop):
    sale = {
        "type": "track",
        "event": "Order Completed",
        "userId": "guest",
        "properties": {"order_id": "W1", "total": 9},
    }
    assert say(shop, sale).json == {"success": True}

    totals = [item for item in shop.items if item["pk"].startswith("DAY#")]
    assert [item["kept"] for item in totals] == [9]


@pytest.mark.parametrize("somebody", ["guest17", "nulla", "00123", "anonymous-lan", "10", "lan@nothing.vn"])
def test_r34_what_only_looks_like_a_placeholder_is_somebody(shop: Shop, somebody: str):
    say(shop, {"type": "identify", "userId": somebody, "traits": {"phone": LAN}})

    assert len(who(shop, LAN)["identities"]["links"]) == 2


# ---- what two unlike people share ----

CALLS: dict[str, tuple[str, str, Any]] = {
    "lan": ("PUT", "/v1/customers",
            {"identities": {"phone": LAN, "email": SHARED}, "traits": {"name": "Trần Lan"}, "source": "pos"}),
    "hung": ("PUT", "/v1/customers",
             {"identities": {"phone": HUNG, "email": SHARED}, "traits": {"name": "Lê Hùng"}, "source": "pos"}),
    "lan_buys": ("POST", "/v1/track",
                 {"messageId": "m1", "event": "Order Completed", "userId": LAN,
                  "context": {"traits": {"email": SHARED}},
                  "properties": {"order_id": "D1", "total": 500_000, "channel": "online"}}),
    "hung_buys": ("POST", "/v1/track",
                  {"messageId": "m2", "event": "Order Completed", "userId": HUNG,
                   "context": {"traits": {"email": SHARED}},
                   "properties": {"order_id": "D2", "total": 700_000, "channel": "online"}}),
}  # fmt: skip


@pytest.mark.parametrize("order", list(permutations(CALLS)), ids="-".join)
def test_r34_a_shared_placeholder_address_leaves_two_customers_and_a_question_in_any_order(shop: Shop, order):
    for name in order:
        method, path, body = CALLS[name]
        assert shop.call(method, path, body).status in (200, 201)
        shop.stack.drain()

    lan, hung = who(shop, LAN), who(shop, HUNG)
    assert lan["customer_id"] != hung["customer_id"]
    assert [(one["traits"]["name"], one["metrics"]["orders"]) for one in (lan, hung)] == [
        ("Trần Lan", 1),
        ("Lê Hùng", 1),
    ]
    for one in (lan, hung):
        assert [task["reason"] for task in one["tasks"] if task["kind"] == "review"] == ["different_names"]
    # Whose address it is nobody knows, so nothing is written to it.
    assert not [sent for sent in shop.stack.providers.outbox("") if sent["to"] == SHARED]


def test_r34_a_search_by_an_address_of_two_people_finds_neither(shop: Shop):
    for name in ("lan", "hung"):
        shop.call(*CALLS[name])

    assert shop.call("POST", "/v1/customers/search", {"email": SHARED}).status == 404


def test_r34_two_numbers_of_one_name_with_one_address_are_one_person(shop: Shop):
    for phone in (LAN, HUNG):
        body = {"identities": {"phone": phone, "email": "lan@vidu.vn"}, "traits": {"name": "Trần Thị Lan"}}
        assert shop.call("PUT", "/v1/customers", body).status in (200, 201)

    assert who(shop, LAN)["customer_id"] == who(shop, HUNG)["customer_id"]


def test_r34_an_address_that_lost_its_power_joins_nobody_later(shop: Shop):
    for name in ("lan", "hung"):
        shop.call(*CALLS[name])
    third = "0868149005"
    body = {"identities": {"phone": third, "email": SHARED}, "traits": {"name": "Trần Lan"}}

    shop.call("PUT", "/v1/customers", body)

    assert len({who(shop, phone)["customer_id"] for phone in (LAN, HUNG, third)}) == 3


# ---- one bad message ----


def test_r35_the_good_messages_of_a_batch_are_taken_and_the_bad_one_is_kept_with_its_reason(shop: Shop):
    bad = {"type": "identify", "messageId": "b", "userId": "0868145001", "traits": {"email": "khong co"}}
    good = {"type": "track", "messageId": "g", "event": "Order Completed", "userId": "0868145002",
            "timestamp": "2026-03-09T10:00:00+07:00", "properties": {"order_id": "B1", "total": 990_000}}  # fmt: skip

    answer = say(shop, bad, good)

    assert answer.json["rejected"] == [{"index": 0, "field": "traits.email", "reason": "is not an e-mail address"}]
    assert who(shop, "0868145002")["metrics"]["revenue"] == 990_000
    (letter,) = shop.dead_letters
    assert (letter["rejected"], letter["reason"]) == (bad, "rejected: traits.email is not an e-mail address")


def test_r35_a_batch_of_bad_messages_only_is_answered_likewise(shop: Shop):
    assert [one["index"] for one in say(shop, {"type": "x"}, {"type": "identify"}).json["rejected"]] == [0, 1]


# ---- refunds ----


def bought(order: str, total: int, *lines: dict[str, Any]) -> dict[str, Any]:
    return {"type": "track", "event": "Order Completed", "userId": LAN, "timestamp": "2026-03-09T10:00:00+07:00",
            "properties": {"order_id": order, "total": total, "products": list(lines)}}  # fmt: skip


def gave_back(order: str, **properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Order Refunded", "userId": LAN, "timestamp": "2026-03-09T12:00:00+07:00",
            "properties": {"order_id": order, **properties}}  # fmt: skip


THREE = {"product_id": "A", "price": 150_000, "quantity": 3}


@pytest.mark.parametrize(
    ("refund", "kept"),
    [
        ({"products": [{"product_id": "A", "quantity": 1, "price": 150_000}]}, 300_000),
        ({"products": [{"product_id": "A", "quantity": 2}]}, 150_000),  # at the price of the sale's line
        ({"products": [{"product_id": "A", "quantity": 1}, {"product_id": "B", "quantity": 1}]}, 300_000),
        ({"total": 100_000, "products": [{"product_id": "A", "quantity": 1, "price": 150_000}]}, 350_000),
        ({"products": [{"product_id": "A", "quantity": 3, "price": 150_000}]}, 0),
        ({"products": []}, 0),
        ({}, 0),
        ({"total": 3, "currency": "USD"}, 372_000),
    ],
)
@pytest.mark.parametrize("first", ["sale", "refund"])
def test_r36_a_refund_gives_back_the_products_it_names(shop: Shop, refund: dict[str, Any], kept: int, first: str):
    both = [bought("RF1", 450_000, THREE), gave_back("RF1", **refund)]
    for message in both if first == "sale" else reversed(both):
        say(shop, message)

    assert who(shop, LAN)["metrics"]["revenue"] == kept


# ---- money, order numbers, clocks ----


@pytest.mark.parametrize(("stated", "amount"), [("250.000", 250_000), ("1,250,000 đ", 1_250_000), ("990000", 990_000)])
def test_d9_money_as_text_is_read_as_the_import_reads_it(shop: Shop, stated: str, amount: int):
    say(shop, {**bought("T1", 0), "properties": {"order_id": "T1", "total": stated}})

    assert who(shop, LAN)["metrics"]["revenue"] == amount


@pytest.mark.parametrize("stated", ["1.25", "12.50", "1.2.3", "25 USD"])
def test_d9_money_that_can_be_read_in_two_ways_is_refused(shop: Shop, stated: str):
    answer = say(shop, {**bought("T1", 0), "properties": {"order_id": "T1", "total": stated}})

    assert [one["field"] for one in answer.json["rejected"]] == ["properties.total"]


@pytest.mark.parametrize("timed", [True, False])
def test_r36_an_orders_own_number_outranks_a_repeated_message_id(shop: Shop, timed: bool):
    for number in ("N1", "N2", "N1"):
        message = {**bought(number, 100_000), "messageId": "same"}
        say(shop, message if timed else {name: value for name, value in message.items() if name != "timestamp"})

    assert who(shop, LAN)["metrics"]["orders"] == 2


@pytest.mark.parametrize("wrong", ["2019-01-01T00:00:00Z", "2031-01-01T00:00:00Z"])
def test_d9_a_wrong_clock_is_corrected_by_sent_at_whichever_way_it_is_wrong(shop: Shop, wrong: str):
    message = {**bought("C1", 100_000), "timestamp": wrong, "messageId": "c"}
    assert shop.call("POST", "/v1/batch", {"batch": [message], "sentAt": wrong}).json == {"success": True}
    shop.stack.drain()

    assert who(shop, LAN)["metrics"]["last_order_at"][:10] == "2026-03-10"


def test_r1_history_keeps_its_own_time(shop: Shop):
    message = {**bought("C1", 100_000), "timestamp": "2025-01-01T00:00:00Z", "context": {"backfill": True}}
    shop.call("POST", "/v1/import", {"batch": [message], "sentAt": "2025-01-02T00:00:00Z"})
    shop.stack.drain()

    assert who(shop, LAN)["metrics"]["last_order_at"][:10] == "2025-01-01"


# ---- whose order it is, and what takes one back ----


def test_r36_two_systems_order_of_one_number_are_two_sales(shop: Shop):
    for system in ("pos", "webshop"):
        key = shop.key("write", system=system)
        body = {"batch": [{**bought("1001", 100_000), "messageId": system}]}
        assert shop.call("POST", "/v1/batch", body, key=None, authorization=basic(key)).json == {"success": True}
    shop.stack.drain()

    seen = who(shop, LAN)
    assert sorted(order["order_id"] for order in seen["recent_orders"]) == ["pos:1001", "webshop:1001"]


def test_r36_a_key_reports_on_the_orders_of_its_own_system_only(shop: Shop):
    key = shop.key("write", system="webshop")
    foreign = {
        **bought("1001", 0),
        "event": "Order Updated",
        "properties": {"order_id": "1001", "system": "pos", "total": 5},
    }

    answer = shop.call("POST", "/v1/batch", {"batch": [foreign]}, key=None, authorization=basic(key))

    assert [one["field"] for one in answer.json["rejected"]] == ["properties.system"]


@pytest.mark.parametrize("event", ["Order Cancelled", "Returned To Sender", "Delivery Failed", "Order Refunded"])
def test_what_takes_back_an_order_before_its_sale_has_no_effect_on_it(shop: Shop, event: str):
    forged = [{"type": "track", "event": event, "timestamp": "2026-03-09T08:00:00+07:00",
               "properties": {"order_id": f"HD{number}"}} for number in range(40)]  # fmt: skip
    say(shop, *forged)
    say(shop, *[{**bought(f"HD{number}", 100_000), "userId": f"08681490{number:02}"} for number in range(40)])

    for number in range(40):
        seen = who(shop, f"08681490{number:02}")
        assert (seen["metrics"]["revenue"], seen["metrics"]["cod_refusals"]) == (100_000, 0)


@pytest.mark.parametrize("first", ["sale", "cancel"])
def test_x15_a_cancel_after_the_sale_counts_whichever_comes_first(shop: Shop, first: str):
    cancel = {"type": "track", "event": "Order Cancelled", "timestamp": "2026-03-09T12:00:00+07:00",
              "properties": {"order_id": "HD1"}}  # fmt: skip
    both = [bought("HD1", 100_000), cancel]
    for message in both if first == "sale" else reversed(both):
        say(shop, message)

    assert who(shop, LAN)["metrics"]["orders"] == 0
