"""How a customer is called: from data only, never guessed, never telling (R6, U6, U7)."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.customers.salutation import NOBODY, greet, products_named


@pytest.mark.parametrize(
    ("traits", "opening"),
    [
        ({"name": "Nguyễn Thị Lan", "gender": "female"}, "Chị Lan"),
        ({"name": "Trần Văn Nam", "gender": "male"}, "Anh Nam"),
        ({"name": "Nguyễn Thị Lan"}, "Anh/Chị Lan"),  # the name itself says nothing
        ({"name": "Nguyễn Thị Lan", "gender": "other"}, "Anh/Chị Lan"),
        ({"name": "Lê Hoa", "gender": "female", "@honorific": "cô"}, "Cô Hoa"),
        ({"name": "Lê Hoa", "gender": "female", "@honorific": " CÔ "}, "Cô Hoa"),
        ({"name": "Lê Hoa", "gender": "female", "@honorific": "bà chủ"}, "Chị Hoa"),  # none of ours
        ({"name": "chị Lan Q7 bom hàng"}, "Chị Lan"),  # staff typed the title
        ({"name": "cô Hạnh"}, "Cô Hạnh"),
        ({"name": "chị Lan", "gender": "male"}, "Anh/Chị Lan"),  # two sources disagree
        ({"name": "cô Hạnh", "gender": "female"}, "Cô Hạnh"),
    ],
)
def test_r6_the_title_is_set_by_staff_or_follows_from_data(traits: dict[str, Any], opening: str):
    assert greet(traits).opening == opening


def test_r6_anh_before_a_name_may_be_the_name_and_is_no_title():
    assert greet({"name": "Anh Thư"}).opening == "Anh/Chị Thư"


@pytest.mark.parametrize("birthday", ["1950-05-21", "2012-05-21"])
def test_r6_age_says_nothing_about_a_title(birthday: str):
    assert greet({"name": "Nguyễn Thị Lan", "birthday": birthday}).opening == "Anh/Chị Lan"


@pytest.mark.parametrize("name", [None, "", "khách lẻ", "CTY TNHH Hoa Mai", "0901234567", "mẹ bé Na", "Nguyễn"])
def test_r6_who_has_no_clean_name_is_quy_khach_whatever_else_is_known(name: str | None):
    assert greet({"name": name, "gender": "female", "@honorific": "chị"}) == NOBODY
    assert NOBODY.opening == "Quý khách"


def test_the_forms_fit_the_places_of_a_sentence():
    lan = greet({"name": "Nguyễn Thị Lan", "gender": "female"})

    assert (lan.opening, lan.called, lan.address, lan.zns_name) == ("Chị Lan", "chị Lan", "chị", "Lan")
    # Behind a fixed "Anh/Chị" or "Quý khách" this reads well, where a second "Quý khách" would not.
    assert f"Anh/Chị {NOBODY.zns_name}" == "Anh/Chị thân mến"


def test_in_english_there_are_no_titles():
    assert greet({"name": "Nguyễn Thị Lan", "gender": "female"}, "en").opening == "Lan"
    assert greet({}, "en").opening == "customer"


LINES = [
    {"name": "Áo thun", "category": "Áo"},
    {"name": "Bộ đồ lót ren", "category": "Đồ lót"},
    {"name": "Quần jeans", "category": "Quần"},
]


def test_r6_sensitive_purchases_are_neither_named_nor_counted():
    assert products_named(LINES, ["đồ LÓT"]) == "Áo thun và 1 sản phẩm khác"
    assert products_named(LINES[1:2], ["đồ lót"]) == "sản phẩm đã mua"
    assert products_named(LINES, ["đồ lót"], "en") == "Áo thun and 1 more"


def test_what_has_no_name_is_not_counted():
    assert products_named([{"sku": "A"}, {"name": "Áo thun"}], []) == "Áo thun"
    assert products_named([], []) == "sản phẩm đã mua"
