"""The catalogue from a shop's files through `kq import products` into the table (R9)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.local.cli import app
from infra.local.demo.dataset import PRODUCTS, demo_products
from infra.local.errors import Trouble
from infra.local.stack.session import opened
from shared.domain.catalogue.product import Product, suggest
from shared.repositories.cached import ProcessMemory
from shared.repositories.products import Products
from shared.runtime.playbook.rules import sending_rules
from tests.imports.exports import read_rejects, write_csv, write_excel


class Shop:
    """A data folder that files are imported into by the command line, and what its catalogue holds then."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "products.csv"
        self.data = folder / "data"
        self.data.mkdir()

    def run(self, *words: str | Path) -> tuple[int, str, str]:
        """`kq import …`: exit code, standard output, standard error."""
        words = ("import", *words, "--data", self.data)
        done = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})
        if isinstance(done.exception, Trouble):
            raise done.exception
        return done.exit_code, done.stdout, done.stderr

    def take(self, *rows: tuple[object, ...]) -> str:
        """Import a CSV of products; what the command says."""
        code, out, err = self.run("products", write_csv(self.file, *rows))
        assert code == 0, err
        return out

    @contextmanager
    def catalogue(self) -> Iterator[Products]:
        with opened(self.data) as stack:
            yield Products(stack.table, ProcessMemory(lambda: stack.now), stack.now)

    def product(self, sku: str) -> Product | None:
        with self.catalogue() as products:
            return products.load([sku]).get(sku)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def counted(out: str, what: str) -> int:
    """The number beside some words in the command's tables."""
    (line,) = (line for line in out.splitlines() if what in line)
    return int(line.split("│")[-2].replace(",", ""))


def test_r9_a_vietnamese_export_becomes_a_catalogue(shop: Shop) -> None:
    out = shop.take(
        (
            "Mã hàng", "Tên hàng", "Nhóm hàng(3 Cấp)", "Giá bán", "Giá vốn", "Link sản phẩm", "Hướng dẫn sử dụng",
            "Tuổi thọ", "Chu kỳ bảo dưỡng", "Bảo hành (tháng)", "Chu kỳ mua lại", "Mua kèm", "Thay thế bằng", "Tồn kho",
            "Ghi chú",
        ),
        (
            "MLN1", "Máy lọc nước", "Gia dụng", "4.500.000", "3.000.000", "https://nhamay.example/sp/mln1",
            "https://nhamay.example/huong-dan/mln1", "5 năm", "90", "24", "6 tháng", "LOI1 ; VOI1|LOI1", "MLN2", "12",
            "bán chạy",
        ),
    )  # fmt: skip

    assert shop.product("MLN1") == Product(
        sku="MLN1", name="Máy lọc nước", category="Gia dụng", price=4_500_000, margin=1_500_000,
        url="https://nhamay.example/sp/mln1", guide_url="https://nhamay.example/huong-dan/mln1", lifespan_days=1825,
        maintain_every_days=90, warranty_days=730, repurchase_days=182, complements=("LOI1", "VOI1"),
        replaced_by="MLN2", stock={"": {"": 12}},
    )  # fmt: skip
    assert (counted(out, "new products"), counted(out, "refused")) == (1, 0)
    assert "Ghi chú" in out


def test_r9_english_headers_and_excel_cells_read_the_same(shop: Shop, tmp_path: Path) -> None:
    path = write_excel(
        tmp_path / "products.xlsx",
        ("SKU", "Product name", "Category", "Price", "Margin", "Warranty days", "Complements", "On hand"),
        (1002, "Water filter", "Home", 4500000.0, 1500000, 730, "F1; F2", 3),
    )

    assert shop.run("products", path)[0] == 0
    assert shop.product("1002") == Product(
        sku="1002", name="Water filter", category="Home", price=4_500_000, margin=1_500_000, warranty_days=730,
        complements=("F1", "F2"), stock={"": {"": 3}},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("header", "cell", "margin"),
    [
        ("Biên lợi nhuận", "120.000", 120_000),
        ("Biên lợi nhuận", "40%", 120_000),
        ("Biên lợi nhuận (%)", "40", 120_000),
        ("Margin %", "0,4", 120_000),
        ("Lợi nhuận", "-5.000", -5_000),
        ("Giá vốn", "180.000", 120_000),
        ("Giá vốn", "320.000", -20_000),
        ("Giá vốn", "0", None),
        ("Giá vốn", "", None),
    ],
)
def test_r9_a_margin_is_an_amount_a_percentage_or_what_the_cost_leaves(
    shop: Shop, header: str, cell: str, margin: int | None
) -> None:
    shop.take(("SKU", "Tên", "Giá bán", header), ("A", "Áo", "300.000", cell))

    product = shop.product("A")
    assert product is not None
    assert product.margin == margin


