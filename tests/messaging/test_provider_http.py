"""Calls to providers: what decides is whether they can have seen the request."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.providers.base import Reply, Request, StandIn, json_reply
from infra.local.providers.in_process import address
from shared.adapters.provider_http import HttpClient
from shared.domain.messaging.channel_errors import ChannelError

NOW = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


class Parrot(StandIn):
    """Answers what it is told to, and remembers what it was asked."""

    name = "parrot"

    def __init__(self) -> None:
        self.reply = json_reply({"ok": True})
        self.asked: list[Request] = []
        super().__init__(clock=lambda: NOW)
        self.address = self.url

    def handle(self, request: Request) -> Reply:
        self.asked.append(request)
        return self.reply


@pytest.fixture(params=["network", "nearby"])
def parrot(request: pytest.FixtureRequest) -> Iterator[Parrot]:
    """Whatever way leads to it, it is asked and answers the same."""
    parrot = Parrot()
    if request.param == "nearby":
        parrot.address = address(parrot)
    yield parrot
    parrot.stop()


def client(parrot: Parrot) -> HttpClient:
    return HttpClient(parrot.address, clock=lambda: NOW)


def test_json_query_and_headers_arrive_as_they_were_given(parrot: Parrot):
    answer = client(parrot).post_json("/a/b", {"tên": "Lan"}, query={"t": "a b&c"}, headers={"Access_Token": "x"})

    (asked,) = parrot.asked
    assert (answer.json(), asked.json(), asked.query, asked.path) == (
        {"ok": True},
        {"tên": "Lan"},
        {"t": "a b&c"},
        "/a/b",
    )
    assert (asked.headers["access_token"], asked.headers["content-type"]) == ("x", "application/json")


def test_a_form_arrives_as_a_form(parrot: Parrot):
    client(parrot).post_form("/f", {"a": "1 & 2", "b": ""})

    assert parrot.asked[0].form() == {"a": "1 & 2", "b": ""}


def test_past_the_network_a_stand_in_hears_what_it_would_hear_over_it():
    parrot = Parrot()
    for way in (parrot.url, address(parrot)):
        http = HttpClient(way, clock=lambda: NOW)
        http.post_json("/a%20b", {"tên": "Lan"}, query={"t": "a b&c=đ"}, headers={"Access_Token": "x"})
        http.post_form("/f", {"a": "1 & 2"})
        http.get("/g", query={"q": ""})
    parrot.stop()
    of_the_network = {"host", "accept-encoding", "content-length", "user-agent"}
    said = [
        (*asked[:3], {name: value for name, value in asked.headers.items() if name not in of_the_network}, asked.body)
        for asked in parrot.asked
    ]

    assert said[:3] == said[3:]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"<html>", "uncertain"),
        (200, b"[1]", "uncertain"),
        (500, b"oops", "uncertain"),
        (502, b"<html>", "uncertain"),
        (408, b"", "uncertain"),
        (302, b"", "misconfigured"),
        (401, b"", "misconfigured"),
        (404, b"<html>", "misconfigured"),
    ],
)
def test_an_answer_that_is_no_json_object_says_whether_it_was_understood(parrot: Parrot, status, body, kind):
    parrot.reply = Reply(status, body)

    with pytest.raises(ChannelError) as error:
        client(parrot).post_json("/a", {}).json()

    assert (error.value.kind, error.value.code) == (kind, f"http_{status}")


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("retry_after", "until"),
    [
        ("90", NOW + timedelta(seconds=90)),
        ("Sat, 21 Nov 2026 07:10:00 GMT", NOW + timedelta(minutes=10)),
        ("Sat, 21 Nov 2026 06:10:00 GMT", None),
        ("soon", None),
        ("99999999999999999999", None),
        ("-5", None),
        ("", None),
    ],
)
def test_a_provider_asking_for_patience_is_given_it(parrot: Parrot, status, retry_after, until):
    parrot.reply = Reply(status, headers={"Retry-After": retry_after} if retry_after else {})

    with pytest.raises(ChannelError) as error:
        client(parrot).post_json("/a", {})

    assert (error.value.kind, error.value.until) == ("back_off", until)


def test_a_connection_that_breaks_after_the_question_leaves_a_post_uncertain_and_a_get_to_be_repeated(parrot: Parrot):
    parrot.set_fault("timeout", on="/a")

    kinds = []
    for call in (lambda: client(parrot).post_json("/a", {}), lambda: client(parrot).get("/a")):
        with pytest.raises(ChannelError) as error:
            call()
        kinds.append(error.value.kind)

    assert kinds == ["uncertain", "back_off"]


def test_no_answer_in_time_is_uncertain():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        impatient = HttpClient(f"http://127.0.0.1:{silent.getsockname()[1]}", clock=lambda: NOW, read_seconds=0.02)
        with pytest.raises(ChannelError) as error:
            impatient.post_json("/a", {}, query={"access_token": "s3cret"})

    assert (error.value.kind, error.value.code) == ("uncertain", "timeout")
    assert "s3cret" not in repr(error.value) + repr(error.value.__cause__)
    assert error.value.__suppress_context__


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://nowhere.invalid"])
def test_a_provider_nobody_answers_for_has_surely_sent_nothing(address: str):
    with pytest.raises(ChannelError) as error:
        HttpClient(address, clock=lambda: NOW).post_json("/a", {})

    assert (error.value.kind, error.value.code) == ("back_off", "connect")


def test_an_address_that_is_none_needs_a_human():
    with pytest.raises(ChannelError) as error:
        HttpClient("http://[", clock=lambda: NOW).post_json("/a", {})

    assert error.value.kind == "misconfigured"


def test_a_share_of_faults_is_the_same_in_every_run():
    def outcomes() -> list[str]:
        parrot = Parrot()
        parrot.set_fault("error", 0.6, on="/a")
        found = []
        for _ in range(50):
            try:
                client(parrot).post_json("/a", {})
                found.append("ok")
            except ChannelError as error:
                found.append(error.kind)
        parrot.stop()
        return found

    first = outcomes()

    assert first == outcomes()
    assert 20 <= first.count("back_off") <= 40


def test_a_fault_nobody_knows_is_refused(parrot: Parrot):
    with pytest.raises(ValueError, match="timeout, error, rate_limit"):
        parrot.set_fault("explode", on="/a")
    with pytest.raises(ValueError, match="rate"):
        parrot.set_fault("error", 1.5, on="/a")
