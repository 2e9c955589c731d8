"""`kq import products FILE`: the shop's catalogue from CSV or Excel into the table, safe to repeat (R9).

A file states the fields it has columns for: an empty cell says that the product has none, and what has no column stays
as it was. A file that counts stock by store states the stock of the stores it names; one without stores states all of
it. Rows of one product are brought together, so a row a store and size may repeat what is true of the whole product.
A file with several thousand products writes in steps; one that is cut off is simply imported again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.local.importing import cell_values as values
from infra.local.importing.cell_values import Cell, fold, text
from infra.local.importing.columns import Columns, Unusable, recognise_products
from infra.local.importing.command import Rejects, Spool, fill, progress_bar, rejected_table
from infra.local.importing.open_file import Row, open_sheet
from infra.local.importing.row_reader import Problems, Reader, Reject
from infra.local.stack.session import place
from shared.domain.catalogue.product import Product
from shared.repositories.cached import ProcessMemory
from shared.repositories.products import Products, Written

PAGE = 100
# An order's line is cut at these lengths too, so that both still name the same product.
_LONGEST = {"sku": 80, "name": 120, "category": 120}
_MOST_COMPLEMENTS = 50
_MOST_STOCK_ROWS = 2_000
_PERCENT_SIGNS = (" phan tram ", " percent ", " ty suat ")
_BY_ROW = ("store", "size", "stock")


@dataclass
class Dirt:
    """What is wrong with a catalogue, counted in products; nothing here stops an import."""

    no_category: int = 0
    no_margin: int = 0
    sold_below_cost: int = 0
    disagreeing: int = 0
    unknown: Counter[str] = field(default_factory=Counter)


@dataclass
class ProductReader(Reader):
    """Reads the rows of one product by the columns of a file."""

    unit = "product"
    unit_field = "sku"

    dirt: Dirt = field(default_factory=Dirt)

    def group(self, row: Row) -> str:
        return self._text(row, "sku")[: _LONGEST["sku"]]

    def read(self, rows: Sequence[Row], known: Product | None) -> Product | list[Reject]:
        """The product as its rows change what is known of it, or their rejects."""
        return self.interpret(rows, lambda cleaned: self._product(cleaned, known))

    def _product(self, rows: list[Row], known: Product | None) -> Product:
        problems = Problems(self.columns)
        fields: dict[str, Any] = {"sku": self.group(rows[0])}
        if not fields["sku"]:
            problems.add(rows[0], "sku", "is empty")
        if name := text(self._first(rows, "name")[1])[: _LONGEST["name"]]:
            fields["name"] = name
        elif known is None:
            problems.add(rows[0], "name", "is empty, and the catalogue does not know the product yet")
        readers: dict[str, Callable[[Cell], Any]] = {
            "category": lambda cell: text(cell)[: _LONGEST["category"]],
            "price": values.money,
            "url": values.link,
            "guide_url": values.link,
            "complements": values.codes,
            "replaced_by": text,
        }
        for days in ("lifespan_days", "maintain_every_days", "warranty_days", "repurchase_days"):
            readers[days] = partial(values.duration, header=self.columns.header(days))
        for column in (name for name in readers if self.columns.has(name)):
            value = self._read(self._first(rows, column)[0], column, readers[column], problems)
            fields[column] = Product.model_fields[column].default if value is None else value
        price = fields.get("price", known.price if known else None)
        if price is not None and price < 0:
            problems.add(rows[0], "price", "is negative")
        if self.columns.has("margin", "cost"):
            fields["margin"] = self._margin(rows, price, problems)
        if "complements" in fields:
            fields["complements"] = [sku for sku in fields["complements"] if sku != fields["sku"]]
            if len(fields["complements"]) > _MOST_COMPLEMENTS:
                problems.add(rows[0], "complements", f"names more than {_MOST_COMPLEMENTS} products")
        if fields.get("replaced_by") == fields["sku"]:
            fields["replaced_by"] = ""
        if self.columns.has("stock"):
            fields["stock"] = self._stock(rows, known.stock if known else {}, problems)
        problems.stop_if_any()
        product = Product.model_validate((known.model_dump() if known else {}) | fields)
        self._count(product, rows)
        return product

    def _margin(self, rows: list[Row], price: int | None, problems: Problems) -> int | None:
        """VND a piece: an amount, a percentage of the price, or the price less the cost, of which 0 is not known."""
        row, cell = self._first(rows, "margin")
        header = f" {fold(self.columns.header('margin'))} "
        if cell is not None and (text(cell).endswith("%") or any(sign in header for sign in _PERCENT_SIGNS)):
            share = self._read(row, "margin", values.percent, problems)
            if price is None and share is not None:
                problems.add(row, "margin", "is a percentage, and no column says the price")
            if price is None or share is None:
                return None
            margin = int((price * share / 100).to_integral_value(ROUND_HALF_UP))
        elif cell is not None:
            amount = self._money(row, "margin", problems)
            if amount is None:
                return None
            margin = amount
        else:
            row = self._first(rows, "cost")[0]
            cost = self._money(row, "cost", problems)
            if cost is not None and cost < 0:
                problems.add(row, "cost", "is negative")
            return price - cost if cost and price is not None else None
        if price is not None and margin > price:
            problems.add(row, "margin", "is more than the price")
        return margin

    def _stock(
        self, rows: list[Row], known: Mapping[str, Mapping[str, int]], problems: Problems
    ) -> dict[str, dict[str, int]]:
        stock: dict[str, dict[str, int]] = {}
        for row in rows:
            pieces = self._read(row, "stock", values.quantity, problems)
            if pieces is not None:
                sizes = stock.setdefault(self._text(row, "store"), {})
                size = self._text(row, "size")
                sizes[size] = sizes.get(size, 0) + int(pieces)
        if sum(map(len, stock.values())) > _MOST_STOCK_ROWS:
            problems.add(rows[0], "stock", f"is counted in more than {_MOST_STOCK_ROWS:,} places")
        elsewhere = {store: dict(sizes) for store, sizes in known.items() if store} if self.columns.has("store") else {}
        return elsewhere | stock

    def _count(self, product: Product, rows: list[Row]) -> None:
        self.dirt.no_category += not product.category
        self.dirt.no_margin += product.margin is None
        self.dirt.sold_below_cost += product.margin is not None and product.margin < 0
        once = [place for name, place in self.columns.at.items() if name not in _BY_ROW]
        fields = ({text(row.cells[at]) for row in rows if at < len(row.cells)} - {""} for at in once)
        self.dirt.disagreeing += any(len(words) > 1 for words in fields)


@dataclass
class Result:
    """What an import of products did."""

    columns: Columns
    dirt: Dirt
    rows: int = 0
    written: Written = field(default_factory=Written)
    refused: int = 0
    rejects: Rejects | None = None
    seconds: float = 0.0


def run_import(path: Path, products: Products, console: Console) -> Result:
    """Import one file of products; raises Unusable."""
    started = time.monotonic()
    with progress_bar(console) as progress:
        spool = Spool()
        with open_sheet(path) as sheet:
            reader = ProductReader(recognise_products(sheet.headers))
            rejects = Rejects(path, sheet.headers)
            fill(spool, sheet.rows, reader, progress)
        result = Result(reader.columns, reader.dirt, rows=len(spool), rejects=rejects)
        named: Counter[str] = Counter()
        task = progress.add_task("Writing", total=len(spool))

        def taken() -> Iterator[Product]:
            for page in _pages(spool.units()):
                known = products.load(reader.group(rows[0]) for rows in page)
                for rows in page:
                    fields = reader.read(rows, known.get(reader.group(rows[0])))
                    if isinstance(fields, Product):
                        named.update({*fields.complements, fields.replaced_by} - {""})
                        yield fields
                    else:
                        rejects.write(fields)
                        result.refused += 1
                    progress.advance(task, len(rows))

        result.written = products.put(taken())
        there = products.load(named)
        result.dirt.unknown = Counter({sku: times for sku, times in named.items() if sku not in there})
    result.seconds = time.monotonic() - started
    return result


def read_products(path: Path) -> list[Product]:
    """The products of a file of one row each; raises Unusable for a file with mistakes, naming the first."""
    with open_sheet(path) as sheet:
        reader = ProductReader(recognise_products(sheet.headers))
        products = []
        for row in sheet.rows:
            fields = reader.read([row], None)
            if not isinstance(fields, Product):
                raise Unusable(f"{path.name}, line {row.line}: {fields[0].fields} {fields[0].reasons}")
            products.append(fields)
        return products


def _pages(units: Iterator[list[Row]]) -> Iterator[list[list[Row]]]:
    while page := list(islice(units, PAGE)):
        yield page


def summary(result: Result, name: str) -> list[Table]:
    """What was written, what was refused and why, and how complete the catalogue is."""
    done = Table(title=f"{escape(name)}: products")
    done.add_column("")
    done.add_column("count", justify="right")
    for what, count in (
        ("rows", result.rows),
        ("new products", result.written.new),
        ("changed products", result.written.changed),
        ("products as they were", result.written.same),
        ("refused products", result.refused),
    ):
        done.add_row(what, f"{count:,}")
    done.add_row("seconds", f"{result.seconds:.1f}")
    tables = [done]
    if result.rejects and result.rejects.count:
        tables.append(rejected_table(result.rejects.reasons, result.rejects.path))
    dirt = result.dirt
    table = Table(title="State of the catalogue")
    table.add_column("finding")
    table.add_column("products", justify="right")
    table.add_row("no category", f"{dirt.no_category:,}")
    table.add_row("no margin", f"{dirt.no_margin:,}")
    table.add_row("sold below cost", f"{dirt.sold_below_cost:,}")
    table.add_row("rows that disagree, the first one taken", f"{dirt.disagreeing:,}")
    table.add_row("named as complement or replacement, not in the catalogue", f"{len(dirt.unknown):,}")
    for sku, times in dirt.unknown.most_common(5):
        table.add_row(f"  {escape(sku)}, named by", f"{times:,}")
    table.add_row("columns not used", escape(", ".join(result.columns.unused)) or "none")
    return [*tables, table]


def import_products(
    file: Annotated[Path, typer.Argument(help="Products: .csv or .xlsx.", show_default=False)],
    data: Annotated[Path | None, typer.Option("--data", help="Folder of the data to import into.")] = None,
    stage: Annotated[str | None, typer.Option("--stage", help="A deployed stage instead of a folder.")] = None,
) -> None:
    """Import the shop's products: category, price, margin, links, times, complements, stock by store and size.

    One row a product, or one a store and size. Safe to repeat: only what differs is written, and fields that the file
    has no column for stay as they were. Products that cannot be used go to FILE.rejects.csv with line and reason, and
    the exit code is still 0. Exit code 2: the file or the place is unusable.
    """
    screen, terminal = Console(stderr=True), Console()
    with place(data, stage) as where:
        try:
            result = run_import(file, Products(where.table, ProcessMemory(lambda: where.now), where.now), screen)
        except Unusable as unusable:
            screen.print(f"[red]{escape(str(unusable))}")
            raise typer.Exit(2) from unusable
    for table in summary(result, file.name):
        terminal.print(table)
