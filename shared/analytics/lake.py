"""The lake as SQL: a DuckDB connection with one view per kind of fact, over copies of its files on the local disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from shared.domain.facts.schema import KINDS, Kind, columns

# Which column of a kind names a customer who may have been merged since.
_FOLDED = "COALESCE(l.lead, f.customer_id) AS customer_id"


@contextmanager
def open_lake(
    files: Mapping[Kind, Sequence[Path | str]], *, threads: int = 2, memory_mb: int = 1024
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with a view per kind, such as `orders`: the latest version of each fact that was not taken back.

    `files` are Parquet parts and raw `.jsonl.gz` objects; a kind without files is an empty view. Customers who were
    merged stand under the one who leads, but in `customers`, which has a row for each. Raises duckdb.Error for files
    that are none.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads,
        "memory_limit": f"{memory_mb}MB",
        "autoinstall_known_extensions": False,
    }
    with duckdb.connect(config=config) as db:
        for kind in KINDS:
            db.execute(f"CREATE TEMP TABLE {_raw(kind)} AS {_latest(kind, files.get(kind, ()))}")
        db.execute(_LEADS)
        for kind in KINDS:
            names = [name for name in columns(kind) if name != "deleted"]
            folded = "customer_id" in names and kind != "customer"
            shown = ", ".join(_FOLDED if folded and name == "customer_id" else f'f."{name}"' for name in names)
            join = "LEFT JOIN leads l ON l.customer_id = f.customer_id" if folded else ""
            db.execute(f"CREATE TEMP VIEW {view_of(kind)} AS SELECT {shown} FROM {_raw(kind)} f {join}")  # noqa: S608
        yield db


def view_of(kind: Kind) -> str:
    """The name of a kind's view: its plural, for `order` is a word of SQL's own."""
    return f"{kind}s"


# A customer who leads may have been merged into another one since.
_LEADS = """
CREATE TEMP TABLE leads AS
WITH RECURSIVE chain AS (
    SELECT customer_id, lead FROM raw_customer WHERE lead <> customer_id
    UNION
    SELECT c.customer_id, r.lead FROM chain c
    JOIN raw_customer r ON r.customer_id = c.lead WHERE r.lead <> r.customer_id
)
SELECT c.customer_id, MIN(c.lead) AS lead FROM chain c
WHERE NOT EXISTS (SELECT 1 FROM raw_customer r WHERE r.customer_id = c.lead AND r.lead <> r.customer_id)
GROUP BY c.customer_id
"""


def _raw(kind: Kind) -> str:
    return f"raw_{kind}"


def _latest(kind: Kind, files: Sequence[Path | str]) -> str:
    """The latest versions in some files; the names of files are ours, and none holds a quote."""
    types = columns(kind)
    names = [str(file) for file in files]
    parts = [name for name in names if name.endswith(".parquet")]
    raw = [name for name in names if not name.endswith(".parquet")]
    wanted = ", ".join(f'CAST("{name}" AS {type_}) AS "{name}"' for name, type_ in types.items())
    sources = []
    if parts:
        sources.append(f"SELECT * FROM read_parquet({parts!r}, union_by_name = true)")  # noqa: S608
    if raw:
        sources.append(f"SELECT * FROM read_json({raw!r}, format = 'newline_delimited', columns = {types!r})")  # noqa: S608
    empty = ", ".join(f'NULL::{type_} AS "{name}"' for name, type_ in types.items())
    # Columns that came later are missing in older parts.
    sources.append(f"SELECT {empty} WHERE false")
    together = " UNION ALL BY NAME ".join(sources)
    return (
        f"SELECT * FROM (SELECT {wanted} FROM ({together}) "  # noqa: S608
        "QUALIFY row_number() OVER (PARTITION BY fact_id ORDER BY version DESC) = 1) WHERE NOT deleted"
    )
