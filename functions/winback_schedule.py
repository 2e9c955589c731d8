"""Door: the daily win-back scan. Ranks the churn risk and opens the day's calls within staff capacity."""

from __future__ import annotations

from typing import Any

from shared.repositories.messages import enqueue
from shared.runtime import wiring
from shared.runtime.factories.journeys import journeys
from shared.runtime.factories.rules_today import tick_time
from shared.runtime.logs import logger
from shared.use_cases.segments.scan_winback import scan


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    wiring.keep_time(context)
    done = scan(journeys(tick_time(event)))
    for purpose, message_id in done.planned:
        enqueue(wiring.outside().messages[purpose], [message_id])
    logger.info("win-back list written", listed=done.listed, called=done.called, looked_at=done.looked_at)
    return {"listed": done.listed, "called": done.called, "looked_at": done.looked_at}
