"""Bad input: a problem document that names the field, and nothing stored; what is accepted is never poison later."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from infra.local.commands.openapi import routes
from shared.domain.customers.traits_input import MAX_CONSENTS
from shared.domain.events.segment_protocol import MAX_BATCH_BYTES, MAX_CALL_BYTES, MAX_IDENTITIES
from shared.domain.orders.order_event import ORDER_EVENTS
from shared.runtime.auth import WRITE_KEY
from shared.runtime.http import MAX_BODY_BYTES, MAX_DEPTH, MAX_ERRORS
from tests.support.max_examples import max_examples
from tests.support.shop import CALLS, PHONE, Answer, Shop

Refused = Callable[..., Answer]

SALE: dict[str, Any] = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "m1",
    "userId": PHONE,
    "timestamp": "2026-11-20T10:00:00+07:00",
    "properties": {"order_id": "A1", "total": 500_000},
}
IDENTIFY: dict[str, Any] = {"type": "identify", "messageId": "m2", "userId": PHONE, "traits": {"name": "Lan"}}
CUSTOMER: dict[str, Any] = {"identities": {"phone": PHONE}, "traits": {"name": "Lan"}}
CONSENT: dict[str, Any] = {"channel": "zalo", "purpose": "marketing", "granted": True}

BAD_PHONES = [
    "0",
    "090",
    "0900000000",
    "0123456789",
    "09012345678901",
    "19001234",
    "abc",
    "0901234567 0912345678",
    "  ",
]
BODIES = [*sorted(WRITE_KEY), "PUT /v1/customers", "POST /v1/customers/search"]
NOT_TEXT = [True, [], ["x"], {"a": 1}, 1.5]
NOT_OBJECT = [[], "x", 5, True]


def changed(message: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of the message with the field at a dotted path set."""
    name, _, rest = path.partition(".")
    return {**message, name: changed(message.get(name) or {}, rest, value) if rest else value}


# ---- bodies ----


@pytest.mark.parametrize("route", BODIES)
@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"{]", b"nonsense", b'{"a":1,}', b"{'a':1}", b"\xff\xfe{}", '{"userId":"Lan"'.encode("utf-16"),
        b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":1e999}', b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":"\x00"}', b'{"a":"\xed\xa0\x80"}', b"[" * 20_000, b'{"a":' * 6_000,
    ],
    ids=lambda body: repr(body[:12]),
)  # fmt: skip
def test_a_body_that_is_no_json_is_refused(refused: Refused, route: str, body: bytes):
    method, _, path = route.partition(" ")

    assert refused(400, method, path, body).json["type"] == "urn:khach-quen:unreadable"


@pytest.mark.parametrize("route", BODIES)
@pytest.mark.parametrize("body", [[], "x", 5, [CUSTOMER]])
def test_a_body_that_is_no_object_is_refused(refused: Refused, route: str, body: Any):
    method, _, path = route.partition(" ")

    assert refused(400, method, path, json.dumps(body).encode()).fields in (["body"], ["batch"])


@pytest.mark.parametrize(
    "value",
    ["\x00", "Lan\x00", "\ud800", "\udfff Lan", {"\x00": 1}, {"\ud800": 1}, [{"a": ["\x00"]}]],
    ids=ascii,
)
def test_what_json_can_write_but_no_text_can_hold_is_refused_by_name(refused: Refused, value: Any):
    for path in ("name", "city", "attributes.note"):
        answer = refused(400, "PUT", "/v1/customers", changed(CUSTOMER, f"traits.{path}", value))
        assert answer.fields[0].startswith(f"traits.{path}")
    answer = refused(400, "POST", "/v1/batch", {"batch": [IDENTIFY, changed(SALE, "properties.note", value)]})
    assert answer.fields[0].startswith("batch[1].properties.note")


def test_text_beyond_the_basic_plane_is_text(shop: Shop):
    # json.dumps writes it as a surrogate pair.
    assert shop.call("PUT", "/v1/customers", changed(CUSTOMER, "traits.name", "Lan 🌸 \ud83d\ude00")).status == 201


def test_what_is_nested_deeper_than_any_order_is_refused_by_name(shop: Shop, refused: Refused):
    def nested(levels: int) -> Any:
        return [nested(levels - 1)] if levels else "x"

    # The message, its properties and the field are levels, too.
    assert shop.call("POST", "/v1/track", changed(SALE, "properties.deep", nested(MAX_DEPTH - 2))).status == 200
    for levels in (MAX_DEPTH - 1, 400):
        answer = refused(400, "POST", "/v1/track", changed(SALE, "properties.deep", nested(levels)))
        assert answer.fields[0].startswith("properties.deep[0]")
    assert refused(400, "PUT", "/v1/customers", changed(CUSTOMER, "traits.attributes.deep", nested(400))).fields


