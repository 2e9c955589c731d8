"""R4, D3, X2: every way of writing one Vietnamese number is one identity, and what no person has is refused by name."""

from __future__ import annotations

import unicodedata

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.customers.phone import (
    REASONS,
    RETIRED_PREFIXES,
    BadPhone,
    Phone,
    looks_like_phone,
    names_a_phone,
    parse_phone,
)

WRITTEN = [
    "0{n}",
    "84{n}",
    "+84{n}",
    "0084{n}",
    "(+84){n}",
    "+84 0{n}",
    "+84 (0) {n}",
    "84 0{n}",
    "084{n}",
    "{n}",
    "{n}.0",
    "'0{n}",
    " 0{n}\t",
    "+0{n}",
    "tel:+84{n}",
    "ĐT: 0{n}",
    "sđt 0{n}",
    "0{n} / 84{n}",
    "0{n};",
]
GROUPED = [
    "{0}{1}",
    "{0} {1}",
    "{0}.{1}",
    "{0}-{1}",
    "{0}\u2013{1}",
    "({0}){1}",
    "{0}\u00a0{1}",
    "{0}\u200b{1}",
    "{0}/{1}",
]


def full_width(text: str) -> str:
    return text.translate({ord("0") + i: ord("0") + i for i in range(10)})


DRESSES = [
    str,
    full_width,
    lambda text: unicodedata.normalize("NFC", text),
    lambda text: unicodedata.normalize("NFD", text),
    lambda text: "\u200e" + text + "\ufeff",
]
suffixes = st.from_regex(r"[0-9]{7}", fullmatch=True).filter(lambda s: s not in {"0000000", "4567890"})


def answer(text: str) -> Phone | str:
    """The number, or the code of the refusal."""
    try:
        return parse_phone(text)
    except BadPhone as refused:
        return refused.code


def code_of(text: str) -> str:
    with pytest.raises(BadPhone) as refused:
        parse_phone(text)
    assert str(refused.value) == refused.value.reason == REASONS[refused.value.code]
    return refused.value.code


@given(st.sampled_from(sorted(RETIRED_PREFIXES)), suffixes, st.sampled_from(WRITTEN), st.sampled_from(DRESSES))
def test_D3_a_retired_prefix_and_its_successor_are_one_number_however_written(old, suffix, form, dress):
    today = Phone("+84" + RETIRED_PREFIXES[old] + suffix, "mobile", sure=True)
    assert parse_phone("0" + RETIRED_PREFIXES[old] + suffix) == today
    assert parse_phone(dress(form.format(n=old + suffix))) == today


@pytest.mark.parametrize("old", sorted(RETIRED_PREFIXES))
@pytest.mark.parametrize("form", WRITTEN)
def test_D3_each_of_the_21_retired_prefixes_in_each_written_form(old, form):
    assert len(RETIRED_PREFIXES) == 21
    assert parse_phone(form.format(n=old + "1234567")).e164 == "+84" + RETIRED_PREFIXES[old] + "1234567"


mobiles = st.from_regex(r"(3[2-9]|70|7[6-9]|8[1-8]|9[0-4]|9[6-8])[0-9]{7}", fullmatch=True).filter(
    lambda n: not n.endswith("0000000") and n not in {"987654321", "876543210"} and len(set(n)) > 1
)


@given(mobiles, st.sampled_from(WRITTEN), st.sampled_from(GROUPED), st.integers(1, 8), st.sampled_from(DRESSES))
@example("901234567", "0{n}", "{0}{1}", 3, str)
@example("841234567", "{n}", "{0}{1}", 3, str)  # VinaPhone's 084, not the country
def test_X2_every_written_form_of_a_mobile_number_is_one_key(number, form, grouping, at, dress):
    one = Phone("+84" + number, "mobile", sure=True)
    # A spreadsheet's float and a pair of numbers have their own separators.
    grouped = number if ".0" in form or "/" in form else grouping.format(number[:at], number[at:])
    assert parse_phone(dress(form.format(n=grouped))) == one
    assert parse_phone(one.e164) == one


@given(st.from_regex(r"[35789][0-9]{8}", fullmatch=True))
def test_X2_the_fast_path_answers_as_the_numbering_plan_of_the_library(national):
    ours = answer("0" + national)
    if isinstance(ours, str):
        assert ours == "pattern"
        return
    theirs = phonenumbers.parse("0" + national, "VN")
    if ours.kind == "landline":
        # A number of before 2017: no mobile range holds it, and with its new area code it is a landline of the plan.
        assert not phonenumbers.is_valid_number(theirs)
        moved = phonenumbers.parse(ours.e164)
        assert phonenumbers.number_type(moved) == phonenumbers.PhoneNumberType.FIXED_LINE
        return
    assert ours.e164 == phonenumbers.format_number(theirs, phonenumbers.PhoneNumberFormat.E164)
    assert ours.sure == phonenumbers.is_valid_number(theirs)
    assert ours.kind == "mobile"


def test_X2_the_fast_path_knows_every_range_of_the_library():
    for block in range(300, 1000):
        national = f"{block}123456"
        if national[0] in "35789" and parse_phone("0" + national).kind == "mobile":
            theirs = phonenumbers.is_valid_number(phonenumbers.parse("0" + national, "VN"))
            assert parse_phone("0" + national).sure == theirs, national


