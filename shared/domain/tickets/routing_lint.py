"""Checks of the routing table: unreachable lines, intents without a skilled person."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import product

from shared.domain.common.lint import Finding, Path, unknown_names
from shared.domain.staff.directory import Directory
from shared.domain.tickets.routing import NO_BOT_SEVERITIES, QUEUE_ROLES, RECIPIENT_ROLES, Routing, RoutingLine

Cell = tuple[str, str, str, str]


def lint_routing(routing: Routing, directory: Directory) -> Iterator[Finding]:
    """Every mistake in the table and the targets, alone and against the staff directory."""
    yield from _targets(routing, directory)
    names: set[str] = set()
    covered: set[Cell] = set()
    reaching: dict[str, set[str]] = {}
    for n, line in enumerate(routing.table):
        at: Path = ("table", str(n))
        if line.rule in names:
            yield Finding((*at, "rule"), f"{line.rule} is already the name of an earlier line")
        names.add(line.rule)
        fits = _cells(line, routing) - covered
        if not fits:
            earlier = "" if _cells(line, routing) else ": the bot may answer none of it"
            yield Finding((*at, "rule"), f"{line.rule} never fits{earlier or ', earlier lines cover all of it'}")
        if line.queue == "bot":
            continue  # what the bot cannot answer continues down the table
        covered |= fits
        reaching.setdefault(line.queue, set()).update(cell[2] for cell in fits)
    for queue, intents in reaching.items():
        if queue != "senior_manager" and (missing := sorted(_unserved(intents, queue, directory))):
            yield Finding(("table",), f"sends {', '.join(missing)} to {queue}, where no one has the skill")


def _cells(line: RoutingLine, routing: Routing) -> set[Cell]:
    """The cells a line fits; for a line of the bot only those the bot may answer."""
    every = set(product(line.value, line.severity, line.intent, line.channel))
    if line.queue != "bot":
        return every
    return {cell for cell in every if cell[1] not in NO_BOT_SEVERITIES and cell[2] in routing.bot_intents}


def _unserved(intents: Collection[str], queue: str, directory: Directory) -> set[str]:
    people = list(directory.with_role(*QUEUE_ROLES[queue]))
    return {intent for intent in intents if not any(person.can(intent) for person in people)}


def _targets(routing: Routing, directory: Directory) -> Iterator[Finding]:
    known = (*RECIPIENT_ROLES, *directory.people)
    for priority, target in routing.targets.items():
        at: Path = ("targets", priority)
        for path, names in (((*at, "warn"), target.warn), ((*at, "missed", "tell"), target.missed.tell)):
            for n, name in enumerate(names):
                if name not in known:
                    yield Finding((*path, str(n)), unknown_names("person", name, known))
        if target.resolve_minutes < target.first_response_minutes:
            yield Finding((*at, "resolve_minutes"), "is before the first response")
