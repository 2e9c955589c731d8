"""The deployed house does its work: a customer, a batch, a poison message, a tick of the clock, and a clean leave."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.cloud import Cloud, eventually

EMULATOR = os.environ.get("KQ_E2E")

pytestmark = [
    pytest.mark.cdk,
    pytest.mark.node,
    pytest.mark.skipif(not EMULATOR, reason="deploys onto an emulator; run it by `make e2e`"),
]

ISSUE_KEYS = """
import json
from shared.runtime.wiring import new_id, now, outside
from shared.repositories.api_keys import KeyGrant, issue_key

def issue(kind, roles=()):
    secret = outside().identity_key
    return issue_key(outside().table, KeyGrant(kind, "e2e", roles), identity_key=secret, now=now(), new_id=new_id)

print(json.dumps({"api": issue("api", ["admin"]), "write": issue("write")}))
"""

# What the weekly door does first; that it was stopped right after is what the minute sweep is there for.
LEAVE_A_PASS_UNFINISHED = """
from shared.runtime.factories.rules_today import rules_today
from shared.runtime.wiring import now, outside
from shared.use_cases.segments.weekly_cutoffs import publish

publish(outside().table, rules_today(now()), now())
"""


class Keys(NamedTuple):
    api: str
    write: str


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    assert EMULATOR
    cloud = Cloud(EMULATOR)
    try:
        cloud.start()
        yield cloud
    finally:
        cloud.stop()


@pytest.fixture(scope="module")
def keys(cloud: Cloud) -> Keys:
    return Keys(**json.loads(cloud.run(ISSUE_KEYS)))


def order(number: int, phone: str, total: int, days_ago: int) -> dict[str, Any]:
    return {
        "type": "track",
        "messageId": f"e2e-{number}",
        "event": "Order Completed",
        "userId": phone,
        "timestamp": (datetime.now(UTC) - timedelta(days=days_ago)).isoformat(),
        "properties": {
            "order_id": f"E2E-{number}",
            "total": total,
            "currency": "VND",
            "store": "HN01",
            "channel": "store",
        },
    }


def found(cloud: Cloud, keys: Keys, phone: str) -> Any:
    status, view = cloud.call("POST", "/v1/customers/search", {"phone": phone}, key=keys.api)
    return view if status == 200 else None


def test_health_answers_without_a_key(cloud: Cloud):
    assert cloud.call("GET", "/health") == (200, {"status": "ok"})


def test_who_has_no_key_is_refused_by_the_door_with_a_problem(cloud: Cloud):
    status, problem = cloud.call("GET", "/v1/segments")

    assert status == problem["status"] == 401


def test_a_customer_is_put_and_read_back(cloud: Cloud, keys: Keys):
    customer = {"identities": {"phone": "0901 234 567"}, "traits": {"name": "Nguyễn Thị Hoa"}, "source": "e2e"}

    status, put = cloud.call("PUT", "/v1/customers", customer, key=keys.api)
    assert (status, put["created"]) == (201, True)

    status, seen = cloud.call("GET", f"/v1/customers/{put['customer_id']}", key=keys.api)
    assert (status, seen["traits"]["name"]) == (200, "Nguyễn Thị Hoa")


def test_a_batch_travels_through_the_queue_to_the_same_customer(cloud: Cloud, keys: Keys):
    batch = {"batch": [order(1, "+84901234567", 1_250_000, 1)]}

    assert cloud.call("POST", "/v1/batch", batch, write_key=keys.write) == (200, {"success": True})

    seen = eventually(
        lambda: (view := found(cloud, keys, "0901234567")) and view["metrics"]["orders"] == 1 and view, 60
    )
    assert seen["traits"]["name"] == "Nguyễn Thị Hoa"
    assert seen["metrics"]["revenue"] == 1_250_000


def test_a_poison_message_ends_in_the_dead_letter_queue_with_its_reason(cloud: Cloud, keys: Keys):
    sqs = cloud.client("sqs")
    sqs.send_message(QueueUrl=cloud.queue("events"), MessageBody="this is no event")
    cloud.call("POST", "/v1/batch", {"batch": [order(2, "0912000001", 90_000, 1)]}, write_key=keys.write)

    dead = eventually(lambda: sqs.receive_message(QueueUrl=cloud.queue("events-dlq")).get("Messages"), 60)

    (letter,) = (json.loads(message["Body"]) for message in dead)
    assert letter["body"] == "this is no event"
    assert letter["reason"]
    # Its neighbour is not held up.
    assert eventually(lambda: found(cloud, keys, "0912000001"), 60)


def test_the_minute_tick_sweeps_what_is_due(cloud: Cloud, keys: Keys):
    regulars = [order(100 + n, f"09130000{n:02}", 100_000 + n, 2) for n in range(22)]
    best = [order(200 + n, "0914000000", 3_000_000, days_ago) for n, days_ago in enumerate((40, 3))]
    cloud.call("POST", "/v1/batch", {"batch": regulars + best}, write_key=keys.write)
    eventually(lambda: (view := found(cloud, keys, "0914000000")) and view["metrics"]["orders"] == 2, 60)
    eventually(lambda: found(cloud, keys, "0913000021"), 60)
    assert cloud.call("GET", "/v1/segments/vip/customers", key=keys.api)[1]["items"] == []

    cloud.run(LEAVE_A_PASS_UNFINISHED)

    # Nothing but the schedule works on this from here: it is the tick that appoints the VIP.
    vips = eventually(lambda: cloud.call("GET", "/v1/segments/vip/customers", key=keys.api)[1]["items"], 150)
    assert [vip["customer_id"] for vip in vips] == [found(cloud, keys, "0914000000")["customer_id"]]


def test_nothing_is_left_running_or_behind(cloud: Cloud):
    before = set(Path(tempfile.gettempdir()).glob("ministack*"))

    cloud.stop()

    assert not cloud.folder.exists()
    assert set(Path(tempfile.gettempdir()).glob("ministack*")) <= before
