"""What people tap in a message, over HTTP: click-through, unsubscribing, surveys, and links that are none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from infra.local.stack.lambda_events import Answer
from shared.domain.customers.profile import agree
from shared.domain.messaging.message import Intent, planned, with_log_entry
from shared.domain.messaging.tracked_links import MessageLinks, link_key
from shared.domain.vietnam_time import stamp
from shared.repositories import table_keys
from shared.repositories.unit_of_work import UnitOfWork
from tests.support.shop import PHONE, Shop

PERSON = (
    "Mozilla/5.0 (Linux; Android 14; SM-A155F) AppleWebKit/537.36 Chrome/126.0.0.0 Mobile Safari/537.36 Zalo android"
)
MACHINE = "Mozilla/5.0 (compatible; Googlebot/2.1)"
TARGET = "https://nhamay.example/gio-hang?ma=k3f9&màu=xanh"
FORM = "application/x-www-form-urlencoded"


@dataclass
class Sent:
    """A customer who got a message, and the links in it."""

    shop: Shop
    customer: str
    message_id: str

    @property
    def links(self) -> MessageLinks:
        return MessageLinks("", link_key(self.shop.stack.outside.identity_key), self.message_id)

    @property
    def message(self) -> dict[str, Any]:
        item = self.shop.stack.table.get(table_keys.message(self.message_id))
        assert item is not None
        return item

    @property
    def timeline(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.shop.call("GET", f"/v1/customers/{self.customer}/timeline").json["items"]
        return items

    def refusals(self) -> set[str]:
        """The channels whose advertising the customer has refused."""
        said = self.shop.call("GET", f"/v1/customers/{self.customer}").json["consent"]
        return {one["channel"] for one in said if one["purpose"] == "marketing" and not one["granted"]}

    def get(self, path: str, agent: str = PERSON) -> Answer:
        return self.shop.stack.http("GET", path, headers={"user-agent": agent})

    def post(self, path: str, kind: str = FORM, raw: bytes | None = None, **fields: str) -> Answer:
        body = urlencode(fields).encode() if raw is None else raw
        return self.shop.stack.http("POST", path, headers={"content-type": kind, "user-agent": PERSON}, body=body)


@pytest.fixture
def sent(shop: Shop) -> Iterator[Sent]:
    return send(shop, "winback_60")


def send(shop: Shop, template: str, channel: str = "email") -> Sent:
    customer = shop.put(phone=PHONE).json["customer_id"]
    intent = Intent(customer, "winback", "run-1", template, "marketing", template)
    at = shop.now - timedelta(hours=2)
    message = with_log_entry(
        with_log_entry(planned(intent, at), "sent", "ok", at, channel), "delivered", "delivered", at, channel
    )
    uow = UnitOfWork(shop.stack.table)
    uow.put(table_keys.message(intent.message_id), {**message, "links": [TARGET, ""]})
    uow.commit()
    return Sent(shop, customer, intent.message_id)


def fields(page: Answer) -> str:
    return page.body.decode()


# ---- click-through ----


def test_a_click_leads_on_to_the_address_that_was_sent_and_is_counted_once(sent: Sent):
    for repeated in range(3):
        answer = sent.get(sent.links.click(0))
        assert answer.status == 302
        address, _, token = answer.headers["location"].partition("kq_v=")
        assert address.rstrip("?&") == quote(TARGET, safe=":/?=&")
        # Only the first click tells the shop's page who came (X24).
        assert bool(token) is not bool(repeated)
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"

    assert sent.message["status"] == "clicked"
    assert sent.message["clicks"] == {"0": stamp(sent.shop.now)}
    clicks = [item for item in sent.timeline if item["name"] == "Message Clicked"]
    assert [(click["properties"]["link"], click["properties"]["step"]) for click in clicks] == [(0, "winback_60")]


@pytest.mark.parametrize("agent", [MACHINE, "", "WhatsApp/2.23.20", "python-requests/2.31"])
def test_x12_a_machine_is_led_on_and_not_counted(sent: Sent, agent: str):
    assert sent.get(sent.links.click(0), agent).status == 302
    assert sent.message["status"] == "delivered"
    assert "Message Clicked" not in {item["name"] for item in sent.timeline}


def test_a_click_within_seconds_of_delivery_is_a_scanners(sent: Sent):
    uow = UnitOfWork(sent.shop.stack.table)
    message = {
        **sent.message,
        "log": [[stamp(sent.shop.now - timedelta(seconds=2)), "delivered", "delivered", "email"]],
    }
    uow.put(table_keys.message(sent.message_id), message)
    uow.commit()

    assert sent.get(sent.links.click(0)).status == 302
    assert sent.message["status"] == "delivered"


def test_a_click_never_takes_a_message_back(sent: Sent):
    uow = UnitOfWork(sent.shop.stack.table)
    uow.put(table_keys.message(sent.message_id), {**sent.message, "status": "replied"})
    uow.commit()
    sent.get(sent.links.click(0))

    assert sent.message["status"] == "replied"


def test_nobody_can_send_people_elsewhere(sent: Sent):
    path = sent.links.click(0)
    for query in ("url=https://evil.example", "to=//evil.example"):
        answer = sent.shop.stack.http("GET", path, query, {"user-agent": PERSON})
        assert answer.headers["location"].startswith("https://nhamay.example/")
    assert sent.get(sent.links.click(1)).status == 404  # a link that led nowhere this time
    assert sent.get(sent.links.click(7)).status == 404


# ---- unsubscribing ----


def test_a_get_shows_a_page_and_changes_nothing(sent: Sent):
    before = sent.shop.holdings()
    for agent in (PERSON, MACHINE):
        page = sent.get(sent.links.unsubscribe, agent)
        assert page.status == 200
        assert "Bạn muốn dừng nhận quảng cáo?" in fields(page)
        assert "Chỉ dừng qua e-mail" in fields(page)
    assert sent.shop.holdings() == before


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (FORM, b"List-Unsubscribe=One-Click"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
        ),
        (FORM, b""),
        ("text/plain", b"\xff\xfe"),
    ],
)
def test_one_click_of_a_mail_client_stops_that_channel_at_once(sent: Sent, kind: str, body: bytes):
    answer = sent.post(sent.links.unsubscribe, kind, body)

    assert answer.status == 200  # RFC 8058: no redirect, no cookie, no question
    assert "location" not in answer.headers
    assert sent.refusals() == {"email"}
    (proof,) = [item for item in sent.timeline if item["type"] == "consent"]
    assert proof["name"] == "Consent Withdrawn"
    assert proof["consent"]["proof"] == f"one_click by the link in message {sent.message_id}"


def test_the_page_can_stop_every_channel(sent: Sent):
    answer = sent.post(sent.links.unsubscribe, scope="all")

    assert "trên bất kỳ kênh nào" in fields(answer)
    assert sent.refusals() >= {"email", "zalo", "zns", "sms", "sms_ad", "messenger", "whatsapp", "call", "web"}
    proofs = [item["consent"]["proof"] for item in sent.timeline if item["type"] == "consent"]
    assert {proof.partition(" ")[0] for proof in proofs} == {"page"}


def test_saying_it_again_changes_nothing_and_one_channel_can_become_all(sent: Sent):
    sent.post(sent.links.unsubscribe, scope="channel")
    before = sent.shop.holdings()
    sent.post(sent.links.unsubscribe, scope="channel")
    assert sent.shop.holdings() == before

    sent.post(sent.links.unsubscribe, scope="all")
    assert len(sent.refusals()) > 5


def test_a_refusal_on_zalo_holds_for_its_notices_too(shop: Shop):
    sent = send(shop, "winback_60", "zns")
    page = sent.post(sent.links.unsubscribe, scope="channel")

    assert sent.refusals() == {"zalo", "zns"}
    assert "qua Zalo" in fields(page)


def test_a_refusal_is_newer_than_the_consent_it_takes_back(sent: Sent):
    said = {"channel": "email", "purpose": "marketing", "granted": True, "at": stamp(sent.shop.now - timedelta(days=9))}
    uow = UnitOfWork(sent.shop.stack.table)
    profile = uow.get(table_keys.profile(sent.customer)) or {}
    uow.put(table_keys.profile(sent.customer), agree(profile, [said]))
    uow.commit()
    assert sent.refusals() == set()

    sent.post(sent.links.unsubscribe, scope="channel")
    assert sent.refusals() == {"email"}


# ---- surveys ----


def test_a_survey_is_answered_and_may_be_changed(shop: Shop):
    sent = send(shop, "survey_day7", "zalo")
    page = fields(sent.get(sent.links.survey))
    assert re.findall(r'name="score" value="(\d+)"', page) == ["1", "2", "3", "4", "5"]
    assert sent.message["status"] == "delivered"

    assert "Xin lỗi" in fields(sent.post(sent.links.survey, score="2", comment=" Giao chậm <b>quá</b> "))
    assert sent.message["status"] == "replied"
    again = fields(sent.get(sent.links.survey))
    assert 'value="2" required checked' in again
    assert "Giao chậm &lt;b&gt;quá&lt;/b&gt;" in again

    assert "Cảm ơn bạn!" in fields(sent.post(sent.links.survey, score="5"))
    assert sent.message["answer"]["score"] == 5
    (event,) = [item for item in sent.timeline if item["name"] == "Survey Answered"]
    assert event["stage"] == "after_sales"
    assert {name: event["properties"][name] for name in ("survey", "score", "comment", "message_id", "journey")} == {
        "survey": "csat", "score": 5, "comment": "", "message_id": sent.message_id, "journey": "winback",
    }  # fmt: skip


@pytest.mark.parametrize("score", ["", "0", "6", "-1", "5.0", "năm", "٣", "99999999999999999999"])
def test_without_a_score_of_the_scale_the_page_asks_again_and_keeps_the_words(shop: Shop, score: str):
    sent = send(shop, "survey_day7")
    before = sent.shop.holdings()
    page = sent.post(sent.links.survey, score=score, comment="Áo đẹp")

    assert page.status == 400
    assert "chọn giúp một điểm số" in fields(page)
    assert "Áo đẹp</textarea>" in fields(page)
    assert sent.shop.holdings() == before


def test_a_survey_closes(shop: Shop):
    sent = send(shop, "survey_day7")
    shop.stack.advance(shop.now + timedelta(days=61))

    assert sent.get(sent.links.survey).status == 404
    assert sent.post(sent.links.survey, score="5").status == 404


def test_a_message_that_asks_nothing_has_no_survey(sent: Sent):
    assert sent.get(sent.links.survey).status == 404
    assert sent.post(sent.links.survey, score="5").status == 404


# ---- links that are none ----


def test_forged_foreign_and_torn_links_get_a_kind_page_and_store_nothing(sent: Sent):
    right = {"r": sent.links.click(0), "u": sent.links.unsubscribe, "s": sent.links.survey}
    other_key = sent.links._replace(key=link_key(b"another shop"))
    wrong = [path[:-1] + ("A" if path[-1] != "A" else "B") for path in right.values()]
    wrong += [path[:-4] for path in right.values()] + [f"/{door}/x" for door in right]
    wrong += [f"/{door}/{right[other][3:]}" for door in right for other in right if door != other]
    wrong += [other_key.click(0), other_key.unsubscribe, other_key.survey, "/u/" + "a" * 500, "/r/%00%0d%0aX:y"]
    before = sent.shop.holdings()
    for path in wrong:
        for answer in (sent.get(path), sent.post(path, scope="all") if path[1] != "r" else sent.get(path)):
            assert answer.status == 404, path
            assert "Liên kết này không còn dùng được" in fields(answer)
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert sent.shop.holdings() == before


def test_a_body_beyond_all_reason_is_refused_kindly(sent: Sent):
    answer = sent.post(sent.links.survey, raw=b"score=5&comment=" + b"x" * 20_000)

    assert answer.status == 413
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_pages_run_nothing_load_nothing_and_are_kept_nowhere(shop: Shop):
    sent = send(shop, "survey_day7")
    pages = [
        sent.get(sent.links.unsubscribe), sent.get(sent.links.survey), sent.get("/r/nothing"),
        sent.post(sent.links.survey, score="4"), sent.post(sent.links.unsubscribe),
    ]  # fmt: skip
    for page in pages:
        text, policy = fields(page), page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["x-robots-tag"] == "noindex, nofollow"
        assert page.headers["cache-control"] == "no-store"
        assert not re.search(r"<script|<img|<link|\bsrc=|style=|url\(|@import|\bon\w+=", text)
        assert '<html lang="vi">' in text
        assert 'lang="en"' in text


def test_no_link_says_who_somebody_is(sent: Sent):
    profile = json.dumps(sent.shop.call("GET", f"/v1/customers/{sent.customer}").json)
    assert "+84901234567" in profile
    for path in (sent.links.click(0), sent.links.unsubscribe, sent.links.survey):
        assert re.fullmatch(r"/[rus]/[A-Za-z0-9_-]{48}", path)
        assert "901234567" not in path
