"""The fixtures of this folder's tests, made in `tests/support/inbox.py`."""

from tests.support.inbox import inbox

__all__ = ["inbox"]
