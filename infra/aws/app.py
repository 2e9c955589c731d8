"""The CDK app: both stacks of one stage. `python -m infra.aws.app` is what the CDK command line runs (see cdk.json)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from aws_cdk import App, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from infra.aws import layer
from infra.aws.app_stack import AppStack
from infra.aws.data_stack import DataStack
from infra.aws.stages import UnknownStageError, stage_named


def build(
    stage_name: str | None = None,
    *,
    out: Path | None = None,
    target: layer.Target | None = None,
    assets: bool = True,
) -> App:
    """The app of one stage, not yet synthesized.

    What is not given is taken from the CDK's context: `-c stage=dev`, and `-c target=this-machine` to run on an
    emulator. Without `assets` nothing is built, which is enough to look at the templates.
    """
    # The data stack refuses to lose what the app stack still uses.
    context: dict[str, Any] = {"@aws-cdk/core:defaultCrossStackReferences": "strong"}
    if not assets:
        context["aws:cdk:bundling-stacks"] = []
    app = App(outdir=str(out) if out else None, context=context)
    stage = stage_named(stage_name or app.node.try_get_context("stage"))
    if target is None:
        on_lambda = app.node.try_get_context("target") != "this-machine"
        target = layer.LAMBDA if on_lambda else layer.this_machine()
    data = DataStack(app, stage)
    AppStack(app, stage, data, target)
    Tags.of(app).add("project", "khach-quen")
    Tags.of(app).add("stage", stage.name)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app


if __name__ == "__main__":
    try:
        build().synth()
    except UnknownStageError as error:
        sys.exit(f"error: {error}")
