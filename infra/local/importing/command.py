"""`kq import FILE`: a shop's customers or orders from CSV or Excel, through the events door, as history.

The file is read once into a spool (an unnamed SQLite database on disk, gone when the process ends, however it ends),
which brings the rows of each order together even where they lie scattered, and shows every fault of the file as a whole
before anything is sent. Then the units are sent in the order in which they first appear. Nothing is remembered between
runs: a second run sends the same message ids and natural keys again, and the doors take each once.
"""

from __future__ import annotations

import csv
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from infra.local.importing.cell_values import Unclear, moment
from infra.local.importing.columns import Columns, Contents, Kind, Unusable, recognise
from infra.local.importing.open_file import Row, open_sheet
from infra.local.importing.row_reader import Reader, Reject
from infra.local.importing.rows_to_events import Dirt, Interpreter, Unit, phone_key
from infra.local.importing.targets import Delivery, InHouse, OverHttp, Stopped, Target
from infra.local.stack.clock import present
from infra.local.stack.keys import local_keys
from infra.local.stack.session import opened
from shared.ports import Clock


class Spool:
    """Rows on disk, grouped by unit in order of first appearance; also counts how often a phone occurs."""

    def __init__(self) -> None:
        # No name: SQLite keeps it in a file that the system removes with the process.
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(
            """
            PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
            CREATE TABLE unit (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
            CREATE TABLE cell (unit INTEGER, line INTEGER, cells TEXT, PRIMARY KEY (unit, line)) WITHOUT ROWID;
            CREATE TABLE phone (number TEXT PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID;
            BEGIN
            """
        )
        self._rows = 0
        self._last: tuple[str, int] = ("", 0)

    def __len__(self) -> int:
        return self._rows

    def add(self, row: Row, unit: str) -> None:
        if self._last[0] != unit:
            self._db.execute("INSERT OR IGNORE INTO unit (name) VALUES (?)", (unit,))
            self._last = (unit, *self._db.execute("SELECT number FROM unit WHERE name = ?", (unit,)).fetchone())
        self._db.execute("INSERT INTO cell VALUES (?, ?, ?)", (self._last[1], row.line, json.dumps(row.cells)))
        self._rows += 1

    def units(self) -> Iterator[list[Row]]:
        current = 0
        rows: list[Row] = []
        for unit, line, cells in self._db.execute("SELECT unit, line, cells FROM cell ORDER BY unit, line"):
            if unit != current and rows:
                yield rows
                rows = []
            current = unit
            rows.append(Row(line, tuple(json.loads(cells))))
        if rows:
            yield rows

    def saw_phone(self, number: str) -> None:
        self._db.execute("INSERT INTO phone VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1", (number,))

    def repeated_phones(self) -> tuple[int, int]:
        """How many phones stand on more than one row, and how many rows that makes too many."""
        count, extra = self._db.execute("SELECT count(*), total(times - 1) FROM phone WHERE times > 1").fetchone()
        return count, int(extra)


