"""The demo is replayed without measuring coverage: that takes twice as long and shows nothing the other tests do not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from coverage import Coverage


@pytest.fixture(scope="module", autouse=True)
def _unmeasured() -> Iterator[None]:
    measured = Coverage.current()
    if measured:
        measured.stop()
    yield
    if measured:
        measured.start()
