"""Commands that look at the system: kq blueprint, simulate, experiment, bench, chaos, doctor."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from infra.local.cli.options import Data, Stage, print_json
from infra.local.errors import Trouble

app = typer.Typer()


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
    effect: Annotated[
        list[str] | None,
        typer.Option(help="Share that an advertisement adds to the purchase rate: 0.4, or for one journey birthday=0."),
    ] = None,
    truth: Annotated[Path | None, typer.Option(help="Write what is true of each customer into this CSV.")] = None,
    orders: Annotated[
        Path | None, typer.Option(help="Write every order into this CSV: customer_id,date,amount.")
    ] = None,
) -> None:
    """Let a made-up shop live through the shipped journeys and forecast messages, cost, tasks and vouchers."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from infra.local.measuring import simulate as time_machine

    effects = time_machine.effects_from(effect or [])
    look = (TextColumn("{task.description}"), BarColumn(None), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*look, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=days)
        forecast = time_machine.simulate(
            customers,
            days,
            seed,
            data,
            lambda day: bar.update(task, advance=1, description=f"{day:%d/%m}"),
            effects,
        )
    if truth:
        time_machine.write_rows(truth, time_machine.Nature, forecast.natures)
    if orders:
        time_machine.write_rows(orders, time_machine.Bought, forecast.bought)
    if as_json:
        print(forecast.as_json())
    else:
        time_machine.show(forecast, Console())


@app.command()
def fit(
    file: Annotated[Path, typer.Argument(help="A CSV file of orders: customer_id,date,amount.")],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The last day to fit on; later ones judge.")],
    score: Annotated[Path | None, typer.Option(help="Where to write each customer's chances.")] = None,
) -> None:
    """Fit the repurchase model (BG/NBD and Gamma-Gamma, in weeks) and say whether it may be used, as JSON."""
    from infra.local.commands.fit import fit as fit_file

    print_json(fit_file(file, until.date(), score))


@app.command()
def experiment(
    file: Annotated[Path, typer.Argument(help="A CSV file, one row per person.")],
    arm: Annotated[str, typer.Option(help="The column that says what each person got.")],
    control: Annotated[str, typer.Option(help="What the control group has in that column.")],
    outcome: Annotated[list[str], typer.Option(help="A column with what came of it: 0 and 1, or a number.")],
    covariate: Annotated[
        list[str] | None, typer.Option(help="A column known before the draw; makes the interval narrower.")
    ] = None,
    shares: Annotated[str | None, typer.Option(help="How the arms were drawn, such as A=50,B=50; else equal.")] = None,
) -> None:
    """Tell from a randomised file what each arm gained over the control group, as JSON."""
    from shared.analytics.experiment import Asked, BadFile, evaluate

    try:
        asked = Asked(arm, control, outcome, covariate or (), _read_shares(shares))
        print_json(evaluate(file, asked))
    except BadFile as error:
        raise Trouble(str(error)) from error


def _read_shares(text: str | None) -> dict[str, float]:
    shares = {}
    for part in text.split(",") if text else ():
        name, _, weight = part.rpartition("=")
        try:
            shares[name.strip()] = float(weight)
        except ValueError:
            raise Trouble(f"--shares: {part!r} is not an arm and its weight, such as A=50") from None
    return shares


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
    """Kill the sender at every step in turn and account for every message; the exit code is 1 if one is missing."""
    from infra.local.measuring.chaos import show

    if not show(sends, seed):
        raise typer.Exit(1)


@app.command()
def doctor(data: Data = None) -> None:
    """Check the set-up; the exit code is 1 when something that is needed is broken."""
    from infra.local.commands.doctor import examine

    if not examine(data):
        raise typer.Exit(1)
