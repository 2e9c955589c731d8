"""Door: by the hour and by night, the lake is compacted and figures and models are computed; weekly, the cut-offs."""

from __future__ import annotations

from typing import Any

from shared.runtime import wiring
from shared.runtime.factories.journeys import journeys
from shared.runtime.factories.rules_today import rules_today, tick_time
from shared.runtime.logs import logger
from shared.use_cases.segments.weekly_cutoffs import publish, relabel_pass

# A hundred customers a page; what is left over the minute sweep goes on with.
PAGES = 400


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    wiring.keep_time(context)
    return _cutoffs(event) if event["job"] == "cutoffs" else _reports(event)


def _reports(event: dict[str, Any]) -> dict[str, Any]:
    # Loaded by these jobs alone: they bring the libraries of the analytics layer.
    from shared.runtime.factories.nightly import compact_and_refresh, figures

    if event["job"] == "figures":
        return {"written": figures(tick_time(event)).written}
    return compact_and_refresh(tick_time(event), whole=event["job"] == "nightly")


def _cutoffs(event: dict[str, Any]) -> dict[str, Any]:
    now = tick_time(event)
    outside = wiring.outside()
    cutoffs = publish(outside.table, rules_today(now), now)
    outside.memory.cutoffs.clear()
    done = relabel_pass(journeys(now), pages=PAGES)
    relabelled = done.relabelled if done else 0
    logger.info("cut-offs published", version=cutoffs.version, customers=cutoffs.customers, relabelled=relabelled)
    return {"version": cutoffs.version, "relabelled": relabelled, "done": bool(done and done.done)}
