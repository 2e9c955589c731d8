"""Opens a shop's export and hands out its rows one by one: CSV in any usual encoding and delimiter, or Excel.

The file is never held in memory. A CSV is read twice: once to learn its encoding for certain (a Windows-1258 letter may
first appear on the last line), once for its rows.
"""

from __future__ import annotations

import codecs
import csv
import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from infra.local.importing.cell_values import Cell, text
from infra.local.importing.columns import Unusable, score

# A header line may follow a title, the shop's address and a date range, as in KiotViet's reports.
_HEADER_WITHIN = 20
_CHUNK = 1 << 20
_DELIMITERS = (",", ";", "\t", "|")


class Row(NamedTuple):
    """One row: the line of the file it starts on (from 1), and its cells."""

    line: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Sheet:
    """An open export: its header line, the rows below it (each read once), and how it was read."""

    headers: tuple[str, ...]
    rows: Iterator[Row]
    described: str


@contextmanager
def open_sheet(path: Path) -> Iterator[Sheet]:
    """The file's rows; raises Unusable when it is not a table we can read."""
    if not path.is_file():
        raise Unusable(f"There is no file {path}.")
    with path.open("rb") as file:
        start = file.read(4096)
    if not start.strip():
        raise Unusable(f"{path.name} is empty.")
    if start.startswith(b"PK\x03\x04"):
        yield from _excel(path)
    elif start.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unusable(
            f"{path.name} is an old or locked Excel file: save it as .xlsx without a password, or as CSV UTF-8."
        )
    elif start.lstrip().lower().startswith((b"<html", b"<!doctype", b"<table", b"<?xml")):
        raise Unusable(f"{path.name} is a web page named like a table: open it and save it as .xlsx or CSV UTF-8.")
    else:
        yield from _csv(path, start)


def _header_line(rows: Sequence[Row]) -> int:
    """Which of the first rows is the header: the one with the most headers we know."""
    scores = [score([text(cell) for cell in row.cells]) for row in rows]
    best = max(scores, default=0)
    if best == 0:
        return 0
    return scores.index(best)


# ---------------------------------------------------------------- CSV


def _encoding(path: Path, start: bytes) -> str:
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if start.startswith(mark):
            return name
    # Exports without a mark: in UTF-16, every second byte of ASCII text is zero.
    if start[1::2].count(0) > len(start) // 6:
        return "utf-16-le"
    if start[0::2].count(0) > len(start) // 6:
        return "utf-16-be"
    if b"\0" in start:
        raise Unusable(f"{path.name} is neither text nor Excel.")
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1258"
    return "utf-8"


def _records(lines: Iterator[str], delimiter: str) -> Iterator[Row]:
    """Rows with the line they start on; a quoted field may span lines. Blank lines are not rows."""
    reader = csv.reader(lines, delimiter=delimiter)
    before = 0
    for cells in reader:
        line, before = before + 1, reader.line_num
        if any(cell.strip() for cell in cells):
            yield Row(line, tuple(cells))


def _csv(path: Path, start: bytes) -> Iterator[Sheet]:
    encoding = _encoding(path, start)
    csv.field_size_limit(_CHUNK)
    try:
        with path.open(encoding=encoding, newline="") as file:
            sample = "".join(islice(file, _HEADER_WITHIN * 5))
        delimiter, headers, header_line = _dialect(sample)
        with path.open(encoding=encoding, newline="") as file:
            rows = _records(file, delimiter)
            for row in rows:
                if row.line == header_line:
                    break
            yield Sheet(headers, rows, f"CSV, {encoding}, delimiter {delimiter!r}")
    except UnicodeError as error:
        raise Unusable(f"{path.name} is not readable as {encoding}: save it as CSV UTF-8. ({error})") from error
    except csv.Error as error:
        raise Unusable(f"{path.name} is broken: a quotation mark is opened and never closed. ({error})") from error


def _dialect(sample: str) -> tuple[str, tuple[str, ...], int]:
    """Delimiter, header cells and the header's line: the reading that yields the most headers we know."""
    best: tuple[int, int, str, Row] | None = None
    for delimiter in _DELIMITERS:
        first = list(islice(_records(io.StringIO(sample, newline=""), delimiter), _HEADER_WITHIN))
        if not first:
            continue
        row = first[_header_line(first)]
        rank = (score([text(cell) for cell in row.cells]), len(row.cells))
        if best is None or rank > best[:2]:
            best = (*rank, delimiter, row)
    if best is None:
        raise Unusable("The file holds no rows.")
    _, _, delimiter, row = best
    return delimiter, tuple(text(cell) for cell in row.cells), row.line


# ---------------------------------------------------------------- Excel


def _excel(path: Path) -> Iterator[Sheet]:
    try:
        with warnings.catch_warnings():
            # Exports of web shops carry no default style, which openpyxl remarks on.
            warnings.simplefilter("ignore", UserWarning)
            book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise Unusable(f"{path.name} is not a readable Excel file: save it again as .xlsx. ({error})") from error
    try:
        sheet = book.worksheets[0] if book.worksheets else None
        if sheet is None:
            raise Unusable(f"{path.name} has no worksheet.")
        # Some exporters write a wrong used range (A1), which would hide every other cell.
        sheet.reset_dimensions()
        rows = _excel_rows(sheet.iter_rows(values_only=True))
        first = list(islice(rows, _HEADER_WITHIN))
        if not first:
            raise Unusable(f"{path.name} holds no rows.")
        header = _header_line(first)
        headers = tuple(text(cell) for cell in first[header].cells)

        def below() -> Iterator[Row]:
            yield from first[header + 1 :]
            yield from rows

        yield Sheet(headers, below(), f"Excel, sheet {sheet.title!r}")
    finally:
        book.close()


def _excel_rows(rows: Iterator[tuple[Any, ...]]) -> Iterator[Row]:
    for line, cells in enumerate(rows, start=1):
        if any(cell is not None and cell != "" for cell in cells):
            yield Row(line, tuple(_plain(cell) for cell in cells))


def _plain(cell: Any) -> Cell:
    """A date cell becomes ISO text, the one way of writing a day that nobody misreads."""
    if cell is None or isinstance(cell, str | int | float):
        return cell
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)
