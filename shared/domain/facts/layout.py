"""Where the lake keeps what: names of objects by kind and local day.

Raw facts are gzip JSON lines as they were told; the parts of `parquet/` hold the same facts, compacted, and lie apart
because Athena takes every file of a table's folder for Parquet. A kind's manifest says which files are to be read.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from shared.domain.facts.schema import KINDS, Kind

RAW: Final = "facts"
PARTS: Final = "parquet"
MANIFESTS: Final = "manifests"
_RAW_SUFFIX: Final = ".jsonl.gz"
_SOURCE: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,255}")
_KINDS: Final[dict[str, Kind]] = {kind: kind for kind in KINDS}


def raw_name(kind: Kind, day: str, source: str) -> str:
    """The object for what one source tells about one day; ValueError for what cannot stand in a name."""
    if not _is_day(day):
        raise ValueError(f"a fact of kind {kind} has a day that is none")
    if not _SOURCE.fullmatch(source):
        raise ValueError(f"no object can be named after the source {source!r}")
    return f"{RAW}/{kind}/dt={day}/{source}{_RAW_SUFFIX}"


def part_name(kind: Kind, day: str, part_id: str) -> str:
    """The object for the compacted facts of one day; `part_id` is never used twice."""
    return f"{PARTS}/{kind}/dt={day}/part-{part_id}.parquet"


def manifest_name(kind: Kind) -> str:
    return f"{MANIFESTS}/{kind}.json"


def kind_and_day(name: str) -> tuple[Kind, str] | None:
    """Whose facts a raw object or a part holds; None for what we did not name."""
    match name.split("/"):
        case [_, kind, day, _] if kind in _KINDS and day.startswith("dt=") and _is_day(day[3:]):
            return _KINDS[kind], day[3:]
    return None


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
