"""`kq up` as people and SDKs meet it: a process of its own, real sockets, real signals."""

import json
import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from infra.local.stack.clock import present
from shared.domain.vietnam_time import moment
from tests.support.running import ROOT, Up, within

NOW = "2026-11-20T17:00:00.000Z"


def kq(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "infra.local.cli", *arguments], capture_output=True, text=True, cwd=ROOT, timeout=60
    )


def order(number, phone="0901234567", total=100_000, at="2026-11-20T10:00:00Z"):
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"m-{number}",
        "userId": phone,
        "timestamp": at,
        "properties": {"order_id": f"o-{number}", "total": total, "currency": "VND"},
    }


def test_one_json_line_then_silence_on_standard_output(tmp_path):
    with Up("--now", NOW, "--frozen", log=tmp_path / "log") as up:
        assert up.ready.keys() == {"url", "write_key", "browser_key", "api_key", "now"}
        assert up.ready["now"] == NOW
        assert up.call("GET", "/health")[0] == 200
        assert up.batch(order(1))[0] == 200
        assert up.stop() == 0
        assert up.process.stdout.read() == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(tmp_path, number):
    with Up(log=tmp_path / "log") as up:
        assert up.stop(number) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_running_clock_shows_the_present(tmp_path):
    with Up(log=tmp_path / "log") as up:
        assert abs(moment(up.ready["now"]) - present()) < timedelta(minutes=2)


def test_a_frozen_clock_moves_only_when_told_and_takes_the_customer_along(tmp_path):
    with Up("--now", NOW, "--frozen", log=tmp_path / "log") as up:
        assert up.batch(order(1))[0] == 200
        up.call("POST", "/_local/drain")
        assert up.customer("+84 90 123 45 67")["segments"]["lifecycle"] == "new"
        status, done = up.call("POST", "/_local/advance", {"by": "P40D"})
        assert status == 200
        assert moment(done["now"]) == moment(NOW) + timedelta(days=40)
        assert done["failed"] == {}
        assert up.customer("0901234567")["segments"]["lifecycle"] == "lapsed_30"


def test_keys_and_data_outlive_a_restart(tmp_path):
    data = str(tmp_path / "data")
    with Up("--data", data, "--now", NOW, "--frozen", log=tmp_path / "log") as up:
        first = up.ready
        up.batch(order(1))
        up.call("POST", "/_local/drain")
        up.stop()
    with Up("--data", data, "--now", NOW, "--frozen", log=tmp_path / "log") as up:
        assert {**up.ready, "url": ""} == {**first, "url": ""}
        assert up.customer("0901234567")["metrics"]["orders"] == 1


def test_wrong_and_missing_keys_get_a_problem_document(tmp_path):
    with Up(log=tmp_path / "log") as up:
        up.ready |= {"api_key": "nobody", "write_key": "nobody"}
        assert up.call("POST", "/v1/customers/search", {"phone": "0901234567"})[0] == 401
        status, problem = up.batch(order(1))
        assert (status, problem["status"]) == (401, 401)


def test_killed_in_the_middle_of_an_import_nothing_is_lost_and_nothing_doubled(tmp_path):
    """Show 7: the sender does what every SDK does, it repeats what was not acknowledged."""
    data = str(tmp_path / "data")
    phones = [f"09012345{n:02d}" for n in range(20)]
    batches = [
        [order(f"{phone}-{n}", phone, 10_000 * (n + 1)) for phone in phones[part::4] for n in range(5)]
        for part in range(4)
    ] * 3
    arguments = ("--data", data, "--now", NOW, "--frozen")
    with Up(*arguments, log=tmp_path / "log") as up:
        for batch in batches[:3]:
            assert up.batch(*batch)[0] == 200
        up.process.kill()
        up.process.wait()
    with Up(*arguments, log=tmp_path / "log") as up:
        for batch in batches[2:]:
            assert up.batch(*batch)[0] == 200
        up.call("POST", "/_local/drain")
        for phone in phones:
            metrics = up.customer(phone)["metrics"]
            assert (metrics["orders"], metrics["revenue"]) == (5, 150_000)
        assert up.call("GET", "/_local/queues")[1]["events-dlq"]["visible"] == 0


def test_the_queue_is_worked_at_once(tmp_path):
    now = present().isoformat()
    with Up(log=tmp_path / "log") as up:
        up.batch(order(1, at=now))
        view = within(10, lambda: up.customer("0901234567"))
        assert view["metrics"]["revenue"] == 100_000


# ---- the command line around it ----


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("up", "--now", "yesterday"), "RFC 3339"),
        (("up", "--data", "/dev/null/x"), "/dev/null/x"),
        (("invoke", "events_worker", "nowhere.json"), "nowhere.json"),
        (("invoke", "nobody_api", "cdk.json"), "nobody_api"),
        (("ops", "dlq", "list", "--data", "/dev/null/x"), "/dev/null/x"),
        (("ops", "dlq", "list"), "--stage"),
        (("ops", "key", "issue", "--name", "till", "--stage", "moon"), "moon"),
        (("synth", "--stage", "moon"), "moon"),
    ],
)
def test_what_the_user_can_put_right_is_one_line_and_exit_code_2(arguments, words):
    ended = kq(*arguments)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    assert ended.stdout == ""


def test_a_taken_port_is_said_in_one_line(tmp_path):
    with Up(log=tmp_path / "log") as up:
        ended = kq("up", "--port", up.url.rpartition(":")[2])
    assert ended.returncode == 2
    assert "in use" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_one_door_can_be_called_with_one_event(tmp_path):
    event = tmp_path / "event.json"
    event.write_text(
        json.dumps(
            {
                "version": "2.0",
                "routeKey": "GET /v1/segments",
                "rawPath": "/v1/segments",
                "rawQueryString": "",
                "headers": {},
                "requestContext": {
                    "http": {"method": "GET", "path": "/v1/segments"},
                    "stage": "$default",
                    "requestId": "r",
                },
                "isBase64Encoded": False,
            }
        )
    )
    ended = kq("invoke", "customers_api", str(event))
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["statusCode"] == 200


def test_help_is_quick_to_load():
    """The help page must not wait for the doors, the table or Excel."""
    code = "import sys, infra.local.cli; print([m for m in ('pydantic', 'openpyxl', 'sqlite3') if m in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert ended.stdout.strip() == "[]"


def test_doctor_finds_everything_needed():
    ended = kq("doctor")
    assert ended.returncode == 0, ended.stdout
    assert "doors" in ended.stdout
