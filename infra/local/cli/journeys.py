"""Commands on journeys: kq journeys."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.local.cli.options import Data, Playbook, Stage, print_json

journeys = typer.Typer(help="Journeys: timed sequences of messages, tasks and offers.", no_args_is_help=True)


@journeys.command("check")
def check_journeys(playbook: Playbook = None) -> None:
    """Report mistakes in the journeys, with file, line and field; the exit code is 1 if there are any."""
    from infra.local.commands.playbook import check_journeys as check

    if not check(playbook):
        raise typer.Exit(1)


@journeys.command("list")
def list_journeys(playbook: Playbook = None) -> None:
    """Show the journeys of the playbook: what starts them, what they are for, and their version."""
    from infra.local.commands.journeys import show

    show(playbook)


@journeys.command("diff")
def diff_journeys(data: Data = None, stage: Stage = None) -> None:
    """Show which versions customers are in, and how each differs from the playbook's."""
    from infra.local.commands import journeys as people
    from infra.local.stack import session

    with session.place(data, stage) as where:
        people.diff(people.journeys_at(where, deployed=stage is not None))


@journeys.command("migrate")
def migrate_journey(
    journey: Annotated[str, typer.Argument(help="Id of a journey, such as order.")],
    to: Annotated[str | None, typer.Option(help="An earlier version; without it the playbook's.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many would move.")] = False,
    data: Data = None,
    stage: Stage = None,
) -> None:
    """Migrate the customers in a journey to another version; says first how many move and how many are cancelled."""
    from infra.local.commands import journeys as people
    from infra.local.stack import session

    with session.place(data, stage) as where:
        people.migrate(people.journeys_at(where, deployed=stage is not None), journey, to, dry_run=dry_run)


@journeys.command("mode")
def set_journey_mode(
    journey: Annotated[str, typer.Argument(help="Id of a journey, such as order.")],
    mode: Annotated[str, typer.Argument(help="shadow, staff, store:NAME or all.")],
    data: Data = None,
    stage: Stage = None,
) -> None:
    """Set for whom a journey is live: shadow (it only decides), staff's phones, one store's customers, or all."""
    from infra.local.commands import journeys as people
    from infra.local.stack import session

    with session.place(data, stage) as where:
        print_json(people.change_mode(people.journeys_at(where, deployed=stage is not None), journey, mode))