def test_gzip_is_read_whole_or_not_at_all(shop: Shop, refused: Refused):
    packed = gzip.compress(json.dumps({"batch": [SALE]}).encode())
    for broken in (b"{}", packed[:-9], packed[:-4], packed[1:], packed + packed, packed[:20] + b"\x00" + packed[21:]):
        refused(400, "POST", "/v1/batch", broken, content_encoding="gzip")

    assert shop.call("POST", "/v1/batch", packed, content_encoding="gzip").status == 200


def rejected(shop: Shop, messages: list[Any]) -> list[tuple[int, str]]:
    """The messages of a batch that are not taken, as place and field, and that they stand among the dead letters."""
    before = len(shop.dead_letters)
    answer = shop.call("POST", "/v1/batch", {"batch": messages})
    assert answer.status == 200, answer
    found = answer.json["rejected"]
    assert [letter["rejected"] for letter in shop.dead_letters[before:]] == [messages[one["index"]] for one in found]
    return [(one["index"], one["field"]) for one in found]


# ---- size ----


def padded(message: dict[str, Any], size: int) -> bytes:
    """The message in exactly that many bytes."""
    short = json.dumps(changed(message, "context.pad", "")).encode()
    return json.dumps(changed(message, "context.pad", "x" * (size - len(short)))).encode()


@pytest.mark.parametrize("call", [call for call in CALLS if call != "batch"])
def test_a_call_has_at_most_32_kb(shop: Shop, refused: Refused, call: str):
    message = {**SALE, "previousId": "d1", "name": "x"}

    refused(413, "POST", f"/v1/{call}", padded(message, MAX_CALL_BYTES + 1))
    refused(413, "POST", f"/v1/{call}", gzip.compress(padded(message, MAX_CALL_BYTES + 1)), content_encoding="gzip")
    assert shop.call("POST", f"/v1/{call}", padded(message, MAX_CALL_BYTES)).status == 200


def test_a_batch_has_at_most_500_kb_and_each_message_32(shop: Shop, refused: Refused):
    messages = [changed({**IDENTIFY, "messageId": f"m{n}"}, "context.pad", "x" * 27_000) for n in range(19)]
    body = json.dumps({"batch": messages}).encode()
    assert len(body) > MAX_BATCH_BYTES

    refused(413, "POST", "/v1/batch", body)
    refused(413, "POST", "/v1/batch", gzip.compress(body), content_encoding="gzip")
    large = changed(SALE, "properties.note", "ệ" * 11_000)
    assert rejected(shop, [IDENTIFY, large]) == [(1, "message")]
    assert refused(400, "POST", "/v1/batch", {"batch": [SALE], "context": {"pad": "x" * 40_000}}).fields == ["context"]
    assert shop.call("POST", "/v1/batch", {"batch": messages[:18]}).status == 200


@pytest.mark.parametrize("route", BODIES)
def test_a_gzip_bomb_is_not_unpacked(refused: Refused, route: str):
    method, _, path = route.partition(" ")
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 50_000

    refused(413, method, path, bomb, content_encoding="gzip")


def test_a_customer_has_at_most_64_kb(refused: Refused):
    refused(413, "PUT", "/v1/customers", changed(CUSTOMER, "traits.attributes.x", "x" * MAX_BODY_BYTES))


@pytest.mark.parametrize("count", [0, 2501])
def test_a_batch_has_1_to_2500_messages(refused: Refused, count: int):
    assert refused(400, "POST", "/v1/batch", {"batch": [{"a": 1}] * count}).fields == ["batch"]


def test_a_thousand_mistakes_do_not_make_an_endless_answer(refused: Refused):
    answer = refused(400, "POST", "/v1/identify", {"userId": "u", **{f"bad{number}": 1 for number in range(200)}})

    assert len(answer.fields) == MAX_ERRORS
    assert "200 fields are wrong" in answer.json["detail"]


