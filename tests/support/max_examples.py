"""How many examples a property test draws: all of them on CI, a fifth where a developer waits."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings


def max_examples(count: int, **more: Any) -> settings:
    """`settings` with `count` examples on CI; what the profiles of `tests/conftest.py` set stands unless in `more`."""
    return settings(max_examples=count if os.environ.get("CI") else max(count // 5, min(count, 5)), **more)
