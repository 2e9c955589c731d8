"""The local HTTP server over a real socket: what clients do, what they do wrong, and the calls under /_local."""

import http.client
import json
import socket
from datetime import UTC, datetime, timedelta

import pytest

from infra.catalogue import Door, FromQueue, Http, Schedule, Tick
from infra.local.stack.api_gateway import API_LIMIT
from infra.local.stack.clock import LocalClock
from infra.local.stack.http_server import HttpServer, duration
from infra.local.stack.local_stack import LocalStack
from shared.runtime import settings, wiring

START = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)

DOORS = (
    Door(
        "echo_api", Http(("GET /v1/echo", "POST /v1/echo", "PUT /v1/echo", "DELETE /v1/echo")), (settings.EVENTS,), ()
    ),
    Door("in_worker", FromQueue(("events",)), (), ()),
    Door("daily_schedule", Schedule((Tick("daily", "0 6 * * ? *", "daily"),)), (), ()),
)


def load(name):
    def handler(event, _):
        if name != "echo_api":
            return None
        if event["rawQueryString"] == "enqueue":
            wiring.outside().events.send(["hello"])
        if event["rawQueryString"] == "nothing":
            return {"statusCode": 204}
        return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(event)}

    return handler


@pytest.fixture
def stack():
    stack = LocalStack(None, LocalClock(START, frozen=True), doors=DOORS, load=load)
    yield stack
    stack.close()


@pytest.fixture
def server(stack):
    server = HttpServer(stack)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def connection(server):
    connection = http.client.HTTPConnection(*address(server), timeout=10)
    yield connection
    connection.close()


def address(server):
    host, port = server.url.removeprefix("http://").split(":")
    return host, int(port)


def call(connection, method, path, body=None, headers=None):
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    content = response.read()
    is_json = "json" in (response.getheader("content-type") or "") and content
    return response.status, json.loads(content) if is_json else content


def raw(server, text, body=b""):
    """Send bytes as they are and read until the server closes."""
    with socket.create_connection(address(server), timeout=10) as peer:
        peer.sendall(text.replace("\n", "\r\n").encode() + body)
        peer.shutdown(socket.SHUT_WR)
        answer = b""
        while part := peer.recv(65536):
            answer += part
    return answer.decode()


def test_it_listens_on_this_machine_only(server):
    assert server.url.startswith("http://127.0.0.1:")


def test_one_connection_serves_many_calls(connection):
    for number in range(3):
        status, event = call(connection, "GET", f"/v1/echo?n={number}", headers={"X-A": "b"})
        assert status == 200
        assert event["rawQueryString"] == f"n={number}"
        assert event["headers"]["x-a"] == "b"
    assert connection.sock is not None


def test_bodies_arrive_whole_with_a_length_and_in_chunks(connection):
    text = {"Content-Type": "text/plain"}
    assert call(connection, "POST", "/v1/echo", "xin chào".encode(), text)[1]["body"] == "xin chào"
    chunks = iter([b"xin ", b"ch\xc3", b"\xa0o"])
    status, event = call(connection, "PUT", "/v1/echo", chunks, text)
    assert (status, event["body"]) == (200, "xin chào")
    assert call(connection, "GET", "/v1/echo")[0] == 200


def test_compressed_bodies_are_passed_on_untouched(connection):
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    event = call(connection, "POST", "/v1/echo", b"\x1f\x8b\x08", headers)[1]
    assert (event["body"], event["isBase64Encoded"]) == ("H4sI", True)
    assert event["headers"]["content-encoding"] == "gzip"


def test_a_header_that_stands_twice_is_joined(server):
    answer = raw(server, "GET /v1/echo HTTP/1.1\nHost: x\nX-A: 1\nX-A: 2\nConnection: close\n\n")
    assert '"x-a": "1,2"' in answer


def test_head_answers_like_get_without_the_body(connection):
    connection.request("HEAD", "/v1/echo")
    response = connection.getresponse()
    assert response.status == 200
    assert int(response.getheader("content-length")) > 0
    assert response.read() == b""
    assert call(connection, "GET", "/v1/echo")[0] == 200


def test_an_answer_without_content_leaves_the_connection_usable(connection):
    assert call(connection, "GET", "/v1/echo?nothing") == (204, b"")
    assert call(connection, "GET", "/v1/echo")[0] == 200


@pytest.mark.parametrize(
    "call_", [("GET", "/nowhere"), ("OPTIONS", "/v1/echo"), ("PATCH", "/v1/echo"), ("GET", "/_local/x")]
)
def test_what_is_not_there_is_a_problem_document(connection, call_):
    status, problem = call(connection, *call_)
    assert (status, problem["status"]) == (404, 404)


def test_a_body_over_the_limit_is_refused_before_it_is_read(connection, server):
    status, problem = call(connection, "POST", "/v1/echo", b"x" * (API_LIMIT + 1))
    assert (status, problem["title"]) == (413, "Content Too Large")
    assert "HTTP/1.1 413" in raw(server, f"POST /v1/echo HTTP/1.1\nHost: x\nContent-Length: {10**12}\n\n")
    assert "HTTP/1.1 413" in raw(server, "POST /v1/echo HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\nfffffff\n")


