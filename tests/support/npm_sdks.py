"""The SDKs of Segment and RudderStack from npm, as tests/support/sdks pins them; installed once and kept in build/."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.running import ROOT

PINNED = Path(__file__).parent / "sdks"
INSTALL_SECONDS = 300
# Where everything is proven, what is missing is a failure.
needs_node = pytest.mark.skipif(shutil.which("npm") is None and not os.environ.get("CI"), reason="no Node.js here")


def npm_sdks() -> Path:
    """The folder of modules; two test workers that need it at once install it once."""
    lock = (PINNED / "package-lock.json").read_bytes()
    folder = ROOT / "build" / f"sdks-{hashlib.sha256(lock).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    installed = folder / "installed"
    with (folder / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not installed.exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(PINNED / name, folder)
            command = ["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=folder, check=True, timeout=INSTALL_SECONDS)
            installed.touch()
    return folder / "node_modules"
