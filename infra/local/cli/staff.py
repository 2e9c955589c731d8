"""Commands on staff: kq ops staff."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.local.cli.options import Data, Stage, print_json

staff = typer.Typer(help="Staff and their absences.")


@staff.callback(invoke_without_command=True)
def list_staff(context: typer.Context, data: Data = None, stage: Stage = None) -> None:
    """Show who works here and who is on duty now."""
    if context.invoked_subcommand is not None:
        return
    from infra.local.commands import staff as people
    from infra.local.stack import session

    with session.place(data, stage) as where:
        people.show(where)


@staff.command()
def away(
    person: Annotated[str, typer.Argument(help="Id of a person, such as care_1.")],
    until: Annotated[str, typer.Option(help="The last day of the leave, such as 2026-12-01.")],
    data: Data = None,
    stage: Stage = None,
) -> None:
    """Set a person absent: no new tickets and no calls up to and including that day."""
    from infra.local.commands import staff as people
    from infra.local.stack import session

    with session.place(data, stage) as where:
        print_json(people.send_on_leave(where, person, until))


@staff.command()
def back(
    person: Annotated[str, typer.Argument(help="Id of a person, such as care_1.")],
    data: Data = None,
    stage: Stage = None,
) -> None:
    """End the absence of a person."""
    from infra.local.commands import staff as people
    from infra.local.stack import session

    with session.place(data, stage) as where:
        print_json(people.bring_back(where, person))
