"""From a planned message over a provider's stand-in to the tap on its link, and what that tap decides."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from shared.domain.messaging.message import Intent
from shared.domain.messaging.policy import in_holdout
from shared.repositories import table_keys
from shared.repositories.messages import plan
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime.playbook.rules import sending_rules
from tests.support.shop import Shop

AGENT = {"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"}
OFFER = {
    "voucher": "QL1", "gift": "giảm 15%", "valid_until": "2026-12-01", "offer_url": "https://nhamay.example/uu-dai",
}  # fmt: skip


def customer_with_mail(shop: Shop) -> str:
    """A customer who wants advertising by e-mail and is in no hold-out."""
    shop.stack.outside.public_url = "https://kq.example"
    for number in range(20):
        identities = {"email": f"lan{number}@nhamay.example"}
        said = {"channel": "email", "purpose": "marketing", "granted": True}
        put = {"identities": identities, "traits": {"name": "Nguyễn Thị Lan"}, "consent": [said], "source": "pos"}
        found: str = shop.call("PUT", "/v1/customers", put).json["customer_id"]
        if not in_holdout(found, "*", sending_rules().holdout_percent):
            return found
    raise AssertionError("everybody is in the hold-out")


def say(shop: Shop, customer: str, template: str, purpose: Any, run: str, **variables: str) -> dict[str, Any]:
    """Plan a message by e-mail, let time pass, and answer with what became of it."""
    intent = Intent(customer, "winback", run, template, purpose, template, variables, ("email",))
    uow = UnitOfWork(shop.stack.table)
    plan(uow, intent, shop.now, sending_rules())
    uow.commit()
    shop.stack.advance(shop.now + timedelta(minutes=40))
    item = shop.stack.table.get(table_keys.message(intent.message_id))
    assert item is not None
    return item


def links(shop: Shop) -> list[str]:
    """The paths of our links in the latest message that a provider took."""
    text = shop.stack.providers.outbox(None)[-1]["text"]
    return [urlsplit(url).path for url in re.findall(r"https://kq\.example/[rus]/[\w-]+", text)]


def test_who_refuses_by_the_link_in_a_mail_gets_no_further_advertising_and_still_hears_of_orders(shop: Shop):
    customer = customer_with_mail(shop)
    first = say(shop, customer, "winback_60", "marketing", "run-1", **OFFER)
    assert first["status"] == "delivered"
    click, unsubscribe = links(shop)

    assert shop.stack.http("GET", click, headers=AGENT).headers["location"].startswith(f"{OFFER['offer_url']}?kq_v=")
    form = AGENT | {"content-type": "application/x-www-form-urlencoded"}
    assert shop.stack.http("POST", unsubscribe, headers=form, body=b"List-Unsubscribe=One-Click").status == 200

    again = say(shop, customer, "winback_60", "marketing", "run-2", **OFFER)
    assert (again["status"], again["reason"]) == ("suppressed", "refused_by_customer")
    care = say(shop, customer, "survey_day7", "service", "run-3", order_code="DH1")
    assert care["status"] == "delivered"


def test_a_survey_in_a_mail_is_answered_at_its_link(shop: Shop):
    customer = customer_with_mail(shop)
    say(shop, customer, "survey_day7", "service", "run-1", order_code="DH1")
    (survey,) = links(shop)
    form = AGENT | {"content-type": "application/x-www-form-urlencoded"}

    assert shop.stack.http("POST", survey, headers=form, body=b"score=4&comment=Tuy%E1%BB%87t").status == 200
    (told,) = shop.call("GET", f"/v1/customers/{customer}/messages").json["items"]
    assert told["status"] == "replied"
