"""Where the lake keeps what: names of objects by kind and local day.

Raw facts are gzip JSON lines as they were told; the parts of `parquet/` hold the same facts, compacted, and lie apart
because Athena takes every file of a table's folder for Parquet.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from shared.domain.facts.schema import Kind

RAW_SUFFIX: Final = ".jsonl.gz"
_SOURCE: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,255}")


def raw_prefix(kind: Kind, day: str | None = None) -> str:
    """What the names of a kind's raw objects begin with, of one day or of all."""
    return f"facts/{kind}/dt={day}/" if day else f"facts/{kind}/"


def raw_name(kind: Kind, day: str, source: str) -> str:
    """The object for what one source tells about one day; ValueError for what cannot stand in a name."""
    if not _is_day(day):
        raise ValueError(f"a fact of kind {kind} has a day that is none")
    if not _SOURCE.fullmatch(source):
        raise ValueError(f"no object can be named after the source {source!r}")
    return f"{raw_prefix(kind, day)}{source}{RAW_SUFFIX}"


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
