"""The slot on the shop's own page: asked for with the write key and the browser's own id."""

from __future__ import annotations

from shared.domain.messaging.message import Intent, planned
from shared.ports import Outgoing, Put
from shared.repositories import table_keys
from shared.runtime.factories.channels import channels
from shared.runtime.playbook.rules import sending_rules
from tests.support.shop import PHONE, Shop

BROWSER = "b7c1a0de-5f3e-4c5b-9d0a-2f6f1c9f7a11"


def _shown(shop: Shop, body, **options):
    return shop.call("POST", "/v1/popups", body, **options)


def test_n8_what_the_page_shows_a_visitor_waits_in_their_slot_and_counts_as_delivered(shop: Shop):
    message = {"type": "page", "messageId": "p1", "anonymousId": BROWSER, "name": "Trang chủ"}
    assert shop.call("POST", "/v1/page", message).status == 200
    shop.stack.drain()
    who = {"identities": {"phone": PHONE}}
    assert shop.call("PUT", "/v1/customers", who).status == 201
    identify = {"messageId": "i1", "anonymousId": BROWSER, "userId": PHONE}
    assert shop.call("POST", "/v1/identify", identify).status == 200
    shop.stack.drain()
    customer = shop.call("POST", "/v1/customers/search", {"phone": PHONE}).json["customer_id"]
    intent = Intent(customer, "first_visit", "r1", "s1", "service", "winback_30")
    key = table_keys.message(intent.message_id)
    shop.stack.table.write(
        Put({**planned(intent, shop.now), "pk": key.pk, "sk": key.sk, "version": 1, "status": "sent"})
    )
    web = channels({}, shop.stack.outside, sending_rules())["web"]
    web.send(Outgoing(intent.message_id, BROWSER, "service", text="Mời chị ghé lại", subject="Chào chị Lan"))

    (slot,) = _shown(shop, {"anonymousId": BROWSER}).json["items"]

    assert (slot["title"], slot["text"]) == ("Chào chị Lan", "Mời chị ghé lại")
    (told,) = shop.call("GET", f"/v1/customers/{customer}/messages").json["items"]
    assert told["status"] == "delivered"


def test_a_page_that_names_somebody_else_or_nobody_is_shown_nothing(shop: Shop):
    assert shop.call("PUT", "/v1/customers", {"identities": {"phone": PHONE}}).status == 201

    assert _shown(shop, {"anonymousId": "nobody"}).json == {"items": []}
    assert _shown(shop, {"anonymousId": PHONE}).json == {"items": []}
    assert _shown(shop, {"userId": PHONE}).fields == ["anonymousId"]
    assert _shown(shop, {"anonymousId": BROWSER}, key=shop.admin_key).status == 401
