"""House rule: personal data never reaches a log line, a metric, a URL or a key, whatever succeeds, fails or breaks."""

from __future__ import annotations

import base64
import json
import logging
import re
import traceback
import unicodedata
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from infra.local.commands.openapi import routes
from shared.runtime.logs import logger
from tests.support.shop import CALLS, Shop

NAME = "Quách Ngọc Uyển Nhi"
EMAIL = "uyennhi.quach@thuquen.vn"
ADDRESS = "17/4 Ngõ Tạm Thương"
PHONE = "0936 845 127"
# Written as before 2018; today's form of it is 038 684 51 27.
OLD_PHONE = "0168.684.5127"
PERSON = {"phone": PHONE, "name": NAME, "email": EMAIL, "address": ADDRESS, "birthday": "1991-02-03"}

WORDS = ("quach", "uyen", "tam thuong", "thuquen")
NUMBERS = ("936845127", "386845127", "1686845127")


def personal(text: str) -> list[str]:
    """What of the person stands in a text, in any spelling of a name or a number."""
    plain = unicodedata.normalize("NFD", text.encode().decode("unicode_escape", "ignore") + text).lower()
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    digits = re.sub(r"[\s.\-()/+]", "", plain)
    return [word for word in WORDS if word in plain] + [number for number in NUMBERS if number in digits]


def test_the_search_finds_a_person_in_every_spelling():
    for spelled in (NAME, NAME.upper(), unicodedata.normalize("NFD", NAME), "Quach Uyen", EMAIL, ADDRESS, PHONE):
        assert personal(f"to {spelled}!")
        assert personal(json.dumps({"x": spelled}))
        assert personal(repr(spelled))
    for spelled in (OLD_PHONE, "0386845127", "+84 38-684-5127", "(+84) 936.845.127"):
        assert personal(spelled)
    assert personal("2026-11-21T03:00:00.000Z Q1 C#5i2eatgtr1gn4jtpkm2loo4u") == []


class Lines(logging.Handler):
    """Everything anybody logs, with its parts and its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        parts = {name: str(value) for name, value in vars(record).items() if name != "exc_info"}
        if record.exc_info and record.exc_info[1]:
            parts["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
        self.lines.append(json.dumps({**parts, **logger.get_current_keys()}, ensure_ascii=False, default=str))


@pytest.fixture
def log() -> Iterator[Lines]:
    """All log lines from here on, debug ones too."""
    lines = Lines()
    listening = [logging.getLogger(), logging.getLogger("khach-quen")]
    before = [one.level for one in listening]
    for one in listening:
        one.addHandler(lines)
        one.setLevel(logging.DEBUG)
    yield lines
    for one, level in zip(listening, before, strict=True):
        one.removeHandler(lines)
        one.setLevel(level)


class Broken:
    """A table whose failures quote what they were asked for, as foreign errors may."""

    def __init__(self, working: Any) -> None:
        self._working = working

    def get(self, key: Any, **how: Any) -> Any:
        return self._working.get(key, **how) if key.pk.startswith("KEY#") else self.query()

    def query(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError(f"lost {PERSON}")

    batch_get = write = query


def live(shop: Shop) -> str:
    """A person meets every door, with success, refusal, poison and failure; answers with the customer's id."""
    known = {"phone": PHONE, "email": EMAIL, "external": {"kiotviet": "7"}}
    traits = {"name": NAME, "birthday": "1991-02-03", "city": ADDRESS, "attributes": {"address": ADDRESS}}
    customer: str = shop.call("PUT", "/v1/customers", {"identities": known, "traits": traits}).json["customer_id"]
    for number, user in enumerate((PHONE, OLD_PHONE, EMAIL, "+84936845127")):
        shop.sell(f"A{number}", user, days_ago=50, store="Q1")
        for call in CALLS[1:]:
            message = {"userId": user, "previousId": OLD_PHONE, "traits": PERSON, "context": {"traits": PERSON}}
            message |= {"event": "Wrote To Us", "properties": {"text": f"{NAME}, {PHONE}"}, "name": "Home"}
            assert shop.call("POST", f"/v1/{call}", message).status == 200
    sale = {"event": "Order Completed", "properties": {"order_id": "BAD", "total": 1}}
    assert shop.call("POST", "/v1/track", {**sale, "traits": {"phone": f"{PHONE} / {OLD_PHONE}"}}).status == 200
    shop.stack.drain()
    shop.call("POST", "/v1/customers/search", {"phone": PHONE})
    shop.call("POST", "/v1/customers/search", {"email": "x." + EMAIL})
    for path in (f"/v1/customers/{customer}", f"/v1/customers/{customer}/timeline", "/v1/segments/one_time/customers"):
        shop.call("GET", path)
    shop.call("POST", f"/v1/customers/{customer}/unmerge")

    # What they say, and what becomes of it.
    said = {
        "customer": {"identities": known},
        "channel": "email",
        "text": f"Tôi là {NAME}, {PHONE}, {ADDRESS}. Áo rách",
    }
    ticket = shop.call("POST", "/v1/tickets", said | {"subject": NAME, "order_id": "A1"}).json["ticket_id"]
    shop.call("POST", f"/v1/tickets/{ticket}/messages", {"author": "agent", "text": f"Chào {NAME}"})
    shop.call("POST", f"/v1/tickets/{ticket}/asks", {"to": "store", "question": NAME, "due_in_minutes": 30})
    shop.call("POST", f"/v1/tickets/{ticket}/messages", {"author": "agent", "text": f"{NAME} @care_1", "note": True})
    shop.call("POST", f"/v1/tickets/{ticket}/rating", {"score": 1, "comment": f"{NAME} {PHONE}"})
    shop.stack.outside.tickets.send([json.dumps({"said": {"channel": NAME, "text": PHONE}}), NAME])
    shop.stack.drain()

    # Refused: fields, keys, stores, addresses.
    shop.call("PUT", "/v1/customers", {"identities": {"phone": PHONE + "9", NAME: NAME}, "traits": {"name": [NAME]}})
    shop.call("POST", "/v1/track", {"userId": PHONE, "event": "x", NAME: NAME, "timestamp": NAME})
    shop.call("POST", "/v1/track", f"{{'{NAME}': '{PHONE}'".encode())
    shop.call("PUT", "/v1/customers", {"identities": known, "traits": {"home_store": NAME}}, key=NAME_KEY)
    shop.call("POST", "/v1/customers/search", {"phone": PHONE}, key=shop.key("api", "store_staff", stores=("Q9",)))

    # Poison: what is no message, and a message no worker can take in.
    events = shop.stack.queues["events"]
    event = {"id": "p1", "type": "track", "name": "x", "at": "2026-11-20T10:00:00.000Z", "traits": PERSON}
    event |= {"received_at": "2026-11-20T10:00:00.000Z", "identities": [[NAME, PHONE, "verified"]]}
    events.send([json.dumps({"events": [event]}), json.dumps({"events": [{**event, "type": NAME}]}), NAME])
    shop.stack.drain()
    assert len(shop.dead_letters) == 3

    # Broken: the table fails with the person on its lips.
    working, shop.stack.outside.table = shop.stack.outside.table, Broken(shop.stack.outside.table)  # type: ignore[assignment]
    assert shop.call("POST", "/v1/customers/search", {"phone": PHONE}).status == 500
    assert shop.call("PUT", "/v1/customers", {"identities": known, "traits": traits}).status == 500
    shop.stack.outside.table = working

    shop.stack.advance(shop.now + timedelta(days=40))
    shop.call("GET", "/v1/churn-risk")
    return customer


