"""What a function runs from: the layer of locked wheels and our own code, each with bytecode for Lambda's Python.

Built without Docker and without the CDK, so that the asset sizes can be tested and start-up measured on any machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from infra.catalogue import DOORS

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
ROOMS = ("functions", "shared")

# Lambda's own limit for a function's code and layers together, unzipped.
HARD_LIMIT_MB = 250
# Ours: start-up time grows with what lies in the layer, so growth beyond this wants a decision.
LAYER_LIMIT_MB = 32
ANALYTICS_LIMIT_MB = 200
CODE_LIMIT_MB = 7  # 0.9 of it what the reader of messages has learnt

# What the analytics layer holds, and what of it no door of ours loads.
ANALYTICS = ("duckdb", "numpy", "scipy")
_UNUSED = (
    *("scipy/datasets", "scipy/misc", "scipy/io", "scipy/signal", "scipy/ndimage", "scipy/fftpack", "scipy/odr"),
    *("scipy/cluster", "scipy/stats", "scipy/integrate", "scipy/interpolate", "scipy/differentiate"),
    *("numpy/distutils", "adbc_driver_duckdb"),
)

# Files every botocore client reads, whatever the service.
_BOTOCORE_COMMON = {"endpoints.json", "partitions.json", "_retry.json", "sdk-default-configuration.json"}


class MissingToolError(RuntimeError):
    """A tool the build needs is not installed."""


@dataclass(frozen=True)
class Target:
    """The Python the assets are made for; `platform` is uv's name of it, None is the machine we are on."""

    python: str
    platform: str | None


# The one place that says which Python Lambda runs. 3.13 and not the newest, because every binary wheel of the lock
# exists for it and its interpreter is easy to install for compiling.
LAMBDA = Target("3.13", "aarch64-manylinux2014")


def this_machine() -> Target:
    """The running interpreter: emulators run functions on it, and so do start-up measurements."""
    return Target(f"{sys.version_info.major}.{sys.version_info.minor}", None)


@cache
def compiler(python: str) -> str | None:
    """An interpreter on this machine that writes bytecode for that version (its minor must be the same), or None.

    None means that sources are shipped without bytecode: correct, but a cold start costs about three times as much.
    """
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    managed = [str(found) for found in sorted(versions.glob(f"{python}.*/bin/python3"))]
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    for candidate in filter(None, [sys.executable, shutil.which(f"python{python}"), *managed]):
        # A version manager's shim stands on the path even for a version it does not offer, so ask.
        answer = subprocess.run([candidate, "-c", question], capture_output=True, text=True, check=False)
        if answer.stdout.strip() == python:
            return candidate
    return None


def build_layer(out: Path, target: Target = LAMBDA) -> None:
    """Fill `out` with the layer: the project's run-time dependencies and boto3, as locked."""
    site = out / "python"
    where = ["--python-platform", target.platform] if target.platform else []
    subprocess.run(
        [
            *(_uv(), "pip", "install", "--quiet", "--python", sys.executable, "--target", str(site)),
            *("--only-binary", ":all:", "--no-installer-metadata", "--python-version", target.python, *where),
            *("--constraints", str(LOCK), "--requirements", str(ROOT / "pyproject.toml"), "--extra", "aws"),
        ],
        check=True,
        cwd=ROOT,
    )
    for junk in (site / "bin", site / ".lock", *site.glob("*.dist-info"), *site.rglob("tests"), *site.rglob("*.pyi")):
        shutil.rmtree(junk) if junk.is_dir() else junk.unlink(missing_ok=True)
    for model in (site / "botocore" / "data").iterdir():
        if model.is_dir() and model.name not in _services():
            shutil.rmtree(model)
        elif model.is_file() and model.name not in _BOTOCORE_COMMON:
            model.unlink()
    shutil.rmtree(site / "boto3" / "data")  # models of boto3's resource interface, which this project does not use
    _compile(out, target, runs_at="/opt")


def build_analytics_layer(out: Path, target: Target = LAMBDA) -> None:
    """Fill `out` with what reads the lake and fits models, without what the base layer has."""
    site = out / "python"
    # DuckDB's wheels ask for a newer C library than others, which Lambda's Linux of 2023 has.
    where = ["--python-platform", "aarch64-manylinux_2_28"] if target.platform else []
    subprocess.run(
        [
            *(_uv(), "pip", "install", "--quiet", "--python", sys.executable, "--target", str(site), "--no-deps"),
            *("--only-binary", ":all:", "--no-installer-metadata", "--python-version", target.python, *where),
            *("--constraints", str(LOCK), *ANALYTICS),
        ],
        check=True,
        cwd=ROOT,
    )
    unused = (site / "bin", site / ".lock", *(site / name for name in _UNUSED))
    # DuckDB asks its package notes for its version when it is imported.
    packages = [notes for notes in site.glob("*.dist-info") if not notes.name.startswith("duckdb-")]
    notes = (*packages, *site.rglob("tests"), *site.rglob("*.pyi"), *site.rglob("include"))
    for junk in (*unused, *notes):
        if junk.is_dir():
            shutil.rmtree(junk)
        else:
            junk.unlink(missing_ok=True)
    _compile(out, target, runs_at="/opt")


def build_code(out: Path, target: Target = LAMBDA) -> None:
    """Fill `out` with our own folders that run on Lambda, and nothing else of the project."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, out / room, ignore=shutil.ignore_patterns("__pycache__"))
    _compile(out, target, runs_at="/var/task")


def layer_hash(target: Target = LAMBDA, name: str = "base") -> str:
    """Changes exactly when the layer would: with the lock file, what is asked of it, the target, or this recipe."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["aws" if name == "base" else name]
    asked = [name, project["dependencies"], extra, sorted(_services()), asdict(target)]
    recipe = hashlib.sha256(LOCK.read_bytes())
    recipe.update(Path(__file__).read_bytes())
    recipe.update(json.dumps([asked, compiler(target.python) is not None]).encode())
    return recipe.hexdigest()


def size_mb(folder: Path) -> float:
    """What a folder weighs unzipped, in MB."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1_000_000


# Where IAM's name of a service is not botocore's.
_BOTOCORE_NAMES = {
    "bedrock": "bedrock-runtime",
    "ses": "sesv2",
    "sms-voice": "pinpoint-sms-voice-v2",
    "social-messaging": "socialmessaging",
}


def _services() -> set[str]:
    """The AWS services the plan's grants name, which is all that a function can call, as botocore calls them."""
    granted = {action.split(":")[0] for door in DOORS for grant in door.grants for action in grant.actions}
    return {_BOTOCORE_NAMES.get(name, name) for name in granted}


def _compile(folder: Path, target: Target, runs_at: str) -> None:
    """Write bytecode beside every source.

    Unchecked, because zipping flattens the times a checked one compares, and Lambda's disk is read-only for a repair.
    """
    interpreter = compiler(target.python)
    if interpreter is None:
        return
    names = ["-s", str(folder), "-p", runs_at]  # tracebacks show the path on Lambda, and builds repeat to the byte
    unchecked = ["--invalidation-mode", "unchecked-hash"]
    subprocess.run([interpreter, "-m", "compileall", "-q", *unchecked, *names, str(folder)], check=True)


def _uv() -> str:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise MissingToolError("the layer is built with uv, which is not installed; run `make setup`")
    return found
