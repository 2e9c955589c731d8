"""The fixtures of this folder's tests, made in `tests/support/vouchers.py`."""

from tests.support.vouchers import till

__all__ = ["till"]
