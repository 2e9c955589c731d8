"""Merges raw facts and a part of Parquet into a new part, the latest version of each fact."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from shared.domain.facts.schema import Kind, columns

# Facts that were taken back stay as such, so that an older version in another file does not come back.
_MERGE = """
COPY (
    SELECT {columns}
    FROM (SELECT * FROM read_json($raw, format = 'newline_delimited', columns = {types}) {former})
    QUALIFY row_number() OVER (PARTITION BY fact_id ORDER BY version DESC) = 1
    ORDER BY fact_id
) TO '{part}' (FORMAT parquet, COMPRESSION zstd)
"""
_FORMER = "UNION ALL BY NAME SELECT * FROM read_parquet($former)"


def merge(kind: Kind, raw: Sequence[bytes], former: bytes | None) -> bytes:
    """A part in Parquet from gzip JSON lines and the former part, with the columns that the schema has now.

    Raises ValueError for a body that cannot be read.
    """
    types = columns(kind)
    with TemporaryDirectory(prefix="kq-compaction-") as name:
        folder = Path(name)
        given = {"raw": str(folder / "raw.jsonl")}
        _unpack(raw, folder / "raw.jsonl")
        if former is not None:
            given["former"] = str(folder / "former.parquet")
            (folder / "former.parquet").write_bytes(former)
        statement = _MERGE.format(
            # A part may have been written when a column was missing, or of another type.
            columns=", ".join(f'CAST("{column}" AS {type_}) AS "{column}"' for column, type_ in types.items()),
            types=repr(types),
            former=_FORMER if former is not None else "",
            part=folder / "part.parquet",
        )
        try:
            with _database().cursor() as cursor:
                cursor.execute(statement, given)
        except duckdb.Error as error:
            # Its own words may show what stands in the file.
            raise ValueError(f"{type(error).__name__} while facts were merged") from error
        return (folder / "part.parquet").read_bytes()


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """One for all merges: to open it costs three times what a small merge does."""
    return duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})


def _unpack(raw: Sequence[bytes], path: Path) -> None:
    with path.open("wb") as file:
        for body in raw:
            try:
                file.write(gzip.decompress(body))
            except (EOFError, OSError, zlib.error) as error:
                raise ValueError("an object is no gzip") from error
