"""The house of this folder's tests."""

from tests.support.shop import shop

__all__ = ["shop"]
