"""Orders: headers of the usual systems, one order from many rows, what its status means, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from infra.local.importing.columns import Unusable
from infra.local.importing.rows_to_events import Dirt
from tests.imports.exports import KIOTVIET, Imported, import_path, write_csv


def orders(tmp_path: Path, *rows: tuple[object, ...], **options: Any) -> Imported:
    return import_path(write_csv(tmp_path / "orders.csv", *rows), **options)


def sale(number: str = "HD001", **changes: str) -> tuple[str, ...]:
    row = dict(
        zip(
            KIOTVIET,
            (number, "21/05/2024 10:30", "Nguyễn Lan", "0901234567", "1.250.000", "Quận 1", "Hoa", "Hoàn thành"),
            strict=True,
        )
    )
    names = {"date": "Thời gian", "name": "Tên khách hàng", "phone": "Điện thoại", "total": "Khách cần trả",
             "cashier": "Người bán", "status": "Trạng thái"}  # fmt: skip
    return tuple((row | {names[name]: value for name, value in changes.items()}).values())


def test_a_kiotviet_invoice_becomes_an_order_completed(tmp_path: Path) -> None:
    imported = orders(
        tmp_path,
        (
            "Chi nhánh", "Mã hóa đơn", "Mã đặt hàng", "Thời gian", "Thời gian tạo", "Mã khách hàng", "Tên khách hàng",
            "Điện thoại", "Người bán", "Kênh bán", "Tổng tiền hàng", "Giảm giá hóa đơn", "Khách cần trả", "Tiền mặt",
            "Chuyển khoản", "Mã voucher", "Ghi chú", "Trạng thái",
        ),
        (
            "Quận 1", "HD000123", "DH000077", "21/05/2024 10:30", "20/05/2024 18:00", "KH000009", "Nguyễn Thị Lan",
            "0901234567", "Hoa", "Bán trực tiếp", "1,300,000", "50,000", "1,250,000", "250,000", "1,000,000", "HE24",
            "gọi trước", "Hoàn thành",
        ),
        system="kiotviet",
    )  # fmt: skip

    (event,) = imported.events
    assert event["type"] == "track"
    assert event["event"] == "Order Completed"
    assert event["timestamp"] == "2024-05-21T03:30:00.000Z"
    assert event["context"] == {
        "backfill": True,
        "source": "import",
        "traits": {"phone": "0901234567", "name": "Nguyễn Thị Lan", "external": {"kiotviet": "KH000009"}},
    }
    assert event["properties"] == {
        "order_id": "HD000123", "invoice_of": "DH000077", "system": "kiotviet", "total": 1_250_000, "currency": "VND",
        "discount": 50_000, "coupon": "HE24", "payment": "transfer", "store": "Quận 1", "channel": "store",
        "cashier": "Hoa",
    }  # fmt: skip
    assert imported.result.columns.unused == ("Thời gian tạo", "Ghi chú")


@pytest.mark.parametrize(
    "headers",
    [
        ("Mã đơn hàng", "Ngày bán", "SĐT", "Tổng tiền"),
        ("MA DON HANG", "NGAY BAN", "SO DIEN THOAI", "TONG TIEN (VND)"),
        ("order_id", "date", "phone", "total"),
        ("OrderID", "Order Date", "Customer Phone", "Total Price"),
        ("  Mã  đơn ", "Ngày tạo đơn", "Số điện thoại khách hàng", "Tổng thanh toán"),
    ],
)
def test_headers_are_known_in_both_languages_without_marks_and_case(tmp_path: Path, headers: tuple[str, ...]) -> None:
    (event,) = orders(tmp_path, headers, ("1", "21/05/2024", "0901234567", "50.000")).events

    assert event["properties"] == {"order_id": "1", "total": 50_000, "currency": "VND"}
    assert event["context"]["traits"] == {"phone": "0901234567"}


def test_rows_of_one_order_become_its_lines_even_where_they_lie_scattered(tmp_path: Path) -> None:
    headers = ("Mã hóa đơn", "Ngày bán", "SĐT", "Mã hàng", "Tên hàng", "Số lượng", "Đơn giá")
    rows = [
        ("HD1", "21/05/2024", "0901234567", "A1", "Áo", "2", "100.000"),
        ("HD2", "21/05/2024", "0912345678", "B1", "Nón", "1", "50.000"),
        ("HD1", "21/05/2024", "0901234567", "A2", "Quần", "1", "300.000"),
        ("HD3", "22/05/2024", "", "B1", "Nón", "1", "50.000"),
        ("HD1", "21/05/2024", "0901234567", "A3", "Vải", "1,5", "40.000"),
    ]

    scattered = orders(tmp_path, headers, *rows)
    together = orders(tmp_path, headers, *sorted(rows))

    assert scattered.events == together.events
    first = scattered.events[0]["properties"]
    assert first["total"] == 560_000
    assert first["products"] == [
        {"sku": "A1", "name": "Áo", "quantity": 2, "price": 100_000},
        {"sku": "A2", "name": "Quần", "quantity": 1, "price": 300_000},
        # 1.5 m are one piece at what they cost: events count pieces.
        {"sku": "A3", "name": "Vải", "quantity": 1, "price": 60_000},
    ]
    assert len(scattered.events) == 3


def test_the_total_column_beats_the_sum_and_merged_cells_belong_to_the_order_above(tmp_path: Path) -> None:
    imported = orders(
        tmp_path,
        ("Mã đơn hàng", "Ngày bán", "SĐT", "Tổng tiền", "Tên hàng", "Số lượng", "Đơn giá"),
        ("DH1", "21/05/2024", "0901234567", "450.000", "Áo", "2", "100.000"),
        ("", "", "", "", "Quần", "1", "300.000"),
        ("", "22/05/2024", "", "100.000", "Nón", "1", "100.000"),
    )

    (event,) = imported.events
    assert event["properties"]["total"] == 450_000
    assert [line["name"] for line in event["properties"]["products"]] == ["Áo", "Quần"]
    assert [(r["line"], r["field"], r["reason"]) for r in imported.rejects] == [("4", "Mã đơn hàng", "is empty")]


@pytest.mark.parametrize(
    ("headers", "rows", "total", "discount"),
    [
        (("Tổng tiền hàng", "Giảm giá"), [("500.000", "50.000")], 450_000, 50_000),
        (("Đơn giá", "Số lượng", "Giảm giá"), [("100", "2", "50"), ("100", "1", "50")], 250, 50),
        (("Đơn giá", "Số lượng", "Giảm giá"), [("100", "2", "50"), ("100", "1", "20")], 230, 70),
        (("Thành tiền", "Tên hàng", "Giảm giá"), [("150", "Áo", "50"), ("80", "Nón", "20")], 230, 70),
    ],
)
def test_totals_without_a_total_column(
    tmp_path: Path, headers: tuple[str, ...], rows: list[tuple[str, ...]], total: int, discount: int
) -> None:
    sold = [("HD1", "21/05/2024", *row) for row in rows]

    (event,) = orders(tmp_path, ("Mã hóa đơn", "Ngày bán", *headers), *sold).events

    assert (event["properties"]["total"], event["properties"]["discount"]) == (total, discount)


def test_status_adds_the_fact_that_followed(tmp_path: Path) -> None:
    imported = orders(
        tmp_path,
        ("order_id", "date", "total", "payment", "status", "Ngày giao", "Tiền trả hàng"),
        ("1", "01/05/2024", "100000", "COD", "Đã giao", "03/05/2024", ""),
        ("2", "01/05/2024", "100000", "COD", "Hoàn thành", "", ""),
        ("3", "01/05/2024", "100000", "Tiền mặt", "Hoàn thành", "", ""),
        ("4", "01/05/2024", "100000", "COD", "Đã hủy", "", ""),
        ("5", "01/05/2024", "100000", "COD", "Chuyển hoàn", "", ""),
        ("6", "01/05/2024", "100000", "", "Trả hàng", "", ""),
        ("7", "01/05/2024", "100000", "", "Hoàn thành", "", "30.000"),
        ("8", "01/05/2024", "100000", "COD", "Không giao được", "", ""),
        ("9", "01/05/2024", "100000", "COD", "Đang giao", "", ""),
        ("10", "01/05/2024", "100000", "", "Trả hàng một phần", "", ""),
    )

    said = [(e["properties"]["order_id"], e["event"]) for e in imported.events]
    assert [pair for pair in said if pair[1] != "Order Completed"] == [
        ("1", "Order Delivered"),
        ("2", "Order Delivered"),
        ("4", "Order Cancelled"),
        ("5", "Returned To Sender"),
        ("6", "Order Refunded"),
        ("7", "Order Refunded"),
        ("8", "Delivery Failed"),
    ]
    assert len([pair for pair in said if pair[1] == "Order Completed"]) == 9
    delivered = imported.events[1]
    assert delivered["timestamp"] == "2024-05-02T17:00:00.000Z"
    assert [e["properties"].get("total") for e in imported.events if e["event"] == "Order Refunded"] == [None, 30_000]
    assert [(r["line"], r["reason"]) for r in imported.rejects] == [
        ("11", "a part came back, but no column says its amount")
    ]


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"date": "05/21/2024"}, "Thời gian", "there is no such month: dates are read as day/month/year"),
        ({"date": "22/11/2025"}, "Thời gian", "lies in the future"),
        ({"date": "31/12/1989"}, "Thời gian", "lies before 1990"),
        ({"date": ""}, "Thời gian", "is empty"),
        ({"total": "1.250,000"}, "Khách cần trả", "can be read as two different amounts"),
        ({"total": ""}, "Khách cần trả", "is empty"),
        ({"status": "Phiếu tạm"}, "Trạng thái", "a draft is not a sale"),
        ({"status": "Chờ sếp duyệt"}, "Trạng thái", "not a status this import knows"),
        ({"total": "x", "date": "y"}, "Thời gian; Khách cần trả",
         "Thời gian: not a date: write day/month/year; Khách cần trả: not an amount"),
    ],
)  # fmt: skip
def test_a_bad_row_is_rejected_with_line_column_reason_and_itself(
    tmp_path: Path, changes: dict[str, str], field: str, reason: str
) -> None:
    bad = sale("HD002", **changes)

    imported = orders(tmp_path, KIOTVIET, sale("HD001"), bad, sale("HD003"))

    assert [e["properties"]["order_id"] for e in imported.events] == ["HD001", "HD003"]
    assert imported.rejects == [
        {"line": "3", "field": field, "reason": reason, **dict(zip(KIOTVIET, bad, strict=True))}
    ]
    assert imported.result.rejected_rows == 1


def test_an_order_with_one_bad_row_is_rejected_whole(tmp_path: Path) -> None:
    imported = orders(
        tmp_path,
        ("order_id", "date", "sku", "quantity", "price"),
        ("1", "21/05/2024", "A", "1", "1000"),
        ("1", "21/05/2024", "B", "hai", "1000"),
    )

    assert imported.events == []
    assert [(r["line"], r["field"], r["reason"]) for r in imported.rejects] == [
        ("2", "order_id", "the same order has a wrong row: see line 3"),
        ("3", "quantity", "not a quantity"),
    ]
    assert imported.result.rejected[("order_id", "the same order has a wrong row")] == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"total": "99.000"}, "state different totals"),
        ({"date": "22/05/2024"}, "name different days"),
        ({"phone": "0912345678"}, "name different phones"),
    ],
)
def test_rows_of_one_order_that_disagree_are_rejected(tmp_path: Path, changes: dict[str, str], reason: str) -> None:
    imported = orders(tmp_path, KIOTVIET, sale(), sale(**changes))

    assert imported.events == []
    assert any(reason in reject["reason"] for reject in imported.rejects)


def test_one_phone_written_in_two_ways_is_no_disagreement(tmp_path: Path) -> None:
    assert len(orders(tmp_path, KIOTVIET, sale(), sale(phone="+84 901 234 567")).events) == 1


def test_a_bad_phone_never_loses_a_sale(tmp_path: Path) -> None:
    imported = orders(
        tmp_path,
        KIOTVIET,
        sale("HD1", phone="0900000000", cashier="Hoa"),
        sale("HD2", phone="090123", cashier="Hoa"),
        sale("HD3", phone="9.01E+08", cashier="Mai"),
        sale("HD4", phone="", name="Khách lẻ", cashier="Mai"),
        sale("HD5", cashier="Mai"),
    )

    assert [e["context"]["traits"].get("phone") for e in imported.events if "traits" in e["context"]] == [
        "0900000000", "090123", "9.01E+08", "0901234567",
    ]  # fmt: skip
    assert len(imported.events) == 5
    assert imported.rejects == []
    dirt: Dirt = imported.result.dirt
    assert dirt.bad_phones.total() == 3
    assert dirt.no_phone == 1
    assert dict(dirt.cashier_bad_phones) == {"Hoa": 2, "Mai": 1}
    assert dict(dirt.cashier_orders) == {"Hoa": 2, "Mai": 3}


def test_a_walk_in_customer_number_joins_nobody_and_numbers_need_a_named_system(tmp_path: Path) -> None:
    rows = (
        ("Mã hóa đơn", "Ngày bán", "Tổng tiền", "Mã khách hàng", "Tên khách hàng"),
        ("1", "21/05/2024", "1000", "KHLE", "Khách lẻ"),
        ("2", "21/05/2024", "1000", "KH001", "Lan"),
    )

    named = orders(tmp_path, *rows, system="kiotviet").events
    unnamed = orders(tmp_path, *rows).events

    assert [e["context"].get("traits", {}).get("external") for e in named] == [None, {"kiotviet": "KH001"}]
    assert all("external" not in e["context"].get("traits", {}) for e in unnamed)


def test_an_order_too_large_for_an_event_gives_up_the_names_of_its_lines(tmp_path: Path) -> None:
    headers = ("order_id", "date", "sku", "product", "quantity", "price")
    lines = [("1", "21/05/2024", f"SKU{n}", "Áo thun cổ tròn màu xanh " * 4, "1", "1000") for n in range(300)]

    (event,) = orders(tmp_path, headers, *lines).events

    assert event["properties"]["total"] == 300_000
    assert len(event["properties"]["products"]) == 300
    assert event["properties"]["products"][0] == {"sku": "SKU0", "quantity": 1, "price": 1000}


@pytest.mark.parametrize(
    ("headers", "lacks"),
    [
        (("Mã hóa đơn", "SĐT", "Tổng tiền"), "the day of the sale"),
        (("Ngày bán", "SĐT", "Tổng tiền"), "the order's number"),
        (("Mã hóa đơn", "Ngày bán", "SĐT"), "the amount"),
        (("Mã hóa đơn", "Ngày bán", "Số lượng"), "the amount"),
    ],
)
def test_a_missing_column_is_one_error_that_names_what_was_found_and_is_needed(
    tmp_path: Path, headers: tuple[str, ...], lacks: str
) -> None:
    with pytest.raises(Unusable, match=lacks) as refused:
        orders(tmp_path, (*headers, "Ghi chú"), ("1", "2", "3", "4"))

    assert all(header in str(refused.value) for header in headers)
    assert re.search(r"Other columns: .*Ghi chú", str(refused.value))
    assert not (tmp_path / "orders.csv.rejects.csv").exists()


def test_the_same_file_says_the_same_and_the_digest_follows_the_meaning_not_the_spelling(tmp_path: Path) -> None:
    once = orders(tmp_path, KIOTVIET, sale())
    again = orders(tmp_path, KIOTVIET, sale(date="2024-05-21 10:30", total="1,250,000 VND"))
    other = orders(tmp_path, KIOTVIET, sale(total="1.250.001"))

    assert once.events == again.events
    assert once.events[0]["messageId"] != other.events[0]["messageId"]
    assert len({e["messageId"] for e in orders(tmp_path, KIOTVIET, sale("A"), sale("B", status="Đã hủy")).events}) == 3


def test_a_detailed_kiotviet_export_with_delivery_columns(tmp_path: Path) -> None:
    """The receiver's phone in brackets before the buyer's, the voucher as an amount, the delivery's own status."""
    headers = (
        "Mã hóa đơn", "Thời gian", "Điện thoại (Người nhận)", "Điện thoại", "Khách cần trả", "Voucher",
        "Còn cần thu (COD)", "Thời gian giao hàng", "Trạng thái", "Trạng thái giao hàng",
    )  # fmt: skip
    day = "01/05/2024"
    imported = orders(
        tmp_path,
        headers,
        ("1", day, "0987654321", "0901234567", "100,000", "0", "100,000", "30/12/2099", "Đang xử lý", "Chờ lấy hàng"),
        (
            "2",
            day,
            "0987654321",
            "0901234567",
            "100,000",
            "50,000",
            "100,000",
            "03/05/2024",
            "Đang xử lý",
            "Giao thành công",
        ),
        ("3", day, "0987654321", "0901234567", "100,000", "0", "100,000", "", "Đang xử lý", "Đã chuyển hoàn"),
        ("4", day, "0987654321", "0901234567", "100,000", "0", "0", "", "Đã hủy", "Giao thành công"),
        ("5", day, "0987654321", "0901234567", "100,000", "0", "0", "", "Hoàn thành", "Kẹt ở kho"),
    )

    assert imported.rejects == []
    assert {e["context"]["traits"]["phone"] for e in imported.events} == {"0901234567"}
    assert [(e["properties"]["order_id"], e["event"]) for e in imported.events if e["event"] != "Order Completed"] == [
        ("2", "Order Delivered"),
        ("3", "Returned To Sender"),
        ("4", "Order Cancelled"),
    ]
    coupons = {
        e["properties"]["order_id"]: e["properties"].get("coupon")
        for e in imported.events
        if "total" in e["properties"]
    }
    assert coupons == {"1": None, "2": "voucher", "3": None, "4": None, "5": None}
    assert imported.result.dirt.unknown_deliveries == {"Kẹt ở kho": 1}


def test_a_day_of_cancellation_cancels_where_no_status_speaks(tmp_path: Path) -> None:
    imported = orders(
        tmp_path,
        ("Mã đơn hàng", "Ngày đặt hàng", "Tổng cộng", "Ngày hủy"),
        ("1", "01/05/2024", "100000", "02/05/2024"),
        ("2", "01/05/2024", "100000", ""),
    )

    assert [e["event"] for e in imported.events] == ["Order Completed", "Order Cancelled", "Order Completed"]
    assert imported.events[1]["timestamp"] == "2024-05-01T17:00:00.000Z"
