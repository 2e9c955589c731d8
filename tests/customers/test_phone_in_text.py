"""Phone numbers as people type them into chats and comments, and what only looks like one."""

from __future__ import annotations

import pytest

from shared.domain.customers.phone_in_text import typed_mobile, typed_phones


@pytest.mark.parametrize(
    "text",
    [
        "0901234567",
        "tư vấn em với 0901234567 ạ",
        "sđt:0901234567",
        "0901.234.567",
        "090 123 4567 nhé shop",
        "0901-234-567",
        "o901234567",
        "O9O1 234 567",
        "(090) 123 4567",
        "+84901234567",
        "+84 90 123 4567",
        "84901234567",
        "tầng 3, 0901234567",
        "0 9 0 1 2 3 4 5 6 7",
        "０９０１２３４５６７",
        "ib 0901234567, 0912345678",
    ],
)
def test_r25_a_number_is_seen_however_it_is_broken_up(text: str) -> None:
    assert typed_mobile(text) == "+84901234567"


def test_an_old_prefix_is_read_as_the_new_one() -> None:
    assert typed_mobile("01621234567") == "+84321234567"


def test_a_landline_is_a_number_and_no_mobile() -> None:
    assert ([phone.kind for phone in typed_phones("gọi 028 3822 1234")], typed_mobile("028 3822 1234")) == (
        ["landline"],
        "",
    )


@pytest.mark.parametrize(
    "text",
    [
        "giá 0 đồng hả shop",
        "250.000 hay 300.000 ạ",
        "đơn DH0901234567 đâu",
        "size 36 37 38 39 40 41",
        "ngày 01/02/2026 10:30",
        "0123456789",
        "0900000000",
        "mã vận đơn 840123456789012",
        "cao 1m60 nặng 50kg",
        "ok shop",
        "",
    ],
)
def test_what_is_no_number_of_a_person_is_left_alone(text: str) -> None:
    assert typed_mobile(text) == ""
