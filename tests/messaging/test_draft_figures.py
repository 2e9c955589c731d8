"""The same figure is the same figure, in digits or in words, with marks or without; and what only looks like one is
none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.messaging.draft_figures import figures, spelled
from shared.domain.messaging.sms_encoding import without_marks


def read(text: str) -> list[tuple[str, object]]:
    return [(figure.kind, figure.value) for figure in figures(spelled(text))]


@pytest.mark.parametrize(
    ("amount", "texts"),
    [
        (50_000, ("50.000đ", "50,000 VND", "50k", "50K", "50 ngàn", "50 nghìn đồng", "năm mươi nghìn", "5 chục nghìn",
                  "năm chục ngàn đồng", "nam muoi nghin", "50000 đồng", "50 000 đ", "₫50.000", "50.000 ₫")),
        (299_000, ("299k", "299.000", "299.000đ", "hai trăm chín mươi chín nghìn", "hai tram chin muoi chin ngan")),
        (25_000, ("hai lăm nghìn", "hai mươi lăm ngàn", "25k")),
        (500_000, ("nửa triệu", "nua trieu", "500k", "5 trăm nghìn", "năm trăm ngàn", "0,5 triệu")),
        (1_200_000, ("1tr2", "1 triệu 2", "1tr200", "1,2 triệu", "1.2 triệu", "1 triệu 200 nghìn", "một triệu hai",
                     "1.200.000đ")),
        (1_250_000, ("1tr25", "1tr250k", "1 triệu 250 nghìn", "1.250.000 đồng")),
        (1_500_000, ("một triệu rưỡi", "1 triệu rưỡi", "1tr5", "mot trieu ruoi", "1.500.000 VNĐ")),
        (0, ("0đ", "0 đồng")),
    ],
)  # fmt: skip
def test_an_amount_is_read_however_it_is_written(amount: int, texts: tuple[str, ...]):
    assert {text: read(text) for text in texts} == {text: [("money", amount)] for text in texts}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("chỉ từ năm mươi nghìn", [("money", 50_000)]),
        ("chi tu nam muoi nghin", [("money", 50_000)]),
        ("200-300k", [("money", 200_000), ("money", 300_000)]),
        ("từ 2 triệu đến 3 triệu", [("money", 2_000_000), ("money", 3_000_000)]),
        ("giảm 50k cho đơn từ 500k", [("money", 50_000), ("money", 500_000)]),
        ("giảm 10%", [("percent", 10.0)]),
        ("10 - 20%", [("percent", 10.0), ("percent", 20.0)]),
        ("hai mươi phần trăm", [("percent", 20.0)]),
        ("nửa giá", [("percent", 50.0)]),
        ("$20", [("foreign", "$20")]),
        ("20 đô la", [("foreign", "20dola")]),
        ("mua 1 tặng 1", [("one_for_one", (1, 1))]),
        ("mua một tặng một", [("one_for_one", (1, 1))]),
        ("đến hết 15/12", [("date", (15, 12, 0))]),
        ("ngày 15 tháng 12 năm 2026", [("date", (15, 12, 2026))]),
        ("15/12/26", [("date", (15, 12, 2026))]),
        ("sale 11.11", [("date", (11, 11, 0))]),
        ("mừng 8/3", [("date", (8, 3, 0))]),
        ("tháng 12 này", [("date", (0, 12, 0))]),
        ("lúc 18:00", [("clock", (18, 0))]),
        ("9h30", [("clock", (9, 30))]),
        ("trong 24h", [("span", (24, "hour"))]),
        ("trong vòng 3 ngày", [("span", (3, "day"))]),
        ("hai tuần", [("span", (2, "week"))]),
        ("trong một ngày", [("span", (1, "day"))]),
        ("bảo hành mười hai tháng", [("span", (12, "month"))]),
        ("bảo hành 12 tháng 1 đổi 1", [("span", (12, "month")), ("number", "1"), ("number", "1")]),
        ("3 mẫu mới", [("number", "3")]),
    ],
)
def test_percents_dates_spans_and_numbers(text: str, found: list[tuple[str, object]]):
    assert read(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "Chúc chị một ngày vui", "Chúc mừng năm mới", "một năm mới bình an", "quà cho ba mẹ", "ngàn lời cảm ơn",
        "không có gì", "Tư vấn tận tình", "Hai chị em", "sau Tết", "mười phân vẹn mười", "nam nữ đều mặc được",
        "từ từ chọn", "một chút ấm áp", "tháng năm trôi qua",
    ],
)  # fmt: skip
def test_numerals_that_count_nothing_are_no_figures(text: str):
    assert read(text) == []


@pytest.mark.parametrize("unit", ["đ", "k", " triệu", "%", " ngày", ""])
def test_a_number_of_any_length_can_be_read(unit: str):
    assert read("1" * 6000 + unit)


@given(st.integers(1, 999).map(lambda n: n * 1000))
def test_grouped_short_and_unmarked_amounts_agree(amount: int):
    grouped = f"{amount:,}".replace(",", ".")

    assert read(f"{grouped}đ") == read(f"{amount // 1000}k") == read(without_marks(f"{amount // 1000} nghìn đồng"))


@given(st.text(max_size=200))
def test_any_text_can_be_read_and_every_figure_stands_inside_it(text: str):
    both = spelled(text)

    assert len(both.marked) == len(both.plain)
    assert all(0 <= figure.start < figure.end <= len(both.plain) for figure in figures(both))
