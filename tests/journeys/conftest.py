"""The fixtures of this folder's tests, made in `tests/support/journeys.py`."""

from tests.support.journeys import opened, shop

__all__ = ["opened", "shop"]
