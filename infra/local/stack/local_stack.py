"""The whole system in one process: the catalogue's doors over a local table, local queues and a local clock.

Time. Nothing sleeps and nothing polls: `advance` jumps from one due moment to the next (a message becoming visible, a
schedule firing) and runs what is due there, in order. Ticks that sweep a lane of the due index are run only
where it holds something due, because an idle sweep changes nothing; so ninety quiet days cost what happens in them.

Left out on purpose: Lambda's time-outs, batching windows and concurrency. One door runs at a time.
"""

from __future__ import annotations

import heapq
import importlib
import json
import logging
import os
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from infra import catalogue
from infra.catalogue import Door, FromQueue, Http, QueueRow, Schedule, Tick
from infra.local.providers.provider_set import ProviderSet
from infra.local.stack.clock import LocalClock
from infra.local.stack.cron import Cron
from infra.local.stack.lambda_events import (
    Answer,
    Context,
    failed_messages,
    http_answer,
    http_event,
    problem,
    sqs_event,
    tick_event,
)
from infra.local.stack.supplied import SuppliedOutside
from shared.adapters.local.capacity_meter import Meter
from shared.adapters.local.fault_injection import FaultInjection
from shared.adapters.local.sqlite_queue import SqliteQueue
from shared.adapters.local.sqlite_store import SqliteStore
from shared.adapters.local.sqlite_table import SqliteTable
from shared.domain.common.channels import PURPOSES
from shared.domain.vietnam_time import moment, stamp
from shared.ports import NewId
from shared.runtime import wiring
from shared.runtime.http import read_json

Handler = Callable[[Any, Any], Any]

# API Gateway's limit for a request, and Lambda's for an invocation's event and for its answer.
API_LIMIT = 10 * 1024 * 1024
INVOKE_LIMIT = 6 * 1024 * 1024

# A tick of these jobs does nothing while its lane of the due index holds nothing that is due.
ONLY_WHEN_DUE = {"timers": "timer#", "segments": "lifecycle#"}

# A queue's dead-letter queue bears its name and this ending.
DLQ = "-dlq"

log = logging.getLogger("khach_quen.local")


def load_door(name: str) -> Handler:
    """The handler of `functions/<name>.py`."""
    os.environ.setdefault("KQ_STAGE", "local")
    handler: Handler = importlib.import_module(f"functions.{name}").handler
    return handler


@dataclass
class Done:
    """What a stretch of work did: runs by door, messages handed out by queue, providers' calls, failures by door."""

    ticks: Counter[str] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)
    callbacks: int = 0
    failed: Counter[str] = field(default_factory=Counter)


@dataclass
class _Alarm:
    """One schedule and when it fires next."""

    door: Door
    tick: Tick
    cron: Cron
    next: datetime | None
    lane: str | None


@dataclass(order=True)
class _Retry:
    """A failed schedule run that is to be tried again, as Lambda does for asynchronous invocations."""

    due: datetime
    at: datetime = field(compare=False)
    alarm: _Alarm = field(compare=False)
    attempt: int = field(compare=False)


