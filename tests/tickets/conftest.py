"""The fixtures of this folder's tests, made in `tests/support/`."""

from tests.support.recommendations import shop
from tests.support.tickets import helpdesk

__all__ = ["helpdesk", "shop"]