# ---- fields of the tracking protocol ----


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("type", ["track2", "", None, 5, ["track"], {"a": 1}]),
        ("event", [None, "", *NOT_TEXT, "x" * 121]),
        ("messageId", [*NOT_TEXT, "x" * 101]),
        ("userId", [True, ["x"], {"a": 1}, 1.5]),
        ("anonymousId", [True, ["x"], {"a": 1}, 1.5]),
        ("context", NOT_OBJECT),
        ("properties", NOT_OBJECT),
        ("traits", NOT_OBJECT),
        ("context.traits", NOT_OBJECT),
        ("context.source", [*NOT_TEXT, "x" * 41]),
        ("context.backfill", ["true", 1, 0, None, [], "no"]),
        ("context.consent", ["yes", True, 5, [CONSENT] * (MAX_CONSENTS + 1)]),
        ("traits.name", [*NOT_TEXT, "x" * 257]),
        ("traits.gender", ["x", 5, 0, True, [], {}]),
        ("traits.birthday", ["x", "21/05/1990", "2990-01-01", "1899-12-31", "1990-13-01", "1990-05-21x", 5, 0, [], {}]),
        ("traits.home_store", NOT_TEXT),
        ("traits.external", NOT_OBJECT),
        ("traits.zalo_user_id", [True, ["x"], {"a": 1}]),
        ("properties.order_id", [None, "", "  ", *NOT_TEXT, "x" * 101]),
        ("properties.invoice_of", NOT_TEXT),
        ("properties.total", [None, "", "x", "1.5", 1.5, True, [], {}, "1e20", 10**16, "1e999999999", "NaN", "-Infinity"]),  # noqa: E501
        ("properties.discount", ["x", [], True, "0.5"]),
        ("properties.currency", ["BTC", "VNDX", 5, []]),
        ("properties.store", [*NOT_TEXT, "x" * 81]),
        ("properties.products", ["x", 5, {"a": 1}, True]),
    ],
)  # fmt: skip
def test_a_wrong_field_of_a_message_is_named(shop: Shop, refused: Refused, path: str, values: list[Any]):
    for value in values:
        message = changed(SALE, path, value)
        assert rejected(shop, [IDENTIFY, message]) == [(1, path)], value
        if path != "type":
            assert refused(400, "POST", "/v1/track", message).fields[0] == path, value


@pytest.mark.parametrize("call", [call for call in CALLS if call != "batch"])
def test_an_unknown_field_of_a_message_is_named(refused: Refused, call: str):
    message = {**SALE, "previousId": "d1", "colour": "red", "size": 5}

    assert refused(400, "POST", f"/v1/{call}", message).fields == ["colour", "size"]


def test_an_unknown_field_of_a_batch_is_named(shop: Shop, refused: Refused):
    assert refused(400, "POST", "/v1/batch", {"batch": [SALE], "colour": "red"}).fields == ["colour"]
    for wrong in (*NOT_OBJECT, 0, ""):
        assert refused(400, "POST", "/v1/batch", {"batch": [SALE], "context": wrong}).fields == ["context"]
    for wrong in (None, {}, "x", 5):
        assert refused(400, "POST", "/v1/batch", {"batch": wrong}).fields == ["batch"]
    answer = shop.call("POST", "/v1/batch", {"batch": [SALE], "sentAt": 5})
    assert [one["field"] for one in answer.json["rejected"]] == ["sentAt"]


@pytest.mark.parametrize("entry", [None, [], "x", 5])
def test_an_entry_of_a_batch_that_is_no_message_is_named(shop: Shop, entry: Any):
    assert rejected(shop, [SALE, entry]) == [(1, "body")]


@pytest.mark.parametrize(
    ("product", "field"),
    [
        ("x", ""),
        ({"price": "x"}, ".price"),
        ({"price": [1]}, ".price"),
        ({"quantity": "x"}, ".quantity"),
        ({"sku": []}, ".sku"),
        ({"name": "x" * 121}, ".name"),
    ],
)
def test_a_wrong_product_is_named(refused: Refused, product: Any, field: str):
    message = changed(SALE, "properties.products", [{"sku": "ok"}, product])

    assert refused(400, "POST", "/v1/track", message).fields == [f"properties.products[1]{field}"]


def test_prices_that_add_up_to_no_amount_of_money_are_refused(refused: Refused):
    message = changed(SALE, "properties", {"order_id": "A1", "products": [{"price": 10**15, "quantity": 10**15}]})

    assert refused(400, "POST", "/v1/track", message).fields == ["properties.products"]


