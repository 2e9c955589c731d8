"""One cell at a time: days, money, quantities and words are read in the one way they can be meant, or refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from infra.local.importing import cell_values as values
from infra.local.importing.cell_values import Unclear

NOW = datetime(2025, 11, 21, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cell", "local"),
    [
        ("21/05/2024", "2024-05-21T00:00"),
        ("1/5/2024 9:05", "2024-05-01T09:05"),
        ("21/05/2024 14:30:59", "2024-05-21T14:30:59"),
        ("21-05-2024 14:30", "2024-05-21T14:30"),
        ("21.05.2024", "2024-05-21T00:00"),
        ("14:30 21/05/2024", "2024-05-21T14:30"),
        ("21/05/2024 02:30:00 CH", "2024-05-21T14:30"),
        ("21/05/2024 12:05 SA", "2024-05-21T00:05"),
        ("2024-05-21", "2024-05-21T00:00"),
        ("2024/05/21 14:30", "2024-05-21T14:30"),
        ("2024-05-21T14:30:00.000", "2024-05-21T14:30"),
        ("2024-05-21T07:30:00Z", "2024-05-21T14:30"),
        ("2024-05-21T14:30:00+07:00", "2024-05-21T14:30"),
        ("2024-05-21 14:30:00 +0700", "2024-05-21T14:30"),
        (45433.604166666664, "2024-05-21T14:30"),
        (45433, "2024-05-21T00:00"),
    ],
)
def test_days_are_day_first_and_the_shops_wall_clock(cell: values.Cell, local: str) -> None:
    assert values.moment(cell, NOW) == datetime.fromisoformat(local + "+07:00")


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("05/21/2024", "no such month"),
        ("31/02/2024", "no such day"),
        ("21/05/24", "two digits"),
        ("2024", "only a year"),
        ("hôm qua", "not a date"),
        ("20240521", "not a date"),
        ("2024-13-01", "no such day"),
        ("22/11/2025", "future"),
        ("31/12/1989", "before 1990"),
        ("21/05/2024 25:00", "no such day or time"),
        (20240521, "not a date"),
    ],
)
def test_a_day_that_can_be_misread_is_refused(cell: values.Cell, reason: str) -> None:
    with pytest.raises(Unclear, match=reason):
        values.moment(cell, NOW)


def test_today_is_not_the_future_and_people_may_be_born_before_1990() -> None:
    assert values.moment("21/11/2025", NOW) < NOW
    assert values.birthday("02/09/1945", NOW) == date(1945, 9, 2)
    with pytest.raises(Unclear, match="future"):
        values.birthday("01/01/2030", NOW)


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("1250000", 1_250_000),
        ("1.250.000", 1_250_000),
        ("1,250,000", 1_250_000),
        ("1 250 000", 1_250_000),
        ("1\u00a0250\u00a0000", 1_250_000),
        ("1.250.000 ₫", 1_250_000),
        ("1.250.000đ", 1_250_000),
        ("1,250,000 VND", 1_250_000),
        ("₫1.250.000", 1_250_000),
        ("1250000.00", 1_250_000),
        ("1250000,0", 1_250_000),
        ("1.250.000,00", 1_250_000),
        ("1,250,000.00", 1_250_000),
        ("250.000", 250_000),
        ("-250.000", -250_000),
        ("(250,000)", -250_000),
        ("-250.000 ₫", -250_000),
        ("0", 0),
        (1250000, 1_250_000),
        (1250000.0, 1_250_000),
        (99999.99999999999, 100_000),
    ],
)
def test_money_is_whole_dong_however_it_is_written(cell: values.Cell, amount: int) -> None:
    assert values.money(cell) == amount


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("1.250,000", "two different amounts"),
        ("1,250.000", "two different amounts"),
        ("1250.000", "two different amounts"),
        ("12.50.000", "two different amounts"),
        ("1.250.00", "separators"),
        ("12.34", "fraction"),
        ("1.250.000,50", "fraction"),
        (1250000.5, "fraction"),
        ("1.25E+06", "Excel cut"),
        ("$12", "not in Vietnamese"),
        ("một triệu", "not an amount"),
        ("500k", "not an amount"),
        (True, "not an amount"),
    ],
)
def test_money_that_can_be_misread_is_refused(cell: values.Cell, reason: str) -> None:
    with pytest.raises(Unclear, match=reason):
        values.money(cell)


def test_quantities_may_be_weighed_but_not_guessed() -> None:
    assert values.quantity("3") == 3
    assert values.quantity("1,5") == Decimal("1.5")
    assert values.quantity("0.250") == Decimal("0.25")
    assert values.quantity("-1") == -1
    assert values.quantity(2.0) == 2
    for unclear in ("1.000", "12,500", "hai", "1.2.3"):
        with pytest.raises(Unclear):
            values.quantity(unclear)


@pytest.mark.parametrize(
    ("words", "event"),
    [
        ("Hoàn thành", None),
        ("HOAN THANH", None),
        ("", None),
        ("Đang giao hàng", None),
        ("Đã hủy", "Order Cancelled"),
        ("Đã huỷ", "Order Cancelled"),
        ("Cancelled", "Order Cancelled"),
        ("Đã giao", "Order Delivered"),
        ("Giao thất bại", "Delivery Failed"),
        ("Chuyển hoàn", "Returned To Sender"),
        ("Trả hàng", "Order Refunded"),
    ],
)
def test_status_words(words: str, event: str | None) -> None:
    assert values.status(words).event == event


def test_unknown_status_words_and_drafts_are_refused() -> None:
    with pytest.raises(Unclear, match="draft"):
        values.status("Phiếu tạm")
    with pytest.raises(Unclear, match="not a status"):
        values.status("Chờ sếp duyệt")


def test_words_for_payment_and_channel() -> None:
    assert values.payment("Tiền mặt") == "cash"
    assert values.payment("Thanh toán khi nhận hàng (COD)") == "cod"
    assert values.payment("CK Vietcombank") == "transfer"
    assert values.payment("Ví MoMo") == "transfer"
    assert values.payment("Quẹt thẻ") == "card"
    assert values.payment("Công nợ") is None
    assert values.channel("Bán trực tiếp") == "store"
    assert values.channel("Facebook - Lan Shop") == "facebook"
    assert values.channel("Sàn Shopee") == "shopee"
    assert values.channel("Hội chợ Q7") == "hoi_cho_q7"
    assert values.channel("") == ""


def test_yes_no_and_gender_refuse_what_they_do_not_know() -> None:
    assert values.yes_no("Có") is True
    assert values.yes_no("không") is False
    assert values.yes_no("") is None
    assert values.gender("Nữ") == "female"
    for read in (values.yes_no, values.gender):
        with pytest.raises(Unclear):
            read("chắc vậy")


def test_text_is_freed_from_what_excel_wraps_around_it() -> None:
    assert values.text('="0901234567"') == "0901234567"
    assert values.text("'0901234567") == "0901234567"
    assert values.text(901234567.0) == "901234567"
    assert values.text("Nguye\u0302\u0303n  Lan\u200b") == "Nguyễn Lan"
