"""A whole cloud for one test run: emulator, deployed stacks and a way to talk to them, all inside one folder."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import boto3

from infra.aws.layer import ROOT
from infra.aws.stages import REGION
from infra.aws.synth import cdk

STAGE = "dev"
ACCOUNT = "000000000000"
Answer = TypeVar("Answer")


class Cloud:
    """Starts with `start`; `stop` leaves nothing running and nothing behind, and says so if something was."""

    def __init__(self, python: str) -> None:
        """`python` is the interpreter of the environment that the emulator is installed in."""
        self._python = python
        self.folder = Path(tempfile.mkdtemp(prefix="kq-e2e-"))
        self._port = _free_port()
        self._endpoint = f"http://127.0.0.1:{self._port}"
        # Only child processes see these; nothing of the developer's own AWS settings reaches them.
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "KQ_"))}
        self._environment |= {
            "TMPDIR": str(self._subfolder("tmp")),
            "CDK_HOME": str(self._subfolder("cdk")),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self._emulator: subprocess.Popen[bytes] | None = None
        self._api = ""

    def start(self) -> None:
        """Emulator up, CDK bootstrapped, both stacks deployed as they are, for the interpreter that runs here."""
        own = {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self._port),
            "MINISTACK_REGION": REGION,
            "S3_DATA_DIR": str(self._subfolder("s3")),
            "STATE_DIR": str(self._subfolder("state")),
            # Listeners of services that are not ours, on ports that may be somebody's.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        }
        with (self.folder / "emulator.log").open("wb") as log:
            self._emulator = subprocess.Popen(
                [self._python, str(Path(__file__).with_name("emulator.py"))],
                env=self._environment | own,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        eventually(lambda: self._get(f"{self._endpoint}/_ministack/health"), 30)
        app = f"{sys.executable} -m infra.aws.app"
        context = ["-c", f"stage={STAGE}", "-c", "target=this-machine", "--output", str(self.folder / "cdk.out")]
        self._cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", "--app", "")
        self._cdk("deploy", "--all", "--app", app, *context, "--require-approval", "never")
        (api,) = self.client("apigatewayv2").get_apis()["Items"]
        self._api = f"{self._endpoint}/_aws/execute-api/{api['ApiId']}/$default"

    def stop(self) -> None:
        """End the emulator by its own process id; raises AssertionError if a process outlives it."""
        if self._emulator is None:
            return
        group, emulator, self._emulator = self._emulator.pid, self._emulator, None
        emulator.send_signal(signal.SIGTERM)
        try:
            emulator.wait(timeout=60)
            eventually(lambda: not _alive(group), 15)
        finally:
            if _alive(group):
                os.killpg(group, signal.SIGKILL)
            shutil.rmtree(self.folder)

    def client(self, service: str) -> Any:
        return boto3.session.Session().client(
            service,
            region_name=REGION,
            endpoint_url=self._endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def run(self, script: str) -> str:
        """What a piece of our own code prints, run against the deployed table as an operator would."""
        settings = {
            "KQ_TABLE": f"kq-{STAGE}-table",
            "KQ_STAGE": STAGE,
            "KQ_IDENTITY_SECRET_ARN": f"kq/{STAGE}/identity",
        }
        environment = self._environment | settings
        ran = subprocess.run(
            [sys.executable, "-c", script], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()

    def call(self, method: str, path: str, body: Any = None, *, key: str = "", write_key: str = "") -> tuple[int, Any]:
        """Status and JSON of one call; with `key` as Bearer, or with `write_key` as the tracking protocol has it."""
        headers = {"content-type": "application/json"}
        if key:
            headers["authorization"] = f"Bearer {key}"
        if write_key:
            headers["authorization"] = "Basic " + base64.b64encode(f"{write_key}:".encode()).decode()
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._api + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)

    def queue(self, name: str) -> str:
        return str(self.client("sqs").get_queue_url(QueueName=f"kq-{STAGE}-{name}")["QueueUrl"])

    def log(self) -> str:
        """The end of what the emulator said, for a failure's report."""
        return (self.folder / "emulator.log").read_text(errors="replace")[-5000:]

    def _cdk(self, *arguments: str) -> None:
        path = self.folder / "cdk.log"
        with path.open("wb") as log:
            try:
                cdk(*arguments, "--no-notices", environment=self._environment, output=log.fileno())
            except subprocess.CalledProcessError as error:
                raise RuntimeError(f"cdk {arguments[0]} failed:\n{path.read_text()[-5000:]}") from error

    def _subfolder(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir()
        return path

    @staticmethod
    def _get(url: str) -> bool:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def eventually(look: Callable[[], Answer], seconds: float) -> Answer:
    """What `look` answers as soon as that is something; other processes need their time, so this one waits."""
    until = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < until, f"not seen within {seconds} s; last: {seen!r}"
        time.sleep(0.25)
    return seen


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _alive(group: int) -> bool:
    """Whether any process of the emulator's own group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
