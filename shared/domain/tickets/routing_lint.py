"""Checks of the routing table: unreachable lines, cells nobody serves."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import product

from shared.domain.common.lint import Finding, Path, unknown_names
from shared.domain.staff.directory import Directory
from shared.domain.tickets.routing import NO_BOT_SEVERITIES, QUEUE_ROLES, ROLES_TOLD, Line, Routing

Cell = tuple[str, str, str, str]


def lint_routing(routing: Routing, directory: Directory) -> Iterator[Finding]:
    """Everything wrong with the table and the targets, and with what they expect of the people."""
    yield from _told(routing, directory)
    names: set[str] = set()
    taken: set[Cell] = set()
    reaching: dict[str, set[str]] = {}
    for n, line in enumerate(routing.table):
        at: Path = ("table", str(n))
        if line.rule in names:
            yield Finding((*at, "rule"), f"{line.rule} is the name of an earlier line already")
        names.add(line.rule)
        fits = _cells(line, routing) - taken
        if not fits:
            earlier = "" if _cells(line, routing) else ": the bot is never asked any of it"
            yield Finding((*at, "rule"), f"{line.rule} never fits{earlier or ', the lines before it take all of it'}")
        if line.queue == "bot":
            continue  # what the bot may not answer goes on down the table
        taken |= fits
        reaching.setdefault(line.queue, set()).update(cell[2] for cell in fits)
    for queue, intents in reaching.items():
        if queue != "senior_manager" and (missing := sorted(_beyond(intents, queue, directory))):
            yield Finding(("table",), f"sends {', '.join(missing)} to {queue}, where nobody has the skill")


def _cells(line: Line, routing: Routing) -> set[Cell]:
    """What a line can be the first for: of a bot's line what the bot may be asked."""
    every = set(product(line.value, line.severity, line.intent, line.channel))
    if line.queue != "bot":
        return every
    return {cell for cell in every if cell[1] not in NO_BOT_SEVERITIES and cell[2] in routing.bot_intents}


def _beyond(intents: Collection[str], queue: str, directory: Directory) -> set[str]:
    people = list(directory.with_role(*QUEUE_ROLES[queue]))
    return {intent for intent in intents if not any(person.can(intent) for person in people)}


def _told(routing: Routing, directory: Directory) -> Iterator[Finding]:
    known = (*ROLES_TOLD, *directory.people)
    for priority, target in routing.targets.items():
        at: Path = ("targets", priority)
        for path, names in (((*at, "warn"), target.warn), ((*at, "missed", "tell"), target.missed.tell)):
            for n, name in enumerate(names):
                if name not in known:
                    yield Finding((*path, str(n)), unknown_names("person", name, known))
        if target.resolve_minutes < target.first_response_minutes:
            yield Finding((*at, "resolve_minutes"), "is before the first response")
