"""The house: queues, schedules and time over throwaway doors, in the shapes and with the manners of AWS."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from infra.catalogue import Door, FromQueue, Http, QueueRow, Schedule, Tick
from infra.local.stack.api_gateway import API_LIMIT
from infra.local.stack.clock import LocalClock
from infra.local.stack.local_stack import LocalStack
from infra.local.stack.supplied import OPTIONAL, PARTS
from shared.adapters.local.fault_injection import FaultInjection
from shared.domain.vietnam_time import moment, stamp
from shared.ports import Key, Put
from shared.runtime import settings, wiring

START = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)  # midnight in Vietnam


class Plan:
    """Throwaway doors: an API that enqueues, a worker, a sweep every minute, a daily scan; each notes what it saw."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, object]] = []
        self.worker = lambda _: None
        self.sweep = self._remove_due
        self.daily = lambda _: None

    SETTINGS = (settings.TABLE, settings.EVENTS)
    DOORS = (
        Door("in_api", Http(("POST /v1/in", "GET /v1/things/{thing}", "GET /v1/things/first")), SETTINGS, ()),
        Door("in_worker", FromQueue(("events",), batch_size=2), SETTINGS, (), timeout_seconds=10),
        Door("timers_schedule", Schedule((Tick("timers", "* * * * ? *", "timers", 60, 0),)), SETTINGS, ()),
        Door("daily_schedule", Schedule((Tick("daily", "0 6 * * ? *", "daily"),)), SETTINGS, ()),
    )

    def load(self, name):
        def handler(event, context):
            outside = wiring.outside()
            self.seen.append((name, stamp(outside.clock()), event))
            assert context.function_name == name
            assert context.get_remaining_time_in_millis() > 0
            if name == "in_api":
                return self.api(event, outside)
            if name == "in_worker":
                return self.worker(event)
            return self.sweep(event) if name == "timers_schedule" else self.daily(event)

        return handler

    @staticmethod
    def api(event, outside):
        if event.get("body") == "break":
            raise RuntimeError("broken")
        if event["rawPath"] == "/v1/in" and "body" in event:
            outside.events.send([event["body"]])
        return {"statusCode": 200, "body": json.dumps(event), "headers": {"Content-Type": "application/json"}}

    @staticmethod
    def _remove_due(event):
        table = wiring.outside().table
        for row in table.due("timer#0", stamp(moment(event["time"]))):
            table.write(Put({"pk": row.key.pk, "sk": row.key.sk, "done": event["time"]}))

    def times(self, name):
        return [at for door, at, _ in self.seen if door == name]

    def bodies(self):
        return [record["body"] for door, _, event in self.seen if door == "in_worker" for record in event["Records"]]


@pytest.fixture
def plan():
    return Plan()


@pytest.fixture
def stack(plan):
    stack = LocalStack(None, LocalClock(START, frozen=True), doors=plan.DOORS, load=plan.load)
    yield stack
    stack.close()


def at(**later):
    return stamp(START + timedelta(**later))


def due_row(name, due_at):
    return Put({"pk": name, "sk": "row", "due": "timer#0", "due_at": due_at})


# ---- HTTP ----


def test_a_request_reaches_its_door_and_its_answer_comes_back(stack):
    status, headers, body = stack.http("GET", "/v1/things/42", "a=1", {"Authorization": "x"})
    event = json.loads(body)
    assert (status, headers) == (200, {"content-type": "application/json"})
    assert event["routeKey"] == "GET /v1/things/{thing}"
    assert event["pathParameters"] == {"thing": "42"}
    assert event["headers"] == {"authorization": "x"}


def test_a_literal_route_goes_before_a_parameter(stack):
    assert json.loads(stack.http("GET", "/v1/things/first").body)["routeKey"] == "GET /v1/things/first"


@pytest.mark.parametrize("call", [("GET", "/v1/in"), ("POST", "/v1/in/"), ("GET", "/v1/things/"), ("GET", "/")])
def test_no_route_is_a_problem_document(stack, call):
    answer = stack.http(*call)
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
    assert json.loads(answer.body)["status"] == 404


def test_a_door_that_breaks_answers_500_and_tells_nobody_why(stack, caplog):
    answer = stack.http("POST", "/v1/in", headers={"content-type": "text/plain"}, body=b"break")
    assert answer.status == 500
    assert b"broken" not in answer.body
    assert "broken" in caplog.text


