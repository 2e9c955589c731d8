"""Cuts the slice that is shipped here out of the shop's whole year; needs pyarrow, which the product does not.

python events/history/make_slice.py online_retail_2009-12_2010-12.parquet
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

SHARE = 0.27
TARGET = Path(__file__).with_name("online_retail_slice.csv.gz")


def drawn(key: str) -> bool:
    """A fixed draw: the first 32 bits of SHA-256 of the key, as a share of all, lie below SHARE."""
    return int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) / 2**32 < SHARE


def kept(line: dict[str, Any]) -> bool:
    """All lines of a drawn customer, and of a drawn invoice where there is no customer."""
    if line["CustomerID"] is not None:
        return drawn(f"customer {line['CustomerID']}")
    return drawn(f"invoice {line['InvoiceNo']}")


def lines(source: Path) -> Iterator[dict[str, Any]]:
    for batch in parquet.ParquetFile(source).iter_batches():
        for line in batch.to_pylist():
            if kept(line):
                yield line | {"InvoiceDate": line["InvoiceDate"].isoformat(sep=" ", timespec="minutes")}


def main(source: Path) -> None:
    text = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for line in lines(source):
        if writer is None:
            writer = csv.DictWriter(text, list(line), lineterminator="\n")
            writer.writeheader()
        writer.writerow(line)
    # No time stamp inside, so that the same rule gives the same bytes.
    TARGET.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
