"""What all provider stand-ins have in common: a small HTTP server, what it received, faults on demand, and callbacks.

A stand-in never calls back by itself. Its owner (the local stack, a test) asks `next_callback_at` and `due_callbacks`,
delivers them, and tells `answered` how it went; so simulated time stays in order and every run is repeatable.
"""

from __future__ import annotations

import heapq
import json
import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple, get_args
from urllib.parse import parse_qsl

from infra.local.http_base import Handler, Server
from shared.ports import Clock

FaultMode = Literal["timeout", "error", "rate_limit", "crash_after_send", "off"]

RATE_LIMIT_SECONDS = 30
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(at: datetime) -> int:
    """A moment as providers count it: milliseconds since 1970."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


class Request(NamedTuple):
    """A call to a stand-in; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object, empty when it is none."""
        try:
            content = json.loads(self.body)
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))


class Reply(NamedTuple):
    """What a stand-in answers."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


def json_reply(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Reply(status, body, {"Content-Type": "application/json", **(headers or {})})


@dataclass(frozen=True, slots=True)
class Received:
    """A message the provider took: from here on it reaches the person, whatever the answer was."""

    at: datetime
    channel: str
    to: str
    text: str
    tracking_id: str = ""
    provider_id: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Callback:
    """A call the provider wants to make to us; `path` may have a query. `attempt` counts from 0."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    due_at: datetime
    attempt: int = 0


@dataclass(slots=True)
class _Fault:
    mode: FaultMode
    rate: float


class StandIn:
    """A provider on a free port of 127.0.0.1, serving from its making until `stop`.

    A provider says in `sends` which paths take a message, and for which channel; faults fall upon those, or upon any
    other path that is named to `set_fault`. `retry_after` is its table of callback retries.
    """

    name = ""
    sends: Mapping[str, str] = {}
    retry_after: Sequence[timedelta] = ()

    def __init__(self, *, clock: Clock, seed: int = 0) -> None:
        self.clock = clock
        self.received: list[Received] = []
        self.lock = threading.RLock()
        # Which call fails is chance, but the same chance in every run.
        self._random = random.Random(seed)  # noqa: S311
        self._faults: dict[str, _Fault] = {}
        self._callbacks: list[tuple[datetime, int, Callback]] = []
        self._callback_count = 0
        self._copies = 1
        self._disorder = timedelta()
        self._server = _Server(_Handler, name=self.name, poll=0.02)
        self._server.stand_in = self
        self.url = self._server.url
        self._server.start()

    def stop(self) -> None:
        """Refuse connections from now on and drop those that are open."""
        self._server.stop(drop_connections=True)

    def handle(self, request: Request) -> Reply:
        """Answer one call, speaking the provider's protocol; called by one thread at a time."""
        raise NotImplementedError

    # Faults

    def set_fault(self, mode: FaultMode, rate: float = 1.0, *, on: str | None = None) -> None:
        """Let a share of calls go wrong: all that send, those of one channel, or those to one path.

        `timeout`: nothing was done and the connection breaks (to a caller that is the same as no answer, without the
        wait); `crash_after_send`: it was done, then the connection breaks; `error` and `rate_limit`: the provider's own
        way of saying so; `off`: all is well again.
        """
        if mode not in get_args(FaultMode):
            raise ValueError(f"{mode!r} is no fault; there are {', '.join(get_args(FaultMode))}")
        if not 0 <= rate <= 1:
            raise ValueError("a rate lies between 0 and 1")
        with self.lock:
            for place in [on] if on else set(self.sends.values()):
                self._faults[place] = _Fault(mode, rate)

    def error_reply(self, request: Request) -> Reply:  # noqa: ARG002
        """How the provider says that it cannot right now."""
        return Reply(503)

    def rate_limit_reply(self, request: Request) -> Reply:  # noqa: ARG002
        return Reply(429, headers={"Retry-After": str(RATE_LIMIT_SECONDS)})

    def serve(self, request: Request) -> Reply | None:
        """The answer to a call, or None for a broken connection."""
        with self.lock:
            mode = self._fault(request)
            if mode == "error":
                return self.error_reply(request)
            if mode == "rate_limit":
                return self.rate_limit_reply(request)
            if mode == "timeout":
                return None
            reply = self.handle(request)
            return None if mode == "crash_after_send" else reply

    def _fault(self, request: Request) -> FaultMode:
        fault = self._faults.get(request.path) or self._faults.get(self.sends.get(request.path, ""))
        if fault is None or fault.mode == "off" or self._random.random() >= fault.rate:
            return "off"
        return fault.mode

    # Callbacks

    def disturb_callbacks(self, *, copies: int = 1, disorder: timedelta = timedelta()) -> None:
        """From now on each callback is made so many times, each up to `disorder` later than it should."""
        with self.lock:
            self._copies, self._disorder = copies, disorder

    def call_back(self, callback: Callback) -> None:
        """Have a callback made when it is due."""
        with self.lock:
            for _ in range(self._copies):
                # In whole milliseconds, as clocks here tick: what is due between two of them would never be.
                late = timedelta(milliseconds=self._disorder * self._random.random() // timedelta(milliseconds=1))
                self._enqueue(replace(callback, due_at=callback.due_at + late))

    def next_callback_at(self) -> datetime | None:
        with self.lock:
            return self._callbacks[0][0] if self._callbacks else None

    def due_callbacks(self, now: datetime) -> list[Callback]:
        """The callbacks that are due, in order; they are out of our hands then, until `answered`."""
        found = []
        with self.lock:
            while self._callbacks and self._callbacks[0][0] <= now:
                found.append(heapq.heappop(self._callbacks)[2])
        return found

    def answered(self, callback: Callback, status: int) -> None:
        """How a callback was answered; what was not accepted is repeated by the provider's table, then given up."""
        if self.accepted(status) or callback.attempt >= len(self.retry_after):
            return
        later = replace(
            callback, due_at=self.clock() + self.retry_after[callback.attempt], attempt=callback.attempt + 1
        )
        with self.lock:
            self._enqueue(self.retried(later))

    def accepted(self, status: int) -> bool:
        return 200 <= status < 300

    def retried(self, callback: Callback) -> Callback:
        """A repeated callback as the provider marks it."""
        return callback

    def _enqueue(self, callback: Callback) -> None:
        self._callback_count += 1
        heapq.heappush(self._callbacks, (callback.due_at, self._callback_count, callback))


class _Server(Server):
    stand_in: StandIn


class _Handler(Handler):
    server: _Server

    def serve(self) -> None:
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        asked = dict(parse_qsl(query, keep_blank_values=True)) if query else {}
        reply = self.server.stand_in.serve(Request(self.command, path, asked, headers, body))
        if reply is None:
            self.close_connection = True
            return
        lines = [f"HTTP/1.1 {reply.status} {self.responses.get(reply.status, ('',))[0]}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        lines += [f"Content-Length: {len(reply.body)}", "", ""]
        self.wfile.write("\r\n".join(lines).encode() + reply.body)
        self.wfile.flush()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Stand-ins keep what they received instead of a log."""
