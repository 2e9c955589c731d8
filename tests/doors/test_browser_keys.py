"""X24: what stands in every page of a shop is never believed. One test for each thing that it once could do."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from typing import Any

import pytest

from shared.runtime.wiring import new_id
from tests.support.popups import waiting_popup
from tests.support.shop import PHONE, Answer, Shop, basic

DEVICE = "5c1de1a2-0c1f-4a29-9d0e-7b0f5f9b3c11"
EMAIL, THEIRS = "lan@vidu.vn", "ke.gian@vidu.vn"


@pytest.fixture
def page(shop: Shop) -> Page:
    return Page(shop)


class Page:
    """A page of the shop, and whoever reads its key there."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.key = shop.key("browser", origins=["*"])

    def send(self, *messages: dict[str, Any], origin: str = "https://nhamay.example") -> Answer:
        batch = [{"messageId": new_id(), "anonymousId": DEVICE, **message} for message in messages]
        answer = self.shop.call("POST", "/v1/b", {"batch": batch, "writeKey": self.key}, key=None, origin=origin)
        self.shop.stack.drain()
        return answer

    def rejected(self, *messages: dict[str, Any]) -> list[str]:
        """The fields for which each message is left out, and nothing is taken of them."""
        before = self.shop.holdings()[0]
        answer = self.send(*messages)
        assert answer.status == 200
        assert self.shop.holdings()[0] == before
        return [one["field"] for one in answer.json.get("rejected", ())]


def server(shop: Shop, kind: str, **message: Any) -> None:
    body = {"batch": [{"type": kind, "messageId": new_id(), **message}]}
    answer = shop.call("POST", "/v1/batch", body)
    assert answer.json == {"success": True}, answer
    shop.stack.drain()


def lan(shop: Shop) -> dict[str, Any]:
    found = shop.call("POST", "/v1/customers/search", {"phone": PHONE}).json
    customer: dict[str, Any] = shop.call("GET", f"/v1/customers/{found['customer_id']}").json
    return customer


def proof(shop: Shop, user: str) -> str:
    """What the shop's server gives its page for a user who is logged in."""
    return hmac.new(shop.write_key.encode(), user.encode(), hashlib.sha256).hexdigest()


def sale(order: str = "HD1", **properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Order Completed", "userId": PHONE,
            "properties": {"order_id": order, "total": 500_000, **properties}}  # fmt: skip


# ---- identities ----


def test_a_victims_number_with_a_new_address_brings_nothing_to_that_address(shop: Shop, page: Page):
    server(shop, "identify", userId=PHONE, traits={"email": EMAIL, "name": "Trần Thị Lan"})

    claim = {"type": "identify", "userId": PHONE, "traits": {"phone": PHONE, "email": THEIRS}}
    assert page.send(claim).json == {"success": True}
    server(shop, **{"kind": "track"} | {k: v for k, v in sale(channel="online").items() if k != "type"})

    assert lan(shop)["identities"]["email"] == EMAIL
    assert [link["value"] for link in lan(shop)["identities"]["links"]] == [EMAIL, "+84901234567"]
    assert not shop.stack.providers.outbox(THEIRS)


@pytest.mark.parametrize("traits", [{"zalo_user_id": "z1"}, {"messenger_psid": "m1"}, {"loyalty_id": "TV1"},
                                    {"external": {"haravan": "8"}}, {"email": EMAIL}, {"phone": PHONE}])  # fmt: skip
def test_every_identity_that_a_page_names_is_claimed_and_joins_nobody(shop: Shop, page: Page, traits: dict[str, Any]):
    server(shop, "identify", userId=PHONE, traits={"name": "Trần Thị Lan", "email": EMAIL})
    before = lan(shop)

    assert page.send({"type": "identify", "userId": PHONE, "traits": traits}).json == {"success": True}

    assert lan(shop) == before
    kind, value = next(iter(traits.items()))
    if kind not in ("phone", "email"):
        assert shop.call("POST", "/v1/customers/search", {kind: value}).status == 404


