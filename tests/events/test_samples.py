"""Every sample goes through its real door, in the shape AWS sends, and is answered as events/README.md says."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra.catalogue import DOORS, FromStream, Http, Schedule
from infra.local.providers.messenger import PageComment
from infra.local.stack.clock import LocalClock
from infra.local.stack.keys import local_keys
from infra.local.stack.local_stack import LocalStack
from shared.adapters.webhooks import aws
from shared.domain.messaging.message import Intent
from shared.repositories import table_keys
from shared.repositories.messages import plan
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime.playbook.rules import sending_rules

SAMPLES = Path(__file__).parents[2] / "events" / "samples"
NAMES = sorted(path.stem for path in SAMPLES.glob("*.json"))
NOW = datetime(2025, 3, 23, 5, tzinfo=UTC)

STATUS = {
    "appointments_api_book": 201,
    "campaigns_api_create": 201,
    "campaigns_api_drafts": 404,  # the campaign is another shop's
    "customers_api_churn_risk": 200,
    "customers_api_merge": 404,  # neither customer is here yet
    "customers_api_put": 201,
    "customers_api_search": 404,  # 200 when customers_api_put went before it
    "customers_api_segment_members": 200,
    "customers_api_segments": 200,
    "events_api_bad_phone": 400,
    "events_api_batch": 200,
    "events_api_batch_gzip": 200,
    "events_api_identify": 200,
    "events_api_shipment": 200,
    "events_api_track_order": 200,
    "health_api_health": 200,
    "journeys_api_journey": 200,
    "popups_api_visitor": 200,
    "reports_api_kpis": 200,
    "tasks_api_outcome": 404,  # there is nobody yet whom it could be about
    "tasks_api_tasks": 200,
    "tickets_api_message": 404,  # nobody has written yet
    "tickets_api_post": 201,
    "vouchers_api_redeem": 404,  # nobody was given this code
    "webhooks_api_esms_delivered": 200,
    "webhooks_api_forged": 401,
    "webhooks_api_messenger_comment": 200,
    "webhooks_api_ses_mail": 401,  # Amazon signed it for another shop's topic
    "webhooks_api_zalo_text": 200,
    "links_api_faq": 200,
    "links_api_unsubscribe": 404,  # its token was made with another shop's key
}


def sample(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return content


def door_of(name: str) -> str:
    """A sample is named after its door, with what it shows behind it."""
    return next(door.name for door in DOORS if name == door.name or name.startswith(f"{door.name}_"))


class Laptop:
    """A house in memory that is called as `kq invoke` calls it, with this laptop's own keys."""

    def __init__(self) -> None:
        self.stack = LocalStack(None, LocalClock(NOW, frozen=True))
        self._keys = local_keys(self.stack, None)

    def invoke(self, name: str) -> Any:
        door, event = door_of(name), sample(name)
        if "requestContext" in event:
            basic = base64.b64encode(f"{self._keys.write_key}:".encode()).decode()
            key = f"Basic {basic}" if door in ("events_api", "popups_api") else f"Bearer {self._keys.api_key}"
            event["headers"]["authorization"] = key
        return self.stack.invoke(door, event)

    def customer(self, phone: str) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self._keys.api_key}", "content-type": "application/json"}
        answer = self.stack.http(
            "POST", "/v1/customers/search", headers=headers, body=json.dumps({"phone": phone}).encode()
        )
        assert answer.status == 200, answer.body
        view: dict[str, Any] = json.loads(answer.body)
        return view


@pytest.fixture
def laptop() -> Iterator[Laptop]:
    laptop = Laptop()
    yield laptop
    laptop.stack.close()


