"""The fixtures of this folder's tests, made in `tests/support/recommendations.py`."""

from tests.support.recommendations import shop

__all__ = ["shop"]
