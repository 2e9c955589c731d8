"""Where an import goes: the house in this process (`--data`), or a running system by its address (`--url`)."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from infra.local.importing.rows_to_events import Unit
from infra.local.stack.local_stack import LocalStack
from shared.domain.errors import KhachQuenError

# Well under the protocol's 500 KB, with room for the envelope.
MAX_EVENTS = 100
MAX_BYTES = 480 * 1024


class Stopped(KhachQuenError):
    """The target does not take events (any more); what was sent is kept, and a second run brings the rest.

    `unusable` says that another run cannot help before the key or the address is put right.
    """

    def __init__(self, message: str, *, unusable: bool = False) -> None:
        super().__init__(message)
        self.unusable = unusable


class Reply(NamedTuple):
    """An HTTP answer: status, and the document when it is JSON."""

    status: int
    document: dict[str, Any]

    @property
    def detail(self) -> str:
        return str(self.document.get("detail") or "no reason given")


class Target(Protocol):
    """Takes one batch body; raises Stopped when it cannot be reached."""

    def post(self, body: bytes) -> Reply: ...

    def unfinished(self) -> int:
        """Messages that were taken but not worked off, dead letters included; 0 where that cannot be seen."""
        ...


def _headers(write_key: str) -> dict[str, str]:
    user = base64.b64encode(f"{write_key}:".encode()).decode()
    return {"authorization": f"Basic {user}", "content-type": "application/json", "user-agent": "kq-import"}


def _reply(status: int, body: bytes) -> Reply:
    try:
        document = json.loads(body)
    except ValueError:
        document = {}
    return Reply(status, document if isinstance(document, dict) else {})


class InHouse:
    """The doors of a house in this process; each batch is worked off before the next one is taken."""

    def __init__(self, stack: LocalStack, write_key: str) -> None:
        self._house = stack
        self._headers = _headers(write_key)

    def post(self, body: bytes) -> Reply:
        answer = self._house.http("POST", "/v1/batch", headers=self._headers, body=body)
        self._house.drain()
        return _reply(answer.status, answer.body)

    def unfinished(self) -> int:
        states = self._house.queue_state().values()
        counts = [count for state in states for count in state.values()]
        # What the door left out stands in the rejects file too.
        letters = [json.loads(letter["body"]) for state in states for letter in state.get("messages", ())]
        left_out = [letter for letter in letters if isinstance(letter, dict) and "rejected" in letter]
        return sum(count for count in counts if isinstance(count, int)) - len(left_out)


class OverHttp:
    """A running `kq up` or a deployed stack: one connection kept open, bodies compressed, trouble waited out."""

    ATTEMPTS = 7

    def __init__(self, url: str, write_key: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        where = urlsplit(url)
        if where.scheme not in ("http", "https") or not where.hostname:
            raise Stopped(f"{url} is not an address such as http://127.0.0.1:8000.", unusable=True)
        connect = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        self._connection = connect(where.hostname, where.port, timeout=30)
        self._path = where.path.rstrip("/") + "/v1/batch"
        self._url = url
        self._headers = _headers(write_key) | {"content-encoding": "gzip"}
        self._sleep = sleep

    def post(self, body: bytes) -> Reply:
        packed = gzip.compress(body, compresslevel=5, mtime=0)
        trouble = ""
        for attempt in range(self.ATTEMPTS):
            if attempt:
                self._sleep(min(0.5 * 2 ** (attempt - 1), 15.0))
            try:
                self._connection.request("POST", self._path, packed, self._headers)
                answer = self._connection.getresponse()
                reply = _reply(answer.status, answer.read())
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                trouble = f"{type(error).__name__}: {error}"
                continue
            if reply.status != 429 and reply.status < 500:
                return reply
            trouble = f"it answers {reply.status}"
        raise Stopped(f"{self._url} cannot be reached after {self.ATTEMPTS} attempts ({trouble}).")

    def unfinished(self) -> int:
        return 0


Packed = tuple[Unit, list[bytes]]


class Delivery:
    """Sends units in batches. What the door leaves out by name goes to `refused`; it takes the rest of the batch."""

    def __init__(self, target: Target, refused: Callable[[Unit, tuple[tuple[str, str], ...]], None]) -> None:
        self._target = target
        self._refused = refused
        self._waiting: list[Packed] = []
        self._events = 0
        self._bytes = 0
        self.sent_units = 0
        self.sent_events = 0

    def add(self, unit: Unit) -> None:
        parts = [json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() for event in unit.events]
        size = sum(map(len, parts)) + len(parts)
        if self._waiting and (self._events + len(parts) > MAX_EVENTS or self._bytes + size > MAX_BYTES):
            self.flush()
        self._waiting.append((unit, parts))
        self._events += len(parts)
        self._bytes += size

    def flush(self) -> None:
        """Send what waits; returns when the target has taken it."""
        waiting, self._waiting, self._events, self._bytes = self._waiting, [], 0, 0
        if waiting:
            self._send(waiting)

    def unfinished(self) -> int:
        return self._target.unfinished()

    def _send(self, units: list[Packed]) -> None:
        reply = self._target.post(b'{"batch":[' + b",".join(part for _, parts in units for part in parts) + b"]}")
        if reply.status < 300:
            left_out = self._named(units, reply.document.get("rejected") or [])
            for number, reasons in left_out.items():
                self._refused(units[number][0], tuple(dict.fromkeys(reasons)))
            taken = [parts for number, (_, parts) in enumerate(units) if number not in left_out]
            self.sent_units += len(taken)
            self.sent_events += sum(map(len, taken))
            return
        if reply.status in (401, 403):
            raise Stopped(f"The write key is not accepted ({reply.status}): {reply.detail}", unusable=True)
        if reply.status not in (400, 413, 422):
            raise Stopped(f"The events door answers {reply.status}: {reply.detail}")
        if len(units) == 1:
            self._refused(units[0][0], (("row", f"refused with {reply.status}: {reply.detail}"),))
            return
        # The answer names nobody, so the batch is halved until one stands alone.
        middle = len(units) // 2
        self._send(units[:middle])
        self._send(units[middle:])

    @staticmethod
    def _named(units: list[Packed], rejected: list[dict[str, Any]]) -> dict[int, list[tuple[str, str]]]:
        """Which units the answer leaves out a message of, with fields and reasons."""
        owner = [number for number, (_, parts) in enumerate(units) for _ in parts]
        wrong: dict[int, list[tuple[str, str]]] = {}
        for one in rejected:
            if isinstance(number := one.get("index"), int) and 0 <= number < len(owner):
                reason = (str(one.get("field") or "event"), str(one.get("reason") or "is refused"))
                wrong.setdefault(owner[number], []).append(reason)
        return wrong