@pytest.mark.parametrize("number", ["0551234567", "0529999999"])
def test_X2_a_range_newer_than_the_numbering_plan_is_kept_as_unsure(number):
    assert parse_phone(number) == Phone("+84" + number[1:], "mobile", sure=False)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("0753 822 123", "+842753822123"),  # Bến Tre
        ("0438251234", "+842438251234"),  # Hà Nội
        ("05113822123", "+842363822123"),  # Đà Nẵng
        ("0710 3 822 123", "+842923822123"),  # Cần Thơ
        ("(033) 3825 123", "+842033825123"),  # Quảng Ninh; without the brackets a mobile number of today
        ("(08) 3812 3456", "+842838123456"),  # TP. HCM, likewise
        ("(0236) 3822 123", "+842363822123"),
    ],
)
def test_D3_a_landline_of_before_2017_moves_to_its_area_code_of_today_and_is_no_mobile(written, key):
    assert parse_phone(written) == Phone(key, "landline", sure=True)


def test_X2_a_number_of_today_is_a_mobile_whatever_area_code_it_once_began_with():
    for number in ("0333825123", "0838123456", "033 382 5123", "(+84) 333825123", "0773822123"):
        assert parse_phone(number).kind == "mobile", number


@pytest.mark.parametrize("member", ["1234567890123", "8412345678901", "841251234567", "0100234567890", "05945678901",
                                    "9012345678", "090123456789"])  # fmt: skip
def test_D3_a_member_number_of_ten_to_thirteen_digits_is_no_phone(member):
    assert not names_a_phone(member)


@pytest.mark.parametrize("phone", ["0901234567", "84901234567", "0084901234567", "+84 901 234 567", "01201234567",
                                   "02838223344", "0900000000", "0901 234 567"])  # fmt: skip
def test_D3_a_user_id_that_is_a_phone_number_is_read_as_one(phone):
    assert names_a_phone(phone)


def test_D3_a_landline_identifies_but_is_told_apart_since_no_message_reaches_it():
    assert parse_phone("(028) 3822 3344") == Phone("+842838223344", "landline", sure=True)
    assert parse_phone("+84 28 3822 3344") == parse_phone("02838223344")


@pytest.mark.parametrize(
    ("written", "key"), [("+1 415 555 2671", "+14155552671"), ("00 33 6 12 34 56 78", "+33612345678")]
)
def test_D3_a_foreign_number_with_its_country_code_is_an_identity(written, key):
    assert parse_phone(written) == Phone(key, "foreign", sure=True)


@pytest.mark.parametrize("number", ["0988888888", "0912345678", "0909090909", "0999999998", "0981000000", "0901234567"])
def test_R4_a_lucky_number_is_a_real_number(number):
    assert parse_phone(number).sure


FILLERS = ["0900000000", "0123456789", "0987654321", "1234567890", "9876543210", "0876543210", "0000000000"]
FILLERS += ["0999999999", "9999999999", "1111111111", "+84900000000", "0162 0000000", "01234567890", "02800000000"]


@pytest.mark.parametrize("number", FILLERS)
def test_R4_what_a_till_types_for_a_walk_in_is_no_identity(number):
    assert code_of(number) == "pattern"


@given(st.sampled_from(["3", "5", "7", "8", "9"]), st.sampled_from("0123456789"), st.sampled_from(WRITTEN))
def test_R4_nothing_but_zeros_after_the_prefix_is_a_filler_in_every_written_form(first, second, form):
    assert code_of(form.format(n=first + second + "0000000")) in {"pattern", "several"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        (" \u200b\u00a0", "empty"),
        ("không có", "not_a_number"),
        ("n/a", "not_a_number"),
        ("0901234567 Lan", "not_a_number"),
        ("9.01234567E+08", "not_a_number"),
        ("lan@example.vn", "not_a_number"),
        ("12345", "too_short"),
        ("090123456", "too_short"),
        ("09012345678", "too_long"),
        ("0901234567/8", "too_long"),
        ("0901234567 / 0912345678", "several"),
        ("0901234567,0912345678", "several"),
        ("0901234567 hoặc 0912345678", "several"),
        ("0901 234 567 - 0912 345 678", "several"),
        ("1900 1234", "service_number"),
        ("18001234", "service_number"),
        ("0611945678", "unknown_range"),
        ("+1 23", "foreign"),
        ("+999 12345678", "foreign"),
    ],
)
def test_R4_a_refused_number_says_why(text, code):
    assert code_of(text) == code


def test_R4_the_same_number_twice_in_a_cell_is_one_number():
    assert parse_phone("0901 234 567 / +84 901234567").e164 == "+84901234567"


@given(st.text(max_size=40) | st.text("0123456789+-(). /", max_size=30))
def test_R4_any_text_is_a_number_or_a_reason_and_never_a_crash(text):
    found = answer(text)
    if isinstance(found, str):
        assert found in REASONS
    else:
        assert parse_phone(found.e164) == found
    looks_like_phone(text)


@pytest.mark.parametrize(
    "text", ["0901234567", "+84 901 234 567", "(+84) 901234567", "84901234567", "0900000000", "1111111111"]
)
def test_D3_an_identifier_written_as_a_phone_is_read_as_one_even_if_it_is_a_bad_one(text):
    assert looks_like_phone(text)


@pytest.mark.parametrize("text", ["12345", "901234567", "KH0901234567", "", "2026-11-21-000123", "b3f1c0de-0901234567"])
def test_D3_a_customer_number_is_not_taken_for_a_phone(text):
    assert not looks_like_phone(text)
