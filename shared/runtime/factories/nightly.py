"""Factory: compaction of the lake and the figures of reports, as `models_schedule` runs them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from shared.analytics.compaction import merge
from shared.runtime import wiring
from shared.runtime.factories.reports import LakeFigures, lake
from shared.runtime.logs import logger
from shared.use_cases.facts.compact import Compaction
from shared.use_cases.reports.refresh import Refreshed, refresh

# What the figures need after the compaction, and what a last step may take.
FOR_FIGURES, FOR_A_STEP = timedelta(minutes=6), timedelta(seconds=45)


def figures(now: datetime) -> Refreshed:
    """Compute the figures of the year behind us, whether the lake is compacted or not."""
    with lake() as db:
        return refresh(
            wiring.outside().table, LakeFigures(db), now, whole=True, more=lambda: wiring.time_left() > FOR_A_STEP
        )


def compact_and_refresh(now: datetime, *, whole: bool) -> dict[str, Any]:
    """Compact the lake and compute the figures of today, or with `whole` of the year behind us."""
    outside = wiring.outside()
    compacted = Compaction(
        outside.lake, merge, now=now, new_id=outside.new_id, more=lambda: wiring.time_left() > FOR_FIGURES
    ).run(thorough=whole)
    for folder in compacted.failed:
        logger.error("a folder of the lake cannot be compacted", folder=folder)
    with lake() as db:
        refreshed = refresh(
            outside.table, LakeFigures(db), now, whole=whole, more=lambda: wiring.time_left() > FOR_A_STEP
        )
    done = compacted.done and refreshed.done
    logger.info("figures computed", folded=compacted.folded, written=refreshed.written, done=done)
    return {"folded": compacted.folded, "parts": compacted.parts, "written": refreshed.written, "done": done}
