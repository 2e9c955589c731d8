"""The whole system in one process: the catalogue's doors over a local table, local queues and a local clock.

Left out on purpose: Lambda's time-outs, batching windows and concurrency. One door runs at a time.
"""

from __future__ import annotations

import importlib
import logging
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from infra import catalogue
from infra.catalogue import Door, FromQueue, FromStream, QueueRow
from infra.local.providers.provider_set import ProviderSet
from infra.local.stack.api_gateway import ApiGateway
from infra.local.stack.clock import LocalClock
from infra.local.stack.lambda_events import Context, tick_event
from infra.local.stack.scheduler import Scheduler, Worker, move
from infra.local.stack.supplied import SuppliedOutside
from shared.adapters.local.capacity_meter import Meter
from shared.adapters.local.fault_injection import FaultInjection
from shared.adapters.local.folder_store import FolderStore
from shared.adapters.local.sqlite_queue import SqliteQueue
from shared.adapters.local.sqlite_store import SqliteStore
from shared.adapters.local.sqlite_table import SqliteTable
from shared.domain.common.channels import PURPOSES
from shared.domain.vietnam_time import moment, stamp
from shared.ports import NewId
from shared.repositories import table_keys
from shared.runtime import wiring

Handler = Callable[[Any, Any], Any]

# A queue's dead-letter queue bears its name and this ending.
DLQ = "-dlq"

log = logging.getLogger("khach_quen.local")


def load_door(name: str) -> Handler:
    """The handler of `functions/<name>.py`."""
    os.environ.setdefault("KQ_STAGE", "local")
    handler: Handler = importlib.import_module(f"functions.{name}").handler
    return handler


class LocalStack:
    """The system of `catalogue`, in this process, keeping its data in the folder `data` (when None in memory, and its
    lake in a temporary folder).

    `doors`, `queues` and `load` put another plan in the catalogue's place; `nearby` spares the providers' stand-ins the
    network. With `recomputing` the lake is compacted and figures are computed by the hour and by night; else whoever
    wants them asks `recompute`, which tests of ninety days do not. `patient` as of `Scheduler`. Any thread may call any
    method.
    """

    # Powertools' resolvers and batch processors are module globals that hold the call they are working on, so the
    # doors of a process run one at a time, whichever stack they belong to. A caller waits for `_running` only while it
    # holds `_turn`: a caller that has just finished queues up behind those waiting, so none starves.
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
        recomputing: bool = False,
        patient: bool = False,
    ) -> None:
        self.clock = clock
        self.meter = Meter()
        self._data = data
        self._faults = faults
        self.doors = {door.name: door for door in doors}
        self._load = load
        self._handlers: dict[str, Handler] = {}
        if data is not None:
            data.mkdir(parents=True, exist_ok=True)
        self._catch_up_with_data()
        self.store = SqliteStore(":memory:" if data is None else data / "khach-quen.sqlite")
        self.streams = [door for door in doors if isinstance(door.trigger, FromStream)]
        self.table = SqliteTable(
            self.store,
            clock=clock.now,
            faults=faults,
            meter=self.meter,
            capture=table_keys.is_streamed if self.streams else None,
        )
        self.queues: dict[str, SqliteQueue] = {}
        self.workers: list[Worker] = []
        self._open_queues(queues, doors)
        for queue in self.queues.values():
            # The process that held messages was killed; should it still live, they are worked twice, as queues may do.
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
            lake=FolderStore(data and data / "lake", meter=self.meter),
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
        self.http = ApiGateway(doors, self.invoke, self.providers, clock.now, always_base64=faults is not None).request
        self.scheduler = Scheduler(
            doors,
            self.workers,
            self.invoke,
            self.http,
            self.table,
            self.providers,
            clock,
            remember=self._remember_time,
            faults=faults,
            recomputing=recomputing,
            patient=patient,
        )

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
                self.scheduler.notify()

    # ---- time and queues ----

    def drain(self) -> dict[str, Any]:
        """Work the queues until no message is visible at this moment; answers as `advance` does."""
        return self.scheduler.drain()

    def read_stream(self) -> None:
        """Bring the table's changes up to now to their door, and no message to any queue's."""
        self.scheduler.read_stream()

    def recompute(self, *, compacting: bool = False) -> Any:
        """Compute all figures now; `compacting` the lake before, as every night does."""
        self.read_stream()
        return self.invoke("models_schedule", tick_event("nightly" if compacting else "figures", self.now))

    def advance(self, to: datetime) -> dict[str, Any]:
        """Run everything due until `to`, in order of time, and let it be `to`.

        Answers {"now", "ticks": {door: runs}, "messages": {queue: messages handed out}, "callbacks": providers' calls,
        "failed": {door: failures}}. Raises ValueError when `to` has passed.
        """
        return self.scheduler.advance(to)

    def start(self) -> None:
        """Work queues and schedules in the background from now on, as they fall due by this stack's clock."""
        self.scheduler.start()

    def close(self) -> None:
        """Stop the background work after the call it is at and close the data; messages in the queues stay there."""
        with self.scheduler.stopped(), self._one_at_a_time():
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
                self.workers.append((queue, *worker))

    def _queue(self, name: str, **options: Any) -> SqliteQueue:
        queue = SqliteQueue(self.store, name, clock=self.clock.now, faults=self._faults, meter=self.meter, **options)
        self.queues[name] = queue
        return queue

    def _catch_up_with_data(self) -> None:
        """Data that has lived through a moment never sees an earlier one, whatever the clock was started with."""
        if self._data is not None and (remembered := self._data / "now").exists():
            move(self.clock, moment(remembered.read_text()))

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


def write_private(path: Path, content: bytes) -> None:
    """Write a file only its owner may read, whole or not at all."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    fresh.replace(path)
