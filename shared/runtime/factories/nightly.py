"""Factory: compaction of the lake and the figures of reports, as `models_schedule` runs them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from shared.analytics.compaction import merge
from shared.analytics.repurchase import judge, purchases
from shared.domain.vietnam_time import local_day, stamp
from shared.repositories import repurchase_model
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


def _fit_repurchase(now: datetime) -> None:
    """Fit the repurchase model on the shop's own orders up to yesterday; what is not better than the simple rule is
    kept with its card and not used."""
    outside, until = wiring.outside(), local_day(now).toordinal() - 1
    with lake() as db:
        judged = judge(purchases(db), until, last=until)
    name = repurchase_model.keep(outside.table, outside.lake, judged.document(), stamp(now)[:10])
    outside.memory.cutoffs.clear()
    logger.info("repurchase model", card=name, usable=judged.usable, why=judged.why)


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
    if whole and done:
        _fit_repurchase(now)
    logger.info("figures computed", folded=compacted.folded, written=refreshed.written, done=done)
    return {"folded": compacted.folded, "parts": compacted.parts, "written": refreshed.written, "done": done}
