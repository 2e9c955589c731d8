"""Commands that build and deploy the stacks: kq synth, deploy."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Annotated

import typer

from infra.local.cli.options import StageName
from infra.local.errors import Trouble

app = typer.Typer()


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