@pytest.mark.parametrize(
    "request_",
    [
        "POST /v1/echo HTTP/1.1\nHost: x\nContent-Length: many\n\n",
        "POST /v1/echo HTTP/1.1\nHost: x\nContent-Length: -1\n\n",
        "POST /v1/echo HTTP/1.1\nHost: x\nContent-Length: 10\n\nshort",
        "POST /v1/echo HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\nnot a size\n",
        "POST /v1/echo HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n2\nlonger\n0\n\n",
        "POST /v1/echo HTTP/1.1\nHost: x\nTransfer-Encoding: gzip\n\n",
        "POST /v1/echo HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\nContent-Length: 3\n\n0\n\n",
        "nonsense\n\n",
    ],
)
def test_requests_that_are_not_http_are_refused_and_the_server_goes_on(server, connection, request_):
    answer = raw(server, request_)
    assert "400" in answer
    assert "Connection: close" in answer or answer.startswith("{")
    assert call(connection, "GET", "/v1/echo")[0] == 200


def test_an_unknown_method_is_a_problem_document(server):
    answer = raw(server, "BREW /v1/echo HTTP/1.1\nHost: x\n\n")
    assert "HTTP/1.1 501" in answer
    assert "application/problem+json" in answer


@pytest.mark.parametrize("method", ["PATCH", "TRACE", "CONNECT", "OPTIONS", "QUERY"])
def test_a_method_that_no_call_has_is_not_found(connection, method):
    status, problem = call(connection, method, "/v1/echo")
    assert (status, problem["status"]) == (404, 404)
    assert call(connection, "GET", "/v1/echo")[0] == 200


# ---- /_local ----


def test_time_can_be_moved_to_a_moment_and_by_a_duration(connection):
    status, done = call(connection, "POST", "/_local/advance", '{"to": "2026-11-21T06:00:00+07:00"}')
    assert status == 200
    moved = {"now": "2026-11-20T23:00:00.000Z", "ticks": {"daily_schedule": 1}}
    assert done == {**moved, "messages": {}, "callbacks": 0, "failed": {}}
    done = call(connection, "POST", "/_local/advance", '{"by": "P30D"}')[1]
    assert done["now"] == "2026-12-20T23:00:00.000Z"
    assert done["ticks"] == {"daily_schedule": 30}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "not JSON"),
        ("[]", "Say"),
        ("{}", "Say"),
        ('{"to": 5}', "Say"),
        ('{"to": "2026-12-01T00:00:00Z", "by": "P1D"}', "Say"),
        ('{"until": "2026-12-01T00:00:00Z"}', "until"),
        ('{"to": "tomorrow"}', "RFC 3339"),
        ('{"to": "2026-12-01T00:00:00"}', "RFC 3339"),
        ('{"to": "2020-01-01T00:00:00Z"}', "never goes back"),
        ('{"to": "2126-12-31T23:59:59Z"}', "3660 days"),
        ('{"by": "30 days"}', "ISO 8601"),
        ('{"by": "P1M"}', "ISO 8601"),
        ('{"by": "P999999W"}', "3660 days"),
    ],
)
def test_a_step_in_time_that_cannot_be_done_is_a_problem_document(connection, stack, body, words):
    status, problem = call(connection, "POST", "/_local/advance", body)
    assert (status, problem["status"]) == (400, 400)
    assert words in problem["detail"]
    assert stack.now == START


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P30D", timedelta(days=30)),
        ("P2W", timedelta(weeks=2)),
        ("PT90M", timedelta(minutes=90)),
        ("P1DT2H3M4S", timedelta(days=1, hours=2, minutes=3, seconds=4)),
    ],
)
def test_durations(text, expected):
    assert duration(text) == expected


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "1D", "P-1D", "P1Y", "P1.5D", "p1d"])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="ISO 8601"):
        duration(text)


def test_queues_can_be_looked_at_and_drained(connection):
    call(connection, "GET", "/v1/echo?enqueue")
    queues = call(connection, "GET", "/_local/queues")[1]
    assert queues["events"] == {"visible": 1, "in_flight": 0, "delayed": 0}
    assert queues["events-dlq"] == {"visible": 0, "in_flight": 0, "delayed": 0, "messages": []}
    assert call(connection, "POST", "/_local/drain")[1]["messages"] == {"events": 1}
    assert call(connection, "GET", "/_local/queues")[1]["events"]["visible"] == 0


def test_the_meter_can_be_read_and_reset(connection):
    call(connection, "GET", "/v1/echo?enqueue")
    assert call(connection, "GET", "/_local/meter")[1]["doors"]["echo_api"]["queue_sends"] == 1
    assert call(connection, "POST", "/_local/meter/reset")[1] == {"doors": {}}
    assert call(connection, "GET", "/_local/meter")[1] == {"doors": {}}