@pytest.mark.parametrize(
    ("statement", "field"),
    [
        ("x", ""),
        ({**CONSENT, "colour": 1}, ".colour"),
        ({**CONSENT, "channel": "fax"}, ".channel"),
        ({**CONSENT, "channel": []}, ".channel"),
        ({**CONSENT, "purpose": "fun"}, ".purpose"),
        ({**CONSENT, "granted": "yes"}, ".granted"),
        ({**CONSENT, "granted": None}, ".granted"),
        ({**CONSENT, "at": "yesterday"}, ".at"),
        ({**CONSENT, "at": 5}, ".at"),
        ({**CONSENT, "at": "1989-12-31T00:00:00Z"}, ".at"),
        ({**CONSENT, "at": "2026-11-22T00:00:00Z"}, ".at"),
    ],
)
def test_a_wrong_consent_is_named_in_an_event_and_in_a_put(refused: Refused, statement: Any, field: str):
    consent = [CONSENT, statement]

    assert refused(400, "PUT", "/v1/customers", {**CUSTOMER, "consent": consent}).fields == [f"consent[1]{field}"]
    message = changed(IDENTIFY, "context.consent", consent)
    assert refused(400, "POST", "/v1/identify", message).fields == [f"context.consent[1]{field}"]


@pytest.mark.parametrize(
    "moment",
    [
        "1989-12-31T16:59:59Z",  # the last second of 1989 in Vietnam
        "2026-11-21T03:05:01Z",  # five minutes ahead is the most a clock may be
        "2026-11-21T10:00:00",
        "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59Z",
        "yesterday", 1763694000, 0, False, [], {},
    ],
    ids=str,
)  # fmt: skip
def test_a_moment_in_the_future_before_1990_or_of_no_calendar_is_named(refused: Refused, moment: Any):
    assert refused(400, "POST", "/v1/track", changed(SALE, "timestamp", moment)).fields == ["timestamp"]
    original = {name: value for name, value in SALE.items() if name != "timestamp"} | {"originalTimestamp": moment}
    assert refused(400, "POST", "/v1/track", original).fields == ["originalTimestamp"]
    placed = changed(SALE, "properties.placed_at", moment)
    assert refused(400, "POST", "/v1/track", placed).fields == ["properties.placed_at"]


def test_a_clock_that_runs_ahead_is_put_right_but_never_before_1990(shop: Shop, refused: Refused):
    ahead = {**SALE, "timestamp": "2030-01-01T00:00:00Z"}

    assert refused(400, "POST", "/v1/track", {**ahead, "sentAt": "2029-01-01T00:00:00Z"}).fields == ["timestamp"]
    for sent_at in ("x", 5, [], "1980-01-01T00:00:00Z"):
        assert "sentAt" in refused(400, "POST", "/v1/track", {**ahead, "sentAt": sent_at}).fields
    assert shop.call("POST", "/v1/track", {**ahead, "sentAt": "9998-01-01T00:00:00Z"}).status == 200
    shop.stack.drain()
    assert not shop.dead_letters
    who = shop.call("POST", "/v1/customers/search", {"phone": PHONE}).json
    assert who["recent_orders"][0]["placed_at"] >= "1989-12-31T17:00:00.000Z"


def test_what_history_says_is_measured_by_the_day_it_arrives(shop: Shop):
    """A sale of 2024 may come with a consent given since, and with the birthday of a child born since."""
    told = changed({**SALE, "timestamp": "2024-01-05T10:00:00+07:00"}, "traits.birthday", "2025-03-01")
    told = changed(
        told, "context.consent", [{**CONSENT, "at": "2026-11-01T10:00:00+07:00"}, {**CONSENT, "channel": "sms"}]
    )

    assert shop.call("POST", "/v1/track", told).status == 200
    shop.stack.drain()
    who = shop.call("POST", "/v1/customers/search", {"phone": PHONE}).json
    assert {said["channel"]: said["at"][:10] for said in who["consent"]} == {"zalo": "2026-11-01", "sms": "2024-01-05"}


# ---- phones and other identities ----


@pytest.mark.parametrize("phone", BAD_PHONES)
@pytest.mark.parametrize("call", ["identify", "page", "track"])
@pytest.mark.parametrize("place", ["traits.phone", "context.traits.phone"])
def test_a_phone_that_cannot_be_one_is_named_wherever_it_stands(refused: Refused, phone: str, call: str, place: str):
    for base in ({"userId": "u1"}, {}):
        if base and phone == "0":
            continue  # what programs write for nobody is left out where somebody else is named (R34)
        message = changed({**base, "event": "Rang The Bell"}, place, phone)
        assert refused(400, "POST", f"/v1/{call}", message).fields == [place]