def test_what_a_page_says_of_its_visitor_drives_nothing(shop: Shop, page: Page):
    said = {"name": "Kẻ Gian", "birthday": "1990-05-21", "attributes": {"staff": True, "wholesale": True}, "points": 9}
    page.send({"type": "identify", "traits": said})
    server(shop, "identify", userId=PHONE, anonymousId=DEVICE)

    seen = lan(shop)
    assert {name for name in seen["traits"] if name != "attributes"} == set()
    assert seen["traits"]["attributes"]["browser.name"] == "Kẻ Gian"
    assert set(seen["traits"]["attributes"]) == {
        f"browser.{n}" for n in ("name", "birthday", "staff", "wholesale", "points")
    }


def test_four_names_from_a_page_make_no_number_refused(shop: Shop, page: Page):
    server(shop, "identify", userId=PHONE, anonymousId=DEVICE, traits={"name": "Trần Thị Lan"})
    names = ("Lê Văn Hùng", "Phạm Đức Minh", "Hoàng Kim Oanh", "Vũ Quốc Bảo", "Đặng Thu Hà")

    for name in names:
        page.send({"type": "identify", "traits": {"name": name}})

    assert (lan(shop)["refused"], lan(shop)["traits"]["name"]) == (None, "Trần Thị Lan")


def test_a_number_that_only_a_page_knows_is_never_written_to(shop: Shop, page: Page):
    page.send({"type": "identify", "userId": PHONE, "traits": {"phone": PHONE}},
              {"type": "track", "event": "Cart Updated", "userId": PHONE,
               "properties": {"products": [{"sku": "A", "name": "Áo lụa", "price": 900_000}]}})  # fmt: skip
    shop.stack.advance(shop.now.replace(hour=12))

    assert shop.call("POST", "/v1/customers/search", {"phone": PHONE}).status == 404
    assert shop.stack.providers.outbox() == []


@pytest.mark.parametrize("device", ["undefined", "null", "0", " GUEST "])
def test_a_page_whose_own_id_is_a_placeholder_is_left_out_and_holds_up_no_other(shop: Shop, page: Page, device: str):
    claim = {"type": "identify", "anonymousId": device, "traits": {"phone": PHONE, "email": EMAIL}}

    answer = page.send(claim, {"type": "page", "name": "Trang chủ"})

    assert [(one["index"], one["field"]) for one in answer.json["rejected"]] == [(0, "anonymousId")]
    assert not any(shop.stack.queue_state()["events"].values())
    assert len(shop.dead_letters) == 1


# ---- what costs money ----


@pytest.mark.parametrize(
    "event",
    ["Order Completed", "Order Updated", "Order Cancelled", "Order Refunded", "Order Delivered", "Delivery Failed",
     "Returned To Sender", "Order Shipped", "Shipment Updated", "Coupon Applied", "Task Done", "Spin The Wheel"],
)  # fmt: skip
def test_orders_deliveries_refunds_and_coupons_are_not_taken_from_a_page(page: Page, event: str):
    message = {"type": "track", "event": event, "userId": PHONE, "properties": {"order_id": "HD1", "total": 9_000_000}}

    assert page.rejected(message) == ["event"]


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("context.consent", {"context": {"consent": [{"channel": "zns", "purpose": "marketing", "granted": True}]}}),
        ("context.source", {"context": {"source": "pos"}}),
        ("context.backfill", {"context": {"backfill": True}}),
        ("traits.home_store", {"traits": {"home_store": "Quận 1"}}),
        ("context.traits.home_store", {"context": {"traits": {"home_store": "Quận 1"}}}),
        ("timestamp", {"timestamp": "2026-11-01T00:00:00Z"}),
        ("anonymousId", {"anonymousId": None, "userId": PHONE}),
        ("userHash", {"userId": PHONE, "userHash": "0" * 64}),
        ("userHash", {"userHash": "0" * 64}),
    ],
)
def test_what_a_page_may_not_say_is_named(page: Page, field: str, message: dict[str, Any]):
    assert page.rejected({"type": "identify", **message}) == [field]