class Rejects:
    """The file beside the input that holds every rejected row with line and reason; made when the first one comes.

    Its columns are `line`, `field`, `reason` and then those of the input, so that it can be mended and imported itself.
    """

    def __init__(self, beside: Path, headers: tuple[str, ...]) -> None:
        self.path = beside.with_name(f"{beside.name}.rejects.csv")
        self.path.unlink(missing_ok=True)
        self._headers = headers
        self.count = 0
        self.reasons: Counter[tuple[str, str]] = Counter()

    def write(self, rejects: list[Reject]) -> None:
        new = self.count == 0
        # The mark makes Excel read the file as UTF-8.
        with self.path.open("a", encoding="utf-8-sig" if new else "utf-8", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(("line", "field", "reason", *self._headers))
            for reject in rejects:
                cells = ("" if cell is None else cell for cell in reject.row.cells)
                writer.writerow((reject.row.line, reject.fields, reject.reasons, *cells))
                self.reasons.update((name, reason.partition(": see line")[0]) for name, reason in reject.wrong)
        self.count += len(rejects)


@dataclass
class Result:
    """What an import did."""

    kind: Contents
    described: str
    columns: Columns
    rows: int = 0
    units: int = 0
    events: int = 0
    rejected_rows: int = 0
    rejected: Counter[tuple[str, str]] = field(default_factory=Counter)
    rejects_path: Path | None = None
    dirt: Dirt = field(default_factory=Dirt)
    repeated_phones: tuple[int, int] = (0, 0)
    unfinished: int = 0
    seconds: float = 0.0


def run_import(
    path: Path,
    target: Target | None,
    clock: Clock,
    *,
    kind: Kind | None = None,
    system: str = "",
    as_of: datetime | None = None,
    console: Console | None = None,
) -> Result:
    """Import one file; without a target it is only looked at. Raises Unusable, Stopped."""
    started = time.monotonic()
    now = clock()
    console = console or Console(quiet=True)
    with progress_bar(console) as progress:
        spool = Spool()
        with open_sheet(path) as sheet:
            columns = recognise(sheet.headers, kind, named_system=bool(system))
            as_of = as_of or min(datetime.fromtimestamp(int(path.stat().st_mtime), UTC), now)
            interpreter = Interpreter(columns, as_of, now, system)
            rejects = Rejects(path, sheet.headers)
            fill(spool, sheet.rows, interpreter, progress)
            result = Result(columns.kind, sheet.described, columns, rows=len(spool))

        def refuse(unit: Unit, wrong: tuple[tuple[str, str], ...]) -> None:
            rejects.write([Reject(row, wrong) for row in unit.rows])

        delivery = Delivery(target, refuse) if target else None
        task = progress.add_task("Sending" if delivery else "Checking", total=len(spool))
        for rows in spool.units():
            said = interpreter.read(rows)
            if isinstance(said, list):
                rejects.write(said)
            else:
                result.units += 1
                result.events += len(said.events)
                if columns.kind == "customers" and (phone := said.events[0]["traits"].get("phone")):
                    spool.saw_phone(phone_key(phone))
                if delivery:
                    delivery.add(said)
            progress.advance(task, len(rows))
        if delivery:
            delivery.flush()
            result.unfinished = delivery.unfinished()
            result.units, result.events = delivery.sent_units, delivery.sent_events
    result.rejected_rows, result.rejected = rejects.count, rejects.reasons
    result.rejects_path = rejects.path if rejects.count else None
    result.dirt, result.repeated_phones = interpreter.dirt, spool.repeated_phones()
    result.seconds = time.monotonic() - started
    return result


def fill(spool: Spool, rows: Iterator[Row], reader: Reader, progress: Progress) -> None:
    """Take a file's rows in, grouped as the reader says."""
    task = progress.add_task("Reading", total=None)
    for row in rows:
        group = reader.group(row)
        spool.add(row, f"{reader.unit} {group}" if group else f"line {row.line}")
        if len(spool) % 1000 == 0:
            progress.update(task, completed=len(spool))
    progress.update(task, completed=len(spool), total=len(spool))


def progress_bar(console: Console) -> Progress:
    """Rows done and to do, gone when it is over."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("rows"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


# ---------------------------------------------------------------- the summary


def summary(result: Result, name: str, *, dry_run: bool) -> list[Table]:
    """What was imported, what was rejected and why, and how clean the shop's data is."""
    done = Table(
        title=f"{escape(name)}: {'looked at, nothing sent' if dry_run else 'imported as history, sends nothing'}"
    )
    done.add_column("")
    done.add_column("count", justify="right")
    done.add_row("rows", f"{result.rows:,}")
    done.add_row(result.kind, f"{result.units:,}")
    done.add_row("events", f"{result.events:,}")
    done.add_row("rejected rows", f"{result.rejected_rows:,}")
    if result.unfinished:
        done.add_row("in queues or dead letters (kq ops dlq list)", f"{result.unfinished:,}")
    done.add_row("seconds", f"{result.seconds:.1f}")
    done.add_row("rows per second", f"{result.rows / max(result.seconds, 1e-9):,.0f}")
    tables = [done]
    if result.rejects_path:
        tables.append(rejected_table(result.rejected, result.rejects_path))
    tables.append(_dirt_table(result))
    if cashiers := _cashier_table(result.dirt):
        tables.append(cashiers)
    return tables


def rejected_table(reasons: Counter[tuple[str, str]], path: Path) -> Table:
    """What was refused and why, and where it can be mended."""
    table = Table(title=f"Rejected: mend them in {escape(str(path))} and import that file")
    for header in ("column", "reason"):
        table.add_column(header)
    table.add_column("rows", justify="right")
    for (column, reason), count in reasons.most_common():
        table.add_row(escape(column), escape(reason), f"{count:,}")
    return table


def _dirt_table(result: Result) -> Table:
    dirt = result.dirt
    table = Table(title="State of the data")
    table.add_column("finding")
    table.add_column(result.kind, justify="right")
    for reason, count in dirt.bad_phones.most_common():
        table.add_row(f"bad phone: {reason}", f"{count:,}")
    table.add_row("no phone" + (" (walk-ins)" if result.kind == "orders" else ""), f"{dirt.no_phone:,}")
    table.add_row("phone without a name", f"{dirt.no_name:,}")
    table.add_row("bad e-mail, left out", f"{dirt.bad_emails:,}")
    if result.kind == "customers":
        phones, extra = result.repeated_phones
        table.add_row("phones on several rows (rows too many)", f"{phones:,} ({extra:,})")
        table.add_row("consents without day or proof, not taken", f"{dirt.unproven_consents:,}")
    for words, count in dirt.unknown_payments.most_common(5):
        table.add_row(f"payment not understood, left out: {escape(words)}", f"{count:,}")
    for words, count in dirt.unknown_deliveries.most_common(5):
        table.add_row(f"delivery status not understood, left out: {escape(words)}", f"{count:,}")
    table.add_row("columns not used", escape(", ".join(result.columns.unused)) or "none")
    return table


def _cashier_table(dirt: Dirt) -> Table | None:
    if not dirt.cashier_orders:
        return None
    table = Table(title="Bad phones per cashier")
    table.add_column("cashier")
    for header in ("orders", "bad phones", "share"):
        table.add_column(header, justify="right")
    worst = sorted(dirt.cashier_orders, key=lambda who: (-dirt.cashier_bad_phones[who] / dirt.cashier_orders[who], who))
    for who in worst[:20]:
        orders, bad = dirt.cashier_orders[who], dirt.cashier_bad_phones[who]
        table.add_row(escape(who), f"{orders:,}", f"{bad:,}", f"{bad / orders:.1%}")
    return table


# ---------------------------------------------------------------- the command


def import_file(
    file: Annotated[Path, typer.Argument(help="Customers or orders: .csv or .xlsx.", show_default=False)],
    data: Annotated[Path, typer.Option("--data", help="Folder of the data to import into.")] = Path(".kq"),
    url: Annotated[str | None, typer.Option("--url", help="Import into a running system instead, with --key.")] = None,
    key: Annotated[str | None, typer.Option("--key", envvar="KQ_WRITE_KEY", help="Write key for --url.")] = None,
    kind: Annotated[
        Kind | None, typer.Option("--kind", help="What the file holds; its headers tell when left out.")
    ] = None,
    system: Annotated[
        str, typer.Option("--system", help="Where the numbers come from, such as kiotviet; the same as its webhook's.")
    ] = "",
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="The day a customers file speaks for; else when it was last written.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report and write rejects; send nothing.")] = False,
) -> None:
    """Import customers or orders as history: safe to repeat, sends nothing to anybody.

    For the shop's catalogue see kq import products --help.

    Rows that cannot be used go to FILE.rejects.csv with line and reason, and the exit code is still 0. Exit code 2:
    the file, the key or the address is unusable. Exit code 1: the import was cut off; run it again.
    """
    screen, told = Console(stderr=True), Console()
    try:
        day = moment(as_of, present()) if as_of else None
        with _target(data, url, key, dry_run=dry_run) as (target, clock):
            result = run_import(file, target, clock, kind=kind, system=system, as_of=day, console=screen)
    except Unclear as unclear:
        screen.print(f"[red]--as-of {unclear}")
        raise typer.Exit(2) from unclear
    except Unusable as unusable:
        screen.print(f"[red]{escape(str(unusable))}")
        raise typer.Exit(2) from unusable
    except Stopped as stopped:
        screen.print(f"[red]{escape(str(stopped))}")
        raise typer.Exit(2 if stopped.unusable else 1) from stopped
    for table in summary(result, file.name, dry_run=dry_run):
        told.print(table)


@contextmanager
def _target(data: Path, url: str | None, key: str | None, *, dry_run: bool) -> Iterator[tuple[Target | None, Clock]]:
    if dry_run:
        yield None, present
    elif url:
        if not key:
            raise Unusable("--url needs the write key: --key or the variable KQ_WRITE_KEY.")
        yield OverHttp(url, key), present
    else:
        with opened(data) as stack:
            # What a run that was cut off had already handed in is worked off first.
            stack.drain()
            yield InHouse(stack, local_keys(stack, data).write_key), stack.clock.now