@pytest.mark.parametrize("phone", ["0900000000", "0123456789", "0000000000", "+84 90 000 0000", "1111111111"])
def test_a_user_id_meant_as_a_phone_has_to_be_one(refused: Refused, phone: str):
    assert refused(400, "POST", "/v1/identify", {"userId": phone}).fields == ["userId"]
    assert refused(400, "POST", "/v1/alias", {"userId": "u1", "previousId": phone}).fields == ["previousId"]


@pytest.mark.parametrize("phone", BAD_PHONES)
def test_a_phone_that_cannot_be_one_is_named_in_a_put_and_a_search(refused: Refused, phone: str):
    identities = {"phone": phone, "email": "lan@vidu.vn"}

    assert refused(400, "PUT", "/v1/customers", {"identities": identities}).fields == ["identities.phone"]
    assert refused(400, "POST", "/v1/customers/search", {"phone": phone}).fields == ["phone"]


@pytest.mark.parametrize("event", sorted(ORDER_EVENTS))
@pytest.mark.parametrize("place", ["userId", "traits.phone", "context.traits.phone"])
def test_a_sale_with_a_bad_phone_is_stored_without_it(shop: Shop, event: str, place: str):
    sale = {**SALE["properties"], "carrier": "GHN", "status": "delivering"}
    message = changed({**SALE, "event": event, "userId": None, "properties": sale}, place, "0900000000")
    assert shop.call("POST", "/v1/track", message).status == 200
    shop.stack.drain()

    items = [json.loads(row[-1]) for row in shop.holdings()[0]]
    assert not shop.dead_letters
    assert [item for item in items if item["pk"] == "ORDER#A1"]
    assert not [item for item in items if item["pk"].startswith(("C#", "L#"))]
    assert [item["reason"] for item in items if item["pk"].startswith("BADPHONE#")] == ["pattern"]


@pytest.mark.parametrize(
    ("identities", "field"),
    [
        (None, "identities"),
        ({}, "identities"),
        ([], "identities"),
        ("0901234567", "identities"),
        ({"colour": "red"}, "identities.colour"),
        ({"phone": True}, "identities.phone"),
        ({"phone": ["0901234567"]}, "identities.phone"),
        ({"phone": 1.5}, "identities.phone"),
        ({"email": "lan"}, "identities.email"),
        ({"email": "lan@vidu"}, "identities.email"),
        ({"email": "x" * 300 + "@vidu.vn"}, "identities.email"),
        ({"zalo_user_id": ""}, "identities.zalo_user_id"),
        ({"loyalty_id": "x" * 257}, "identities.loyalty_id"),
        ({"loyalty_id": 10**300}, "identities.loyalty_id"),
        ({"external": "kiotviet"}, "identities.external"),
        ({"external": {"": "7"}}, "identities.external."),
        ({"external": {"a:b": "7"}}, "identities.external.a:b"),
        ({"external": {"kiotviet": [7]}}, "identities.external.kiotviet"),
        ({"external": {f"system{n}": "7" for n in range(MAX_IDENTITIES + 1)}}, "identities"),
    ],
)
def test_a_wrong_identity_of_a_put_is_named(refused: Refused, identities: Any, field: str):
    assert refused(400, "PUT", "/v1/customers", {"identities": identities}).fields == [field]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("colour", "red"),
        ("traits.colour", "red"),
        ("traits.phone", PHONE),
        ("traits", "Lan"),
        ("traits", []),
        ("traits.attributes", [1]),
        ("traits.attributes", "x"),
        ("traits.name", ["Lan"]),
        ("traits.birthday", "tomorrow"),
        ("traits.gender", "x"),
        ("source", ["pos"]),
        ("source", "x" * 41),
        ("consent", {}),
        ("consent", 0),
        ("consent", ""),
        ("consent", [CONSENT] * (MAX_CONSENTS + 1)),
    ],
)
def test_a_wrong_field_of_a_put_is_named(refused: Refused, path: str, value: Any):
    assert refused(400, "PUT", "/v1/customers", changed(CUSTOMER, path, value)).fields == [path]


