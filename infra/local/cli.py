"""The command line `kq`. Commands are thin and import what they need when they run, so that `kq --help` is quick."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.local.errors import Trouble

app = typer.Typer(
    name="kq",
    help="Khách Quen: turns one-off buyers into regulars.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
ops = typer.Typer(help="Operations.", no_args_is_help=True)
dead_letters = typer.Typer(help="Messages that could not be processed.", no_args_is_help=True)
key = typer.Typer(help="API keys and write keys.", no_args_is_help=True)
zalo = typer.Typer(help="The connection to the Zalo Official Account.", no_args_is_help=True)
accounts = typer.Typer(help="The providers' accounts.", no_args_is_help=True)
staff = typer.Typer(help="Who works here, and who is away.")
playbook = typer.Typer(help="What a shop edits: rules, texts, journeys.", no_args_is_help=True)
templates = typer.Typer(help="What messages say.", no_args_is_help=True)
journeys = typer.Typer(help="What happens to customers step by step.", no_args_is_help=True)
triage = typer.Typer(help="What customers' messages are about.", invoke_without_command=True)
app.add_typer(ops, name="ops")
app.add_typer(playbook, name="playbook")
app.add_typer(templates, name="templates")
app.add_typer(journeys, name="journeys")
app.add_typer(triage, name="triage")
ops.add_typer(dead_letters, name="dlq")
ops.add_typer(key, name="key")
ops.add_typer(zalo, name="zalo")
ops.add_typer(accounts, name="accounts")
ops.add_typer(staff, name="staff")

# A command with many options of its own is declared where it lives; here it takes whatever stands on the line.
ELSEWHERE = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}

Data = Annotated[Path | None, typer.Option("--data", help="Folder of the data; without it everything is in memory.")]
StageName = Annotated[str, typer.Option("--stage", help="dev, staging or prod.")]
Playbook = Annotated[Path | None, typer.Option("--playbook", help="Another playbook folder than the shipped one.")]
Stage = Annotated[str | None, typer.Option("--stage", help="A deployed stage instead of a folder.")]


class KeyKind(StrEnum):
    """What a key opens."""

    API = "api"
    WRITE = "write"


class AdPlatform(StrEnum):
    """Where an audience is uploaded."""

    META = "meta"
    GOOGLE = "google"
    ZALO = "zalo"


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

    run(port, data, _moment(now), frozen=frozen, demo=with_demo)


@app.command()
def demo(
    data: Data = None,
    report: Annotated[Path, typer.Option(help="Where the HTML report goes.")] = Path("build/demo.html"),
    days: Annotated[int | None, typer.Option(min=1, help="Replay only the first days of the year.")] = None,
) -> None:
    """Replay a real shop's year through the doors and show what came of it."""
    from infra.local.demo.run import demo as replay

    replay(data, report, days)


@app.command("import", context_settings=ELSEWHERE)
def import_(context: typer.Context) -> None:
    """Import customers or orders from CSV or Excel as history, or the catalogue: kq import products FILE.

    Safe to repeat, sends nothing to anybody.
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
        # A door may raise anything; on AWS, too, its caller is told the kind and the words.
        raise Trouble(f"{door} raised {type(error).__name__}: {error}") from error
    _print(answer)


@app.command()
def blueprint(
    data: Data = None,
    stage: Stage = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show the thirty days' checklist, ticked by what is live, and what is missing and who does it."""
    from rich.console import Console

    from infra.local.commands import blueprint as plan

    with plan.shop(data, stage) as where:
        standing = plan.look(where, deployed=stage is not None)
    if as_json:
        print(plan.as_json(standing))
    else:
        plan.show(standing, Console())


