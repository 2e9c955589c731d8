"""Door: daily segmentation. Wakes the customers whose label changes today, and nobody else."""

from __future__ import annotations

from typing import Any

from shared.runtime import wiring
from shared.runtime.factories.due_failures import due_failures
from shared.runtime.factories.journeys import journeys
from shared.runtime.factories.rules_today import tick_time
from shared.runtime.logs import logger
from shared.use_cases.segments.wake_due_customers import Waker

# Leaves the lease, and the rest of the list, to the next tick a quarter of an hour later.
SECONDS = 780


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    wiring.keep_time(context)
    now = tick_time(event)
    outside = wiring.outside()
    swept = Waker(journeys(now), due_failures("segments_schedule", now)).sweep(
        now, clock=outside.clock, seconds=SECONDS
    )
    if swept.worked:
        logger.info("customers woken", woken=swept.worked, passed=swept.passed)
    return {"woken": swept.worked, "passed": swept.passed}