def test_every_wrong_field_is_named_at_once(refused: Refused):
    body = {"identities": {"phone": "0", "x": 1}, "traits": {"y": 1}, "consent": [{}], "z": 1}

    assert set(refused(400, "PUT", "/v1/customers", body).fields) == {
        "identities.phone", "identities.x", "traits.y", "z",
        "consent[0].channel", "consent[0].purpose", "consent[0].granted",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"phone": PHONE, "email": "lan@vidu.vn"}, "body"),
        ({"colour": "red"}, "colour"),
        ({"phone": None}, "phone"),
        ({"phone": ""}, "phone"),
        ({"email": "lan"}, "email"),
        ({"external": {}}, "external"),
        ({"external": {"a": "1", "b": "2"}}, "external"),
        ({"external": []}, "external"),
    ],
)
def test_a_wrong_search_is_named(refused: Refused, body: Any, field: str):
    assert refused(400, "POST", "/v1/customers/search", body).fields == [field]


def test_a_message_names_a_person_s_number_of_identities(refused: Refused):
    external = {f"system{n}": "7" for n in range(MAX_IDENTITIES)}

    assert refused(400, "POST", "/v1/identify", changed(IDENTIFY, "traits.external", external)).fields == ["userId"]


# ---- addresses ----


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "²", "", "9" * 5000])
@pytest.mark.parametrize("path", ["/v1/churn-risk", "/v1/segments/vip/customers", "/v1/customers/{}/timeline"])
def test_a_wrong_limit_is_named(shop: Shop, refused: Refused, path: str, limit: str):
    customer = shop.put(phone=PHONE).json["customer_id"]

    assert refused(400, "GET", path.format(customer), query=f"limit={limit}").fields == ["limit"]


@pytest.mark.parametrize("token", ["x", "!!!!", "%FF", "w6k", "AAAA" * 400, "____"])
@pytest.mark.parametrize("path", ["/v1/churn-risk", "/v1/segments/vip/customers", "/v1/customers/{}/timeline"])
def test_a_made_up_page_is_refused_or_empty_but_never_breaks(shop: Shop, path: str, token: str):
    customer = shop.put(phone=PHONE).json["customer_id"]
    answer = shop.call("GET", path.format(customer), query=f"next={token}")

    assert answer.status in (200, 400)
    assert answer.status == 200 or answer.fields == ["next"]


@pytest.mark.parametrize("body", [{"colour": 1}, {"merge_id": 5}, [], "x"])
def test_a_wrong_unmerge_is_named(shop: Shop, refused: Refused, body: Any):
    customer = shop.put(phone=PHONE).json["customer_id"]
    path = f"/v1/customers/{customer}/unmerge"

    assert refused(400, "POST", path, json.dumps(body).encode()).fields == ["body"]
    refused(404, "POST", path)
    refused(404, "POST", path, {"merge_id": "none"})


@pytest.mark.parametrize("who", ["nobody", "x" * 257, "x" * 3000, "%00", "%20", "a%2Fb", "ệ", "C%23x"])
def test_a_customer_nobody_has_is_not_found(refused: Refused, who: str):
    refused(404, "GET", f"/v1/customers/{who}")
    refused(404, "GET", f"/v1/customers/{who}/timeline")
    refused(404, "GET", f"/v1/segments/{who}/customers")
    refused(404, "POST", f"/v1/customers/{who}/unmerge")
    refused(404, "POST", f"/v1/customers/{who}/merge", {"other": "somebody"})


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/customer", "/v1/customers/", "/v1/batch/", "/v2/batch", "//health"])
def test_an_unknown_route_is_not_found(refused: Refused, path: str):
    for method in ("GET", "POST"):
        refused(404, method, path)


@pytest.mark.parametrize("route", routes())
def test_an_unknown_method_is_not_found(refused: Refused, route: str):
    known = {other.partition(" ")[0] for other in routes() if other.partition(" ")[2] == route.partition(" ")[2]}
    for method in {"GET", "PUT", "POST", "PATCH", "DELETE"} - known:
        path = route.partition(" ")[2].replace("{customer_id}", "nobody").replace("{label}", "vip")
        if (method, path) != ("GET", "/v1/customers/search"):  # that is a customer called "search"
            refused(404, method, path, {})


# ---- poison ----


def test_a_poison_message_fails_alone_and_lies_in_the_dead_letters_with_its_reason(shop: Shop):
    queue = shop.stack.queues["events"]
    event = {"id": "p1", "type": "track", "name": "x", "at": "2026-11-20T10:00:00.000Z"}
    event |= {"received_at": "2026-11-20T10:00:00.000Z", "identities": [["fax", "7", "verified"]]}
    assert shop.call("POST", "/v1/track", {**SALE, "messageId": "good"}).status == 200
    queue.send(["nonsense", json.dumps({"events": [{**event, "type": "dance"}]}), json.dumps({"events": [event]})])

    done = shop.stack.drain()

    assert not done["failed"]
    assert shop.call("POST", "/v1/customers/search", {"phone": PHONE}).json["metrics"]["orders"] == 1
    reasons = sorted(letter["reason"] for letter in shop.dead_letters)
    assert [reason.partition(":")[0] for reason in reasons] == ["ValueError", *["not a message of this queue"] * 2]
    assert {letter["door"] for letter in shop.dead_letters} == {"events_worker"}
    assert [letter["event"]["id"] for letter in shop.dead_letters if "event" in letter] == ["p1"]