def test_every_door_has_a_sample() -> None:
    assert {door_of(name) for name in NAMES} == {door.name for door in DOORS}


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_what_its_door_is_wired_for_and_carries_no_key(name: str) -> None:
    event = sample(name)
    door = next(door for door in DOORS if door.name == door_of(name))
    if isinstance(door.trigger, Http):
        assert event["version"] == "2.0"
        assert event["routeKey"] in door.trigger.routes
        assert "authorization" not in event["headers"]
    elif isinstance(door.trigger, Schedule):
        assert event["job"] in {tick.job for tick in door.trigger.ticks}
    else:
        source = "aws:dynamodb" if isinstance(door.trigger, FromStream) else "aws:sqs"
        assert all(record["eventSource"] == source for record in event["Records"])


@pytest.mark.parametrize("name", sorted(STATUS))
def test_an_http_sample_is_answered_with_its_status(name: str, laptop: Laptop) -> None:
    answer = laptop.invoke(name)

    assert answer["statusCode"] == STATUS[name], answer["body"]


def test_all_http_samples_have_a_status() -> None:
    assert set(STATUS) == {name for name in NAMES if "requestContext" in sample(name)}


def test_the_batch_tells_of_a_customer_two_walk_ins_and_a_visitor_who_turned_out_to_be_her(laptop: Laptop) -> None:
    laptop.invoke("events_api_batch")
    laptop.stack.drain()

    anh = laptop.customer("0901234567")
    assert anh["traits"]["name"] == "Nguyễn Thị Hồng Ánh"
    assert (anh["metrics"]["orders"], anh["metrics"]["revenue"]) == (1, 1_250_000)
    assert laptop.stack.queue_state()["events-dlq"]["visible"] == 0


def test_the_gzip_sample_says_the_same_as_the_plain_one() -> None:
    import gzip

    packed, plain = sample("events_api_batch_gzip"), sample("events_api_batch")

    assert packed["isBase64Encoded"]
    assert json.loads(gzip.decompress(base64.b64decode(packed["body"])))["batch"] == json.loads(plain["body"])["batch"]


def test_the_bad_phone_is_refused_by_the_name_of_its_field(laptop: Laptop) -> None:
    assert [error["field"] for error in json.loads(laptop.invoke("events_api_bad_phone")["body"])["errors"]] == [
        "userId"
    ]


def test_the_put_customer_is_found_by_the_search_and_counted_in_the_segments(laptop: Laptop) -> None:
    put = json.loads(laptop.invoke("customers_api_put")["body"])
    found = laptop.invoke("customers_api_search")
    members = json.loads(laptop.invoke("customers_api_segment_members")["body"])["items"]

    assert found["statusCode"] == 200
    assert json.loads(found["body"])["customer_id"] == put["customer_id"]
    assert [member["customer_id"] for member in members] == [put["customer_id"]]


def test_the_worker_takes_its_sample_whole(laptop: Laptop) -> None:
    assert laptop.invoke("events_worker") == {"batchItemFailures": []}
    assert laptop.customer("0901234567")["metrics"]["orders"] == 1


def test_a_change_of_the_table_is_counted_once_and_becomes_a_fact(laptop: Laptop) -> None:
    for _ in range(2):
        assert laptop.invoke("facts_stream") == {"state": {}, "batchItemFailures": []}

    (counted,) = laptop.stack.table.query(table_keys.day_totals("2026-11-21")).items
    assert (counted["orders"], counted["kept"]) == (1, 450_000)
    assert len(laptop.stack.outside.lake.list("facts/order/dt=2026-11-21/").names) == 1


def test_poison_goes_to_the_dead_letters_with_its_reason_and_its_neighbour_goes_in(laptop: Laptop) -> None:
    assert laptop.invoke("events_worker_poison") == {"batchItemFailures": []}

    (letter,) = laptop.stack.queue_state()["events-dlq"]["messages"]
    assert "not a message of this queue" in json.dumps(letter)
    stored = laptop.stack.store.db.execute("SELECT count(*) FROM items WHERE pk LIKE 'ORDER#%'").fetchone()
    assert stored == (1,)


