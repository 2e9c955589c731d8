"""Reads the shop's own facts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from shared.domain.messaging.template import Shop
from shared.runtime.playbook.loader import PLAYBOOK, SHOP, load


def load_shop(folder: Path) -> Shop:
    """The facts of a playbook folder; raises PlaybookError with the first thing wrong."""
    return load(folder, SHOP, Shop)


@cache
def shop() -> Shop:
    """The facts that ship with this deployment."""
    return load_shop(PLAYBOOK)
