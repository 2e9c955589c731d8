"""Door: the minute sweep. Whatever is due in the timer lane is claimed and done, what is overdue is caught up."""

from __future__ import annotations

from typing import Any

from shared.repositories import table_keys
from shared.runtime import wiring
from shared.runtime.factories.campaigns import campaign_run
from shared.runtime.factories.due_failures import due_failures
from shared.runtime.factories.journeys import journeys
from shared.runtime.factories.rules_today import tick_time
from shared.runtime.factories.tickets import tickets
from shared.use_cases.run_timers import Timers

PARTITIONS = tuple(f"timer#{shard}" for shard in range(table_keys.TIMER_SHARDS))
# For all partitions together; the rest of the timeout is for what was begun.
SECONDS = 45


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    wiring.keep_time(context)
    now = tick_time(event)
    outside = wiring.outside()
    on_failure = due_failures("timers_schedule", now)
    timers = Timers(journeys(now), outside.messages, lambda: campaign_run(now), lambda: tickets(now), on_failure)
    swept = timers.run(PARTITIONS, clock=outside.clock, seconds=SECONDS)
    return {"fired": swept.worked, "passed": swept.passed}
