"""The API's description: valid, up to date, complete, and true of what the doors really answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from openapi_spec_validator import validate

from infra.local.commands import openapi
from shared.repositories.api_keys import ROLES as ALL_ROLES
from shared.runtime.auth import BY_LINK, OPEN, ROLES, SIGNED, WRITE_KEY
from tests.support.openapi import DOCUMENT, holds_to_it, matches, operation, schema_of
from tests.support.shop import PHONE, Shop


def test_the_file_is_what_its_sources_say():
    assert openapi.OUTPUT.read_text(encoding="utf-8") == openapi.text(), "run python -m infra.local.commands.openapi"


def test_it_is_a_valid_openapi_document():
    validate(DOCUMENT)


def test_it_has_every_route_of_the_catalogue_and_no_other():
    described = {f"{method.upper()} {path}" for path, calls in DOCUMENT["paths"].items() for method in calls}

    assert described == set(openapi.routes())


@pytest.mark.parametrize("route", openapi.routes())
def test_each_call_says_which_key_it_takes(route: str):
    security = operation(route)["security"]
    if route in OPEN | SIGNED | BY_LINK:
        assert security == []
    elif route in WRITE_KEY:
        assert security == [{"writeKey": []}]
    else:
        assert security == [{"apiKey": sorted(ROLES[route])}]
        assert set(security[0]["apiKey"]) <= set(ALL_ROLES)


def test_the_house_serves_the_file_to_anybody(shop: Shop):
    assert holds_to_it("GET /openapi.json", shop.call("GET", "/openapi.json", key=None)).json == DOCUMENT


@pytest.fixture
def busy_shop(shop: Shop) -> tuple[Shop, str]:
    """A shop where everything a view can show has happened, and its fullest customer."""
    shop.call(
        "PUT",
        "/v1/customers",
        {
            "identities": {"phone": PHONE, "email": "lan@vidu.vn", "zalo_user_id": "z1", "external": {"kiotviet": 7}},
            "traits": {"name": "Nguyễn Thị Lan", "birthday": "1990-05-21", "gender": "nữ", "city": "Huế",
                       "home_store": "Q1", "attributes": {"points": 120, "note": {"a": [1.5]}}},
            "consent": [{"channel": "zalo", "purpose": "marketing", "granted": True, "proof": "signed"}],
            "source": "pos",
        },
    )  # fmt: skip
    line = {"sku": "A", "name": "Áo", "category": "Áo", "quantity": 2, "price": 250_000}
    for number in range(12):
        shop.sell(f"A{number}", days_ago=100 + number, store="Q1", channel="store", products=[line])
    shop.sell("COD", days_ago=40, payment="cod")
    shop.call("PUT", "/v1/customers", {"identities": {"email": "other@vidu.vn"}, "traits": {"name": "Trần Văn Nam"}})
    shop.call("PUT", "/v1/customers", {"identities": {"loyalty_id": "L1"}})
    shop.call("PUT", "/v1/customers", {"identities": {"loyalty_id": "L1", "zalo_user_id": "z1"}})
    # Names of different people stop a merge and leave a task.
    shop.call("PUT", "/v1/customers", {"identities": {"phone": PHONE, "email": "other@vidu.vn"}})
    shop.call("POST", "/v1/page", {"anonymousId": "d1", "name": "Home", "context": {"backfill": True, "source": "web"}})
    shop.call("POST", "/v1/group", {"userId": PHONE, "groupId": "gold"})
    shop.stack.drain()
    shop.stack.advance(shop.now + timedelta(days=10))
    return shop, shop.call("POST", "/v1/customers/search", {"phone": PHONE}).json["customer_id"]


def test_what_the_calls_answer_is_what_is_promised(busy_shop: tuple[Shop, str]):
    shop, customer = busy_shop

    holds_to_it("GET /health", shop.call("GET", "/health", key=None))
    for call in ("identify", "page", "screen", "group", "alias"):
        message = {"userId": PHONE, "previousId": "device-1", "name": "x"}
        assert holds_to_it(f"POST /v1/{call}", shop.call("POST", f"/v1/{call}", message)).status == 200
    holds_to_it("POST /v1/track", shop.call("POST", "/v1/track", {"userId": PHONE, "event": "Rang The Bell"}))
    shop.stack.drain()
    created = shop.put(phone="0912345678")
    assert (created.status, shop.put(phone="0912345678").status) == (201, 200)
    holds_to_it("PUT /v1/customers", created)
    holds_to_it("PUT /v1/customers", shop.put(phone="0912345678"))
    found = holds_to_it("POST /v1/customers/search", shop.call("POST", "/v1/customers/search", {"phone": PHONE})).json
    assert len(found["recent_orders"]) == 10
    assert found["tasks"]
    assert found["merged"]
    assert found["consent"]
    holds_to_it("GET /v1/customers/{customer_id}", shop.call("GET", f"/v1/customers/{customer}"))
    route, items, after = "GET /v1/customers/{customer_id}/timeline", [], ""
    while after is not None:
        page = holds_to_it(route, shop.call("GET", f"/v1/customers/{customer}/timeline", query=f"limit=7&next={after}"))
        items += page.json["items"]
        after = page.json["next"]
    assert {item["type"] for item in items} >= {"track", "consent", "page", "screen", "group", "alias"}
    assert sum(item["name"] == "Order Completed" for item in items) == 13
    shop.stack.read_stream()
    counts = holds_to_it("GET /v1/segments", shop.call("GET", "/v1/segments")).json["items"]
    for row in counts:
        members = shop.call("GET", f"/v1/segments/{row['label']}/customers")
        holds_to_it("GET /v1/segments/{label}/customers", members)
        assert len(members.json["items"]) == row["customers"]
    assert holds_to_it("GET /v1/churn-risk", shop.call("GET", "/v1/churn-risk")).json["items"]
    route = "POST /v1/customers/{customer_id}/unmerge"
    assert holds_to_it(route, shop.call("POST", f"/v1/customers/{customer}/unmerge")).status == 200


def test_messages_and_what_people_write_back_are_what_is_promised(shop: Shop):
    shop.put(phone=PHONE, zalo_user_id="z1")
    shop.sell("LIVE1")
    shop.sell("LIVE2", phone="0987654118")
    zalo = shop.stack.providers.stand_ins.zalo
    zalo.follow("z1")
    zalo.say("z1", "Đơn của em đến đâu rồi ạ? 0987654321")
    shop.stack.advance(shop.now + timedelta(minutes=5))
    customer = shop.call("POST", "/v1/customers/search", {"phone": PHONE}).json["customer_id"]

    messages = shop.call("GET", f"/v1/customers/{customer}/messages", query="limit=1")
    page = holds_to_it("GET /v1/customers/{customer_id}/messages", messages).json
    assert page["items"][0]["status"] == "delivered"
    assert page["next"]
    timeline = shop.call("GET", f"/v1/customers/{customer}/timeline")
    told = holds_to_it("GET /v1/customers/{customer_id}/timeline", timeline).json["items"]
    assert {"incoming", "track"} <= {entry["type"] for entry in told}


@pytest.mark.parametrize("route", sorted(SIGNED))
def test_callbacks_are_answered_as_promised_and_forgeries_refused(shop: Shop, route: str):
    method, _, path = route.partition(" ")
    forged = shop.call(
        method, path.replace("{token}", "guessed"), None if method == "GET" else {"event_name": "follow"}
    )
    assert forged.status == 401
    assert schema_of(route, forged) == "Problem"
    holds_to_it(route, forged)


def test_a_signed_callback_is_answered_as_promised(shop: Shop):
    zalo = shop.stack.providers.stand_ins.zalo
    zalo.follow("z1")
    (callback,) = zalo.due_callbacks(shop.now)
    headers = {name.lower().replace("-", "_"): value for name, value in callback.headers.items()}
    answer = shop.call("POST", "/webhooks/zalo", callback.body, key=None, **headers)
    assert holds_to_it("POST /webhooks/zalo", answer).json == {"success": True}


@pytest.mark.parametrize("route", [route for route in openapi.routes() if route not in OPEN | SIGNED | BY_LINK])
def test_problems_are_what_is_promised_too(shop: Shop, route: str):
    method, _, path = route.partition(" ")
    path = path.replace("{customer_id}", "nobody").replace("{label}", "nobodies")
    body: Any = {"nonsense": True} if "requestBody" in operation(route) else None
    problems = [shop.call(method, path, body, key=None), shop.call(method, path, body, key=shop.key("api", "pos"))]
    wrong = [answer for answer in (*problems, shop.call(method, path, body)) if answer.status >= 400]
    if body:
        wrong += [shop.call(method, path, b"{"), shop.call(method, path, b" " * 600_000)]
        assert [answer.status for answer in wrong[-2:]] == [400, 413]
    if "parameters" in operation(route) and method == "GET":
        wrong.append(shop.call(method, path, query="limit=0"))

    assert 401 in {answer.status for answer in wrong}
    for answer in wrong:
        assert schema_of(route, answer) == "Problem"
        holds_to_it(route, answer)


def test_messages_of_the_protocol_as_they_are_described_are_taken(shop: Shop):
    message = {
        "type": "track", "event": "Order Completed", "messageId": "m1", "userId": PHONE,
        "timestamp": "2026-11-20T10:00:00+07:00",
        "context": {"source": "pos", "backfill": True, "traits": {"name": "Lan", "external": {"kiotviet": "7"}},
                    "consent": [{"channel": "sms", "purpose": "service", "granted": False}]},
        "properties": {"order_id": "A1", "total": "1250000", "products": [{"sku": 5, "price": 1250000.0}]},
    }  # fmt: skip
    batch = {"batch": [message], "sentAt": "2026-11-20T03:00:00Z"}
    matches("Batch").validate(batch)
    matches("Track").validate(message)

    assert shop.call("POST", "/v1/batch", batch).status == 200


@pytest.mark.parametrize(
    ("schema", "path", "body"),
    [
        ("Track", "/v1/track", {"userId": PHONE}),
        ("Track", "/v1/track", {"userId": PHONE, "event": "x", "colour": "red"}),
        ("Alias", "/v1/alias", {"userId": PHONE}),
        ("Identify", "/v1/identify", {"userId": PHONE, "traits": []}),
        ("Batch", "/v1/batch", {"batch": []}),
        ("Search", "/v1/customers/search", {"phone": PHONE, "email": "lan@vidu.vn"}),
        ("Search", "/v1/customers/search", {}),
    ],
)
def test_what_the_schemas_forbid_the_doors_refuse(shop: Shop, schema: str, path: str, body: dict[str, Any]):
    assert not matches(schema).is_valid(body)
    assert shop.call("POST", path, body).status == 400