class LocalStack:
    """The system of `catalogue`, in this process, keeping its data in the folder `data` (in memory when None).

    `doors`, `queues` and `load` put another plan in the catalogue's place; `nearby` spares the providers' stand-ins the
    network. Any thread may call any method.
    """

    # Powertools' resolvers and batch processors are module globals that hold the call they are working on, so the
    # doors of a process run one at a time, whichever house they belong to. A caller waits for `_running` only while it
    # holds `_turn`: whoever has just finished queues up behind those already waiting and nobody starves.
    _turn = threading.Lock()
    _running = threading.Lock()

    def __init__(
        self,
        data: Path | None,
        clock: LocalClock,
        *,
        faults: FaultInjection | None = None,
        new_id: NewId | None = None,
        doors: Sequence[Door] = catalogue.DOORS,
        queues: Sequence[QueueRow] = catalogue.QUEUES,
        load: Callable[[str], Handler] = load_door,
        nearby: bool = False,
    ) -> None:
        self.clock = clock
        self.meter = Meter()
        self._data = data
        self._hostile = faults
        self.doors = {door.name: door for door in doors}
        self._load = load
        self._handlers: dict[str, Handler] = {}
        self._routes = _Routes(doors)
        if data is not None:
            data.mkdir(parents=True, exist_ok=True)
        self._catch_up_with_data()
        self.store = SqliteStore(":memory:" if data is None else data / "khach-quen.sqlite")
        self.table = SqliteTable(self.store, clock=clock.now, faults=faults, meter=self.meter)
        self.queues: dict[str, SqliteQueue] = {}
        self._workers: list[tuple[SqliteQueue, Door, FromQueue]] = []
        self._open_queues(queues, doors)
        for queue in self.queues.values():
            # Whoever held messages was killed; should it live after all, they are worked twice, as queues may do.
            queue.recover()
        # The providers of this laptop: stand-ins, opened by the first message that is sent.
        self.providers = ProviderSet(self.table, clock.now, nearby=nearby)
        self.outside = wiring.LocalOutside(
            table=self.table,
            events=self.queues["events"],
            events_dlq=self.queues["events-dlq"],
            messages_dlq=self.queues.get(f"messages-transactional{DLQ}", self.queues["events-dlq"]),
            tickets=self.queues.get("tickets", self.queues["events"]),
            tickets_dlq=self.queues.get(f"tickets{DLQ}", self.queues["events-dlq"]),
            identity_key=self._identity_key(),
            clock=clock.now,
            new_id=new_id or wiring.new_id,
            channel_accounts=self.providers,
            public_url="http://localhost",
            messages={
                purpose: self.queues[f"messages-{purpose}"]
                for purpose in PURPOSES
                if f"messages-{purpose}" in self.queues
            },
        )
        # Every tick up to this moment was run or had nothing to do.
        self._seen = clock.now()
        self._alarms = [
            _Alarm(door, tick, cron := Cron(tick.cron), cron.after(self._seen), ONLY_WHEN_DUE.get(tick.job))
            for door in doors
            if isinstance(door.trigger, Schedule)
            for tick in door.trigger.ticks
        ]
        self._retries: list[_Retry] = []
        # Held by whoever moves time or works the queues; doors called over HTTP go on in between.
        self._time = threading.Lock()
        self._news = threading.Event()
        self._stopping = False
        self._pump: threading.Thread | None = None

    @property
    def now(self) -> datetime:
        return self.clock.now()

    # ---- doors ----

    def load(self) -> None:
        """Import every door now rather than at its first call."""
        for name in self.doors:
            self._handler(name)

    def invoke(self, door: str, event: Any) -> Any:
        """Call one door with one event; what it raises comes through. KeyError for a door that is not on the plan."""
        row = self.doors[door]
        with self._one_at_a_time():
            handler = self._handler(door)
            token = wiring.install(SuppliedOutside(self.outside, row))
            try:
                with self.meter.door(door):
                    return handler(event, Context(door, row.memory, row.timeout_seconds))
            finally:
                wiring.uninstall(token)
                self._news.set()

    def http(
        self, method: str, path: str, query: str = "", headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """One request through the API: `path` as it stands in the URL, `query` without its question mark."""
        if len(body) > API_LIMIT:
            return problem(413, "Content Too Large", f"A request has at most {API_LIMIT} bytes.")
        found = self._routes.find(method, unquote(path))
        if found is None:
            return problem(404, "Not Found", "There is no such call.")
        route, parameters = found
        event = http_event(
            route.key,
            method,
            path,
            query,
            headers or {},
            body,
            parameters,
            self.clock.now(),
            always_base64=self._hostile is not None,
        )
        # JSON writes a byte as six characters at worst, so smaller bodies need no measuring.
        if len(body) > INVOKE_LIMIT // 6 and len(json.dumps(event)) > INVOKE_LIMIT:
            return problem(413, "Content Too Large", f"An event has at most {INVOKE_LIMIT} bytes.")
        try:
            answer = http_answer(self.invoke(route.door, event))
        except Exception:
            log.exception("%s failed on %s", route.door, route.key)
            return problem(500, "Internal Server Error", "The call failed; the log says why.")
        if route.key == "POST /v1/tickets" and answer.status == 201:
            self.providers.told_by_us(read_json(event, API_LIMIT))
        if len(answer.body) > INVOKE_LIMIT:
            log.error("%s answered %d bytes on %s, too many for a Lambda", route.door, len(answer.body), route.key)
            return problem(500, "Internal Server Error", "The answer is larger than a Lambda may give.")
        return answer

    # ---- time and queues ----

    def drain(self) -> dict[str, Any]:
        """Work the queues until no message is visible at this moment; answers as `advance` does."""
        with self._time:
            done = Done()
            self._work_queues(done)
            return self._report(done)

    def advance(self, to: datetime) -> dict[str, Any]:
        """Run everything due until `to`, in order of time, and let it be `to`.

        Answers {"now", "ticks": {door: runs}, "messages": {queue: messages handed out}, "callbacks": providers' calls,
        "failed": {door: failures}}.
        Raises ValueError when `to` has passed.
        """
        with self._time:
            if to < self.clock.now():
                raise ValueError("the clock never goes back")
            done = Done()
            self._work_until(to, done, move=True)
            self._move(to)
            self._remember_time()
            self._news.set()
            return self._report(done)

    def start(self) -> None:
        """Work queues and schedules in the background from now on, as they fall due by this house's clock."""
        self._pump = threading.Thread(target=self._pump_on, name="pump", daemon=True)
        self._pump.start()

    def close(self) -> None:
        """Stop the background work after the call it is at and close the data; messages in the queues stay there."""
        self._stopping = True
        self._news.set()
        if self._pump is not None:
            self._pump.join()
        with self._time, self._one_at_a_time():
            self._remember_time()
            self.providers.close()
            self.store.close()

    def queue_state(self) -> dict[str, Any]:
        """{queue: {"visible", "in_flight", "delayed"}}; dead-letter queues also show their first "messages"."""
        state: dict[str, Any] = {}
        for name, queue in self.queues.items():
            state[name] = queue.counts()._asdict()
            if name.endswith(DLQ):
                state[name]["messages"] = [
                    {"id": m.id, "body": m.body, "sent_at": stamp(m.first_sent), "attributes": m.attributes}
                    for m in queue.peek(limit=100)
                ]
        return state

    # ---- inside ----

    def _handler(self, name: str) -> Handler:
        if name not in self._handlers:
            self._handlers[name] = self._load(name)
        return self._handlers[name]

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        with self._turn:
            self._running.acquire()
        try:
            yield
        finally:
            self._running.release()

    def _work_until(self, to: datetime, done: Done, *, move: bool) -> None:
        self._work_queues(done)
        while not self._stopping:
            ringing = [(at, alarm) for alarm in self._alarms if (at := self._due(alarm))]
            at = min([at for at, _ in ringing] + self._other_moments(), default=None)
            if at is None or at > to:
                break
            if move:
                self._move(at)
            if at.date() > self._seen.date():
                self._forget_expired()
            for when, alarm in ringing:
                if when == at:
                    alarm.next = alarm.cron.after(at)
                    self._run(alarm, at, 0, done)
            while self._retries and self._retries[0].due <= at:
                retry = heapq.heappop(self._retries)
                self._run(retry.alarm, retry.at, retry.attempt, done)
            self._seen = max(self._seen, at)
            self._work_queues(done)
        self._seen = max(self._seen, to)

    def _forget_expired(self) -> None:
        while self.table.remove_expired():
            pass

    def _move(self, to: datetime) -> None:
        # A running clock may have passed the moment by itself while something worked.
        if to > self.clock.now():
            self.clock.set(to)

    def _other_moments(self) -> list[datetime]:
        """When messages become visible and failed schedules are tried again."""
        moments = [at for at in self._first_visible() if at]
        moments += [at] if (at := self.providers.next_callback_at()) else []
        return [*moments, self._retries[0].due] if self._retries else moments

    def _due(self, alarm: _Alarm) -> datetime | None:
        """When an alarm's door has something to do next."""
        if alarm.lane is None:
            return alarm.next
        due = self.table.next_due((alarm.lane,))
        if due is None:
            return None
        # A firing at exactly that moment counts; one that was passed over while idle does not come back.
        return alarm.cron.after(max(self._seen, moment(due) - timedelta(microseconds=1)))

    def _run(self, alarm: _Alarm, at: datetime, attempt: int, done: Done) -> None:
        now = self.clock.now()
        if now - at > timedelta(seconds=alarm.tick.maximum_age_seconds):
            log.warning("%s: the run of %s is too old and dropped", alarm.tick.name, stamp(at))
            return
        done.ticks[alarm.door.name] += 1
        try:
            self.invoke(alarm.door.name, tick_event(alarm.tick.job, at))
        except Exception:
            log.exception("%s failed at %s", alarm.door.name, stamp(at))
            done.failed[alarm.door.name] += 1
            if attempt < alarm.tick.retries:
                # Lambda waits a minute before the first and two before the second retry of an asynchronous call.
                retry = _Retry(now + timedelta(minutes=attempt + 1), at, alarm, attempt + 1)
                heapq.heappush(self._retries, retry)

    def _work_queues(self, done: Done) -> None:
        worked = True
        while worked:
            worked = False
            waiting = self._waiting()
            for place, (queue, door, trigger) in enumerate(self._workers):
                while not self._stopping and waiting[place]:
                    self._work_batch(queue, door, trigger, done)
                    worked = True
                    waiting = self._waiting()
            if made := self.providers.call_back(self.clock.now(), self._called_back):
                done.callbacks += made
                worked = True

    def _called_back(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> int:
        return self.http(method, path, query, headers, body).status

    def _first_visible(self) -> list[datetime | None]:
        return SqliteQueue.first_visible([queue for queue, *_ in self._workers]) if self._workers else []

    def _waiting(self) -> list[bool]:
        """Of each worker's queue, whether it has a message for it now."""
        now = self.clock.now()
        return [at is not None and at <= now for at in self._first_visible()]

    def _work_batch(self, queue: SqliteQueue, door: Door, trigger: FromQueue, done: Done) -> None:
        """One batch of a queue to its door; what the door does not report as failed is deleted."""
        messages = queue.receive(trigger.batch_size)
        if not messages:
            return
        done.messages[queue.name] += len(messages)
        ids = {message.id for message in messages}
        try:
            failed = failed_messages(self.invoke(door.name, sqs_event(queue.name, messages)), ids)
        except Exception:
            log.exception("%s failed on a batch of %d", door.name, len(messages))
            failed = ids
        done.failed[door.name] += len(failed)
        queue.delete([message.receipt for message in messages if message.id not in failed])

    def _report(self, done: Done) -> dict[str, Any]:
        return {
            "now": stamp(self.clock.now()),
            "ticks": dict(done.ticks),
            "messages": dict(done.messages),
            "callbacks": done.callbacks,
            "failed": {door: count for door, count in done.failed.items() if count},
        }

    def _pump_on(self) -> None:
        while not self._stopping:
            self._news.clear()
            wait: float | None
            try:
                with self._time:
                    self._work_until(self.clock.now(), Done(), move=False)
                    wait = self._seconds_to_next_moment()
            except Exception:
                log.exception("The background work stumbled and goes on in a second")
                wait = 1.0
            self._news.wait(wait)

    def _seconds_to_next_moment(self) -> float | None:
        if self.clock.frozen:
            return None
        moments = self._other_moments() + [at for alarm in self._alarms if (at := self._due(alarm))]
        return max(0.0, (min(moments) - self.clock.now()).total_seconds()) if moments else None

    def _open_queues(self, queues: Sequence[QueueRow], doors: Sequence[Door]) -> None:
        workers = {
            name: (door, door.trigger)
            for door in doors
            if isinstance(door.trigger, FromQueue)
            for name in door.trigger.queues
        }
        for row in queues:
            self._queue(row.name + DLQ)
            worker = workers.get(row.name)
            queue = self._queue(
                row.name,
                # As deployed: six times the worker's time-out.
                visibility_seconds=6 * worker[0].timeout_seconds if worker else 30,
                max_receives=row.max_receives,
                dead_letters=row.name + DLQ,
            )
            if worker:
                self._workers.append((queue, *worker))

    def _queue(self, name: str, **options: Any) -> SqliteQueue:
        queue = SqliteQueue(self.store, name, clock=self.clock.now, faults=self._hostile, meter=self.meter, **options)
        self.queues[name] = queue
        return queue

    def _catch_up_with_data(self) -> None:
        """Data that has lived through a moment never sees an earlier one, whatever the clock was started with."""
        if self._data is not None and (remembered := self._data / "now").exists():
            self._move(moment(remembered.read_text()))

    def _remember_time(self) -> None:
        if self._data is not None:
            write_private(self._data / "now", stamp(self.clock.now()).encode())

    def _identity_key(self) -> bytes:
        if self._data is None:
            return secrets.token_bytes(32)
        path = self._data / "identity.key"
        if not path.exists():
            write_private(path, secrets.token_bytes(32))
        return path.read_bytes()


class _Route(NamedTuple):
    key: str
    door: str
    parts: tuple[str, ...]


class _Routes:
    """The HTTP API's routes, found as API Gateway does: the path must match in full, a literal before a parameter."""

    def __init__(self, doors: Sequence[Door]) -> None:
        self._by_shape: dict[tuple[str, int], list[_Route]] = {}
        for door in doors:
            for key in door.trigger.routes if isinstance(door.trigger, Http) else ():
                method, _, path = key.partition(" ")
                parts = tuple(path.split("/"))
                self._by_shape.setdefault((method, len(parts)), []).append(_Route(key, door.name, parts))
        for routes in self._by_shape.values():
            routes.sort(key=lambda route: [part.startswith("{") for part in route.parts])

    def find(self, method: str, path: str) -> tuple[_Route, dict[str, str]] | None:
        """The route and its path parameters, or None."""
        parts = path.split("/")
        for route in self._by_shape.get((method, len(parts)), ()):
            parameters: dict[str, str] = {}
            for pattern, part in zip(route.parts, parts, strict=True):
                if pattern.startswith("{") and part:
                    parameters[pattern[1:-1]] = part
                elif pattern != part:
                    break
            else:
                return route, parameters
        return None


def write_private(path: Path, content: bytes) -> None:
    """Write a file only its owner may read, whole or not at all."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    fresh.replace(path)
