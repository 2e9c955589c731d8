"""How a message is read: its traps by name, any text at all, and every spelling of the same words alike."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.triage.train import examples, without_marks
from shared.domain.triage.text_normalizer import FIRST_TOKENS, LAST_TOKENS, MOST_CHARACTERS, Speller
from shared.domain.triage.triage import INTENTS, SENTIMENTS, SEVERITIES, Triage
from shared.runtime.playbook.triage import lexicon_of, triager, vocabulary
from tests.support.max_examples import max_examples

read = triager().read
LEXICON = lexicon_of(vocabulary())


def test_every_label_is_within_reach():
    answers = [read(one.text) for one in examples()]

    assert {answer.intent for answer in answers} == set(INTENTS)
    assert {answer.severity for answer in answers} == set(SEVERITIES)
    assert {answer.sentiment for answer in answers} == set(SENTIMENTS)
    assert {answer.bot for answer in answers} == {True, False}


@pytest.mark.parametrize("way", ["as written", "without marks"])
@pytest.mark.parametrize(
    ("said", "intent", "severity"),
    [
        # Sold out is no fire; a charger in flames is.
        ("Mẫu váy này cháy hàng chưa shop?", "product_question", "low"),
        ("Cục sạc bốc cháy khi đang cắm, cháy cả ga giường", "defective_product", "critical"),
        # A parcel, and a court.
        ("Kiện hàng của em tới đâu rồi ạ", "order_status", "low"),
        ("Không trả 20 triệu thì tôi kiện ra toà", None, "critical"),
        # Calling off an order, and messages.
        ("Huỷ đơn giúp em với ạ", "order_status", "normal"),
        ("Huỷ nhận tin quảng cáo giúp em", "opt_out", "low"),
        # "Hỏng" in the South says no, in the North broken.
        ("Áo này hỏng có size L hả shop", "product_question", "low"),
        ("Nồi mua hôm qua hôm nay đã hỏng rồi", "defective_product", "high"),
        # Sarcasm, a polite report, and praise that wants something.
        ("Giao hàng nhanh quá cơ, mới có 3 tuần", "delivery_problem", "high"),
        ("Dạ shop gửi nhầm cho em màu xanh, em đặt màu đen ạ, em cảm ơn shop", "delivery_problem", "high"),
        ("Áo đẹp lắm shop ơi, nhưng em mặc hơi rộng, cho em đổi size S nhé", "return_exchange", "normal"),
        # A shop that cheats, and data in the hands of swindlers.
        ("Shop lừa đảo, nhận tiền rồi chặn tôi", None, "high"),
        (
            "Có người gọi đọc đúng tên, địa chỉ và đơn hàng của tôi, shop làm lộ thông tin khách à",
            "account",
            "critical",
        ),
        # Nobody died, and nothing burns.
        ("Chết rồi em đặt nhầm size, đơn chưa gửi shop sửa giúp em", "order_status", "normal"),
        ("Đồ rẻ vô địch, đẹp mê xỉu luôn shop ơi", "feedback_praise", "low"),
        ("Cháy túi rồi mà vẫn mê, đẹp quá shop ơi", "feedback_praise", "low"),
        # What is over, and what is not so.
        ("Xài nửa năm chưa thấy hỏng gì, rất hài lòng", "feedback_praise", "low"),
        ("Lần trước bị lỗi shop xử lý ok rồi, giờ em hỏi còn size M không", "product_question", "low"),
    ],
)
def test_traps(said: str, intent: str | None, severity: str, way: str):
    answer = read(without_marks(said) if way == "without marks" else said)

    assert answer.severity == severity
    assert answer.intent == intent or intent is None


@pytest.mark.parametrize(
    "said",
    [
        "Dạ shop gửi nhầm cho em màu xanh, em đặt màu đen ạ, em cảm ơn shop",
        "Giao hàng nhanh quá cơ, mới có 3 tuần",
        "Cảm ơn shop đã cho tôi bộ đồ rách",
        "cho em gặp nhân viên",
        "Đổi size giúp em với ạ",
        "0909123456",
        "https://shope.ee/abc123",
        "???",
        "😡😡",
        # No policy, no entry of the FAQ and no order satisfies them: whoever answers says something else.
        "alo",
        "tc",
        "Cảm ơn shop nhiều nha",
        "",
    ],
)
def test_the_bot_keeps_away_from(said: str):
    assert not read(said).bot


@pytest.mark.parametrize(
    "said",
    [
        "Shop mở cửa mấy giờ ạ?",
        "shop mo cua may gio",
        "đổi trả trong bao lâu z shop",
        "Đơn của em tới đâu rồi ạ",
    ],
)
def test_the_bot_may_answer(said: str):
    assert read(said).bot


def test_the_bot_never_gets_what_is_worse_than_low_or_said_in_anger():
    answers = [read(one.text) for one in examples()]

    assert all(one.severity == "low" and one.sentiment != "negative" for one in answers if one.bot)


def test_the_words_that_decided_stand_in_the_message_as_it_was_written():
    said = "Cục sạc phát nổ, con tôi bị BỎNG tay phải đi cấp cứu"
    words = read(said).words

    assert words
    for phrase in words:
        for word in phrase.split():
            assert word in said.lower()
    assert {"nổ", "bỏng", "cấp", "cứu"} & set(" ".join(words).split())


def test_a_subject_is_read_as_part_of_the_message():
    assert read("Vui lòng phản hồi.", "Yêu cầu xuất hoá đơn VAT đơn 2231").intent == "payment_problem"


def test_nothing_is_small_talk_with_nothing_to_answer():
    assert read("") == read(" \n\t") == Triage("other", "low", "neutral", 99, False, ())


def checked(answer: Triage) -> Triage:
    assert answer.intent in INTENTS
    assert answer.severity in SEVERITIES
    assert answer.sentiment in SENTIMENTS
    assert 0 <= answer.confidence <= 100
    return answer


@given(st.text(max_size=400), st.text(max_size=40))
@max_examples(300)
def test_any_text_gets_an_answer_and_twice_the_same(text: str, subject: str):
    assert checked(read(text, subject)) == read(text, subject)


PIECES = st.sampled_from(
    ["không", "ko", "hỏng", "3tr", "2.500.000đ", "1,5 triệu", "+84901234567", "0", "٣", "፩", "²", "5 củ", "😡", "?!",
     "a" * 60, "x@y.vn", "www.a.b", "1.2.3.4.5", "9" * 30, "k", "size", "\u0301", "İ", "ﬁ", "\x00", "_", "+", ":("]
)  # fmt: skip


@given(st.lists(PIECES, max_size=30).map(" ".join))
@max_examples(300)
def test_odd_numbers_signs_and_letters_get_an_answer(text: str):
    checked(read(text))


@given(st.text(alphabet="aăâeêoôơuưyđáàảãạấầẩẫậéèẻẽẹếềểễệ ghklmnt?!,1", max_size=200))
@max_examples(200)
def test_composed_and_decomposed_letters_are_one_spelling(text: str):
    assert read(unicodedata.normalize("NFC", text)) == read(unicodedata.normalize("NFD", text))


def test_composed_and_decomposed_examples_are_read_alike():
    for one in examples()[::7]:
        assert read(unicodedata.normalize("NFC", one.text)) == read(unicodedata.normalize("NFD", one.text))


def test_of_a_long_mail_only_the_beginning_and_the_end_are_read():
    mail = "Kính gửi shop, " + "tôi xin trình bày như sau. " * 4000 + "Đề nghị hoàn tiền."
    words = LEXICON.speller.words(mail)

    assert len(mail) > 100_000
    assert len(words.plain) <= FIRST_TOKENS + LAST_TOKENS + 40
    assert len(LEXICON.grams(words)) <= MOST_CHARACTERS
    assert words.plain[:2] == ["kinh", "gui"]
    assert words.plain[-4:] == ["de", "nghi", "hoan", "tien"]
    checked(read(mail))
    checked(read("a" * 100_000))
    checked(read("1" * 100_000))
    checked(read("😡" * 100_000))
    checked(read("\u0301" * 100_000))


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("ko đc", "khong duoc"),
        ("Hàng lỗiiii", "hang loi"),
        ("hoà / hòa", "hoa hoa"),
        ("bị trừ 3tr", "bi tru #much"),
        ("mất 5 triệu", "mat #much"),
        ("2.500.000đ", "#lot"),
        ("1,5 triệu", "#lot"),
        ("giá 200k", "gia #money"),
        ("2 củ sạc", "#n cu sac"),
        ("gọi 0912 345 678", "goi #phone"),
        ("gọi 0912345678", "goi #phone"),
        ("còn hàng không ạ", "con hang khong? a"),
        ("không còn hàng", "khong con hang"),
        ("bị hỏng", "bi hong"),
        ("hỏng biết", "khong biet"),
        ("ship 30k", "giao #money"),
    ],
)
def test_spellings(written: str, plain: str):
    assert LEXICON.speller.words(written).plain == plain.split()


def test_a_tone_may_stand_on_either_vowel_and_marks_still_tell_words_apart():
    words = Speller({}).words("hàng giả, giá rẻ, hoà hòa")
    features = LEXICON.features(words)

    assert {"gia"} <= set(features)
    marks = [name for name in features if not name.isascii()]
    assert len([name for name in marks if name.startswith("gia")]) == 2
    assert len([name for name in marks if name.startswith("hoa")]) == 1