@pytest.mark.parametrize("kind", ["alias", "group"])
def test_a_page_may_not_say_that_two_are_one(page: Page, kind: str):
    assert page.rejected({"type": kind, "userId": PHONE, "previousId": "0912345678", "groupId": "g"}) == ["type"]


def test_a_page_sends_fifty_events_in_one_call(page: Page):
    answer = page.send(*[{"type": "page", "name": f"Trang {n}"} for n in range(52)])

    assert [one["index"] for one in answer.json["rejected"]] == [50, 51]


def test_good_messages_of_a_page_are_taken_beside_the_bad_which_are_named_and_kept(shop: Shop, page: Page):
    answer = page.send({"type": "page", "name": "Trang chủ"}, sale())

    (left_out,) = answer.json["rejected"]
    assert (left_out["index"], left_out["field"]) == (1, "event")
    (letter,) = shop.dead_letters
    assert letter["rejected"]["properties"]["order_id"] == "HD1"


def test_a_flood_of_wrong_messages_does_not_flood_the_dead_letters(shop: Shop, page: Page):
    for _ in range(5):
        page.send(*[sale()] * 50)

    assert len(shop.dead_letters) == 20


def test_x24_two_thousand_forged_cancels_have_no_effect_on_later_sales(shop: Shop, page: Page):
    forged = [{"type": "track", "event": "Order Cancelled", "properties": {"order_id": f"HD{n}"}} for n in range(2000)]
    for start in range(0, 2000, 500):
        assert len(page.send(*forged[start : start + 500]).json["rejected"]) == 500
        # Whoever has a server key of another system reaches no further.
        theirs = shop.key("write", system="khac")
        body = {"batch": [{"messageId": new_id(), **one} for one in forged[start : start + 500]]}
        assert shop.call("POST", "/v1/batch", body, key=None, authorization=basic(theirs)).json == {"success": True}
    shop.stack.drain()

    for number in (0, 777, 1999):
        shop.call("POST", "/v1/batch", {"batch": [{"messageId": new_id(), **sale(f"HD{number}")}]})
    shop.stack.drain()

    assert lan(shop)["metrics"]["orders"] == 3


# ---- what is read ----


def popup(shop: Shop, page: Page, anonymous: str) -> list[str]:
    body = {"anonymousId": anonymous}
    return [slot["text"] for slot in shop.call("POST", "/v1/popups", body, authorization=basic(page.key)).json["items"]]


def test_a_device_that_says_it_is_somebody_reads_nobodys_code(shop: Shop, page: Page):
    server(shop, "identify", userId=PHONE, anonymousId=DEVICE)
    waiting_popup(shop, lan(shop)["customer_id"], DEVICE, "Mã của chị: LAN50")
    attacker = "99999999-0c1f-4a29-9d0e-7b0f5f9b3c11"

    page.send({"type": "identify", "anonymousId": attacker, "userId": PHONE, "traits": {"phone": PHONE}})

    assert popup(shop, page, attacker) == []
    assert popup(shop, page, DEVICE) == ["Mã của chị: LAN50"]  # which the shop's server has named


def test_a_proof_of_the_shops_server_makes_a_device_somebodys(shop: Shop, page: Page):
    server(shop, "identify", userId="kh-17", traits={"phone": PHONE, "name": "Trần Thị Lan"})
    waiting_popup(shop, lan(shop)["customer_id"], DEVICE, "Mã của chị: LAN50")
    assert popup(shop, page, DEVICE) == []

    proven = {"type": "identify", "userId": "kh-17", "context": {"userHash": proof(shop, "kh-17")}}
    assert page.send(proven).json == {"success": True}

    assert popup(shop, page, DEVICE) == ["Mã của chị: LAN50"]
    cart = {"type": "track", "event": "Product Added", "properties": {"sku": "A", "name": "Áo lụa", "price": 900_000}}
    assert page.send(cart).json == {"success": True}
    timeline = shop.call("GET", f"/v1/customers/{lan(shop)['customer_id']}/timeline").json["items"]
    assert "Product Added" in [entry["name"] for entry in timeline]


