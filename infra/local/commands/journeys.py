"""`kq journeys`: list a playbook's journeys, and bring people from one version of a journey to another."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from infra.local.errors import Trouble
from infra.local.stack.session import Place
from shared.domain.common.duration import span_text
from shared.domain.journeys.definition import Journey
from shared.domain.vietnam_time import local_day, moment
from shared.repositories.cached import ProcessMemory
from shared.repositories.profiles import current_rules
from shared.repositories.task_assignment import Roster
from shared.runtime import wiring
from shared.runtime.factories.journeys import journey_playbook
from shared.runtime.playbook.journeys import load_journeys
from shared.runtime.playbook.loader import PLAYBOOK, PlaybookError
from shared.runtime.playbook.rules import rules, sending_rules
from shared.runtime.playbook.staff import directory
from shared.use_cases.journeys.context import JourneyContext, set_mode
from shared.use_cases.journeys.migrate import Changes, Counts, Migration, compare, versions
from shared.use_cases.journeys.view import people_by_version, read_mode, told_mode


def show(playbook: Path | None) -> None:
    """Print the journeys of a playbook: what lets people in, what they are for, and their version."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("journey", "starts with", "steps", "for", "ends after", "hold-out", "version"):
        table.add_column(heading, overflow="fold")
    for journey in _loaded(playbook or PLAYBOOK).values():
        table.add_row(*map(Text, _row(journey)))
    Console(highlight=False, width=160).print(table)


def _row(journey: Journey) -> tuple[str, ...]:
    goal = ", ".join(journey.goal.event) if journey.goal else ""
    return (
        journey.id,
        ", ".join(journey.trigger.event),
        str(len(journey.steps)),
        f"{journey.aim.in_language('vi')}{f' ({goal})' if goal else ''}",
        span_text(journey.ends_after),
        f"{journey.holdout_percent} %" if journey.holdout_percent else "",
        journey.version,
    )


# ---- people inside ----


def journeys_at(where: Place, *, deployed: bool) -> JourneyContext:
    """The shipped journeys, and the people who are inside them at a place."""
    memory = ProcessMemory(lambda: where.now)
    return JourneyContext(
        table=where.table,
        playbook=journey_playbook(deployed),
        rules_today=current_rules(where.table, rules(), memory, local_day(where.now)),
        sending=sending_rules(),
        new_id=wiring.new_id,
        public_url=str,
        now=where.now,
        memory=memory,
        roster=lambda: Roster(directory(), sending_rules()),
    )


def diff(journeys: JourneyContext) -> None:
    """Print which versions people are on, and how each differs from the playbook's."""
    console = Console(soft_wrap=True, highlight=False)
    inside = {name: people_by_version(journeys, name) for name in journeys.playbook.journeys}
    for name, people in inside.items():
        if not people:
            continue
        console.print(Text(name, "bold"))
        shipped, known = journeys.playbook.journeys[name], versions(journeys.table, name)
        for version in sorted(people, key=lambda version: known[version].at, reverse=True):
            now_or_then = "as in the playbook" if version == shipped.version else f"since {_day(known[version].at)}"
            console.print(Text(f"  {version}  {_people(people[version])}, {now_or_then}"))
            for line in _told(compare(known[version].journey, shipped)):
                console.print(Text(f"    {line}"))
    if not any(inside.values()):
        console.print("nobody is inside a journey")


def migrate(journeys: JourneyContext, journey_id: str, to: str | None, *, dry_run: bool) -> None:
    """Bring everybody inside a journey to the playbook's version or to an earlier one, after saying how many move."""
    target = _target(journeys, journey_id, to)
    migration, total = Migration(journeys, target), sum(people_by_version(journeys, journey_id).values())
    console = Console(soft_wrap=True, highlight=False)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("counting", total=total)
        console.print(f"{_outcome(migration.count(lambda done: bar.update(task, completed=done)))} ({target.version})")
        if dry_run:
            console.print("nothing was changed")
            return
        task = bar.add_task("moving", total=total)
        done = migration.run(lambda done: bar.update(task, completed=done))
    console.print(f"done: {_outcome(done)}")


def change_mode(journeys: JourneyContext, journey_id: str, mode: str) -> dict[str, str]:
    """Say for whom a journey is live from the next minute on."""
    _known(journeys, journey_id)
    try:
        wanted = read_mode(mode)
    except ValueError as error:
        raise Trouble(f"{mode} {error}") from error
    set_mode(journeys.table, journey_id, wanted)
    return {"journey": journey_id, "mode": told_mode(wanted)}


def _known(journeys: JourneyContext, journey_id: str) -> Journey:
    found = journeys.playbook.journeys.get(journey_id)
    if found is None:
        raise Trouble(f"there is no journey {journey_id}; there are {', '.join(journeys.playbook.journeys)}")
    return found


def _target(journeys: JourneyContext, journey_id: str, to: str | None) -> Journey:
    shipped = _known(journeys, journey_id)
    if to is None or to == shipped.version:
        return shipped
    known = versions(journeys.table, journey_id)
    if to not in known:
        raise Trouble(f"nobody ever entered {journey_id} with version {to}; there are {', '.join(known) or 'none'}")
    return known[to].journey


def _outcome(counts: Counts) -> str:
    moving = f"{_people(counts.moved)} {'moves' if counts.moved == 1 else 'move'}"
    return f"{moving}, {counts.cancelled} cancelled, {counts.stayed} there already"


def _told(changes: Changes) -> list[str]:
    """How the playbook's version differs from the one people are on."""
    words = {"added": changes.added, "removed": changes.removed, "changed": changes.changed, "other": changes.fields}
    return [f"{word}: {', '.join(names)}" for word, names in words.items() if names]


def _day(at: str) -> str:
    return local_day(moment(at)).isoformat()


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"


def _loaded(folder: Path) -> dict[str, Journey]:
    try:
        return load_journeys(folder)
    except (PlaybookError, OSError) as error:
        raise Trouble(str(error)) from error
