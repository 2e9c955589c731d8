"""What the API shows of journeys: content, mode, customers per step, and results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from shared.domain.errors import NotFound
from shared.domain.journeys.definition import Journey
from shared.use_cases.journeys.context import JourneyContext
from shared.use_cases.journeys.definitions import Mode
from shared.use_cases.journeys.migrate import versions

WAITS_FOR_GOAL = "goal"


def told_mode(mode: Mode) -> str:
    """A mode in one word: shadow, staff, all, or store:<name>."""
    return f"store:{mode.store}" if mode.mode == "store" else mode.mode


def read_mode(text: str) -> Mode:
    """The mode behind the word; ValueError for what is none."""
    kind, _, store = text.partition(":")
    if (kind, bool(store)) in {("shadow", False), ("staff", False), ("all", False), ("store", True)}:
        return Mode(kind, store)
    raise ValueError("must be shadow, staff, store:<name> or all")


def overviews(journeys: JourneyContext, *, figures: bool = True) -> list[dict[str, Any]]:
    """Every journey of the playbook in short, by id; without `figures` what it does, and not for how many."""
    return [
        _short(journeys, journey, journeys.counts(name) if figures else None)
        for name, journey in sorted(journeys.playbook.journeys.items())
    ]


def detail(journeys: JourneyContext, journey_id: str, *, figures: bool = True) -> dict[str, Any]:
    """One journey with its content, its steps and the versions in use, or without `figures` its content alone; raises
    NotFound."""
    journey = journeys.playbook.journeys.get(journey_id)
    if journey is None:
        raise NotFound(f"there is no journey {journey_id}")
    definition = journey.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if not figures:
        return {
            **_short(journeys, journey, None),
            "definition": definition,
            "steps": [{"step": s.id, "kind": s.kind, "people": None} for s in journey.steps],
            "waiting_for_goal": None,
            "versions": [],
        }
    counts = journeys.counts(journey_id)
    standing = sum((_at(numbers) for numbers in counts.values()), Counter())
    return {
        **_short(journeys, journey, counts),
        "definition": definition,
        "steps": [{"step": s.id, "kind": s.kind, "people": standing[s.id]} for s in journey.steps],
        "waiting_for_goal": standing[WAITS_FOR_GOAL],
        "versions": [
            {"version": name, "first_entered_at": kept.at, "current": name == journey.version}
            | _figures(counts.get(name, {}))
            | {"at": dict(sorted(_at(counts.get(name, {})).items()))}
            for name, kept in sorted(versions(journeys.table, journey_id).items(), key=lambda entry: entry[1].at)
        ],
    }


def people_by_version(journeys: JourneyContext, journey_id: str) -> dict[str, int]:
    """How many are inside by the version they are on."""
    found = {version: sum(_at(numbers).values()) for version, numbers in journeys.counts(journey_id).items()}
    return {version: people for version, people in found.items() if people}


def _short(
    journeys: JourneyContext, journey: Journey, counts: Mapping[str, Mapping[str, int]] | None
) -> dict[str, Any]:
    total: Counter[str] = sum((Counter(numbers) for numbers in (counts or {}).values()), Counter())
    figures = _figures(total)
    return {
        "id": journey.id,
        "title": journey.title.model_dump(),
        "aim": journey.aim.model_dump(),
        "version": journey.version,
        "mode": told_mode(journeys.mode(journey.id)),
        "starts_with": list(journey.trigger.event),
        **(dict.fromkeys(figures) if counts is None else figures),
    }


def _figures(counts: Mapping[str, int]) -> dict[str, Any]:
    """People in figures: `people` are inside now, the hold-out among them; `results` are why runs were over."""
    return {
        "entered": counts.get("entered", 0),
        "people": sum(_at(counts).values()),
        "results": _after(counts, "ended "),
        "moved_in": counts.get("moved_in", 0),
        "moved_out": counts.get("moved_out", 0),
        "holdout": {"entered": counts.get("holdout", 0), "results": _after(counts, "holdout ended ")},
    }


def _at(counts: Mapping[str, int]) -> Counter[str]:
    return Counter(_after(counts, "at "))


def _after(counts: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {
        name.removeprefix(prefix): number
        for name, number in sorted(counts.items())
        if name.startswith(prefix) and number > 0
    }
