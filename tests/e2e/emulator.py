"""Starts the emulator, adding the time of the tick that it leaves out of a schedule's input; ends with its parent."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

from ministack import app
from ministack.services import eventbridge

PLACEHOLDER = "<aws.scheduler.scheduled-time>"
deliver = eventbridge._invoke_target


def deliver_with_time(target: dict[str, Any], event: Any, rule: Any, view: Any = None) -> Any:
    minute = time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime())
    return deliver({**target, "Input": target.get("Input", "").replace(PLACEHOLDER, minute)}, event, rule, view)


def leave_with(parent: int) -> None:
    """A test run that is killed cannot stop us, so we notice that it is gone."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=leave_with, args=[os.getppid()], daemon=True).start()
    eventbridge._invoke_target = deliver_with_time
    app.main()
