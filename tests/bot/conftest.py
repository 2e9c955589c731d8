"""The house of tests/doors, for what the bot and the FAQ do behind its doors."""

from __future__ import annotations

from tests.doors.conftest import shop

__all__ = ["shop"]