def test_news_from_a_provider_that_can_never_be_taken_in_fails_alone_as_well(shop: Shop):
    told = {"kind": "delivered", "channel": "zalo", "dedup": "d1", "at": "2026-11-20T10:00:00.000Z"}
    told |= {"provider_id": "longer than a key of the table" * 100}
    shop.stack.queues["events"].send([json.dumps({"incoming": [told]})])
    assert shop.call("POST", "/v1/track", {**SALE, "messageId": "good"}).status == 200

    done = shop.stack.drain()

    assert not done["failed"]
    assert shop.call("POST", "/v1/customers/search", {"phone": PHONE}).json["metrics"]["orders"] == 1
    (letter,) = shop.dead_letters
    assert json.loads(letter["body"])["incoming"][0]["dedup"] == "d1"
    assert letter["reason"]


def test_a_put_keeps_the_same_bounds_however_many_traits_it_has(shop: Shop):
    names = [f"{n:03d}" for n in range(200)]
    calls = [names, *(names[at : at + 20] for at in range(0, 200, 20))]

    for part in calls:
        body = {"identities": {"phone": PHONE}, "traits": {"attributes": dict.fromkeys(part, 1)}, "source": "pos"}
        assert shop.call("PUT", "/v1/customers", body).status in (200, 201)

    found = shop.call("POST", "/v1/customers/search", {"phone": PHONE}).json
    assert sorted(found["traits"]["attributes"]) == names[:80]


def test_nobody_can_fill_a_customer_until_the_table_refuses_it(shop: Shop):
    """A write key stands in every browser: what is too much is left out, always the same part, and nothing breaks."""
    for part in range(15):
        traits = {f"{part:02d}-{n:02d}": "x" * 1000 for n in range(30)}
        identify = {"type": "identify", "messageId": f"full{part}", "userId": PHONE, "traits": traits}
        neighbour = {"type": "identify", "messageId": f"by{part}", "userId": "0912345678", "traits": {f"t{part}": part}}
        assert shop.call("POST", "/v1/batch", {"batch": [identify, neighbour]}).status == 200

    done = shop.stack.drain()

    assert not done["failed"]
    assert shop.dead_letters == []
    full, neighbour = (
        shop.call("POST", "/v1/customers/search", {"phone": phone}).json["traits"]["attributes"]
        for phone in (PHONE, "0912345678")
    )
    assert sorted(full) == [f"{part:02d}-{n:02d}" for part in range(15) for n in range(30)][:80]
    assert len(neighbour) == 15


# ---- anything at all ----

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**60), 10**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        [PHONE, "0900000000", "lan@vidu.vn", "2026-11-20T10:00:00+07:00", "9999-12-31T23:59:59Z", "1e99999"]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
WHOLE: dict[str, Any] = {
    "event": "Order Completed",
    "messageId": "m1",
    "userId": PHONE,
    "anonymousId": "d1",
    "previousId": "d2",
    "groupId": "g1",
    "name": "Home",
    "timestamp": "2026-11-20T10:00:00+07:00",
    "sentAt": "2026-11-20T10:00:00+07:00",
    "traits": {"name": "Lan", "phone": PHONE, "email": "lan@vidu.vn", "birthday": "1990-05-21", "gender": "nữ",
               "city": "Huế", "home_store": "Q1", "external": {"kiotviet": "7"}, "points": 5, "attributes": {"a": 1}},
    "context": {"source": "pos", "backfill": True, "traits": {"zalo_user_id": "z1", "loyalty_id": "L1"},
                "consent": [CONSENT]},
    "properties": {"order_id": "A1", "total": 500_000, "currency": "VND", "discount": 5, "coupon": "C", "system": "s",
                   "payment": "cod", "store": "Q1", "channel": "web", "cashier": "N", "exchange_of": "A0",
                   "invoice_of": "A2", "refund_id": "R1", "placed_at": "2026-11-19T10:00:00+07:00", "cart_id": "c1",
                   "carrier": "GHN", "status": "picked", "tracking_code": "T1", "tracking_url": "https://ghn.example/T1",
                   "expected_on": "2026-11-23",
                   "products": [{"sku": "A", "name": "Áo", "price": 250_000, "quantity": 2}]},
}  # fmt: skip
PUT: dict[str, Any] = {
    "identities": {"phone": PHONE, "email": "lan@vidu.vn", "zalo_user_id": "z1", "messenger_psid": "p1",
                   "loyalty_id": "L1", "external": {"kiotviet": "7"}},
    "traits": {"name": "Lan", "birthday": "1990-05-21", "gender": "nữ", "city": "Huế", "home_store": "Q1",
               "attributes": {"points": 5}},
    "consent": [CONSENT],
    "source": "pos",
}  # fmt: skip
EVENTS = [*ORDER_EVENTS, "Cart Updated", "Product Added", "Product Removed", "Checkout Started", "Rang The Bell"]


