"""The local stack on a port: HTTP/1.1 for the API, and `/_local/*` to move time and look inside, without a key."""

from __future__ import annotations

import json
import logging
import re
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from infra.local.http_base import Handler, Server
from infra.local.stack.api_gateway import API_LIMIT
from infra.local.stack.lambda_events import Answer, problem
from infra.local.stack.local_stack import LocalStack
from shared.domain.vietnam_time import moment

# A connection nobody uses is let go after this time; a caller that is refused may go on sending so much.
IDLE_SECONDS = 75
LINGER_BYTES = 64 * 1024 * 1024
LINGER_SECONDS = 2

# Schedules fire many times a day, so a mistyped year would keep the stack busy for hours.
LONGEST_STEP = timedelta(days=3660)

log = logging.getLogger("khach_quen.local")


class HttpServer:
    """Serves one stack on 127.0.0.1; port 0 takes any free one. Raises OSError when the port is taken."""

    def __init__(self, stack: LocalStack, port: int = 0) -> None:
        self._server = _Server(_Handler, port=port, name="http", poll=0.05)
        self._server.stack = stack
        self.url = stack.outside.public_url = self._server.url
        self.start = self._server.start
        self.stop = self._server.stop


class _Server(Server):
    stack: LocalStack


class _RefusedError(Exception):
    """A request that is answered before its body was read; the connection cannot be used any further."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.answer = problem(status, title, detail)


def _too_large() -> _RefusedError:
    return _RefusedError(413, "Content Too Large", f"A request has at most {API_LIMIT} bytes.")


class _Handler(Handler):
    server: _Server
    timeout = IDLE_SECONDS

    def serve(self) -> None:
        try:
            body = self._read_body()
        except _RefusedError as refusal:
            self.close_connection = True
            self._send(refusal.answer)
            self._linger()
            return
        path, _, query = self.path.partition("?")
        stack = self.server.stack
        # HTTP lets a header stand more than once; API Gateway joins the values.
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            lowered = name.lower()
            headers[lowered] = f"{headers[lowered]},{value}" if lowered in headers else value
        if path.startswith("/_local/"):
            self._send(local_call(stack, self.command, path, query, body))
        elif self.command == "HEAD":
            self._send(stack.http("GET", path, query, headers, body))
        else:
            self._send(stack.http(self.command, path, query, headers, body))

    def _read_body(self) -> bytes:
        coding = self.headers.get("Transfer-Encoding", "").strip().lower()
        length = self.headers.get("Content-Length")
        if coding:
            if coding != "chunked" or length is not None:
                raise _RefusedError(
                    400, "Bad Request", "Only chunked transfer coding, without a length, is understood."
                )
            return self._read_chunks()
        if length is None:
            return b""
        if not (length.isascii() and length.isdecimal()):
            raise _RefusedError(400, "Bad Request", "Content-Length is not a number.")
        if int(length) > API_LIMIT:
            raise _too_large()
        return self._read_exactly(int(length))

    def _read_chunks(self) -> bytes:
        chunks: list[bytes] = []
        total = 0
        while True:
            size_line = self.rfile.readline(1024).partition(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size_line):
                raise _RefusedError(400, "Bad Request", "A chunk has no readable size.")
            size = int(size_line, 16)
            total += size
            if total > API_LIMIT:
                raise _too_large()
            if size == 0:
                break
            chunks.append(self._read_exactly(size))
            if self.rfile.readline(3).strip():
                raise _RefusedError(400, "Bad Request", "A chunk is longer than it said.")
        # Trailers are allowed and mean nothing to us.
        while self.rfile.readline(65537).strip():
            pass
        return b"".join(chunks)

    def _read_exactly(self, size: int) -> bytes:
        content = self.rfile.read(size)
        if len(content) < size:
            raise _RefusedError(400, "Bad Request", "The body ended early.")
        return content

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and answer.status != 204:
            self.wfile.write(answer.body)
        self.wfile.flush()

    def _linger(self) -> None:
        """Read on for a moment, so that the caller sees the refusal instead of a reset connection."""
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(LINGER_SECONDS)
        left = LINGER_BYTES
        try:
            while left > 0 and (read := self.rfile.read1(min(left, 65536))):
                left -= len(read)
        except OSError:
            return

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library refuses (a broken request line, an unknown method) is a problem document too."""
        self.close_connection = True
        title = message or self.responses.get(code, ("Error", ""))[0]
        self._send(problem(code, title, explain or title))

    def log_message(self, format: str, *arguments: Any) -> None:
        log.debug(format, *arguments)

    def version_string(self) -> str:
        return "khach-quen"


