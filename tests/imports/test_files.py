"""Whatever program wrote the file: encodings, delimiters, quoting, title lines, Excel, and files that are no table."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from infra.local.importing.columns import Unusable
from tests.imports.exports import KIOTVIET, import_path, read_rejects, write_csv, write_excel

SALE = ("HD001", "21/05/2024 10:30", "Nguyễn Thị Hồng Ánh", "0901234567", "1.250.000", "Quận 1", "Hoa", "Hoàn thành")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1258"])
def test_every_usual_encoding_and_delimiter_reads_the_same(tmp_path: Path, encoding: str, delimiter: str) -> None:
    plain = import_path(write_csv(tmp_path / "plain.csv", KIOTVIET, SALE))
    rows: list[tuple[str, ...]] = [KIOTVIET, SALE]
    if encoding == "cp1258":
        rows = [tuple(_as_windows_1258(cell) for cell in row) for row in rows]

    other = import_path(write_csv(tmp_path / "other.csv", *rows, encoding=encoding, delimiter=delimiter))

    assert other.events == plain.events
    assert other.events[0]["context"]["traits"]["name"] == "Nguyễn Thị Hồng Ánh"


def _as_windows_1258(words: str) -> str:
    """As Windows writes Vietnamese: the vowel with its shape as one letter, the tone as a mark behind it."""
    import unicodedata

    tones = "\u0300\u0301\u0303\u0309\u0323"
    out = ""
    for letter in unicodedata.normalize("NFC", words):
        parts = unicodedata.normalize("NFD", letter)
        shape = unicodedata.normalize("NFC", "".join(part for part in parts if part not in tones))
        out += shape + "".join(part for part in parts if part in tones)
    return out


def test_a_windows_1258_letter_on_the_last_line_decides_for_the_whole_file(tmp_path: Path) -> None:
    ascii_rows = [(f"HD{n}", "21/05/2024", "Lan", "0901234567", "1000", "Q1", "Hoa", "Paid") for n in range(5000)]
    path = write_csv(
        tmp_path / "late.csv",
        ("order_id", "date", "name", "phone", "total", "store", "cashier", "status"),
        *ascii_rows,
        ("HD9999", "21/05/2024", _as_windows_1258("Hồng"), "0901234567", "1000", "Q1", "Hoa", "Paid"),
        encoding="cp1258",
    )

    assert import_path(path).events[-1]["context"]["traits"]["name"] == "Hồng"


def test_a_quoted_field_may_hold_the_delimiter_quotes_and_line_breaks(tmp_path: Path) -> None:
    path = tmp_path / "quoted.csv"
    path.write_text(
        "order_id,date,name,phone,total,note\n"
        'HD1,21/05/2024,"Nguyễn\nThị ""Lan"", Q7",0901234567,"1,250,000","dòng 1\ndòng 2"\n'
        "HD2,hôm qua,Hoa,0912345678,50000,\n",
        encoding="utf-8",
    )

    imported = import_path(path)

    assert imported.events[0]["context"]["traits"]["name"] == 'Nguyễn Thị "Lan", Q7'
    assert imported.events[0]["properties"]["total"] == 1_250_000
    assert [reject["line"] for reject in imported.rejects] == ["5"]


def test_titles_above_the_header_are_skipped_and_lines_still_counted(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "report.csv",
        ("BÁO CÁO BÁN HÀNG",),
        ("Từ ngày 01/05/2024",),
        KIOTVIET,
        SALE,
        ("HD002", "??", *SALE[2:]),
    )

    imported = import_path(path)

    assert len(imported.events) == 1
    assert imported.rejects[0]["line"] == "5"


def test_excel_with_date_cells_and_numbers_that_lost_their_zero(tmp_path: Path) -> None:
    path = write_excel(
        tmp_path / "orders.xlsx",
        ("Danh sách hóa đơn",),
        (),
        KIOTVIET,
        (
            "HD001",
            datetime.fromisoformat("2024-05-21T10:30"),
            "Nguyễn Lan",
            901234567,
            1250000.0,
            "Quận 1",
            "Hoa",
            "Hoàn thành",
        ),
        (1002, date(2024, 5, 22), "Trần Hoa", "0912345678", "250.000", "Quận 1", "Hoa", "Hoàn thành"),
        ("HD003", "23/05/2024", "Trần Hoa", 912345678.0, 99000.5, "Quận 1", "Hoa", "Hoàn thành"),
    )

    imported = import_path(path)

    first, second = imported.events
    assert first["timestamp"] == "2024-05-21T03:30:00.000Z"
    assert first["context"]["traits"]["phone"] == "901234567"
    assert first["properties"]["total"] == 1_250_000
    assert second["properties"]["order_id"] == "1002"
    assert second["timestamp"] == "2024-05-21T17:00:00.000Z"
    assert [(reject["line"], reject["field"]) for reject in imported.rejects] == [("6", "Khách cần trả")]
    assert imported.result.dirt.bad_phones.total() == 0


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (b"", "is empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 100, "old or locked Excel"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "web page"),
        (b"PK\x03\x04 broken", "not a readable Excel file"),
        (b"\xef\xbb\xbforder_id,date,total\nHD1,21/05/2024,\xff\xfe\n", "not readable as utf-8"),
        (b'order_id,date,total\nHD1,21/05/2024,"1000\n' + b"HD2,21/05/2024,1000\n" * 80_000, "never closed"),
    ],
)
def test_what_is_no_table_is_one_clear_error(tmp_path: Path, content: bytes, advice: str) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)

    with pytest.raises(Unusable, match=advice):
        import_path(path)


def test_a_quotation_mark_that_swallows_lines_is_a_reject_that_keeps_them(tmp_path: Path) -> None:
    path = tmp_path / "open.csv"
    path.write_text('order_id,date,total\nHD1,21/05/2024,1000\nHD2,21/05/2024,"1000\n' + "HD3,21/05/2024,1000\n" * 500)

    imported = import_path(path)

    assert len(imported.events) == 1
    assert imported.rejects[0]["line"] == "3"
    assert imported.rejects[0]["reason"] == "a quotation mark is opened and never closed"
    assert imported.rejects[0]["total"].count("HD3") == 500


def test_a_row_with_more_cells_than_the_header_is_rejected(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "wide.csv", KIOTVIET, SALE, ("HD002", *SALE[1:4], "1", "250", *SALE[5:]))

    imported = import_path(path)

    assert len(imported.events) == 1
    assert imported.rejects[0]["reason"] == "has more cells than the header (8)"


def test_no_rejects_no_file_and_an_old_one_goes(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "orders.csv", KIOTVIET, (*SALE[:1], "??", *SALE[2:]))
    assert len(import_path(path).rejects) == 1

    write_csv(path, KIOTVIET, SALE)
    imported = import_path(path)

    assert imported.rejects == read_rejects(path) == []
    assert imported.result.rejects_path is None
    assert not (tmp_path / "orders.csv.rejects.csv").exists()


def test_the_rejects_file_can_be_mended_and_imported_itself(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "orders.csv", KIOTVIET, (*SALE[:1], "21/05/24", *SALE[2:]))
    import_path(path)
    rejects = tmp_path / "orders.csv.rejects.csv"
    rejects.write_text(
        rejects.read_text(encoding="utf-8-sig").replace("21/05/24", "21/05/2024 10:30"), encoding="utf-8"
    )

    mended = import_path(rejects)

    assert mended.events == import_path(write_csv(tmp_path / "right.csv", KIOTVIET, SALE)).events
