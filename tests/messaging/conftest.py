"""The house of these tests, on a Monday morning in March when everything may be sent."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.support.messaging import Care

MORNING = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # ten o'clock


@pytest.fixture
def care():
    with Care(MORNING) as stack:
        stack.know_the_do_not_call_list()
        yield stack