def test_the_limits_of_gateway_and_lambda(stack, plan):
    text = {"content-type": "text/plain"}
    assert stack.http("POST", "/v1/in", body=b"x" * (API_LIMIT + 1)).status == 413
    assert stack.http("POST", "/v1/in", headers=text, body=b"x" * 6_500_000).status == 413
    # 5 MB of text is under Lambda's limit, the same 5 MB as base64 is over it.
    assert stack.http("GET", "/v1/things/1", headers=text, body=b"x" * 5_000_000).status == 200
    assert stack.http("GET", "/v1/things/1", body=b"x" * 5_000_000).status == 413


def test_an_answer_over_lambdas_limit_is_an_error(stack, plan):
    plan.api = lambda *_: {"statusCode": 200, "body": "x" * 6_500_000}
    assert stack.http("GET", "/v1/things/1").status == 500


# ---- queues ----


def test_messages_reach_the_worker_in_the_shape_of_sqs(stack, plan):
    stack.http("POST", "/v1/in", headers={"content-type": "text/plain"}, body="xin chào".encode())
    assert stack.drain() == {"now": at(), "ticks": {}, "messages": {"events": 1}, "callbacks": 0, "failed": {}}
    (record,) = plan.seen[-1][2]["Records"]
    assert record["body"] == "xin chào"
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"].endswith(":local-events")
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["attributes"]["SentTimestamp"] == str(int(START.timestamp() * 1000))
    assert len(record["md5OfBody"]) == 32
    assert record["messageId"] != record["receiptHandle"]


def test_batches_have_the_size_of_the_catalogue(stack, plan):
    stack.outside.events.send(["a", "b", "c"])
    stack.drain()
    assert sorted(len(event["Records"]) for _, _, event in plan.seen) == [1, 2]


def test_only_the_message_that_failed_comes_back_when_its_visibility_ends(stack, plan):
    plan.worker = lambda event: {
        "batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in event["Records"] if r["body"] == "bad"]
    }
    stack.outside.events.send(["good", "bad"])
    assert stack.drain()["failed"] == {"in_worker": 1}
    plan.worker = lambda _: None
    assert stack.drain()["messages"] == {}
    done = stack.advance(START + timedelta(seconds=60))  # six times the worker's time-out
    assert done["messages"] == {"events": 1}
    assert sorted(plan.bodies()) == ["bad", "bad", "good"]
    assert plan.times("in_worker")[-1] == at(seconds=60)
    assert plan.seen[-1][2]["Records"][0]["attributes"]["ApproximateReceiveCount"] == "2"


def test_an_exception_fails_the_whole_batch_and_five_failures_end_in_the_dead_letter_queue(stack, plan):
    def break_down(event):
        raise RuntimeError("broken")

    plan.worker = break_down
    stack.outside.events.send(["a", "b"])
    stack.drain()
    done = stack.advance(START + timedelta(hours=1))
    assert done["failed"] == {"in_worker": 8}
    assert sorted(plan.bodies()) == ["a"] * 5 + ["b"] * 5
    state = stack.queue_state()
    assert sorted(message["body"] for message in state["events-dlq"]["messages"]) == ["a", "b"]
    assert stack.advance(START + timedelta(days=1))["messages"] == {}


def test_doors_that_enqueue_for_each_other_are_drained_to_the_end(stack, plan):
    def pass_on(event):
        for record in event["Records"]:
            left = int(record["body"])
            if left:
                wiring.outside().events.send([str(left - 1)])

    plan.worker = pass_on
    stack.outside.events.send(["4"])
    assert stack.drain()["messages"] == {"events": 5}


# ---- time ----


def test_advance_runs_everything_in_order_of_time(stack, plan):
    stack.table.write(due_row("late", at(hours=7, minutes=30)))
    stack.table.write(due_row("early", at(hours=1, seconds=30)))
    stack.outside.events.send(["now"])
    stack.outside.events.send(["delayed"], delay_seconds=600)
    done = stack.advance(START + timedelta(days=1))
    assert done["now"] == at(days=1)
    assert done["ticks"] == {"timers_schedule": 2, "daily_schedule": 1}
    assert done["messages"] == {"events": 2}
    assert [(door, when) for door, when, _ in plan.seen] == [
        ("in_worker", at()),
        ("in_worker", at(minutes=10)),
        ("timers_schedule", at(hours=1, minutes=1)),
        ("daily_schedule", at(hours=6)),
        ("timers_schedule", at(hours=7, minutes=30)),
    ]


