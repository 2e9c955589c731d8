"""Nothing a model invents passes, in digits or words, with marks or without; what the brief says passes (X27)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.messaging.draft_checks import DraftFacts, Limits, check, limits_of
from shared.domain.messaging.wording import Wording
from shared.runtime.playbook.shop import shop
from shared.runtime.playbook.templates import templates

CHAT = Limits({"text": (1, 2000)})
NOTHING = DraftFacts(placeholders={"greeting.called": "chị Phương", "links.new": "https://nhamay.example/r/0"})
SALE = DraftFacts(
    said=(
        "Mời khách cũ ghé xem hàng mới",
        "Giảm 10% áo dài lụa, miễn phí giao hàng cho đơn từ 500k, đổi trả trong 7 ngày",
    ),
    prices={"Áo dài lụa": 1_250_000, "Khăn lụa 90cm": 290_000, "Túi cói": None},
    offer_ends=datetime(2026, 12, 15, 17, tzinfo=UTC),  # midnight of the 15th
    placeholders={"greeting.called": "chị Phương", "links.new": "https://nhamay.example/r/0"},
)


def codes(text: str, facts: DraftFacts = NOTHING, limits: Limits = CHAT, **parts: Any) -> set[str]:
    return {problem.code for problem in check(Wording(text=text, **parts), facts, limits)}


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("price_not_given", "Áo dài lụa chỉ 990.000đ"),
        ("price_not_given", "Áo dài chỉ chín trăm nghìn"),
        ("price_not_given", "Ao dai chi chin tram nghin dong, moi chi ghe tiem"),
        ("price_not_given", "Giá chỉ từ 50k"),
        ("price_not_given", "Giảm ngay 20%"),
        ("price_not_given", "Giảm hai mươi phần trăm"),
        ("price_not_given", "Hôm nay nửa giá"),
        ("price_not_given", "Giá 299.000"),
        ("price_not_given", "Chỉ $20 một chiếc"),
        ("promise", "Tiệm cam kết chất lượng"),
        ("promise", "Tiem cam ket chat luong, moi chi ghe xem"),
        ("promise", "Đảm bảo chị sẽ ưng ý"),
        ("promise", "Hoàn tiền nếu không vừa"),
        ("promise", "Cotton 100%"),
        ("promise", "Miễn phí giao hàng"),
        ("promise", "Freeship toàn quốc"),
        ("promise", "Giao hàng miễn phí tận nơi"),
        ("promise", "Miễn phí gói quà"),
        ("promise", "Bảo hành trọn đời"),
        ("promise", "Giao trong 24h"),
        ("promise", "Nhận hàng sau hai ngày"),
        ("promise", "Đổi trả trong vòng 30 ngày"),
        ("promise", "Em sẽ gọi lại cho chị"),
        ("promise", "Shop sẽ giữ mẫu này"),
        ("promise", "Hàng chính hãng"),
        ("promise", "Hoàn 100% nếu không ưng"),
        ("promise", "Thoải mái đổi nếu chưa vừa"),
        ("promise", "Mua hai tính tiền một"),
        ("promise", "Ship tận nơi không tính phí"),
        ("promise", "Hơn mười năm kinh nghiệm"),
        ("offer_not_given", "Đang có ưu đãi riêng"),
        ("offer_not_given", "Tặng kèm khăn lụa"),
        ("offer_not_given", "Tặng {{ greeting.called }} một món quà"),
        ("offer_not_given", "Mua 1 tặng 1"),
        ("offer_not_given", "Quý khách sẽ nhận được quà bí mật"),
        ("price_not_given", "Tiết kiệm ngay 125.000đ"),
        ("price_not_given", "Giao hàng 0 đồng"),
        ("date_not_given", "Hỗ trợ 24/7"),
        ("offer_not_given", "Nhập mã giảm giá nhé"),
        ("offer_not_given", "Nhân đôi điểm cuối tuần"),
        ("number_not_given", "Tiệm có 12 cửa hàng"),
        ("date_not_given", "Đến hết 31/12"),
        ("date_not_given", "Ngày 20 tháng 10 mời chị ghé"),
        ("date_not_given", "Mở cửa lúc 18:30"),
        ("statistic", "9/10 khách hàng hài lòng"),
        ("statistic", "Hàng ngàn khách đã mua"),
        ("statistic", "Hàng nghìn chị em tin dùng"),
        ("statistic", "Hơn 1.000 khách hàng"),
        ("statistic", "Mẫu bán chạy nhất"),
        ("statistic", "Mau ban chay nhat, moi chi ghe xem"),
        ("statistic", "Thương hiệu số 1"),
        ("statistic", "Chất lụa mềm nhất"),
        ("statistic", "Phần lớn chị em chọn"),
        ("statistic", "Đánh giá 4,9 sao"),
        ("testimonial", "Khách hàng khen hết lời"),
        ("testimonial", "Mẫu này được nhiều chị em yêu thích"),
        ("testimonial", "Nhiều khách quay lại mua thêm"),
        ("testimonial", "Ai cũng mê"),
        ("testimonial", "Được đánh giá cao"),
        ("testimonial", "Theo chị Hoa, áo rất mát"),
        ("urgency", "Nhanh tay kẻo lỡ"),
        ("urgency", "Sắp hết hàng"),
        ("urgency", "Số lượng có hạn"),
        ("urgency", "Chỉ hôm nay"),
        ("urgency", "Chỉ còn vài chiếc"),
        ("urgency", "Đến hết tuần này"),
        ("urgency", "Mọi thứ sắp khép lại"),
        ("urgency", "So luong co han, moi chi ghe xem"),
        ("personal_claim", "Chị đã mua áo dài"),
        ("personal_claim", "{{ greeting.called }} từng thích mẫu này"),
        ("personal_claim", "Món hàng lần trước rất hợp"),
        ("link", "Xem tại nhamay.vn"),
        ("link", "Xem https://nhamay.example/hang-moi"),
        ("link", "Xem nhamay chấm vn"),
        ("link", "Viết về shop@nhamay.example"),
        ("phone", "Gọi 0909 123 456"),
        ("phone", "Gọi 1900 0000"),
        ("own_label", "[QC] Hàng mới về"),
        ("own_label", "Quảng cáo: hàng mới về"),
        ("own_label", "Từ chối soạn TC gửi 8088"),
        ("own_label", "Hủy đăng ký bất cứ lúc nào"),
        ("placeholder", "Chào {{ name }}"),
        ("placeholder", "Chào {{ greeting.called | upper }}"),
        ("placeholder", "Chào {name}"),
        ("placeholder", "Chào [Tên khách hàng]"),
        ("markup", "Chào <tên khách>"),
        ("placeholder", "{% if vip %}Chào{% endif %}"),
        ("language", "Hello, we have new products for you"),
        ("language", "Tiem vua co them nhieu mau moi, moi ghe xem"),
        ("language", "新しい商品が入りました"),
        ("markup", "<b>Hàng mới</b>"),
        ("markup", "**Hàng mới**"),
        ("markup", "Hàng&nbsp;mới"),
        ("markup", "Hàng\u200bmới"),
        ("markup", "# Hàng mới"),
    ],
)  # fmt: skip
def test_x27_what_nobody_gave_is_refused(code: str, text: str):
    assert code in codes(text)


@pytest.mark.parametrize(
    "text",
    [
        "Dạ chào {{ greeting.called }}, tiệm vừa có thêm nhiều mẫu mới, mời mình ghé xem nhé: {{ links.new }}",
        "Chúc {{ greeting.called }} một ngày thật vui và một năm mới bình an.",
        "Cảm ơn khách hàng thân thiết đã đồng hành cùng tiệm.",
        "Trời trở lạnh, nhất là buổi sớm, một chiếc khăn lụa giữ ấm thật khéo.",
        "Mẫu mới nhất đã về cửa hàng gần nhất.",
        "Món này làm quà cho mẹ rất hợp.",
        "Chúc mừng sinh nhật {{ greeting.called }}!",
        "Lâu rồi chưa gặp {{ greeting.called }}, tiệm nhớ lắm 🌸",
        "Giá tăng hay giảm, chất vải vẫn vậy.",
        "Đi qua phố cũ, mời {{ greeting.called }} ghé tiệm uống trà.",
        "Em vừa chọn vài mẫu hợp gu, mời {{ greeting.called }} xem thử.",
        "Mời {{ greeting.called }} đánh giá giúp tiệm sau khi mặc.",
        "Ít nhất cũng ghé uống chén trà nhé.",
        "Áo mặc mát, không nhăn, hợp cả ngày dài.",
        "Cuối cùng thì mẫu {{ greeting.called }} chờ cũng đã về.",
        "Mời {{ greeting.called }} chọn size vừa ý.",
        "Còn gì vui hơn một chiếc áo dài mới đón Tết?",
        "Món quà ý nghĩa dành tặng mẹ.",
        "Mỗi chiếc áo là một câu chuyện, hai màu mới vừa về.",
    ],
)
def test_x27_honest_words_pass(text: str):
    assert codes(text) == set()


@pytest.mark.parametrize(
    "text",
    [
        "Áo dài lụa 1.250.000đ, nay giảm 10% đến hết 15/12.",
        "Áo dài lụa giá một triệu hai trăm năm mươi nghìn",
        "Áo dài lụa 1tr25, khăn lụa 90cm 290k.",
        "Khăn lụa 90cm chỉ hai trăm chín mươi nghìn",
        "Giảm mười phần trăm, ưu đãi đến ngày 15 tháng 12 năm 2026",
        "Freeship cho đơn từ nửa triệu",
        "Giao hàng miễn phí đơn từ 500.000đ",
        "Đổi trả trong 7 ngày",
        "Nhanh tay {{ greeting.called }} nhé, đừng bỏ lỡ",
        "Khuyến mãi tháng 12",
        "Ưu đãi kết thúc lúc 23:59 ngày 15/12/2026",
        "Tiệm gửi tặng {{ greeting.called }} ưu đãi giảm 10%",
        "Chỉ đến hết ngày 15/12 thôi ạ.",
        "Áo dài lụa đang giảm 10%, cơ hội làm mới tủ đồ.",
    ],
)
def test_x27_what_the_brief_and_the_catalogue_say_may_be_said_in_other_words(text: str):
    assert codes(text, SALE) == set()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("price_not_given", "Áo dài lụa chỉ 290k"),  # the scarf's
        ("price_not_given", "Áo dài lụa còn 1.125.000đ"),  # right, but reckoned: nobody gave it
        ("price_not_given", "Túi cói 290k"),
        ("price_not_given", "Giảm đến 50%"),
        ("promise", "Miễn phí đổi trả"),
        ("promise", "Đổi trả trong 30 ngày"),
        ("promise", "Giao trong 7 giờ"),
        ("offer_not_given", "Giảm 10% và tặng kèm khăn"),
        ("date_not_given", "Ưu đãi đến hết 20/12"),
        ("date_not_given", "Ưu đãi đến hết 15/12/2027"),
        ("urgency", "Chỉ hôm nay giảm 10%"),
        ("urgency", "Số lượng có hạn"),
    ],
)
def test_x27_a_brief_lets_nothing_through_but_what_it_says(code: str, text: str):
    assert code in codes(text, SALE)


def test_x27_a_brief_that_denies_an_offer_gives_none():
    facts = DraftFacts(said=("Hỏi thăm nhẹ nhàng, không giảm giá, không tặng quà",))

    assert codes("Ghé tiệm nhận ưu đãi nhé", facts) == {"offer_not_given"}
    assert codes("Tiệm có quà cho mình", facts) == {"offer_not_given"}


def test_x27_an_offer_that_ends_at_an_hour_is_not_called_until_the_end_of_the_day():
    at_six = DraftFacts(said=("Giảm 10%",), offer_ends=datetime(2026, 12, 15, 11, tzinfo=UTC))

    assert codes("Giảm 10% đến hết ngày 15/12", at_six) == {"urgency"}
    assert codes("Giảm 10% đến 18h ngày 15/12", at_six) == set()
    assert codes("Giảm 10% đến hết ngày 15/12", SALE) == set()


def test_what_has_to_be_said_stands_in_the_text_whatever_its_blanks_and_case():
    facts = DraftFacts(must_say=("Đổi trả trong 7 ngày",))

    assert codes("Hàng mới về. đổi trả  trong 7 ngày nhé", facts) == set()
    assert codes("Hàng mới về.", facts) == {"must_say_missing"}


def test_a_link_stands_in_the_text_and_nowhere_else():
    email = limits_of(templates()["winback_30"], "email", shop())

    assert codes("Xem {{ links.new }}", limits=email, subject="Hàng mới về") == set()
    assert codes("Hàng mới về", limits=email, subject="Xem {{ links.new }}") == {"placeholder"}


def test_a_channel_takes_its_parts_within_their_lengths():
    template = templates()["winback_30"]
    email, chat, zns = (limits_of(template, channel, shop()) for channel in ("email", "zalo", "zns"))

    assert codes("Hàng mới về", limits=email) == {"too_short"}  # no subject
    assert codes("Hàng mới về", limits=email, subject="Hàng mới " * 12) == {"too_long"}
    assert codes("Hàng mới về", limits=chat, subject="Hàng mới") == {"part"}
    assert codes("Hàng mới " * 220, limits=chat) == {"too_long"}
    assert codes("Hàng mới " * 50, limits=zns, subject="Hàng mới đã về") == {"too_long"}


def test_an_sms_is_counted_as_it_goes_out_without_marks_and_with_label_and_refusal():
    sms = limits_of(templates()["winback_30"], "sms_ad", shop())
    sentence = "Tiệm Nhà Mây mời quý khách ghé xem hàng mới đã về tại cửa hàng. "

    assert codes(sentence * 3, limits=sms) == set()
    assert codes(sentence * 5, limits=sms) == {"too_long"}
    # One emoji takes the cheap alphabet away, also from a text without marks.
    assert codes(sentence * 2 + "🌸", limits=sms) == {"too_long"}
    assert codes("Tiem Nha May moi quy khach ghe xem hang moi", limits=sms) == set()


def test_the_length_asked_for_is_the_length_that_passes():
    sms = limits_of(templates()["winback_30"], "sms_ad", shop())

    assert codes("ă" * sms.most("text"), limits=sms) == set()
    assert codes("ă" * (sms.most("text") + 1), limits=sms) == {"too_long"}


def test_a_problem_quotes_the_words_it_is_about():
    (problem,) = check(Wording(text="Tiệm CAM KẾT chất lượng"), NOTHING, CHAT)

    assert problem == ("promise", "text", "cam kết")


@given(st.text(min_size=1, max_size=300))
def test_any_text_can_be_checked_and_what_passes_holds_no_digit(text: str):
    problems = check(Wording(text=text), DraftFacts(), CHAT)

    assert problems or not any(char in "0123456789" for char in text)