def test_a_proof_for_one_user_proves_no_other_and_none_by_a_revoked_key(shop: Shop, page: Page):
    forged = {"type": "identify", "userId": "kh-18", "userHash": proof(shop, "kh-17")}
    assert page.rejected(forged) == ["userHash"]
    stolen = proof(shop, "kh-18")
    shop.revoke(shop.write_key)
    shop.stack.advance(shop.now + timedelta(minutes=2))
    assert page.rejected({"type": "identify", "userId": "kh-18", "userHash": stolen}) == ["userHash"]


def test_a_click_on_our_own_link_makes_the_first_browser_that_follows_it_the_customers(shop: Shop, page: Page):
    from shared.repositories.visitors import give_token

    server(shop, "identify", userId=PHONE, traits={"name": "Trần Thị Lan"})
    waiting_popup(shop, lan(shop)["customer_id"], DEVICE, "Mã của chị: LAN50")
    token = give_token(shop.stack.table, lan(shop)["customer_id"], shop.now, new_id)
    landing = {"type": "page", "context": {"page": {"search": f"?utm_source=zalo&kq_v={token}"}}}
    later = "99999999-0c1f-4a29-9d0e-7b0f5f9b3c11"

    page.send(landing)
    page.send({**landing, "anonymousId": later})

    assert shop.dead_letters == []
    assert popup(shop, page, DEVICE) == ["Mã của chị: LAN50"]
    assert popup(shop, page, later) == []


# ---- where the key may be used ----


def test_a_browser_key_is_for_the_pages_of_its_origins(shop: Shop):
    page = Page(shop)
    page.key = shop.key("browser", origins=["https://nhamay.example"])

    ours = page.send({"type": "page"})
    other = page.send({"type": "page"}, origin="https://evil.example")

    assert (ours.status, ours.headers["access-control-allow-origin"]) == (200, "https://nhamay.example")
    assert (other.status, "access-control-allow-origin" in other.headers) == (403, True)


@pytest.mark.parametrize(
    "path", ["/v1/t", "/v1/i", "/v1/p", "/v1/b", "/v1/batch", "/v1/track", "/v1/import", "/v1/popups"]
)
def test_a_browser_asks_first_and_is_let_through(shop: Shop, path: str):
    asked = "authorization,content-type,anonymousid"
    status, headers, body = shop.stack.http(
        "OPTIONS", path, "", {"origin": "https://nhamay.example", "access-control-request-headers": asked}, b""
    )

    assert (status, body) == (204, b"")
    assert "content-type" not in headers
    assert headers["access-control-allow-origin"] == "https://nhamay.example"
    assert headers["access-control-allow-methods"] == "POST"
    assert headers["access-control-allow-headers"] == "authorization, content-type, anonymousid"


@pytest.mark.parametrize("path", ["/v1/customers", "/v1/tickets", "/v1/nothing", "/health"])
def test_no_other_call_is_let_through_from_a_page(shop: Shop, path: str):
    status, headers, _ = shop.stack.http("OPTIONS", path, "", {"origin": "https://nhamay.example"}, b"")

    assert status == 404
    assert "access-control-allow-origin" not in headers


def test_a_browser_key_opens_no_rest_call_and_an_api_key_sends_no_events(shop: Shop, page: Page):
    assert shop.call("GET", "/v1/segments", key=page.key).status == 401
    assert shop.call("POST", "/v1/b", {"batch": [], "writeKey": shop.admin_key}, key=None).status == 401
