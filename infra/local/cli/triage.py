"""Commands that read messages: kq triage, kq bot."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from infra.local.cli.options import Data, Stage

app = typer.Typer()
triage = typer.Typer(help="Triage of customers' messages.", invoke_without_command=True)
app.add_typer(triage, name="triage")


@triage.callback()
def read_messages(
    context: typer.Context,
    score: Annotated[Path | None, typer.Option(help="Messages with labels; prints how well they are read.")] = None,
) -> None:
    """Read one message per line from standard input and print what it is about, one JSON object per line."""
    if context.invoked_subcommand is not None:
        return
    from infra.local.commands import triage as reader

    if score is None:
        reader.answer_lines(sys.stdin.buffer, sys.stdout)
    else:
        print(reader.score(score))


@app.command("bot")
def try_the_bot(
    text: Annotated[str, typer.Argument(help="A message as a customer writes it.")],
    intent: Annotated[str | None, typer.Option(help="As if triage had read this intent.")] = None,
) -> None:
    """Print what the bot answers an unknown sender, and why; or why it hands the message over to staff."""
    from infra.local.commands import bot

    print(bot.tried(text, intent))


@triage.command("corrections")
def export_corrections(
    months: Annotated[int, typer.Option(min=1, max=120, help="This month and how many before it, together.")] = 12,
    data: Data = None,
    stage: Stage = None,
) -> None:
    """Print messages whose labels staff put right, as examples to train on, without numbers, addresses and names."""
    from infra.local.commands import triage as reader
    from infra.local.stack import session
    from shared.domain.vietnam_time import local_day

    with session.place(data, stage) as where:
        for line in reader.corrections(where.table, local_day(where.now), months):
            print(line)
