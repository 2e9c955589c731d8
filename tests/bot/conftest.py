"""The fixtures of this folder's tests, made in `tests/support/`."""

from tests.support.bot import chats
from tests.support.shop import shop

__all__ = ["chats", "shop"]
