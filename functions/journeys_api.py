"""Door: journeys. What happens to customers step by step, for whom, customers per step, and results."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import Response

from shared.runtime import wiring
from shared.runtime.factories.journeys import journeys
from shared.runtime.http import HttpDoor, answer, listing
from shared.use_cases.journeys import view

handler = HttpDoor()


@handler.routes.get("/v1/journeys")
def get_journeys() -> Response[str]:
    return listing(view.overviews(journeys(wiring.outside().clock()), figures=_has_figures()), None)


@handler.routes.get("/v1/journeys/<journey_id>")
def get_journey(journey_id: str) -> Response[str]:
    return answer(view.detail(journeys(wiring.outside().clock()), journey_id, figures=_has_figures()))


def _has_figures() -> bool:
    """The figures are the chain's: a key with stores reads what a journey does, and not for how many people."""
    return handler.caller is None or not handler.caller.stores
