"""Synthesizing and deploying a stage: one function each for the command line, and the pinned CDK CLI behind them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from infra.aws.layer import ROOT, MissingToolError
from infra.aws.stages import stage_named

# Pinned: the registry's `latest` tag of the CLI is an older line than the library's.
CDK_CLI = "aws-cdk@2.1148.1"
CLI_FOLDER = ROOT / "build" / "cdk-cli"


def synth(stage: str, out: Path) -> list[Path]:
    """Write the stage's templates and assets under `out`; needs Node.js, no account and no CLI.

    Returns the templates. Raises UnknownStageError, MissingToolError, or RuntimeError when a policy check fails.
    """
    stage_named(stage)
    _need("node")
    from infra.aws.app import build  # the CDK's library takes seconds to load

    assembly = build(stage, out=out).synth()
    return [Path(stack.template_full_path) for stack in assembly.stacks]


def deploy(stage: str) -> None:
    """Deploy both stacks of the stage to the account of the AWS settings in the environment.

    The CLI asks before it widens any permission. Raises CalledProcessError when it fails.
    """
    stage_named(stage)
    out = ROOT / "cdk.out" / stage
    synth(stage, out)
    cdk("deploy", "--app", str(out), "--all")


def cdk(*arguments: str, environment: dict[str, str] | None = None, output: int | None = None) -> None:
    """Run the pinned CDK CLI, installed on first use."""
    cli = _cli()
    command: Sequence[str] = [_need("node"), str(cli), *arguments]
    subprocess.run(command, check=True, cwd=ROOT, env=environment or dict(os.environ), stdout=output, stderr=output)


def _cli() -> Path:
    cli = CLI_FOLDER / "node_modules" / "aws-cdk" / "bin" / "cdk"
    stamp = CLI_FOLDER / CDK_CLI.replace("@", "-")
    if not stamp.exists():
        npm = _need("npm")
        subprocess.run([npm, "install", "--silent", "--no-save", "--prefix", str(CLI_FOLDER), CDK_CLI], check=True)
        stamp.touch()
    return cli


def _need(tool: str) -> str:
    found = shutil.which(tool)
    if found is None:
        raise MissingToolError(f"{tool} is not installed: the CDK runs on Node.js 20 or newer")
    return found
