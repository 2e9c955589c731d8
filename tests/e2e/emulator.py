"""Starts the emulator, with the one thing added that it leaves out of a schedule's input: the time of the tick."""

from __future__ import annotations

import time
from typing import Any

from ministack import app
from ministack.services import eventbridge

PLACEHOLDER = "<aws.scheduler.scheduled-time>"
deliver = eventbridge._invoke_target


def deliver_with_time(target: dict[str, Any], event: Any, rule: Any, view: Any = None) -> Any:
    minute = time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime())
    return deliver({**target, "Input": target.get("Input", "").replace(PLACEHOLDER, minute)}, event, rule, view)


if __name__ == "__main__":
    eventbridge._invoke_target = deliver_with_time
    app.main()
