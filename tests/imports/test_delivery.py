"""Batches on their way: limits, what a door refuses, and a network that stumbles."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra.local.importing.command import run_import
from infra.local.importing.open_file import Row
from infra.local.importing.rows_to_events import Unit
from infra.local.importing.targets import Delivery, OverHttp, Reply, Stopped
from infra.local.stack.clock import LocalClock
from infra.local.stack.http_server import HttpServer
from infra.local.stack.keys import local_keys
from infra.local.stack.local_stack import LocalStack
from tests.imports.exports import KIOTVIET, NOW, write_csv


def unit(number: int, events: int = 1, size: int = 10) -> Unit:
    said = [{"messageId": f"{number}-{event}", "filler": "x" * size} for event in range(events)]
    return Unit([Row(number, (str(number),))], said)


class Door:
    """Takes what is not `wrong` and remembers it; names what it leaves out, or refuses the whole without `names`."""

    def __init__(self, wrong: set[str], *, names: bool = True) -> None:
        self.wrong, self.names = wrong, names
        self.taken: list[str] = []
        self.calls: list[int] = []

    def post(self, body: bytes) -> Reply:
        ids = [event["messageId"] for event in json.loads(body)["batch"]]
        self.calls.append(len(ids))
        assert len(body) <= 500 * 1024
        bad = [number for number, name in enumerate(ids) if name in self.wrong]
        if bad and not self.names:
            return Reply(400, {"detail": "The input is not valid."})
        if bad:
            rejected = [{"index": number, "field": "timestamp", "reason": "is odd"} for number in bad]
            self.taken += [name for name in ids if name not in self.wrong]
            return Reply(200, {"success": True, "rejected": rejected})
        self.taken += ids
        return Reply(200, {"success": True})

    def unfinished(self) -> int:
        return 0


def deliver(door: Door, units: list[Unit]) -> dict[int, tuple[tuple[str, str], ...]]:
    refused: dict[int, tuple[tuple[str, str], ...]] = {}
    delivery = Delivery(door, lambda unit, wrong: refused.update({unit.rows[0].line: wrong}))
    for each in units:
        delivery.add(each)
    delivery.flush()
    assert delivery.sent_events <= len(door.taken)
    return refused


def test_batches_keep_to_a_hundred_events_and_half_a_megabyte_and_never_split_a_unit() -> None:
    many, large = Door(set()), Door(set())

    deliver(many, [unit(number, events=3) for number in range(70)])
    deliver(large, [unit(number, size=30_000) for number in range(40)])

    assert many.calls == [99, 99, 12]
    assert sum(large.calls) == 40
    assert max(large.calls) <= 16


def test_what_is_refused_by_name_is_reported_and_everything_else_sent_once() -> None:
    door = Door({"3-1", "7-0"})

    refused = deliver(door, [unit(number, events=2) for number in range(10)])

    assert refused == {3: (("timestamp", "is odd"),), 7: (("timestamp", "is odd"),)}
    # What is right of a row that is wrong is taken too; the row is mended and sent again.
    assert sorted(door.taken) == sorted({f"{n}-{e}" for n in range(10) for e in range(2)} - {"3-1", "7-0"})


def test_a_refusal_that_names_nobody_is_narrowed_down_to_the_one() -> None:
    door = Door({"5-0"}, names=False)

    refused = deliver(door, [unit(number) for number in range(10)])

    assert refused == {5: (("row", "refused with 400: The input is not valid."),)}
    assert sorted(door.taken) == sorted(f"{n}-0" for n in range(10) if n != 5)


class Network:
    """A real HTTP server on a local port that answers by script: a status, or "drop" for a lost connection."""

    def __init__(self, *script: int | str) -> None:
        self.script = list(script)
        self.seen: list[dict[str, Any]] = []
        network = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                step = network.script.pop(0)
                if step == "drop":
                    self.close_connection = True
                    self.connection.close()
                    return
                network.seen.append({"port": self.client_address[1], "path": self.path, "body": body, **self.headers})
                answer = b'{"success":true}' if step == 200 else b'{"detail":"no"}'
                self.send_response(int(step))
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def network(request: pytest.FixtureRequest) -> Iterator[Network]:
    network = Network(*request.param)
    yield network
    network.close()


@pytest.mark.parametrize("network", [(200, 200)], indirect=True)
def test_bodies_go_compressed_over_one_connection_with_the_key_as_user_name(network: Network) -> None:
    target = OverHttp(f"{network.url}/stage/", "secret")

    target.post(b'{"batch":[]}')
    target.post(b'{"batch":[]}')

    first, second = network.seen
    assert first["path"] == "/stage/v1/batch"
    assert gzip.decompress(first["body"]) == b'{"batch":[]}'
    assert first["authorization"] == "Basic c2VjcmV0Og=="
    assert first["port"] == second["port"]


@pytest.mark.parametrize("network", [(503, "drop", 429, 200)], indirect=True)
def test_trouble_is_waited_out_with_growing_patience(network: Network) -> None:
    waits: list[float] = []

    reply = OverHttp(network.url, "k", sleep=waits.append).post(b"{}")

    assert reply.status == 200
    assert waits == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("network", [(500,) * 7], indirect=True)
def test_lasting_trouble_ends_with_a_message_and_may_be_tried_again(network: Network) -> None:
    with pytest.raises(Stopped, match="after 7 attempts") as stopped:
        OverHttp(network.url, "k", sleep=lambda _: None).post(b"{}")

    assert not stopped.value.unusable


@pytest.mark.parametrize("network", [(401,)], indirect=True)
def test_a_refused_key_is_said_at_once(network: Network) -> None:
    delivery = Delivery(OverHttp(network.url, "k"), lambda *_: None)
    delivery.add(unit(1))

    with pytest.raises(Stopped, match="write key is not accepted") as stopped:
        delivery.flush()

    assert stopped.value.unusable


def test_a_running_house_is_imported_into_over_http(tmp_path: Path) -> None:
    stack = LocalStack(None, LocalClock(NOW, frozen=True))
    server = HttpServer(stack, 0)
    stack.start()
    server.start()
    try:
        rows = [(f"HD{n}", "01/10/2025", "Lan", "0901234567", "1000", "Q1", "Hoa", "Paid") for n in range(150)]
        target = OverHttp(server.url, local_keys(stack, None).write_key)
        result = run_import(write_csv(tmp_path / "orders.csv", KIOTVIET, *rows), target, stack.clock.now)
        stack.drain()
    finally:
        server.stop()
        stack.close()

    assert (result.units, result.rejected_rows) == (150, 0)
