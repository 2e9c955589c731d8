"""Door: journeys. What happens to customers step by step, for whom, who stands where, and what came of it."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import Response

from shared.runtime import settings, wiring
from shared.runtime.http import HttpDoor, answer, listing
from shared.runtime.journeys import journeys
from shared.use_cases import view_journeys

SETTINGS = (settings.STAGE, settings.TABLE)

handler = HttpDoor()


@handler.routes.get("/v1/journeys")
def get_journeys() -> Response[str]:
    return listing(view_journeys.overviews(journeys(wiring.outside().clock())), None)


@handler.routes.get("/v1/journeys/<journey_id>")
def get_journey(journey_id: str) -> Response[str]:
    return answer(view_journeys.detail(journeys(wiring.outside().clock()), journey_id))