def test_a_tick_carries_its_job_and_its_moment(stack, plan):
    stack.advance(START + timedelta(hours=6))
    assert plan.seen[-1][2] == {"job": "daily", "time": "2026-11-20T23:00:00Z"}


def test_ninety_quiet_days_cost_ninety_daily_ticks(stack, plan):
    assert stack.advance(START + timedelta(days=90))["ticks"] == {"daily_schedule": 90}


def test_a_row_due_in_the_past_is_found_by_the_next_tick_and_no_earlier_one(stack, plan):
    stack.advance(START + timedelta(hours=5))
    stack.table.write(due_row("overdue", at(hours=1)))
    stack.advance(START + timedelta(hours=5, minutes=10))
    assert plan.times("timers_schedule") == [at(hours=5, minutes=1)]


def test_a_row_the_sweep_cannot_finish_is_tried_every_minute(stack, plan):
    plan.sweep = lambda _: None
    stack.table.write(due_row("stuck", at()))
    assert stack.advance(START + timedelta(minutes=5))["ticks"] == {"timers_schedule": 5}


def test_what_is_due_at_the_very_end_is_done(stack, plan):
    stack.table.write(due_row("last", at(minutes=5)))
    assert stack.advance(START + timedelta(minutes=5))["ticks"] == {"timers_schedule": 1}
    assert stack.advance(START + timedelta(minutes=5))["ticks"] == {}


def test_a_daily_scan_that_fails_is_tried_twice_more_and_the_minute_tick_is_not(stack, plan):
    def break_down(event):
        raise RuntimeError("broken")

    plan.daily = plan.sweep = break_down
    done = stack.advance(START + timedelta(hours=12))
    assert done["ticks"] == done["failed"] == {"daily_schedule": 3}
    assert plan.times("daily_schedule") == [at(hours=6), at(hours=6, minutes=1), at(hours=6, minutes=3)]
    assert {event["time"] for _, _, event in plan.seen} == {"2026-11-20T23:00:00Z"}
    stack.table.write(due_row("x", at(hours=12, minutes=1)))
    assert stack.advance(START + timedelta(hours=12, minutes=1))["failed"] == {"timers_schedule": 1}


def test_advance_never_goes_back(stack):
    with pytest.raises(ValueError, match="never goes back"):
        stack.advance(START - timedelta(seconds=1))


def test_the_meter_books_on_the_door_that_worked(stack, plan):
    stack.table.write(due_row("x", at(minutes=1)))
    stack.meter.reset()
    stack.advance(START + timedelta(minutes=1))
    assert stack.meter.report()["doors"].keys() == {"timers_schedule"}


# ---- in the background ----