@pytest.mark.parametrize(
    ("header", "cell", "days"),
    [
        ("Bảo hành", "90", 90),
        ("Bảo hành", "12 tháng", 365),
        ("Bảo hành", "1,5 năm", 547),
        ("Bảo hành", "6 tuần", 42),
        ("Thời gian bảo hành (năm)", "2", 730),
        ("Bảo hành (tháng)", "30 ngày", 30),
        ("warranty_months", "3", 91),
        ("Bảo hành", "không", None),
        ("Bảo hành", "trọn đời", None),
        ("Bảo hành", "0", None),
    ],
)
def test_a15_times_are_days_months_or_years(shop: Shop, header: str, cell: str, days: int | None) -> None:
    shop.take(("SKU", "Tên", header), ("A", "Áo", cell))

    product = shop.product("A")
    assert product is not None
    assert product.warranty_days == days


def test_r9_rows_of_one_product_by_store_and_size_are_brought_together(shop: Shop) -> None:
    out = shop.take(
        ("Mã hàng", "Tên hàng", "Giá bán", "Chi nhánh", "Size", "Tồn"),
        ("G1", "Giày chạy", "900.000", "Quận 1", "39", "3"),
        ("T1", "Tất", "50.000", "Quận 1", "", "20"),
        ("G1", "", "", "Quận 1", "40", "-1"),
        ("G1", "Giày chạy", "900.000", "Thủ Đức", "39", "1"),
        ("G1", "Giày chạy", "900.000", "Thủ Đức", "39", "1"),
        ("G1", "Giày chạy", "950.000", "Thủ Đức", "40", ""),
    )

    product = shop.product("G1")
    assert product is not None
    assert product.stock == {"Quận 1": {"39": 3, "40": -1}, "Thủ Đức": {"39": 2}}
    assert product.price == 900_000
    assert (counted(out, "new products"), counted(out, "rows that disagree")) == (2, 1)


def test_r9_a_file_changes_what_it_has_columns_for_and_empties_what_it_leaves_empty(shop: Shop) -> None:
    shop.take(("SKU", "Tên", "Giá", "Bảo hành", "Mua kèm"), ("A", "Áo", "300.000", "90", "B"))
    shop.take(("SKU", "Bảo hành", "Biên lợi nhuận"), ("A", "", "50%"))

    assert shop.product("A") == Product(sku="A", name="Áo", price=300_000, margin=150_000, complements=("B",))


def test_r9_a_file_of_one_store_leaves_the_others_stock_and_one_of_the_whole_shop_replaces_it(shop: Shop) -> None:
    def stock() -> object:
        product = shop.product("A")
        return product and product.stock

    shop.take(("SKU", "Tên", "Chi nhánh", "Tồn"), ("A", "Áo", "Quận 1", "3"), ("A", "Áo", "Thủ Đức", "2"))
    shop.take(("SKU", "Chi nhánh", "Tồn"), ("A", "Quận 1", "0"))
    assert stock() == {"Quận 1": {"": 0}, "Thủ Đức": {"": 2}}
    shop.take(("SKU", "Tồn"), ("A", "9"))
    assert stock() == {"": {"": 9}}
    shop.take(("SKU", "Chi nhánh", "Tồn"), ("A", "Quận 1", "4"))
    assert stock() == {"Quận 1": {"": 4}}


def test_r9_a_second_run_writes_nothing_and_a_changed_row_one_product(shop: Shop) -> None:
    rows = [("SKU", "Tên", "Giá"), *((f"S{n}", f"Món {n}", 1000 * n) for n in range(230))]
    assert counted(shop.take(*rows), "new products") == 230

    again = shop.take(*rows)
    assert [counted(again, what) for what in ("new products", "changed", "as they were")] == [0, 0, 230]
    changed = shop.take(*rows[:-1], ("S229", "Món 229", 5))
    assert [counted(changed, what) for what in ("new products", "changed", "as they were")] == [0, 1, 229]


