"""Commands on the playbook as a whole: kq playbook."""

from __future__ import annotations

import typer

from infra.local.cli.options import Playbook

playbook = typer.Typer(help="What a shop edits: rules, texts, journeys.", no_args_is_help=True)


@playbook.command("check")
def check_playbook(folder: Playbook = None) -> None:
    """Report mistakes in the playbook, with file, line and field; the exit code is 1 if there are any."""
    from infra.local.commands.playbook import check

    if not check(folder):
        raise typer.Exit(1)
