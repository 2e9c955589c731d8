"""What a check of the playbook reports: a path into the file and the mistake."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import NamedTuple

Path = tuple[str, ...]


class Finding(NamedTuple):
    """Something to mend: where (field by field), what is wrong there, and what was expected."""

    path: Path
    reason: str


def unknown_names(what: str, name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, 1)
    return f"there is no {what} {name}" + (f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}")
