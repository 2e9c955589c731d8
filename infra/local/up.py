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
from infra.local.clock import LocalClock
from infra.local.house import House
from infra.local.http_server import HttpServer
from infra.local.keys import local_keys
from shared.domain.vietnam_time import stamp


def run(port: int, data: Path | None, now: datetime | None, *, frozen: bool) -> None:
    """Serve until SIGTERM or SIGINT; one JSON line on standard output when ready. Raises OSError for a taken port."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Standard output carries the one line and nothing else, whatever a door or a library prints.
    out = sys.stdout
    with redirect_stdout(sys.stderr), opened(data, now, frozen=frozen) as house:
        house.load()
        keys = local_keys(house, data)
        server = HttpServer(house, port)
        house.start()
        server.start()
        try:
            print(json.dumps({"url": server.url, **keys._asdict(), "now": stamp(house.now)}), file=out, flush=True)
            ended.wait()
        finally:
            server.stop()


def call_once(door: str, event: Any, data: Path | None) -> Any:
    """A door's answer to one event; whatever the door prints goes to standard error."""
    with redirect_stdout(sys.stderr), opened(data) as house:
        if isinstance(house.doors[door].trigger, Http):
            keys = local_keys(house, data)
            basic = base64.b64encode(f"{keys.write_key}:".encode()).decode()
            authorization = f"Basic {basic}" if door == "events_api" else f"Bearer {keys.api_key}"
            event = {**event, "headers": {"authorization": authorization, **event.get("headers", {})}}
        return house.invoke(door, event)


@contextmanager
def opened(data: Path | None, now: datetime | None = None, *, frozen: bool = False) -> Iterator[House]:
    """A house that is closed again at the end."""
    house = House(data, LocalClock(now, frozen=frozen))
    try:
        yield house
    finally:
        house.close()
