"""Door: the daily win-back scan. Ranks the churn risk and leaves a list within staff capacity."""

from __future__ import annotations

from typing import Any

from shared.runtime import settings, wiring
from shared.runtime.observability import logger
from shared.runtime.ruling import ruling, tick_time
from shared.use_cases.scan_winback import scan

SETTINGS = (settings.STAGE, settings.TABLE)


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    done = scan(wiring.outside().table, ruling(tick_time(event)))
    logger.info("win-back list written", listed=done.listed, looked_at=done.looked_at)
    return {"listed": done.listed, "looked_at": done.looked_at}