def local_call(stack: LocalStack, method: str, path: str, query: str, body: bytes) -> Answer:
    """One call to `/_local/*`."""
    call = _LOCAL_CALLS.get(f"{method} {path}")
    if call is None:
        return problem(404, "Not Found", "There is no such local call.")
    try:
        if f"{method} {path}" == "GET /_local/outbox":
            body = dict(parse_qsl(query)).get("to", "").encode()
        content = json.dumps(call(stack, body), ensure_ascii=False).encode()
    except ValueError as error:
        return problem(400, "Bad Request", str(error))
    return Answer(200, {"content-type": "application/json"}, content)


def _advance(stack: LocalStack, body: bytes) -> dict[str, Any]:
    try:
        wish = json.loads(body)
    except ValueError as error:
        raise ValueError("The body is not JSON.") from error
    if not isinstance(wish, dict) or len(wish) != 1 or not isinstance(next(iter(wish.values())), str):
        raise ValueError('Say {"to": "2026-12-01T00:00:00Z"} or {"by": "P30D"}.')
    now = stack.now
    if "by" in wish:
        by = duration(wish["by"])
    elif "to" in wish:
        try:
            by = moment(wish["to"]) - now
        except ValueError as error:
            raise ValueError(f"to: {wish['to']!r} is not an RFC 3339 time with its offset.") from error
    else:
        raise ValueError(f"{next(iter(wish))!r} is not understood: only to and by are.")
    if by > LONGEST_STEP:
        raise ValueError(f"One step has at most {LONGEST_STEP.days} days.")
    return stack.advance(now + by)


def _reset_meter(stack: LocalStack, _: bytes) -> dict[str, Any]:
    stack.meter.reset()
    return stack.meter.report()


def _set_fault(stack: LocalStack, body: bytes) -> dict[str, Any]:
    try:
        wish = json.loads(body)
        channel, mode, rate = wish["channel"], wish["mode"], float(wish.get("rate", 1.0))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError('Say {"channel": "zns", "mode": "timeout", "rate": 0.5}.') from error
    stack.providers.set_fault(str(channel), mode, rate)
    return {"channel": channel, "mode": mode, "rate": rate}


_LOCAL_CALLS: dict[str, Callable[[LocalStack, bytes], dict[str, Any]]] = {
    "POST /_local/advance": _advance,
    "POST /_local/drain": lambda stack, _: stack.drain(),
    "GET /_local/meter": lambda stack, _: stack.meter.report(),
    "POST /_local/meter/reset": _reset_meter,
    "GET /_local/outbox": lambda stack, to: {"items": stack.providers.outbox(to.decode())},
    "POST /_local/faults": _set_fault,
    "GET /_local/queues": lambda stack, _: stack.queue_state(),
}

_DURATION = re.compile(
    r"P(?=.)(?:(?P<weeks>\d{1,6})W)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=.)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,6})M)?(?:(?P<seconds>\d{1,6})S)?)?",
    re.ASCII,
)


def duration(text: str) -> timedelta:
    """An ISO 8601 duration of weeks, days, hours, minutes and seconds, such as P30D or PT90M; raises ValueError."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"by: {text!r} is not an ISO 8601 duration such as P30D or PT90M.")
    return timedelta(**{unit: int(count) for unit, count in found.groupdict().items() if count})
