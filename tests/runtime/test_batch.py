"""An SQS door reports each record by itself, and sends what no retry can process to the dead-letter queue with why."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from infra.catalogue import DOORS, FromQueue
from infra.local.stack.clock import LocalClock
from infra.local.stack.lambda_events import Context
from infra.local.stack.local_stack import LocalStack
from shared.domain.errors import Busy
from shared.domain.vietnam_time import moment
from shared.runtime import wiring
from shared.runtime.batch import Poison, SqsBatch, parsed

ROOT = Path(__file__).parents[2]
NOW = "2026-11-21T05:00:00.000Z"


class Sale(BaseModel):
    total: int


class DeadLetters:
    """A dead-letter queue that remembers what it was sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.calls = 0

    def send(self, bodies: Any, **_: Any) -> None:
        self.calls += 1
        self.sent += map(json.loads, bodies)


@pytest.fixture(autouse=True)
def stack() -> Iterator[LocalStack]:
    stack = LocalStack(None, LocalClock(moment(NOW), frozen=True))
    token = wiring.install(stack.outside)
    yield stack
    wiring.uninstall(token)
    stack.close()


def event(*bodies: str) -> dict[str, Any]:
    return {"Records": [{"messageId": f"m{n}", "body": body} for n, body in enumerate(bodies)]}


def failures(*ids: str) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in ids]}


def fail(error: Exception) -> Callable[[Any], None]:
    def work(record: Any) -> None:
        if record.body == "bad":
            raise error

    return work


def test_what_failed_comes_again_alone_and_nothing_is_raised_when_all_of_it_failed():
    letters, context = DeadLetters(), Context("door", 512, 30)

    assert SqsBatch("door", letters).run(event("a", "b"), context, fail(Busy("x"))) == failures()
    assert SqsBatch("door", letters).run(event("a", "bad"), context, fail(Busy("x"))) == failures("m1")
    assert SqsBatch("door", letters).run(event("bad", "bad"), context, fail(RuntimeError())) == failures("m0", "m1")
    assert letters.calls == 0


def test_poison_is_set_aside_with_reason_door_time_and_trace_and_is_done():
    letters, context = DeadLetters(), Context("door", 512, 30)

    def work(record: Any) -> int:
        try:
            return parsed(Sale, record.body).total // 0
        except ZeroDivisionError as error:
            raise Poison("nothing can be divided") from error

    answer = SqsBatch("door", letters).run(event("no json", '{"total": "Lan"}', '{"total": 7}'), context, work)

    assert answer == failures()
    assert letters.calls == 1
    about = {"door": "door", "failed_at": NOW, "request_id": context.aws_request_id}
    assert [{name: letter[name] for name in about} for letter in letters.sent] == [about] * 3
    assert [letter["body"] for letter in letters.sent] == ["no json", '{"total": "Lan"}', '{"total": 7}']
    wrong = [letter["reason"].partition(": ") for letter in letters.sent]
    assert [start for start, _, _ in wrong] == [*["not a message of this queue"] * 2, "nothing can be divided"]
    assert wrong[1][2].startswith("total ")
    assert not any("Lan" in letter["reason"] for letter in letters.sent)
    assert all(letter["trace"] for letter in letters.sent)
    assert "test_batch.py" in letters.sent[2]["trace"][-1]


def test_work_done_together_says_which_messages_come_again_and_sees_none_that_failed():
    letters, seen = DeadLetters(), []

    def together(worked: list[Any]) -> list[str]:
        seen.extend((one.message_id, one.result.total) for one in worked)
        return ["m2"]

    batch = SqsBatch("door", letters)
    sales = event('{"total": 1}', "no json", '{"total": 3}')
    assert batch.run(sales, None, lambda record: parsed(Sale, record.body), together) == failures("m2")
    assert seen == [("m0", 1), ("m2", 3)]
    assert [letter["body"] for letter in letters.sent] == ["no json"]


def test_what_fails_together_makes_the_whole_batch_come_again_and_sets_nothing_aside_twice():
    letters = DeadLetters()

    def together(_: Any) -> list[str]:
        raise Busy("the table is throttled")

    with pytest.raises(Busy):
        SqsBatch("door", letters).run(event("no json", '{"total": 1}'), None, lambda r: parsed(Sale, r.body), together)
    assert letters.sent == []


@pytest.mark.parametrize("door", [door.name for door in DOORS if isinstance(door.trigger, FromQueue)])
def test_a_cold_start_does_not_load_the_models_of_every_aws_event(door: str):
    program = f"import sys, functions.{door}; print('aws_lambda_powertools.utilities.parser' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_a_batch_knows_how_long_its_invocation_lives():
    left = []
    SqsBatch("door", DeadLetters()).run(event("a"), Context("door", 512, 30), lambda _: left.append(wiring.time_left()))

    assert 0 < left[0].total_seconds() <= 30
    wiring.keep_time(None)
