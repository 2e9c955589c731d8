"""What is uploaded: exact, small, compiled for the Python that Lambda runs, and complete."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.util import MAGIC_NUMBER
from pathlib import Path

import pytest

from infra.aws import layer
from infra.catalogue import DOORS

Builder = Callable[[layer.Target], Path]


def bytecode(folder: Path) -> dict[Path, Path]:
    """Source → its bytecode of one target, for every source in the folder."""
    return {
        source: found[0]
        if (found := list((source.parent / "__pycache__").glob(f"{source.stem}.cpython-*.pyc")))
        else source
        for source in folder.rglob("*.py")
    }


def test_the_layer_and_the_code_stay_below_our_limits_and_far_below_lambdas(built: Builder):
    folder = built(layer.LAMBDA)
    code, base = layer.size_mb(folder / "code"), layer.size_mb(folder / "layer")

    assert code <= layer.CODE_LIMIT_MB
    assert base <= layer.LAYER_LIMIT_MB
    assert code + base <= layer.HARD_LIMIT_MB


def test_the_analytics_layer_fits_beside_the_base_layer_and_our_code_and_runs(built: Builder, tmp_path: Path):
    folder = built(layer.LAMBDA)
    layer.build_analytics_layer(tmp_path / "lambda")
    heavy = layer.size_mb(tmp_path / "lambda")

    assert heavy <= layer.ANALYTICS_LIMIT_MB
    assert heavy + layer.size_mb(folder / "code") + layer.size_mb(folder / "layer") <= layer.HARD_LIMIT_MB
    layer.build_analytics_layer(tmp_path / "here", layer.this_machine())
    here = built(layer.this_machine())
    rooms = [str(here / "code"), str(here / "layer" / "python"), str(tmp_path / "here" / "python")]
    script = (
        f"import sys; sys.path[:0] = {rooms!r}\n"
        "from shared.runtime.factories import nightly\n"
        "from shared.analytics import repurchase\n"
        "from shared.analytics.lake import open_lake\n"
        "with open_lake({}) as db: assert db.execute('FROM orders').fetchall() == []\n"
    )
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, env={"HOME": "/"})
    assert ran.returncode == 0, ran.stderr


def test_the_code_is_the_two_rooms_that_run_on_lambda(built: Builder):
    code = built(layer.LAMBDA) / "code"

    assert {path.name for path in code.iterdir()} == {"functions", "shared"}
    for path in code.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            assert path.read_bytes() == (layer.ROOT / path.relative_to(code)).read_bytes()


def test_the_layer_holds_the_client_models_of_granted_services_only(built: Builder):
    models = {path.name for path in (built(layer.LAMBDA) / "layer/python/botocore/data").iterdir() if path.is_dir()}

    sends = {"sesv2", "pinpoint-sms-voice-v2", "socialmessaging"}
    assert models == {"dynamodb", "s3", "sqs", "secretsmanager", "bedrock-runtime"} | sends


def test_the_layer_has_no_tests_no_package_notes_and_no_foreign_machine_code(built: Builder):
    files = [path.relative_to(built(layer.LAMBDA)) for path in (built(layer.LAMBDA) / "layer").rglob("*")]

    assert not [path for path in files if "tests" in path.parts or path.name.endswith(".dist-info")]
    machine_code = [path.name for path in files if path.suffix == ".so"]
    assert machine_code
    assert all("cpython-313-aarch64" in name for name in machine_code)


@pytest.mark.skipif(
    layer.compiler(layer.LAMBDA.python) is None, reason=f"no Python {layer.LAMBDA.python} to compile with"
)
@pytest.mark.parametrize("asset", ["layer", "code"])
def test_every_source_ships_bytecode_that_lambda_does_not_check(built: Builder, asset: str):
    for source, compiled in bytecode(built(layer.LAMBDA) / asset).items():
        assert compiled.name == f"{source.stem}.cpython-{layer.LAMBDA.python.replace('.', '')}.pyc"
        # PEP 552: bit 0 says "by hash", bit 1 would say "and compare it".
        assert compiled.read_bytes()[4:8] == bytes([1, 0, 0, 0]), source


def test_bytecode_for_this_machine_carries_its_own_magic_number(built: Builder):
    for source, compiled in bytecode(built(layer.this_machine()) / "code").items():
        assert compiled.read_bytes()[:4] == MAGIC_NUMBER, source


def test_the_layers_hash_follows_the_target_and_repeats(built: Builder):
    assert layer.layer_hash() == layer.layer_hash()
    assert layer.layer_hash(layer.LAMBDA) != layer.layer_hash(layer.this_machine())


def test_every_door_starts_from_its_assets_alone(built: Builder):
    folder = built(layer.this_machine())
    rooms = [str(folder / "code"), str(folder / "layer" / "python")]
    doors = [f"functions.{door.name}" for door in DOORS]
    script = (
        f"import sys; sys.path[:0] = {rooms!r}\n"
        "from importlib import import_module\n"
        f"for door in {doors!r}: assert callable(import_module(door).handler)\n"
        "import boto3\n"
        "client = boto3.session.Session().client\n"
        "[client(name, region_name='ap-southeast-1') for name in ('dynamodb', 'sqs', 'secretsmanager')]\n"
    )

    # -I and -S: nothing of this environment's own packages, as on Lambda.
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, env={"HOME": "/"})

    assert ran.returncode == 0, ran.stderr
