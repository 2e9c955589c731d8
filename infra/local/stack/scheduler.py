"""Time on the laptop: schedules, retries, queues and callbacks, run in the order in which they fall due.

Nothing sleeps and nothing polls: `advance` jumps from one due moment to the next (a message becoming visible, a
schedule firing) and runs what is due there. Ticks that sweep a lane of the due index run only where it holds a due row,
because an idle sweep changes nothing; so ninety quiet days cost what happens in them.
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from infra.catalogue import Door, FromQueue, FromStream, Schedule, Tick
from infra.local.providers.provider_set import ProviderSet
from infra.local.stack.clock import LocalClock
from infra.local.stack.cron import Cron
from infra.local.stack.lambda_events import Answer, failed_messages, sqs_event, stream_event, tick_event
from shared.adapters.local.fault_injection import FaultInjection
from shared.adapters.local.sqlite_queue import SqliteQueue
from shared.adapters.local.sqlite_table import SqliteTable
from shared.domain.vietnam_time import moment, stamp

Worker = tuple[SqliteQueue, Door, FromQueue]

# A tick of these jobs does nothing while its lane of the due index holds nothing that is due.
ONLY_WHEN_DUE = {"timers": "timer#", "segments": "lifecycle#"}

# The table of the laptop has one shard.
SHARD = "shardId-00000000000000000000-local"

log = logging.getLogger("khach_quen.local")


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


class Scheduler:
    """Runs what falls due by one clock. `invoke` calls a door with an event, `http` makes a provider's callback, and
    `remember` stores the time after it moved.

    Ticks that compute all anew are left out unless `recomputing`; who is `patient` has the table's changes read in full
    batches, and all of them by `read_stream`.
    """

    def __init__(
        self,
        doors: Sequence[Door],
        workers: list[Worker],
        invoke: Callable[[str, Any], Any],
        http: Callable[..., Answer],
        table: SqliteTable,
        providers: ProviderSet,
        clock: LocalClock,
        *,
        remember: Callable[[], None],
        faults: FaultInjection | None = None,
        recomputing: bool = False,
        patient: bool = False,
    ) -> None:
        self._workers = workers
        self._invoke = invoke
        self._http = http
        self._table = table
        self._providers = providers
        self._clock = clock
        self._remember_time = remember
        # Every tick up to this moment was run or had nothing to do.
        self._seen = clock.now()
        self._alarms = [
            _Alarm(door, tick, cron := Cron(tick.cron), cron.after(self._seen), ONLY_WHEN_DUE.get(tick.job))
            for door in doors
            if isinstance(door.trigger, Schedule)
            for tick in door.trigger.ticks
            if recomputing or not tick.recomputes
        ]
        self._retries: list[_Retry] = []
        self._streams = [(door, door.trigger) for door in doors if isinstance(door.trigger, FromStream)]
        self._faults = faults
        self._patient = patient
        # Held while time moves or the queues are worked; doors called over HTTP go on in between.
        self._time = threading.Lock()
        self._woken = threading.Event()
        self._stopping = False
        self._pump: threading.Thread | None = None

    def notify(self) -> None:
        """Let the background work look again: a door has run."""
        self._woken.set()

    def drain(self) -> dict[str, Any]:
        """Work the queues until no message is visible at this moment; answers as `advance` does."""
        with self._time:
            done = Done()
            self._work_queues(done)
            return self._report(done)

    def read_stream(self) -> None:
        """Bring the table's changes up to now to their door."""
        with self._time:
            for door, stream in self._streams:
                self._work_stream(door, stream, Done(), least=1)

    def advance(self, to: datetime) -> dict[str, Any]:
        """Run everything due until `to`, in order of time, and let it be `to`.

        Answers {"now", "ticks": {door: runs}, "messages": {queue: messages handed out}, "callbacks": providers' calls,
        "failed": {door: failures}}.
        Raises ValueError when `to` has passed.
        """
        with self._time:
            if to < self._clock.now():
                raise ValueError("the clock never goes back")
            done = Done()
            self._work_until(to, done, moves=True)
            move(self._clock, to)
            self._remember_time()
            self._woken.set()
            return self._report(done)

    def start(self) -> None:
        """Work queues and schedules in the background from now on, as they fall due by this stack's clock."""
        self._pump = threading.Thread(target=self._pump_on, name="pump", daemon=True)
        self._pump.start()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the background work after the call it is at; inside, time stands still."""
        self._stopping = True
        self._woken.set()
        if self._pump is not None:
            self._pump.join()
        with self._time:
            yield

    def _work_until(self, to: datetime, done: Done, *, moves: bool) -> None:
        self._work_queues(done)
        while not self._stopping:
            ringing = [(at, alarm) for alarm in self._alarms if (at := self._due(alarm))]
            at = min([at for at, _ in ringing] + self._other_moments(), default=None)
            if at is None or at > to:
                break
            if moves:
                move(self._clock, at)
            if at.date() > self._seen.date():
                self._forget_expired()
            for when, alarm in ringing:
                if when == at:
                    alarm.next = alarm.cron.after(at)
                    # Of the runs in one stretch of time that compute all anew, the last one is enough.
                    if not (moves and alarm.tick.recomputes and alarm.next and alarm.next <= to):
                        self._run(alarm, at, 0, done)
            while self._retries and self._retries[0].due <= at:
                retry = heapq.heappop(self._retries)
                self._run(retry.alarm, retry.at, retry.attempt, done)
            self._seen = max(self._seen, at)
            self._work_queues(done)
        self._seen = max(self._seen, to)

    def _forget_expired(self) -> None:
        while self._table.remove_expired():
            pass

    def _other_moments(self) -> list[datetime]:
        """When messages become visible and failed schedules are tried again."""
        moments = [at for at in self._first_visible() if at]
        moments += [at] if (at := self._providers.next_callback_at()) else []
        return [*moments, self._retries[0].due] if self._retries else moments

    def _due(self, alarm: _Alarm) -> datetime | None:
        """When an alarm's door has something to do next."""
        if alarm.lane is None:
            return alarm.next
        due = self._table.next_due((alarm.lane,))
        if due is None:
            return None
        # A firing at exactly that moment counts; one that was passed over while idle does not come back.
        return alarm.cron.after(max(self._seen, moment(due) - timedelta(microseconds=1)))

    def _run(self, alarm: _Alarm, at: datetime, attempt: int, done: Done) -> None:
        now = self._clock.now()
        if now - at > timedelta(seconds=alarm.tick.maximum_age_seconds):
            log.warning("%s: the run of %s is too old and dropped", alarm.tick.name, stamp(at))
            return
        done.ticks[alarm.door.name] += 1
        try:
            self._invoke(alarm.door.name, tick_event(alarm.tick.job, at))
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
            if made := self._providers.call_back(self._clock.now(), self._called_back):
                done.callbacks += made
                worked = True
        for door, stream in self._streams:
            self._work_stream(door, stream, done, least=stream.batch_size if self._patient else 1)

    def _work_stream(self, door: Door, stream: FromStream, done: Done, *, least: int) -> None:
        """Bring the changes of the table to their door, in batches, while at least so many wait. One that fails stays
        where it is for the next time, and under fault injection a batch comes twice."""
        while not self._stopping and self._table.changes_waiting() >= least:
            records = self._table.read_changes(limit=stream.batch_size)
            event = stream_event(SHARD, records)
            again = self._faults is not None and self._faults.strikes(self._faults.repeats)
            try:
                for _ in range(2 if again else 1):
                    self._invoke(door.name, event)
            except Exception:
                log.exception("%s failed on a batch of %d", door.name, len(records))
                done.failed[door.name] += len(records)
                return
            self._table.forget_changes(records[-1].seq)

    def _called_back(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> int:
        return self._http(method, path, query, headers, body).status

    def _first_visible(self) -> list[datetime | None]:
        return SqliteQueue.first_visible([queue for queue, *_ in self._workers]) if self._workers else []

    def _waiting(self) -> list[bool]:
        """Of each worker's queue, whether it has a message for it now."""
        now = self._clock.now()
        return [at is not None and at <= now for at in self._first_visible()]

    def _work_batch(self, queue: SqliteQueue, door: Door, trigger: FromQueue, done: Done) -> None:
        """One batch of a queue to its door; what the door does not report as failed is deleted."""
        messages = queue.receive(trigger.batch_size)
        if not messages:
            return
        done.messages[queue.name] += len(messages)
        ids = {message.id for message in messages}
        try:
            failed = failed_messages(self._invoke(door.name, sqs_event(queue.name, messages)), ids)
        except Exception:
            log.exception("%s failed on a batch of %d", door.name, len(messages))
            failed = ids
        done.failed[door.name] += len(failed)
        queue.delete([message.receipt for message in messages if message.id not in failed])

    def _report(self, done: Done) -> dict[str, Any]:
        return {
            "now": stamp(self._clock.now()),
            "ticks": dict(done.ticks),
            "messages": dict(done.messages),
            "callbacks": done.callbacks,
            "failed": {door: count for door, count in done.failed.items() if count},
        }

    def _pump_on(self) -> None:
        while not self._stopping:
            self._woken.clear()
            wait: float | None
            try:
                with self._time:
                    self._work_until(self._clock.now(), Done(), moves=False)
                    wait = self._seconds_to_next_moment()
            except Exception:
                log.exception("The background work stumbled and goes on in a second")
                wait = 1.0
            self._woken.wait(wait)

    def _seconds_to_next_moment(self) -> float | None:
        if self._clock.frozen:
            return None
        moments = self._other_moments() + [at for alarm in self._alarms if (at := self._due(alarm))]
        return max(0.0, (min(moments) - self._clock.now()).total_seconds()) if moments else None


def move(clock: LocalClock, to: datetime) -> None:
    """Let it be `to`, unless a running clock has passed the moment by itself meanwhile."""
    if to > clock.now():
        clock.set(to)
