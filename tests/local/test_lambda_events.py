"""Events and answers have the shapes of AWS."""

import base64
from datetime import UTC, datetime

import pytest

from infra.local.stack.lambda_events import failed_messages, http_answer, http_event, tick_event

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


def request(path="/v1/batch", query="", headers=None, body=b"", parameters=None, always_base64=False):
    return http_event(
        "POST /v1/batch",
        "POST",
        path,
        query,
        headers or {},
        body,
        parameters or {},
        NOW,
        always_base64=always_base64,
    )


def test_a_request_looks_like_payload_format_2():
    event = request(
        path="/v1/segments/th%C3%A2n",
        query="limit=5&tag=a&tag=b&empty=",
        headers={"Content-Type": "application/json", "User-Agent": "till", "Cookie": "a=1; b=2"},
        body=b'{"x":1}',
        parameters={"label": "thân"},
    )
    assert event["version"] == "2.0"
    assert event["routeKey"] == event["requestContext"]["routeKey"] == "POST /v1/batch"
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/v1/segments/thân"
    assert event["rawQueryString"] == "limit=5&tag=a&tag=b&empty="
    assert event["queryStringParameters"] == {"limit": "5", "tag": "a,b", "empty": ""}
    assert event["headers"] == {"content-type": "application/json", "user-agent": "till"}
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["pathParameters"] == {"label": "thân"}
    assert (event["body"], event["isBase64Encoded"]) == ('{"x":1}', False)
    assert event["requestContext"]["timeEpoch"] == 1795237200000
    assert event["requestContext"]["time"] == "21/Nov/2026:05:00:00 +0000"
    assert event["requestContext"]["stage"] == "$default"
    assert event["requestContext"]["http"]["userAgent"] == "till"


def test_what_a_request_does_not_have_is_left_out():
    event = request()
    assert not {"body", "cookies", "pathParameters", "queryStringParameters"} & event.keys()


@pytest.mark.parametrize(
    ("headers", "body", "text"),
    [
        ({"content-type": "application/json; charset=utf-8"}, b"{}", True),
        ({"content-type": "text/plain"}, "xin chào".encode(), True),
        ({"content-type": "application/x-www-form-urlencoded"}, b"a=1", False),
        ({}, b"{}", False),
        ({"content-type": "application/json", "content-encoding": "gzip"}, b"{}", False),
        ({"content-type": "application/json"}, b"\xff\xfe", False),
    ],
)
def test_only_plain_text_travels_as_text(headers, body, text):
    event = request(headers=headers, body=body)
    assert event["isBase64Encoded"] is not text
    assert (event["body"].encode() if text else base64.b64decode(event["body"])) == body


def test_a_hostile_api_sends_everything_as_base64():
    event = request(headers={"content-type": "application/json"}, body=b"{}", always_base64=True)
    assert (event["body"], event["isBase64Encoded"]) == ("e30=", True)


def test_answers_of_every_form():
    assert http_answer({"statusCode": 201, "headers": {"X-A": 1}, "body": "é"}) == (201, {"x-a": "1"}, "é".encode())
    assert http_answer({"statusCode": 200, "body": "AAE=", "isBase64Encoded": True}).body == b"\x00\x01"
    assert http_answer({"statusCode": 204}) == (204, {}, b"")
    assert http_answer({"ok": True}) == (200, {"content-type": "application/json"}, b'{"ok": true}')


@pytest.mark.parametrize("body", [{"not": "a string"}, "no base64!"])
def test_an_answer_the_gateway_could_not_send(body):
    with pytest.raises(ValueError, match="body of a door's answer"):
        http_answer({"statusCode": 200, "body": body, "isBase64Encoded": True})


@pytest.mark.parametrize(
    ("result", "failed"),
    [
        (None, set()),
        ({}, set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": None}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, {"a"}),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": "stranger"}]}, {"a", "b"}),
        ({"batchItemFailures": [{"wrong": "a"}]}, {"a", "b"}),
        ({"batchItemFailures": "a"}, {"a", "b"}),
        ("nonsense", {"a", "b"}),
    ],
)
def test_which_messages_of_a_batch_failed(result, failed):
    assert failed_messages(result, {"a", "b"}) == failed


def test_a_tick_names_its_job_and_its_moment():
    assert tick_event("timers", NOW) == {"job": "timers", "time": "2026-11-21T05:00:00Z"}
