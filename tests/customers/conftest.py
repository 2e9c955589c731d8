"""The fixtures of this folder's tests, made in `tests/support/`."""

from tests.support.shop import refused, shop

__all__ = ["refused", "shop"]
