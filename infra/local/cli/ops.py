"""Commands of operations: kq ops, with its keys, dead letters, do-not-call list and audiences."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.local.cli.options import Data, Stage, print_json
from infra.local.errors import Trouble

ops = typer.Typer(help="Operations.", no_args_is_help=True)
dead_letters = typer.Typer(help="Messages that could not be processed.", no_args_is_help=True)
key = typer.Typer(help="API keys and write keys.", no_args_is_help=True)
ops.add_typer(dead_letters, name="dlq")
ops.add_typer(key, name="key")


class KeyKind(StrEnum):
    """What a key opens."""

    API = "api"
    WRITE = "write"
    BROWSER = "browser"


class AdPlatform(StrEnum):
    """Where an audience is uploaded."""

    META = "meta"
    GOOGLE = "google"
    ZALO = "zalo"


@dead_letters.command("list")
def list_dead_letters(data: Data = None, stage: Stage = None) -> None:
    """Print the messages that could not be processed, with their reasons, as JSON."""
    from infra.local.commands import ops as operations
    from infra.local.stack import session

    with session.place(data, stage) as where:
        print_json(operations.listed(where))


@dead_letters.command("redrive")
def redrive_dead_letters(data: Data = None, stage: Stage = None) -> None:
    """Send the messages that could not be processed back to their queues; prints how many there were."""
    from infra.local.commands import ops as operations
    from infra.local.stack import session

    with session.place(data, stage) as where:
        print_json(operations.redrive(where))


@key.command("issue")
def issue_key(
    name: Annotated[
        str,
        typer.Option(help="Whose key it is, such as 'till 3'; a person's id, such as care_1, makes it that person's."),
    ],
    kind: Annotated[
        KeyKind,
        typer.Option(help="api for REST calls; write for a server; browser for a page."),
    ] = KeyKind.API,
    role: Annotated[list[str] | None, typer.Option(help="May be given several times; only for api keys.")] = None,
    store: Annotated[list[str] | None, typer.Option(help="May be given several times; none is all stores.")] = None,
    system: Annotated[
        str, typer.Option(help="Write keys: the system whose order numbers it brings, such as webshop.")
    ] = "",
    origin: Annotated[
        list[str] | None,
        typer.Option(help="Browser keys: whose pages may use it, such as https://shop.example; several times."),
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Until it expires; without, it does not.")] = None,
    data: Data = None,
    stage: Stage = None,
) -> None:
    """Issue a key; this is the only time it is shown.

    A key whose name is the id of a person in staff.yaml (see kq ops staff) acts as this person: tickets and tasks
    taken with it are theirs. An unknown name gives a note on standard error, and the key is issued all the same.
    """
    from infra.local.commands import ops as operations
    from infra.local.commands.staff import doubts
    from infra.local.stack import session

    with session.place(data, stage) as where:
        issued = operations.issue_key(
            where,
            kind.value,
            name,
            roles=role or (),
            stores=store or (),
            system=system,
            origins=origin or (),
            days=days,
        )
    if odd := doubts(name, role or []):
        typer.echo(f"note: {odd}", err=True)
    print_json({"key": issued})


KEY = Annotated[str, typer.Argument(metavar="KEY", help="The key itself, or its id as kq ops key list shows it.")]


@key.command("list")
def list_keys(data: Data = None, stage: Stage = None) -> None:
    """Print every key with its id, use, origins, end and state as JSON; the keys themselves are stored nowhere."""
    from infra.local.commands import ops as operations
    from infra.local.stack import session

    with session.place(data, stage) as where:
        print_json(operations.list_keys(where))


@key.command("rotate")
def rotate_key(
    secret: KEY,
    keep: Annotated[int, typer.Option(min=0, help="Days that the old key still works.")] = 7,
    data: Data = None,
    stage: Stage = None,
) -> None:
    """Issue a new key for the same use; the old one expires after some days."""
    from infra.local.commands import ops as operations
    from infra.local.stack import session

    with session.place(data, stage) as where:
        print_json(operations.rotate_key(where, secret, keep))


@key.command("revoke")
def revoke_key(secret: KEY, data: Data = None, stage: Stage = None) -> None:
    """Revoke a key, within a minute everywhere."""
    from infra.local.commands import ops as operations
    from infra.local.stack import session

    with session.place(data, stage) as where:
        operations.revoke_key(where, secret)


@ops.command()
def halt(
    province: Annotated[list[str] | None, typer.Option(help="May be given several times; none is everywhere.")] = None,
    data: Data = None,
    stage: Stage = None,
) -> None:
    """Stop all marketing at once, everywhere or in some provinces; prints what is halted now."""
    from infra.local.stack import session
    from shared.repositories import marketing_halt

    with session.place(data, stage) as where:
        try:
            print_json({"halted": marketing_halt.halt(where.table, province or [], where.now)})
        except ValueError as error:
            raise Trouble(str(error)) from error


@ops.command()
def resume(data: Data = None, stage: Stage = None) -> None:
    """Resume marketing everywhere; prints what was halted."""
    from infra.local.stack import session
    from shared.repositories import marketing_halt

    with session.place(data, stage) as where:
        print_json({"resumed": marketing_halt.resume(where.table)})


@ops.command()
def dnc(
    file: Annotated[Path, typer.Argument(help="One number a line, or a CSV with a number in each line.")],
    full: Annotated[bool, typer.Option("--full", help="The whole list: takes off who is no longer on it.")] = False,
    data: Data = None,
    stage: Stage = None,
) -> None:
    """Import the do-not-call list; prints counts, and writes lines without a number to a rejects file."""
    from rich.console import Console
    from rich.progress import Progress

    from infra.local.commands import ops as operations
    from infra.local.stack import session

    if not file.is_file():
        raise Trouble(f"there is no file {file}")
    with session.place(data, stage) as where, Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("do-not-call list", total=file.read_bytes().count(b"\n"))
        done = operations.import_do_not_call(where, file, full=full, on_line=lambda n: bar.advance(task, n))
    summary: dict[str, Any] = {**vars(done.listing), "refused": len(done.refused)}
    if done.refused:
        summary["rejects"] = str(operations.write_refused(done.refused, file))
    print_json(summary)


@ops.command()
def audience(
    label: Annotated[str, typer.Argument(help="A segment, such as lapsed_60, vip or promo_hunter.")],
    out: Annotated[Path, typer.Option(help="Where the CSV goes; readable by you alone.")],
    platform: Annotated[AdPlatform, typer.Option(help="Whose upload it is for.")] = AdPlatform.META,
    data: Data = None,
    stage: Stage = None,
) -> None:
    """Write a segment as the custom audience of an advertising platform: hashes only, of those who agreed to it."""
    from rich.console import Console
    from rich.progress import Progress

    from infra.local.commands import ops as operations
    from infra.local.stack import session
    from shared.runtime.playbook.rules import sending_rules
    from shared.use_cases.segments.export_ads_audience import expected

    with session.place(data, stage) as where, Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=expected(where.table, label))
        found = operations.write_audience(
            where, sending_rules(), label, platform.value, out, lambda n: bar.advance(task, n)
        )
    print_json(
        {
            "segment": label,
            "platform": platform.value,
            "members": found.members,
            "written": len(found.rows),
            "left_out": dict(found.left_out.most_common()),
            "file": str(out),
        }
    )
