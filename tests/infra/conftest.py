"""Templates and assets, made once per session; what needs the CDK says so when it is missing."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.aws import layer


class Synthesized:
    """The two templates of one stage, and both together for rules that hold everywhere."""

    def __init__(self, stage: str, folder: Path) -> None:
        def read(kind: str) -> dict[str, Any]:
            suffix = f".{kind}.json"
            return {p.name.removesuffix(suffix): json.loads(p.read_text()) for p in folder.glob(f"*{suffix}")}

        templates = read("template")
        self.stage = stage
        # Construct path and, of every policy finding acknowledged there, rule → reason.
        self.acknowledged: list[tuple[str, dict[str, str]]] = [
            (path, note["data"])
            for notes in read("metadata").values()
            for path, at in notes.items()
            for note in at
            if note["type"] == "aws:cdk:acknowledged-rules"
        ]
        self.names = set(templates)
        self.data = templates[f"kq-{stage}-data"]["Resources"]
        self.app = templates[f"kq-{stage}-app"]["Resources"]

    def all(self, kind: str) -> dict[str, Any]:
        """Logical id → properties of every resource of that type."""
        return {
            name: resource.get("Properties", {})
            for name, resource in {**self.data, **self.app}.items()
            if resource["Type"] == kind
        }


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Synthesized]:
    """Synthesizes a stage without building its assets: offline, and quick after the first."""
    if importlib.util.find_spec("aws_cdk") is None:
        pytest.skip("the infra extra is not installed; `make synth` installs it")
    if shutil.which("node") is None:
        pytest.skip("the CDK runs on Node.js, which is not installed")
    from infra.aws.app import build

    done: dict[str, Synthesized] = {}

    def of(stage: str) -> Synthesized:
        if stage not in done:
            folder = tmp_path_factory.mktemp(stage)
            build(stage, out=folder, assets=False).synth()
            done[stage] = Synthesized(stage, folder)
        return done[stage]

    return of


@pytest.fixture(scope="session")
def dev(synthesized: Callable[[str], Synthesized]) -> Synthesized:
    return synthesized("dev")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[layer.Target], Path]:
    """Builds the layer and the code for a target, as `layer/` and `code/` of the folder it answers with."""
    done: dict[layer.Target, Path] = {}

    def of(target: layer.Target) -> Path:
        if target not in done:
            folder = tmp_path_factory.mktemp("assets")
            layer.build_layer(folder / "layer", target)
            layer.build_code(folder / "code", target)
            done[target] = folder
        return done[target]

    return of