@st.composite
def spoilt(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """A valid body of which some fields, at any depth, are missing or anything at all, and some are new."""

    def spoil(value: dict[str, Any], depth: int) -> dict[str, Any]:
        kept = {}
        for name, inner in value.items():
            fate = draw(st.sampled_from(["keep"] * 5 + ["go into"] * 3 + ["drop", "replace"]))
            if fate == "replace":
                kept[name] = draw(anything)
            elif fate == "go into" and isinstance(inner, dict):
                kept[name] = spoil(inner, depth + 1)
            elif fate == "go into" and isinstance(inner, list):
                kept[name] = [spoil(inner[0], depth + 1), draw(anything)][: draw(st.integers(0, 2))]
            elif fate != "drop":
                kept[name] = inner
        if depth and draw(st.integers(0, 9)) == 0:
            kept[draw(st.text(max_size=8))] = draw(anything)
        return kept

    return spoil(whole, 0)


@st.composite
def messages(draw: st.DrawFn) -> dict[str, Any]:
    message = draw(spoilt(WHOLE))
    if "event" in message and draw(st.integers(0, 3)):
        message["event"] = draw(st.sampled_from(EVENTS))
    return {**message, "type": draw(st.sampled_from([call for call in CALLS if call != "batch"]))}


@pytest.fixture(scope="module")
def one_shop():
    """One shop for all examples of a fuzz: whatever was accepted before is there when the next one comes."""
    shop = Shop()
    yield shop
    shop.stack.close()


fuzz = max_examples(250)


@fuzz
@given(batch=st.lists(messages(), min_size=1, max_size=3), alone=st.booleans())
def test_an_event_is_refused_whole_or_taken_in_never_a_failure_never_poison(
    one_shop: Shop, batch: list[Any], alone: bool
):
    path, body = ("/v1/batch", {"batch": batch}) if not alone else (f"/v1/{batch[0]['type']}", batch[0])
    before = one_shop.holdings()

    answer = one_shop.call("POST", path, body)

    event(f"{len(batch)} messages: {answer.status}")
    assert answer.status in (200, 400)
    if answer.status == 400:
        assert answer.fields
        assert one_shop.holdings() == before
    assert alone or len(one_shop.dead_letters) == len(answer.json.get("rejected", ()))
    one_shop.stack.queues["events-dlq"].purge()
    done = one_shop.stack.drain()
    assert not done["failed"]
    assert one_shop.dead_letters == []
    assert sum(one_shop.stack.queue_state()["events"].values()) == 0


@fuzz
@given(body=spoilt(PUT))
def test_a_put_is_refused_whole_or_shown_again_as_json(one_shop: Shop, body: dict[str, Any]):
    before = one_shop.holdings()

    answer = one_shop.call("PUT", "/v1/customers", body)

    event(str(answer.status))
    assert answer.status in (200, 201, 400)
    if answer.status == 400:
        assert answer.fields
        assert one_shop.holdings() == before
    else:
        customer = answer.json["customer_id"]
        assert one_shop.call("GET", f"/v1/customers/{customer}").status == 200
        assert one_shop.call("GET", f"/v1/customers/{customer}/timeline", query="limit=200").status == 200


@fuzz
@given(body=anything, method=st.sampled_from(["PUT /v1/customers", "POST /v1/customers/search", "POST /v1/batch"]))
def test_any_json_at_all_is_answered(one_shop: Shop, body: Any, method: str):
    before = one_shop.holdings()

    answer = one_shop.call(*method.split(" "), json.dumps(body).encode())

    assert answer.status == 400
    assert one_shop.holdings() == before
