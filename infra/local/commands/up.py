"""Opening the house for the command line: `kq up` behind a local port, a single call, a look inside."""

from __future__ import annotations

import base64
import json
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.catalogue import Http
from infra.local.errors import Trouble
from infra.local.stack.http_server import HttpServer
from infra.local.stack.keys import local_keys
from infra.local.stack.local_stack import LocalStack
from infra.local.stack.session import opened
from shared.domain.vietnam_time import day_start, stamp

log = logging.getLogger("khach_quen.local")


def run(port: int, data: Path | None, now: datetime | None, *, frozen: bool, demo: bool) -> None:
    """Serve until SIGTERM or SIGINT; one JSON line on standard output when ready. Raises OSError for a taken port.

    With `demo` the house has lived the demo's year before it opens, and the present is the morning after, or `now`.
    """
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Standard output carries the one line and nothing else, whatever a door or a library prints.
    out = sys.stdout
    opening = opened_with_demo(data, now, ended) if demo else opened(data, now, frozen=frozen, recomputing=True)
    with redirect_stdout(sys.stderr), opening as stack:
        stack.load()
        keys = local_keys(stack, data)
        server = HttpServer(stack, port)
        if not frozen:
            stack.clock.run()
        stack.start()
        server.start()
        try:
            if not ended.is_set():
                ready = {"url": server.url, **keys._asdict(), "now": stamp(stack.now)}
                print(json.dumps(ready), file=out, flush=True)
            ended.wait()
        finally:
            server.stop()


@contextmanager
def opened_with_demo(data: Path | None, now: datetime | None, ended: threading.Event) -> Iterator[LocalStack]:
    """A house, its clock standing still, that has the demo's year inside; Trouble for a folder with another past."""
    # The demo opens houses of its own, so it knows this room.
    from infra.local.demo.dataset import invoices
    from infra.local.demo.run import Replay

    history = list(invoices())
    start = day_start(history[0].day)
    inside = None if data is None else data / "demo"
    with opened(data, start, frozen=True, recomputing=True) as stack:
        if inside is None or not inside.exists():
            if stack.now > start:
                raise Trouble(f"{data} has another past already; --demo needs a folder of its own")
            log.info("Replaying the demo's year")
            for day in Replay(stack, local_keys(stack, data), history).mornings():
                if ended.is_set():
                    break
                if day.day == 1:
                    log.info("%s", day)
            else:
                if inside is not None:
                    inside.touch()
        if now is not None and not ended.is_set():
            if now < stack.now:
                raise Trouble(f"the demo's year ends at {stamp(stack.now)}; --now cannot be before that")
            stack.advance(now)
        yield stack


def call_once(door: str, event: Any, data: Path | None) -> Any:
    """A door's answer to one event; whatever the door prints goes to standard error."""
    with redirect_stdout(sys.stderr), opened(data) as stack:
        if isinstance(stack.doors[door].trigger, Http):
            keys = local_keys(stack, data)
            basic = base64.b64encode(f"{keys.write_key}:".encode()).decode()
            authorization = f"Basic {basic}" if door == "events_api" else f"Bearer {keys.api_key}"
            event = {**event, "headers": {"authorization": authorization, **event.get("headers", {})}}
        return stack.invoke(door, event)
