"""Commands that run the system here: kq up, demo, import, invoke."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from infra.local.cli.options import Data, print_json, read_moment
from infra.local.errors import Trouble

app = typer.Typer()
# A command with many options of its own is declared where it lives; here it takes whatever stands on the line.
ELSEWHERE = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


def _hand_over(context: typer.Context, command: Callable[..., None], words: list[str], *name: str) -> None:
    own = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    own.command()(command)
    own(words, prog_name=" ".join((context.command_path, *name)))


@app.command()
def up(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes any free one.")] = 8000,
    data: Data = None,
    now: Annotated[str | None, typer.Option(help="Start at this RFC 3339 time instead of the present.")] = None,
    frozen: Annotated[bool, typer.Option("--frozen", help="Time stands still until /_local/advance moves it.")] = False,
    with_demo: Annotated[bool, typer.Option("--demo", help="Start with the demo's year inside.")] = False,
) -> None:
    """Run the whole system here until Ctrl-C; prints one JSON line when ready, then logs to standard error."""
    from infra.local.commands.up import run

    run(port, data, read_moment(now), frozen=frozen, demo=with_demo)


@app.command()
def demo(
    data: Data = None,
    report: Annotated[Path, typer.Option(help="Where the HTML report goes.")] = Path("build/demo.html"),
    days: Annotated[int | None, typer.Option(min=1, help="Replay only the first days of the year.")] = None,
) -> None:
    """Replay a real shop's year through the doors and show the results."""
    from infra.local.demo.run import demo as replay

    replay(data, report, days)


@app.command("import", context_settings=ELSEWHERE)
def import_(context: typer.Context) -> None:
    """Import customers or orders from CSV or Excel as history, or the catalogue: kq import products FILE.

    Safe to repeat; sends no messages.
    """
    first, rest = context.args[:1], context.args[1:]
    # A file may be called "products" too; then the word alone is the file.
    if first == ["products"] and (any(not word.startswith("-") for word in rest[:1]) or not Path("products").is_file()):
        from infra.local.importing.products import import_products

        _hand_over(context, import_products, rest, "products")
    else:
        from infra.local.importing.command import import_file

        _hand_over(context, import_file, context.args)


@app.command()
def invoke(
    door: Annotated[str, typer.Argument(help="Name of a door, such as events_worker.")],
    event: Annotated[Path, typer.Argument(help="JSON file with the event, such as events/samples/X.json.")],
    data: Data = None,
) -> None:
    """Call one door with one event and print its answer; a request without a key gets this laptop's own."""
    from infra.catalogue import DOORS

    if door not in {row.name for row in DOORS}:
        raise Trouble(f"there is no door {door}; there are {', '.join(row.name for row in DOORS)}")
    try:
        content = json.loads(event.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Trouble(f"{event} cannot be read: {error}") from error
    from infra.local.commands.up import call_once

    try:
        answer = call_once(door, content, data)
    except Exception as error:
        # A door may raise anything; on AWS, too, its caller gets the kind and the text.
        raise Trouble(f"{door} raised {type(error).__name__}: {error}") from error
    print_json(answer)
