"""`kq doctor`: what is there, what is missing, and whether that matters."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from infra import catalogue
from infra.aws import layer
from infra.local.stack.local_stack import load_door
from shared.runtime.playbook.check import check
from shared.runtime.playbook.loader import PLAYBOOK

ROOT = layer.ROOT
OLDEST_PYTHON = (3, 11)

# What each group of packages is for, and one module of each of them; only the first group is needed to run.
EXTRAS = {
    "run time": ("pydantic", "aws_lambda_powertools", "phonenumbers", "yaml"),
    "local extra (the command line)": ("typer", "rich", "openpyxl"),
    "aws extra (the client; the laptop does without)": ("boto3",),
    "infra extra (synth, deploy)": ("aws_cdk", "constructs", "cdk_nag"),
    "dev extra (tests)": ("pytest", "hypothesis", "moto", "segment"),
}
NEEDED_EXTRAS = ("run time", "local extra (the command line)")


class Finding(NamedTuple):
    """One line of the table."""

    what: str
    fine: bool
    needed: bool
    detail: str


def examine(data: Path | None) -> bool:
    """Print the table; whether everything that is needed is fine."""
    table = Table("", "check", "finding", box=None, pad_edge=False)
    findings = list(_findings(data))
    for finding in findings:
        mark = "[green]ok[/]" if finding.fine else "[red]broken[/]" if finding.needed else "[yellow]missing[/]"
        table.add_row(mark, finding.what, finding.detail)
    Console().print(table)
    return all(finding.fine for finding in findings if finding.needed)


def _findings(data: Path | None) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", sys.version_info >= OLDEST_PYTHON, True, f"{version}; 3.11 or newer is needed")
    for extra, modules in EXTRAS.items():
        absent = [module for module in modules if find_spec(module) is None]
        yield Finding(
            extra, not absent, extra in NEEDED_EXTRAS, f"lacks {', '.join(absent)}" if absent else "installed"
        )
    yield _doors()
    yield _playbook()
    yield _writable(data)
    yield _node()
    yield _aws()
    runtime = layer.LAMBDA.python
    interpreter = layer.compiler(runtime)
    without = f"no Python {runtime} here: Lambda starts slower without bytecode"
    yield Finding("bytecode for Lambda", interpreter is not None, False, interpreter or without)


def _doors() -> Finding:
    planned = {door.name for door in catalogue.DOORS}
    written = {file.stem for file in (ROOT / "functions").glob("*.py")} - {"__init__"}
    wrong = [f"{name} is planned but not written" for name in sorted(planned - written)]
    wrong += [f"{name} is written but not planned" for name in sorted(written - planned)]
    for name in sorted(planned & written):
        try:
            load_door(name)
        except (ImportError, SyntaxError, AttributeError) as error:
            wrong.append(f"{name} does not load: {error}")
    return Finding("doors", not wrong, True, "; ".join(wrong) or f"{len(planned)}, all on the plan")


def _playbook() -> Finding:
    mistakes = check(PLAYBOOK)
    more = f" (and {len(mistakes) - 1} more: kq playbook check)" if len(mistakes) > 1 else ""
    files = sum(path.is_file() for path in PLAYBOOK.glob("**/*"))
    return Finding("playbook", not mistakes, True, f"{mistakes[0]}{more}" if mistakes else f"{files} files")


def _writable(data: Path | None) -> Finding:
    folder = data or Path.cwd()
    # A data folder is made on first use: what counts then is the nearest folder that exists.
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            return Finding("data folder", True, True, str(folder))
    except OSError as error:
        return Finding("data folder", False, True, f"{folder}: {error.strerror}")


def _node() -> Finding:
    node = shutil.which("node")
    if node is None:
        return Finding("Node.js", False, False, "only the CDK and its tests use it")
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    return Finding("Node.js", answer.returncode == 0, False, answer.stdout.strip() or answer.stderr.strip())


def _aws() -> Finding:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    named = [name for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID") if os.environ.get(name)]
    credentials = ", ".join(named) or ("a credentials file" if (Path.home() / ".aws" / "credentials").exists() else "")
    detail = f"credentials: {credentials or 'none'}; region: {region or 'none'}; only deploy uses them"
    return Finding("AWS settings", bool(credentials and region), False, detail)
