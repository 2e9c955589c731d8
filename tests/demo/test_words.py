"""The report has words for whatever can become of a journey; a missing one would only show at the end of its year."""

from __future__ import annotations

from infra.local.demo.texts import ended
from shared.runtime.playbook.journeys import journeys


def test_every_way_a_journey_may_end_has_its_words() -> None:
    for journey in journeys().values():
        for why in {step.end for step in journey.steps if step.end} | {way_out.because for way_out in journey.exits}:
            assert ended(why).vi, f"{journey.id}: {why}"
