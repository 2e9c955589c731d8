"""Commands on the providers' accounts: kq ops zalo, kq ops accounts."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.local.cli.options import Data, Stage, print_json

zalo = typer.Typer(help="The connection to the Zalo Official Account.", no_args_is_help=True)
accounts = typer.Typer(help="The providers' accounts.", no_args_is_help=True)


@zalo.command("connect")
def connect_zalo(
    redirect: Annotated[str, typer.Option(help="The redirect address of the app in Zalo's console.")],
    data: Data = None,
    stage: Stage = None,
) -> None:
    """Connect the Official Account: shows its administrator's link and asks for the code it returns."""
    from infra.local.commands import ops as operations
    from infra.local.stack import session

    def ask(link: str) -> str:
        typer.echo(f"Open this link as an administrator of the account:\n{link}", err=True)
        return str(typer.prompt("The returned code", err=True))

    with session.place(data, stage) as where:
        print_json({"zalo": operations.connect_zalo(where, redirect, ask)})


@zalo.command("state")
def state_of_zalo(data: Data = None, stage: Stage = None) -> None:
    """Print whether the Official Account is connected."""
    from infra.local.commands import ops as operations
    from infra.local.stack import session

    with session.place(data, stage) as where:
        print_json({"zalo": operations.zalo_state(where)})


@accounts.command("check")
def check_accounts(data: Data = None, stage: Stage = None) -> None:
    """Print which channels are set up, and what is missing of the others."""
    from infra.local.stack import session
    from shared.runtime.factories.channels import account_states

    with session.place(data, stage) as where:
        print_json([state._asdict() for state in account_states(where.accounts())])
