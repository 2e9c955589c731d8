"""The fixtures of this folder's tests, made in `tests/support/bot.py`."""

from tests.support.bot import chats

__all__ = ["chats"]
