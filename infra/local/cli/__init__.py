"""The command line `kq`, one file per group of commands. Commands are thin and import what they need when they run, so
that `kq --help` is quick."""

from __future__ import annotations

import sys

import typer

from infra.local.cli import accounts, deploy, journeys, measure, ops, playbook, run, staff, templates, triage
from infra.local.errors import Trouble

app = typer.Typer(
    name="kq",
    help="Khách Quen: turns one-off buyers into regulars.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(run.app)
app.add_typer(measure.app)
app.add_typer(deploy.app)
app.add_typer(triage.app)
app.add_typer(playbook.playbook, name="playbook")
app.add_typer(templates.templates, name="templates")
app.add_typer(journeys.journeys, name="journeys")
app.add_typer(ops.ops, name="ops")
ops.ops.add_typer(accounts.zalo, name="zalo")
ops.ops.add_typer(accounts.accounts, name="accounts")
ops.ops.add_typer(staff.staff, name="staff")


def main() -> None:
    """The entry point: troubles become one red line on standard error and exit code 2."""
    try:
        app()
    except (Trouble, OSError) as error:
        typer.secho(f"kq: {error}", fg=typer.colors.RED, err=True)
        sys.exit(2)