NAME_KEY = "kq_api_QuachUyenNhi"


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.stack.close()


def test_nothing_personal_is_logged_or_printed(
    shop: Shop, log: Lines, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    live(shop)

    printed = capfd.readouterr()
    assert any("unexpected failure" in line for line in log.lines)
    assert any("dead-letter queue" in line for line in log.lines)
    assert [line for line in log.lines if personal(line)] == []
    # Libraries log too, and on Lambda all of it is kept.
    assert [line for line in caplog.text.splitlines() if personal(line)] == []
    assert [line for line in (printed.out + printed.err).splitlines() if personal(line)] == []


def test_no_key_of_the_table_and_no_attribute_of_a_message_is_personal(shop: Shop):
    live(shop)

    items, _ = shop.holdings()
    keys = [str(part) for pk, sk, due, due_at, *_ in items for part in (pk, sk, due, due_at)]
    assert {key.partition("#")[0] for key in keys} >= {"C", "L", "ORDER", "BADPHONE", "S", "RISK", "WINBACK", "DAY"}
    assert [key for key in keys if personal(key)] == []
    letters = shop.stack.queue_state()["events-dlq"]["messages"]
    assert [letter for letter in letters if personal(json.dumps(letter["attributes"]))] == []
    # The letters themselves carry their event: whoever mends it has to see it.
    assert all(personal(letter["body"]) for letter in letters)


def test_a_link_can_not_be_computed_without_the_house_s_secret(shop: Shop):
    other = Shop()
    links = []
    for one in (shop, other):
        one.put(phone=PHONE)
        links.append({pk for pk, *_ in one.holdings()[0] if pk.startswith("L#")})
    other.stack.close()

    assert len(links[0]) == len(links[1]) == 1
    assert links[0] != links[1]


def test_no_figure_of_the_meter_is_personal(shop: Shop):
    live(shop)

    assert personal(json.dumps(shop.stack.meter.report())) == []


def test_no_address_has_a_place_for_personal_data(shop: Shop):
    customer = live(shop)

    named = {
        "appointment_id",
        "campaign_id",
        "code",
        "customer_id",
        "draft_id",
        "journey_id",
        "kpi",
        "label",
        "task_id",
        "ticket_id",
        "token",
    }
    assert set(re.findall(r"{(\w+)}", " ".join(routes()))) == named
    assert personal(customer) == []
    for path in (
        f"/v1/customers/{customer}/timeline",
        "/v1/segments/one_time/customers",
        "/v1/churn-risk",
        "/v1/tasks",
    ):
        after = shop.call("GET", path, query="limit=1").json["next"]
        assert after is None or personal(base64.urlsafe_b64decode(after).decode()) == []
