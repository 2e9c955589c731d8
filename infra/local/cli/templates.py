"""Commands on message templates: kq templates."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.local.cli.options import Playbook

templates = typer.Typer(help="Message templates.", no_args_is_help=True)


@templates.command("check")
def check_templates(playbook: Playbook = None) -> None:
    """Report mistakes in the templates, with file, line and field; the exit code is 1 if there are any."""
    from infra.local.commands.playbook import check_templates as check

    if not check(playbook):
        raise typer.Exit(1)


@templates.command("preview")
def preview_template(
    template: Annotated[str, typer.Argument(help="Id of a template, such as order_thanks.")],
    channel: Annotated[str | None, typer.Option(help="Only this channel, such as zns or sms_care.")] = None,
    lang: Annotated[str, typer.Option(help="vi or en.")] = "vi",
    nobody: Annotated[bool, typer.Option("--nobody", help="As a customer without a known name gets it.")] = False,
    playbook: Playbook = None,
) -> None:
    """Show a message as the phone shows it, with its parts and its price."""
    from infra.local.commands.templates import show

    show(template, channel, lang, playbook, nobody)
