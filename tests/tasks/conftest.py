"""The fixtures of this folder's tests, made in `tests/support/`."""

from tests.support.call_lists import floor, opened_at
from tests.support.tasks import team

__all__ = ["floor", "opened_at", "team"]