@app.command()
def simulate(
    customers: Annotated[int, typer.Option(min=50, max=1_000_000, help="How many customers the shop has.")] = 1000,
    days: Annotated[int, typer.Option(min=1, max=365, help="How many days to look ahead.")] = 90,
    seed: Annotated[int, typer.Option(min=0, max=98, help="Another shop, or the same one again.")] = 1,
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Let a made-up shop live through the shipped journeys and forecast messages, cost, tasks and vouchers."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from infra.local.measuring import simulate as time_machine

    look = (TextColumn("{task.description}"), BarColumn(None), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*look, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=days)
        forecast = time_machine.simulate(
            customers, days, seed, data, lambda day: bar.update(task, advance=1, description=f"{day:%d/%m}")
        )
    if as_json:
        print(forecast.as_json())
    else:
        time_machine.show(forecast, Console())


@app.command()
def bench() -> None:
    """Print the figures of the performance goals that a laptop can take, each beside its goal."""
    from infra.local.measuring.bench import show

    show()


@app.command()
def chaos(
    sends: Annotated[int, typer.Option(min=1, help="How many messages are planned.")] = 100_000,
    seed: Annotated[int, typer.Option(help="Another disaster, or the same one again.")] = 0,
) -> None:
    """Kill the sender at every step in turn and account for every message; the exit code is 1 when one is amiss."""
    from infra.local.measuring.chaos import show

    if not show(sends, seed):
        raise typer.Exit(1)


@app.command()
def doctor(data: Data = None) -> None:
    """Check the set-up; the exit code is 1 when something that is needed is broken."""
    from infra.local.commands.doctor import examine

    if not examine(data):
        raise typer.Exit(1)


@app.command()
def synth(
    stage: StageName = "dev",
    out: Annotated[Path, typer.Option(help="Where the templates go.")] = Path("cdk.out"),
) -> None:
    """Write the CloudFormation templates of a stage; needs the infra extra and Node.js, no account."""
    from infra.aws.layer import MissingToolError
    from infra.aws.stages import UnknownStageError
    from infra.aws.synth import synth as build

    try:
        for template in build(stage, out):
            print(template)
    except ImportError as error:
        raise Trouble(f"the infra extra is not installed: {error}") from error
    except (UnknownStageError, MissingToolError, RuntimeError) as error:
        raise Trouble(str(error)) from error


@app.command()
def deploy(stage: StageName) -> None:
    """Deploy a stage to the account of the AWS settings in the environment; refused while the playbook has mistakes."""
    from infra.aws.layer import MissingToolError
    from infra.aws.stages import UnknownStageError
    from infra.aws.synth import deploy as send
    from infra.local.commands.playbook import require_no_mistakes

    require_no_mistakes()
    try:
        send(stage)
    except subprocess.CalledProcessError as error:
        raise Trouble(f"the CDK gave up with exit code {error.returncode}; its words are above") from error
    except ImportError as error:
        raise Trouble(f"the infra extra is not installed: {error}") from error
    except (UnknownStageError, MissingToolError, RuntimeError) as error:
        raise Trouble(str(error)) from error


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
    """Print what the bot answers to somebody whom it does not know, and why; or why it leaves the message to people."""
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


@playbook.command("check")
def check_playbook(folder: Playbook = None) -> None:
    """Say what is wrong with the playbook, with file, line and field; the exit code is 1 when something is."""
    from infra.local.commands.playbook import check

    if not check(folder):
        raise typer.Exit(1)


@templates.command("check")
def check_templates(playbook: Playbook = None) -> None:
    """Say what is wrong with the templates, with file, line and field; the exit code is 1 when something is."""
    from infra.local.commands.playbook import check_templates as check

    if not check(playbook):
        raise typer.Exit(1)


@templates.command("preview")
def preview_template(
    template: Annotated[str, typer.Argument(help="Id of a template, such as order_thanks.")],
    channel: Annotated[str | None, typer.Option(help="Only this channel, such as zns or sms_care.")] = None,
    lang: Annotated[str, typer.Option(help="vi or en.")] = "vi",
    nobody: Annotated[bool, typer.Option("--nobody", help="To somebody of whom no name is known.")] = False,
    playbook: Playbook = None,
) -> None:
    """Show a message as the phone shows it, with its parts and its price."""
    from infra.local.commands.templates import show

    show(template, channel, lang, playbook, nobody)


@journeys.command("check")
def check_journeys(playbook: Playbook = None) -> None:
    """Say what is wrong with the journeys, with file, line and field; the exit code is 1 when something is."""
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
    """Show which versions people are inside of, and how each differs from the playbook's."""
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
    """Bring the people inside a journey to another version; says first how many move and how many are cancelled."""
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
    """Say for whom a journey is live: for nobody (it only decides), staff's phones, one store's customers, or all."""
    from infra.local.commands import journeys as people
    from infra.local.stack import session

    with session.place(data, stage) as where:
        _print(people.change_mode(people.journeys_at(where, deployed=stage is not None), journey, mode))


@dead_letters.command("list")
def list_dead_letters(data: Data = None, stage: Stage = None) -> None:
    """Print the messages that could not be processed, with their reasons, as JSON."""
    from infra.local.commands import ops as operations
    from infra.local.stack import session

    with session.place(data, stage) as where:
        _print(operations.listed(where))


@dead_letters.command("redrive")
def redrive_dead_letters(data: Data = None, stage: Stage = None) -> None:
    """Send the messages that could not be processed back to their queues; prints how many there were."""
    from infra.local.commands import ops as operations
    from infra.local.stack import session

    with session.place(data, stage) as where:
        _print(operations.redrive(where))


@key.command("issue")
def issue_key(
    name: Annotated[
        str,
        typer.Option(help="Whose key it is, such as 'till 3'; a person's id, such as care_1, makes it that person's."),
    ],
    kind: Annotated[KeyKind, typer.Option(help="api for REST calls, write for the tracking protocol.")] = KeyKind.API,
    role: Annotated[list[str] | None, typer.Option(help="May be given several times; only for api keys.")] = None,
    store: Annotated[list[str] | None, typer.Option(help="May be given several times; none is all stores.")] = None,
    data: Data = None,
    stage: Stage = None,
) -> None:
    """Make a key; this is the only time it is seen.

    A key whose name is somebody's id in staff.yaml (see kq ops staff) is this person: tickets and tasks they take with
    it are theirs. A name that is nobody's is said on standard error, and the key is made all the same.
    """
    from infra.local.commands import ops as operations
    from infra.local.commands.staff import doubts
    from infra.local.stack import session

    with session.place(data, stage) as where:
        issued = operations.issue_key(where, kind.value, role or [], store or [], name)
    if odd := doubts(name, role or []):
        typer.echo(f"note: {odd}", err=True)
    _print({"key": issued})


@key.command("revoke")
def revoke_key(secret: Annotated[str, typer.Argument(metavar="KEY")], data: Data = None, stage: Stage = None) -> None:
    """Take a key out of use, within a minute everywhere."""
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
            _print({"halted": marketing_halt.halt(where.table, province or [], where.now)})
        except ValueError as error:
            raise Trouble(str(error)) from error


@ops.command()
def resume(data: Data = None, stage: Stage = None) -> None:
    """Let marketing go on everywhere; prints what was halted."""
    from infra.local.stack import session
    from shared.repositories import marketing_halt

    with session.place(data, stage) as where:
        _print({"resumed": marketing_halt.resume(where.table)})


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
    said: dict[str, Any] = {**vars(done.listing), "refused": len(done.refused)}
    if done.refused:
        said["rejects"] = str(operations.write_refused(done.refused, file))
    _print(said)


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
    _print(
        {
            "segment": label,
            "platform": platform.value,
            "members": found.members,
            "written": len(found.rows),
            "left_out": dict(found.left_out.most_common()),
            "file": str(out),
        }
    )


@zalo.command("connect")
def connect_zalo(
    redirect: Annotated[str, typer.Option(help="The redirect address of the app in Zalo's console.")],
    data: Data = None,
    stage: Stage = None,
) -> None:
    """Let us in to the Official Account: shows its administrator's link and asks for the code it comes back with."""
    from infra.local.commands import ops as operations
    from infra.local.stack import session

    def ask(link: str) -> str:
        typer.echo(f"Open this link as an administrator of the account:\n{link}", err=True)
        return str(typer.prompt("The code it came back with", err=True))

    with session.place(data, stage) as where:
        _print({"zalo": operations.connect_zalo(where, redirect, ask)})


@zalo.command("state")
def state_of_zalo(data: Data = None, stage: Stage = None) -> None:
    """Print whether the Official Account is connected."""
    from infra.local.commands import ops as operations
    from infra.local.stack import session

    with session.place(data, stage) as where:
        _print({"zalo": operations.zalo_state(where)})


@accounts.command("check")
def check_accounts(data: Data = None, stage: Stage = None) -> None:
    """Print which channels are set up, and what is missing of the others."""
    from infra.local.stack import session
    from shared.runtime.factories.channels import account_states

    with session.place(data, stage) as where:
        _print([state._asdict() for state in account_states(where.accounts())])


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
    """Say that somebody is away: they get no new tickets and no calls up to and including that day."""
    from infra.local.commands import staff as people
    from infra.local.stack import session

    with session.place(data, stage) as where:
        _print(people.send_on_leave(where, person, until))


@staff.command()
def back(
    person: Annotated[str, typer.Argument(help="Id of a person, such as care_1.")],
    data: Data = None,
    stage: Stage = None,
) -> None:
    """Say that somebody is there again."""
    from infra.local.commands import staff as people
    from infra.local.stack import session

    with session.place(data, stage) as where:
        _print(people.bring_back(where, person))


def _hand_over(context: typer.Context, command: Callable[..., None], words: list[str], *name: str) -> None:
    own = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    own.command()(command)
    own(words, prog_name=" ".join((context.command_path, *name)))


def _moment(text: str | None) -> datetime | None:
    from shared.domain.vietnam_time import moment

    try:
        return None if text is None else moment(text)
    except ValueError as error:
        raise Trouble(
            f"--now: {text!r} is not an RFC 3339 time with its offset, such as 2026-11-21T08:00:00+07:00"
        ) from (error)


def _print(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


def main() -> None:
    """The entry point: troubles become one red line on standard error and exit code 2."""
    try:
        app()
    except (Trouble, OSError) as error:
        typer.secho(f"kq: {error}", fg=typer.colors.RED, err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
