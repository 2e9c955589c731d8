"""Customers: who they are, what is known of them, what they agreed to, and rows that name nobody."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra.local.importing.columns import Unusable
from tests.imports.exports import NOW, Imported, import_path, write_csv, write_excel

AS_OF = datetime(2025, 11, 1, tzinfo=UTC)


def customers(tmp_path: Path, *rows: tuple[object, ...], **options: Any) -> Imported:
    return import_path(write_csv(tmp_path / "customers.csv", *rows), **{"as_of": AS_OF, **options})


def test_a_customer_becomes_an_identify_with_traits_and_attributes(tmp_path: Path) -> None:
    imported = customers(
        tmp_path,
        (
            "Mã khách hàng", "Tên khách hàng", "Điện thoại", "Email", "Ngày sinh", "Giới tính", "Tỉnh/Thành phố",
            "Chi nhánh tạo", "Nhóm khách hàng", "Điểm hiện tại", "Hạng thành viên", "Hạn điểm", "Tổng bán", "Ghi chú",
        ),
        (
            "KH1", "Nguyễn Thị Lan", "0901 234 567", "LAN@example.com", "02/09/1985", "Nữ", "TP. Hồ Chí Minh", "Quận 1",
            "Bán lẻ", "1.250", "Vàng", "31/12/2025", "12.000.000", "khách quen",
        ),
        system="kiotviet",
    )  # fmt: skip

    (event,) = imported.events
    assert event["type"] == "identify"
    assert event["timestamp"] == "2025-11-01T00:00:00.000Z"
    assert event["context"] == {"backfill": True, "source": "import"}
    assert event["traits"] == {
        "name": "Nguyễn Thị Lan", "phone": "0901 234 567", "email": "lan@example.com", "birthday": "1985-09-02",
        "gender": "female", "city": "TP. Hồ Chí Minh", "home_store": "Quận 1", "group": "Bán lẻ", "points": 1250,
        "tier": "Vàng", "points_expire_on": "2025-12-31", "external": {"kiotviet": "KH1"},
    }  # fmt: skip
    assert imported.result.columns.unused == ("Tổng bán", "Ghi chú")


def test_a_files_own_age_is_when_its_statements_hold(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "customers.csv", ("Tên", "SĐT", "Ngày cập nhật"), ("Lan", "0901234567", ""),
                     ("Hoa", "0912345678", "20/05/2024"))  # fmt: skip
    os.utime(path, (1_700_000_000.5, 1_700_000_000.5))

    imported = import_path(path)

    assert [e["timestamp"] for e in imported.events] == ["2023-11-14T22:13:20.000Z", "2024-05-19T17:00:00.000Z"]


def test_a_file_from_a_clock_that_runs_ahead_speaks_for_today(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "customers.csv", ("Tên", "SĐT"), ("Lan", "0901234567"))
    os.utime(path, (NOW.timestamp() + 9e6, NOW.timestamp() + 9e6))

    assert import_path(path).events[0]["timestamp"] == "2025-11-21T05:00:00.000Z"


def test_family_name_and_given_name_in_two_columns(tmp_path: Path) -> None:
    vietnamese = customers(tmp_path, ("Họ", "Tên", "SĐT"), ("Nguyễn Thị", "Lan", "0901234567"))
    english = customers(tmp_path, ("First name", "Last name", "Phone"), ("Lan", "Nguyễn Thị", "0901234567"))

    assert vietnamese.events[0]["traits"]["name"] == english.events[0]["traits"]["name"] == "Nguyễn Thị Lan"


def test_a_row_that_names_nobody_is_rejected_and_a_bad_phone_beside_an_email_is_left_out(tmp_path: Path) -> None:
    imported = customers(
        tmp_path,
        ("Tên", "SĐT", "Email"),
        ("Lan", "0900000000", ""),
        ("Hoa", "0900000000", "hoa@example.com"),
        ("Mai", "", ""),
        ("Cúc", "0912345678", "không có"),
    )

    assert [e["traits"] for e in imported.events] == [
        {"name": "Hoa", "email": "hoa@example.com"},
        {"name": "Cúc", "phone": "0912345678"},
    ]
    assert [(r["line"], r["field"]) for r in imported.rejects] == [("2", "SĐT"), ("4", "SĐT")]
    assert "filler" in imported.rejects[0]["reason"]
    assert imported.rejects[1]["reason"] == "nothing says who the customer is"
    assert imported.result.dirt.bad_phones.total() == 2
    assert imported.result.dirt.bad_emails == 1


@pytest.mark.parametrize(
    ("header", "value", "reason"),
    [
        ("Ngày sinh", "1990", "only a year"),
        ("Ngày sinh", "01/01/2030", "future"),
        ("Giới tính", "?", "not a gender"),
        ("Điểm", "nhiều", "not an amount"),
        ("Hạn điểm", "mai", "not a date"),
        ("Đồng ý nhận SMS quảng cáo", "hỏi lại", "neither yes"),
    ],
)
def test_a_cell_that_cannot_be_read_rejects_the_row(tmp_path: Path, header: str, value: str, reason: str) -> None:
    imported = customers(tmp_path, ("Tên", "SĐT", header), ("Lan", "0901234567", value), ("Hoa", "0912345678", ""))

    assert len(imported.events) == 1
    assert [(r["line"], r["field"]) for r in imported.rejects] == [("2", header)]
    assert reason in imported.rejects[0]["reason"]


def test_consent_is_taken_by_channel_and_purpose_with_day_and_proof(tmp_path: Path) -> None:
    imported = customers(
        tmp_path,
        ("Tên", "SĐT", "Đồng ý nhận SMS quảng cáo", "consent_email_marketing", "Ngày đồng ý", "Bằng chứng đồng ý"),
        ("Lan", "0901234567", "Có", "no", "21/05/2024", "phiếu QR quầy 2"),
        ("Hoa", "0912345678", "Có", "Không", "", ""),
    )

    proven = {"at": "2024-05-20T17:00:00.000Z", "proof": "phiếu QR quầy 2"}
    assert imported.events[0]["context"]["consent"] == [
        {"channel": "sms", "purpose": "marketing", "granted": True, **proven},
        {"channel": "email", "purpose": "marketing", "granted": False, **proven},
    ]
    assert imported.events[1]["context"]["consent"] == [
        {"channel": "email", "purpose": "marketing", "granted": False, "at": "2025-11-01T00:00:00.000Z"}
    ]
    assert imported.result.dirt.unproven_consents == 1


def test_a_consent_column_without_a_channel_is_no_consent(tmp_path: Path) -> None:
    imported = customers(tmp_path, ("Tên", "SĐT", "Đồng ý nhận tin"), ("Lan", "0901234567", "Có"))

    assert "consent" not in imported.events[0]["context"]
    assert imported.result.columns.unused == ("Đồng ý nhận tin",)


def test_repeated_phones_are_counted_in_whatever_spelling(tmp_path: Path) -> None:
    imported = customers(
        tmp_path,
        ("Tên", "SĐT"),
        ("Lan", "0901234567"),
        ("Lan", "+84901234567"),
        ("L", "84901234567"),
        ("Hoa", "0912345678"),
    )

    assert imported.result.repeated_phones == (1, 2)


def test_excel_customers_keep_numbers_and_dates(tmp_path: Path) -> None:
    path = write_excel(
        tmp_path / "customers.xlsx",
        ("Tên", "SĐT", "Ngày sinh", "Điểm"),
        ("Lan", 901234567, datetime.fromisoformat("1990-05-21"), 1250),
    )

    assert import_path(path).events[0]["traits"] == {
        "name": "Lan", "phone": "901234567", "birthday": "1990-05-21", "points": 1250,
    }  # fmt: skip


def test_headers_tell_the_kind_and_the_option_overrules_them(tmp_path: Path) -> None:
    rows = (("SĐT", "Tên", "Tổng tiền"), ("0901234567", "Lan", "1000"))
    with pytest.raises(Unusable, match="file of orders lacks the order's number"):
        customers(tmp_path, *rows)
    assert customers(tmp_path, *rows, kind="customers").events[0]["traits"]["name"] == "Lan"


def test_a_file_that_names_nobody_is_refused_unless_its_numbers_have_a_system(tmp_path: Path) -> None:
    rows = (("Mã khách hàng", "Tên"), ("KH1", "Lan"))
    with pytest.raises(Unusable, match="who the customer is"):
        customers(tmp_path, *rows)
    assert customers(tmp_path, *rows, system="sapo").events[0]["traits"]["external"] == {"sapo": "KH1"}