def until(condition, event, seconds=10):
    """Wait for a condition that `event` announces; fails after a bounded time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        event.wait(0.05)
        event.clear()


def test_the_background_works_queues_at_once_also_when_time_stands_still(stack, plan):
    happened = threading.Event()
    plan.worker = lambda _: happened.set()
    stack.start()
    stack.http("POST", "/v1/in", headers={"content-type": "text/plain"}, body=b"a")
    until(lambda: plan.bodies() == ["a"], happened)
    assert stack.drain()["now"] == at()
    assert "daily_schedule" not in {door for door, *_ in plan.seen}


def test_a_running_clock_fires_schedules_at_their_time(plan):
    happened = threading.Event()

    def note(event):
        happened.set()

    plan.daily = note
    start = START + timedelta(hours=6, milliseconds=-50)
    stack = LocalStack(None, LocalClock(start), doors=plan.DOORS, load=plan.load)
    stack.start()
    until(lambda: plan.times("daily_schedule"), happened)
    stack.close()
    assert at(hours=6) <= plan.times("daily_schedule")[0] < at(hours=6, seconds=20)


def test_a_laptop_that_slept_catches_up_but_drops_runs_that_are_too_old(plan):
    happened = threading.Event()
    swept = []

    def sweep(event):
        plan._remove_due(event)
        swept.append(event["time"])
        happened.set()

    plan.sweep = sweep
    clock = LocalClock(START)
    stack = LocalStack(None, clock, doors=plan.DOORS, load=plan.load)
    stack.table.write(due_row("x", at(minutes=30)))
    clock.set(START + timedelta(hours=9, seconds=30))  # the machine wakes up
    stack.start()
    until(lambda: swept, happened)
    stack.close()
    assert swept == ["2026-11-21T02:00:00Z"]
    assert plan.times("daily_schedule") == []


def test_callers_take_turns(stack, plan):
    """One busy caller, such as the pump with a full queue, does not starve another."""
    finished = threading.Event()

    def go_on(event):
        if not finished.is_set():
            wiring.outside().events.send(["again"])

    plan.worker = go_on
    stack.start()
    stack.outside.events.send(["first"])
    stack.http("GET", "/v1/things/wake")
    for _ in range(20):
        assert stack.http("GET", "/v1/things/1").status == 200
    finished.set()


# ---- data ----


def test_data_key_and_time_outlive_the_house(tmp_path, plan):
    first = LocalStack(tmp_path, LocalClock(START, frozen=True), doors=plan.DOORS, load=plan.load)
    first.table.write(Put({"pk": "a", "sk": "b", "kept": True}))
    first.outside.events.send(["kept too"])
    first.advance(START)
    key = first.outside.identity_key
    first.outside.events.send(["and this"])
    first.close()
    second = LocalStack(tmp_path, LocalClock(START, frozen=True), doors=plan.DOORS, load=plan.load)
    assert second.table.get(Key("a", "b")) == {"pk": "a", "sk": "b", "kept": True}
    assert second.outside.identity_key == key
    assert len(key) == 32
    assert (tmp_path / "identity.key").stat().st_mode & 0o777 == 0o600
    assert second.drain()["messages"] == {"events": 1}
    assert second.advance(START + timedelta(days=10))["now"] == at(days=10)
    second.close()
    third = LocalStack(tmp_path, LocalClock(START, frozen=True), doors=plan.DOORS, load=plan.load)
    assert third.now == START + timedelta(days=10)
    third.close()


# ---- hostile ----


def test_a_hostile_house_sends_bodies_as_base64_and_repeats_messages(plan):
    faults = FaultInjection(Random(7), busy=0.0)
    stack = LocalStack(None, LocalClock(START, frozen=True), faults=faults, doors=plan.DOORS, load=plan.load)
    answer = stack.http("GET", "/v1/things/1", headers={"content-type": "application/json"}, body=b"{}")
    assert json.loads(answer.body)["isBase64Encoded"] is True
    stack.outside.events.send([str(n) for n in range(50)])
    stack.drain()
    stack.advance(START + timedelta(days=1))
    assert set(plan.bodies()) == {str(n) for n in range(50)}
    assert len(plan.bodies()) > 50
    stack.close()


# ---- composition ----


def test_another_plan_may_name_other_queues(plan):
    doors = (Door("in_worker", FromQueue(("letters",)), (), ()),)
    queues = (QueueRow("events"), QueueRow("letters", max_receives=2))
    stack = LocalStack(None, LocalClock(START, frozen=True), doors=doors, queues=queues, load=plan.load)
    stack.queues["letters"].send(["x"])
    assert stack.drain()["messages"] == {"letters": 1}
    stack.close()


def test_only_doors_on_the_plan_can_be_called(stack):
    with pytest.raises(KeyError):
        stack.invoke("nobody_api", {})


# ---- the real catalogue ----


def test_every_door_of_the_catalogue_loads():
    stack = LocalStack(None, LocalClock(START, frozen=True))
    stack.load()
    stack.close()


def test_a_door_reaches_only_what_its_row_supplies(plan, stack):
    reached = {}

    def worker(event):
        outside = wiring.outside()
        reached["table"] = outside.table
        with pytest.raises(settings.MissingSetting, match="in_worker is not supplied with KQ_IDENTITY_SECRET_ARN"):
            outside.identity_key  # noqa: B018
        assert outside.second_opinion is None

    plan.worker = worker
    stack.queues["events"].send(["a"])
    stack.drain()
    assert reached == {"table": stack.outside.table}


def test_every_part_of_the_outside_is_behind_a_setting_or_free_on_aws_too():
    free = {"clock", "new_id", "shadow_first", "memory"}
    parts = {name for name in vars(wiring.Outside) if not name.startswith("_")}
    assert parts == set(PARTS) | set(OPTIONAL) | free