@pytest.fixture
def with_a_planned_message() -> Iterator[Laptop]:
    """A laptop where the message that the worker's samples name is planned, but not on the queue."""
    customer = "khachhangcuatiemnhamay01"
    laptop = Laptop()
    laptop.stack.outside.new_id = lambda: customer
    laptop.invoke("customers_api_put")
    variables = {"order_code": "HD004512", "total": 1_250_000, "ordered_on": "2025-03-23"}
    intent = Intent(customer, "order", "HD004512", "order_thanks", "transactional", "order_thanks", variables)
    uow = UnitOfWork(laptop.stack.table)
    plan(uow, intent, NOW, sending_rules())
    uow.commit()
    yield laptop
    laptop.stack.close()


def test_the_message_worker_sends_its_sample_once_however_often_it_comes(with_a_planned_message: Laptop) -> None:
    for _ in range(2):
        assert with_a_planned_message.invoke("messages_worker") == {"batchItemFailures": []}
    (received,) = with_a_planned_message.stack.providers.outbox()
    assert "HD004512" in received["text"]


def test_a_queue_message_that_names_none_of_ours_is_put_aside_and_its_neighbour_is_sent(
    with_a_planned_message: Laptop,
) -> None:
    assert with_a_planned_message.invoke("messages_worker_poison") == {"batchItemFailures": []}
    (letter,) = with_a_planned_message.stack.queue_state()["messages-transactional-dlq"]["messages"]
    assert "not a message of this queue" in letter["body"]
    assert len(with_a_planned_message.stack.providers.outbox()) == 1


def test_a_callback_becomes_news_and_a_forged_one_leaves_nothing(laptop: Laptop) -> None:
    laptop.invoke("webhooks_api_forged")
    assert laptop.stack.queue_state()["events"]["visible"] == 0
    laptop.invoke("webhooks_api_zalo_text")
    laptop.stack.drain()
    rows = laptop.stack.store.db.execute("SELECT body FROM items WHERE sk LIKE 'E#%'").fetchall()
    told = {entry["name"]: entry.get("text", "") for entry in (json.loads(body) for (body,) in rows)}
    assert told == {"inbound_message": "Shop ơi, áo HD004512 còn size M không ạ?", "Ticket Opened": ""}


def test_a_comment_with_a_number_is_hidden_and_asked_about_in_private(laptop: Laptop) -> None:
    laptop.stack.providers.stand_ins.messenger.comments["122101234567890123_1045678901234567"] = PageComment(
        "6512", "", NOW
    )
    laptop.stack.clock.set(datetime(2025, 3, 23, 6, tzinfo=UTC))
    laptop.invoke("webhooks_api_messenger_comment")
    laptop.stack.drain()

    (comment,) = laptop.stack.providers.stand_ins.messenger.comments.values()
    assert (comment.hidden, "ẩn đi để không ai khác thấy số điện thoại" in comment.private) == (True, True)


def test_the_mail_of_the_sample_says_what_she_wrote_and_answers_ours(laptop: Laptop) -> None:
    (news,) = aws.translate(json.loads(sample("webhooks_api_ses_mail")["body"]))

    assert news.text == (
        "Chào shop,\n\nÁo sơ mi đơn HD004512 mình nhận hôm qua bị bung chỉ ở vai, shop đổi giúp mình size M nhé."
    )
    assert (news.address, news.detail["subject"]) == ("lan.nguyen@mail.example", "Re: Đơn HD004512 đã giao")
    assert news.detail["authenticated"] is True
    assert news.provider_id.endswith("-000000")


@pytest.mark.parametrize("door", [door.name for door in DOORS if isinstance(door.trigger, Schedule)])
def test_a_schedules_sample_runs_its_job_on_a_shop_with_customers(door: str, laptop: Laptop) -> None:
    laptop.invoke("events_api_batch")
    laptop.stack.drain()

    assert laptop.invoke(door)
