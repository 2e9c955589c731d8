"""A live `kq up` in a process of its own, and a client for it."""

from __future__ import annotations

import base64
import http.client
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60


class Up:
    """`kq up` with these arguments, ready to be called; ended when the block is left."""

    def __init__(self, *arguments: str, log: Path) -> None:
        self._log = log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "infra.local.cli", "up", "--port", "0", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        line = self.process.stdout.readline() if readable else b""
        assert line, f"kq up did not start:\n{log.read_text()}"
        self.ready: dict[str, str] = json.loads(line)
        self.url = self.ready["url"]
        self._connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)

    def __enter__(self) -> Up:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self._log.close()

    def call(self, method: str, path: str, body: Any = None, *, key: str = "api_key") -> tuple[int, Any]:
        """One call with the key of that name; status and JSON answer."""
        secret = self.ready[key]
        write = base64.b64encode(f"{secret}:".encode()).decode()
        headers = {
            "Authorization": f"Basic {write}" if key == "write_key" else f"Bearer {secret}",
            "Content-Type": "application/json",
        }
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = self._connection.getresponse()
        content = response.read()
        return response.status, json.loads(content) if content else None

    def batch(self, *events: dict[str, Any]) -> tuple[int, Any]:
        """Hand events to the tracking protocol."""
        return self.call("POST", "/v1/batch", {"batch": events}, key="write_key")

    def customer(self, phone: str) -> dict[str, Any] | None:
        """The 360° view of a phone, None when nobody has it."""
        status, view = self.call("POST", "/v1/customers/search", {"phone": phone})
        assert status in (200, 404), view
        return view if status == 200 else None

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


def within(seconds: float, condition: Callable[[], Any]) -> Any:
    """What the condition gives as soon as it gives something; fails after so many seconds of asking."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds} seconds"
