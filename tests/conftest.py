"""How every test runs: as many generated examples as the place affords, and what takes longest begins first."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says more about the machine than about the code.
settings.register_profile("dev", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# A commit passes or fails whenever it is asked.
settings.register_profile("ci", settings.get_profile("dev"), max_examples=100, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the demo's year first: replaying it keeps one worker busy for as long as the other one has other tests."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/demo/"))
