"""The desk of these tests, on a Monday morning in March when everything may be sent."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.support.campaigns import Desk

MORNING = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # ten o'clock


@pytest.fixture
def desk():
    with Desk(MORNING) as stack:
        yield stack