@pytest.mark.parametrize(
    ("header", "cell", "reason"),
    [
        ("Giá bán", "nhiều", "not an amount"),
        ("Giá bán", "-5", "is negative"),
        ("Giá vốn", "-5", "is negative"),
        ("Biên lợi nhuận", "40%", "no column says the price"),
        ("Biên lợi nhuận", "nửa%", "not a percentage"),
        ("Link sản phẩm", "nhamay.example/a", "with https://"),
        ("Hướng dẫn", "javascript:alert(1)", "with https://"),
        ("Bảo hành", "lâu", "not a time"),
        ("Bảo hành", "200 năm", "longer than 100 years"),
        ("Tồn kho", "còn hàng", "not a quantity"),
        ("Mua kèm", ";".join(f"X{n}" for n in range(51)), "more than 50"),
    ],
)
def test_r9_a_product_that_cannot_be_read_is_refused_with_column_and_reason(
    shop: Shop, header: str, cell: str, reason: str
) -> None:
    out = shop.take(("SKU", "Tên", header), ("A", "Áo", cell), ("B", "Bát", ""), ("A", "Áo", ""))

    assert (counted(out, "new products"), counted(out, "refused products")) == (1, 1)
    assert shop.product("A") is None
    wrong, other = read_rejects(shop.file)
    assert (wrong["line"], wrong["field"], wrong["SKU"]) == ("2", header, "A")
    assert reason in wrong["reason"]
    assert (other["line"], other["reason"]) == ("4", "the same product has a wrong row: see line 2")


def test_r9_a_margin_above_the_price_a_new_product_without_a_name_and_a_row_without_a_code_are_refused(
    shop: Shop,
) -> None:
    shop.take(
        ("SKU", "Tên", "Giá", "Margin"), ("A", "Áo", "100", "101"), ("B", "", "100", ""), ("", "Tổng cộng", "9", "")
    )

    assert [(row["field"], row["reason"]) for row in read_rejects(shop.file)] == [
        ("Margin", "is more than the price"),
        ("Tên", "is empty, and the catalogue does not know the product yet"),
        ("SKU", "is empty"),
    ]


def test_u3_complements_nobody_sells_are_reported_and_kept(shop: Shop) -> None:
    shop.take(("SKU", "Tên"), ("OLD", "Hàng cũ"))
    out = shop.take(
        ("SKU", "Tên", "Mua kèm", "Thay thế bằng"), ("A", "Áo", "B;OLD;NOPE;A", "A"), ("B", "Bát", "NOPE", "GONE")
    )

    assert counted(out, "not in the catalogue") == 2
    assert counted(out, "NOPE, named by") == 2
    product = shop.product("A")
    assert product is not None
    assert (product.complements, product.replaced_by) == (("B", "OLD", "NOPE"), "")


def test_a_file_without_product_codes_is_refused_in_one_clear_line(shop: Shop) -> None:
    code, out, err = shop.run("products", write_csv(shop.file, ("Tên", "Giá"), ("Áo", "100")))

    assert (code, out) == (2, "")
    assert "lacks the product's code" in err
    assert "Tên (name), Giá (price)" in err.replace("\n", " ")


def test_a_catalogue_goes_where_it_is_told_to(shop: Shop) -> None:
    shop.data.rmdir()

    with pytest.raises(Trouble, match="there is no folder"):
        shop.run("products", write_csv(shop.file, ("SKU", "Tên"), ("A", "Áo")))


def test_customers_and_orders_are_imported_as_before_even_from_a_file_named_products(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "products", ("Tên", "SĐT"), ("Lan", "0901234567"))

    code, out, _ = shop.run("products")
    assert (code, counted(out, "events")) == (0, 1)
    code, out, _ = shop.run("products", write_csv(shop.file, ("SKU", "Tên"), ("A", "Áo")))
    assert (code, counted(out, "new products")) == (0, 1)


def test_r9_the_demos_catalogue_imports_without_a_reject_and_names_only_goods_it_has(shop: Shop) -> None:
    code, out, err = shop.run("products", PRODUCTS)

    assert code == 0, err
    assert [counted(out, what) for what in ("refused", "not in the catalogue", "no margin", "no category")] == [0] * 4
    goods = {product.sku: product for product in demo_products()}
    assert counted(out, "new products") == len(goods)
    with shop.catalogue() as products:
        assert products.load(goods) == goods


def test_u3_most_of_what_the_demos_shop_sells_brings_a_suggestion_of_another_kind() -> None:
    goods = {product.sku: product for product in demo_products()}
    hidden = sending_rules().sensitive_categories
    offered = [suggest([{"sku": sku}], goods, sensitive=hidden) for sku in goods]

    named = [goods[one.sku] for one in offered if one]
    assert len(named) > 0.9 * len(goods)
    assert not any(product.category.casefold() in hidden for product in named)
    other = [
        one
        for one, product in zip(offered, goods.values(), strict=True)
        if one and goods[one.sku].category != product.category
    ]
    assert len(other) > 0.7 * len(goods)


def test_a15_a16_the_demos_catalogue_has_something_to_remind_of() -> None:
    goods = demo_products()

    for of in ("guide_url", "lifespan_days", "maintain_every_days", "warranty_days", "repurchase_days", "replaced_by"):
        assert sum(bool(getattr(product, of)) for product in goods) >= 5, of
