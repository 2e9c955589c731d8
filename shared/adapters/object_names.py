"""What every adapter of the object store takes for a name and a condition."""

from __future__ import annotations

import re
from typing import Final

PAGE: Final = 1000
# Ours are file names on every system too; S3 would take far more.
_NAME: Final = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9._=-]*(/[A-Za-z0-9_=-][A-Za-z0-9._=-]*)*")
_MOST_BYTES: Final = 1024


def check_name(name: str) -> None:
    """ValueError for a name that an object cannot have; no part of it begins with a dot."""
    if not _NAME.fullmatch(name) or len(name) > _MOST_BYTES:
        raise ValueError(f"no object can have the name {name!r}")


def check_put(name: str, if_absent: bool, if_match: str | None) -> None:
    """ValueError for a name that is none and for two conditions at once."""
    check_name(name)
    if if_absent and if_match is not None:
        raise ValueError("an object cannot be both absent and matched")
