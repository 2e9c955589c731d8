"""Options and helpers that several commands share."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.local.errors import Trouble

Data = Annotated[Path | None, typer.Option("--data", help="Folder of the data; without it everything is in memory.")]
StageName = Annotated[str, typer.Option("--stage", help="dev, staging or prod.")]
Playbook = Annotated[Path | None, typer.Option("--playbook", help="Another playbook folder than the shipped one.")]
Stage = Annotated[str | None, typer.Option("--stage", help="A deployed stage instead of a folder.")]


def read_moment(text: str | None) -> datetime | None:
    from shared.domain.vietnam_time import moment

    try:
        return None if text is None else moment(text)
    except ValueError as error:
        raise Trouble(
            f"--now: {text!r} is not an RFC 3339 time with its offset, such as 2026-11-21T08:00:00+07:00"
        ) from (error)


def print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))
