"""`kq journeys`: check a playbook's journeys, list them, and bring people from one version of a journey to another."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.local.trouble import Trouble
from shared.domain.journey import Journey
from shared.runtime.journey_files import check as find_mistakes
from shared.runtime.journey_files import load_journeys, warnings
from shared.runtime.playbook import PLAYBOOK, PlaybookError


def check(playbook: Path | None) -> bool:
    """Print every mistake in the journeys and their offers with file, line and field; True when there is none."""
    folder = playbook or PLAYBOOK
    console = Console(soft_wrap=True, highlight=False)
    try:
        mistakes, doubtful = find_mistakes(folder), warnings(folder)
    except (PlaybookError, OSError) as error:
        raise Trouble(str(error)) from error
    for mistake in mistakes:
        console.print(Text(str(mistake)))
    for warning in doubtful:
        console.print(Text(f"{warning} (warning)"))
    count = _number(len(list((folder / "journeys").glob("*.yaml"))), "journey")
    console.print(f"{count}, {_number(len(mistakes), 'mistake')}" if mistakes else f"{count}, nothing to mend")
    return not mistakes


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
        f"{journey.aim.told('vi')}{f' ({goal})' if goal else ''}",
        f"{journey.ends_after.days} d" if journey.ends_after.days else str(journey.ends_after),
        f"{journey.holdout_percent} %" if journey.holdout_percent else "",
        journey.version,
    )


def _loaded(folder: Path) -> dict[str, Journey]:
    try:
        return load_journeys(folder)
    except (PlaybookError, OSError) as error:
        raise Trouble(str(error)) from error


def _number(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
