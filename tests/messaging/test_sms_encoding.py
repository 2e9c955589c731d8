"""X10 and the law's labels: what an SMS costs with and without marks, and what an advertisement must carry."""

import unicodedata

import pytest

from shared.domain.errors import Invalid
from shared.domain.messaging.sms_encoding import (
    advertisement_errors,
    as_advertisement,
    bounded,
    measured,
    sender_errors,
    spellings,
    without_marks,
)

VIETNAMESE = "aàảãáạăằẳẵắặâầẩẫấậbcdđeèẻẽéẹêềểễếệghiìỉĩíịklmnoòỏõóọôồổỗốộơờởỡớợpqrstuùủũúụưừửữứựvxyỳỷỹýỵ"


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("", "GSM-7", 1),
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("a" * 306, "GSM-7", 2),
        ("a" * 307, "GSM-7", 3),
        ("ạ" * 70, "UCS-2", 1),
        ("ạ" * 71, "UCS-2", 2),
        ("ạ" * 134, "UCS-2", 2),
        ("ạ" * 135, "UCS-2", 3),
        # One letter is enough.
        ("a" * 70 + "ạ", "UCS-2", 2),
    ],
)
def test_x10_a_text_is_counted_as_networks_count_it(text, encoding, parts):
    found = measured(text)

    assert (found.encoding, found.parts) == (encoding, parts)


def test_x10_of_all_accented_vietnamese_letters_only_six_are_in_the_cheap_alphabet():
    accented = [letter for letter in VIETNAMESE if not letter.isascii()]

    assert {letter for letter in accented if measured(letter).encoding == "GSM-7"} == set("àèéìòù")


def test_x10_it_names_the_letters_that_force_the_dear_alphabet():
    assert measured("Chào chị Đào, chị khoẻ ạ").forcing == ("ị", "Đ", "ẻ", "ạ")


def test_brackets_and_the_euro_sign_take_two_places():
    assert measured("[QC] 5€").places == 10
    assert measured("[" * 80).parts == 1
    assert measured("[" * 81).parts == 2


def test_an_escaped_character_or_an_emoji_is_never_torn_between_two_parts():
    # 152 places and then a pair: it moves to the next part, which makes three where dividing would say two.
    assert measured("a" * 152 + "[" + "a" * 152).parts == 3
    assert measured("ạ" * 66 + "🎁" + "ạ" * 66).parts == 3


def test_an_emoji_counts_twice():
    assert measured("🎁").places == 2


def test_a_letter_and_its_mark_written_apart_count_as_one():
    assert measured(unicodedata.normalize("NFD", "à")) == measured("à")


def test_x10_the_version_without_marks_is_plain_whatever_was_typed():
    text = "“Cảm ơn chị Đào” – đơn\u00a0125.000₫… hẹn\u200b gặp lại"

    assert without_marks(text) == '"Cam on chi Dao" - don 125.000d... hen gap lai'
    assert measured(without_marks(text)).encoding == "GSM-7"
    assert without_marks(VIETNAMESE + VIETNAMESE.upper()).isascii()


def test_x10_both_spellings_are_shown_with_their_prices():
    choice = spellings("Cửa hàng cảm ơn chị Lan đã mua hàng. Đơn của chị đang được giao, dự kiến hôm nay." * 2, 800)

    assert (choice.with_marks.price, choice.without_marks.price, choice.saving) == (2400, 1600, 800)


def test_x10_a_text_over_its_bound_is_refused_with_the_way_out():
    text = "Đơn hàng của chị đang được giao, dự kiến đến trong hôm nay. Cảm ơn chị đã chờ."

    with pytest.raises(Invalid, match=r"takes 2 SMS parts, at most 1.*without marks it takes 1 and costs 800 VND"):
        bounded(text, max_parts=1, price_per_part=800)
    with pytest.raises(Invalid, match="costs 1600 VND, at most 1000"):
        bounded(text, max_parts=3, price_per_part=800, budget=1000)
    assert bounded(without_marks(text), max_parts=1, price_per_part=800, budget=1000).parts == 1


def test_an_advertisement_gets_its_label_first_and_the_way_to_refuse_last():
    text = as_advertisement("Giảm 20% túi da đến 30/11.", "Từ chối: soạn TC gửi 8088")

    assert text == "[QC] Giảm 20% túi da đến 30/11. Từ chối: soạn TC gửi 8088"
    assert as_advertisement(text, "Từ chối: soạn TC gửi 8088") == text


@pytest.mark.parametrize(
    "ending",
    [
        "Tu choi: soan TC QC gui 8088",
        "Từ chối QC, soạn TC gửi 8088 (miễn phí).",
        "Để từ chối gọi 1900 1234",
        "TC: goi 19001234",
        "Từ chối: soạn TC gửi 8088 hoặc gọi 19001234.",
        "Soan TC gui 8088 de tu choi.",
        "To opt out text STOP to 8088",
    ],
)
def test_a_way_to_refuse_by_sms_or_by_call_satisfies_the_law(ending):
    assert advertisement_errors(f"[QC] Túi da mới về. {ending}") == []


@pytest.mark.parametrize(
    "text",
    [
        "[QC] Túi da mới về.",
        "[QC] Túi da mới về. Từ chối: https://khach.example/u/abc",
        "[QC] Túi da mới về. Gọi 19001234 để đặt hàng.",
        "[QC] Từ chối: soạn TC gửi 8088. Túi da mới về, mời chị ghé cửa hàng.",
        "Túi da mới về [QC]. Từ chối: soạn TC gửi 8088",
    ],
)
def test_a_link_a_hotline_or_a_label_elsewhere_does_not(text):
    assert advertisement_errors(text) != []


def test_an_instruction_that_names_no_way_is_refused():
    with pytest.raises(Invalid, match="by SMS or by call"):
        as_advertisement("Túi da mới về.", "Từ chối: https://khach.example/u/abc")


@pytest.mark.parametrize("name", ["KHACHQUEN", "Khach.Quen", "Shop 24h", "A-B_C&D"])
def test_a_sender_is_a_short_plain_name(name):
    assert sender_errors(name) == []


@pytest.mark.parametrize("name", ["", "KHACHQUENSHOP", "0901234567", "KháchQuen", " SHOP"])
def test_a_number_an_accented_or_a_long_name_is_no_sender(name):
    assert sender_errors(name) != []
