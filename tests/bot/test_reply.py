"""What the bot says and what it leaves to people, case by case: T2, T5, R5, R6, R23."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.bot.reply import Answer, HandOver
from shared.domain.triage.triage import Triage
from tests.support.bot_replies import order, read, say


def answered(text: str, triage: Triage | None = None, **more: Any) -> Answer:
    told = say(text, triage, **more)
    assert isinstance(told, Answer), told
    return told


def reason(text: str, triage: Triage | None = None, **more: Any) -> str:
    told = say(text, triage, **more)
    assert isinstance(told, HandOver), told
    assert told.words["vi"]
    assert told.words["en"]
    return told.reason


WHERE = "Đơn của em tới đâu rồi ạ?"


# ---- the customer's own orders ----


def test_an_order_on_its_way_is_told_with_all_that_is_known_of_it():
    sent = order("shipped", shipped_on="2026-11-21", carrier="Giao Hàng Nhanh", tracking_code="GHN77",
                 expected_on="2026-11-24")  # fmt: skip
    told = answered(WHERE, orders=[sent])

    assert told.sources == ("order:DH10234",)
    for words in ("Dạ em chào chị Lan ạ.", "DH10234 (Áo sơ mi) đã gửi đi ngày 21/11/2026", "Giao Hàng Nhanh", "GHN77",
                  "24/11/2026"):  # fmt: skip
        assert words in told.text
    # There is no link to follow it by, so nothing is said of one.
    assert "Theo dõi" not in told.text
    assert "{" not in told.text


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (order("placed"), "đang được tiệm chuẩn bị"),
        (order("out_for_delivery"), "đang được giao hôm nay"),
        (order("delivered", delivered_on="2026-11-21", exchange_until="2026-11-28"), "đổi được đến hết ngày 28/11"),
        (order("in_store", exchange_until="2026-11-27"), "mua và nhận tại cửa hàng ngày 20/11/2026"),
        (order("cancelled", cancelled_on="2026-11-21"), "đã huỷ ngày 21/11/2026"),
    ],
)  # fmt: skip
def test_every_state_of_an_order_has_its_words(found: dict[str, Any], words: str):
    assert words in answered(WHERE, orders=[found]).text


def test_what_is_open_is_told_before_what_is_done_and_an_order_by_its_number():
    orders = [order("placed", "DH3"), order("delivered", "DH20002", delivered_on="2026-11-21"), order("shipped", "DH1")]

    assert answered(WHERE, orders=orders).sources == ("order:DH3", "order:DH1")
    assert answered("Đơn DH20002 của em tới đâu rồi", orders=orders).sources == ("order:DH20002",)
    assert answered("don so 20002 toi dau roi shop", orders=orders).sources == ("order:DH20002",)
    # A phone number and an amount are no order's number.
    assert answered("Đơn 500.000đ của số 0901234567 tới đâu rồi", orders=orders).sources[0] == "order:DH3"


@pytest.mark.parametrize(
    ("orders", "why"),
    [
        ([], "no_order"),
        ([order("delivered", placed_on="2026-08-01", delivered_on="2026-08-05")], "no_order"),
        ([order("delivery_failed")], "order_trouble"),
        ([order("returned")], "order_trouble"),
        ([order("shipped", expected_on="2026-11-20")], "order_late"),
        ([order("placed", placed_on="2026-11-01")], "order_late"),
    ],
)
def test_an_order_that_somebody_has_to_look_at_is_handed_over(orders: list[dict[str, Any]], why: str):
    assert reason(WHERE, orders=orders) == why


def test_an_order_of_somebody_else_is_not_spoken_of():
    assert reason("Đơn DH999888 tới đâu rồi shop", orders=[order("placed")]) == "order_unknown"


@pytest.mark.parametrize("text", [WHERE, "Đơn DH10234 của em tới đâu rồi", "Where is my order DH10234?"])
def test_r5_who_may_be_somebody_else_learns_nothing_not_even_whether_there_is_an_order(text: str):
    told = [answered(text, verified=False, orders=orders) for orders in ([], [order("placed")])]

    assert told[0] == told[1]
    assert told[0].sources == ()
    for secret in ("Lan", "chị", "DH10234", "Áo sơ mi"):
        assert secret not in told[0].text
    assert "số điện thoại hoặc tài khoản Zalo đã đặt hàng" in told[0].text or "phone number or Zalo" in told[0].text


# ---- what people have to do ----


@pytest.mark.parametrize(
    ("triage", "why"),
    [
        (read(severity="critical"), "critical"),
        (read(severity="high"), "high_severity"),
        (read(sentiment="negative"), "negative"),
        (read("human_request"), "asked_for_person"),
        (read("staff_complaint"), "not_for_bot"),
        (read("defective_product"), "not_for_bot"),
        (read(bot=False, severity="normal"), "to_do"),
        (read("feedback_praise"), "sarcasm"),
    ],
)
def test_what_triage_says_is_for_people_is_for_people(triage: Triage, why: str):
    assert reason("Đơn của em tới đâu rồi ạ, giao nhanh ghê", triage, orders=[order("placed")]) == why


def test_what_triage_is_not_sure_of_is_answered_only_where_it_surely_is_a_question_of_the_faq():
    unsure = read("store_info", confidence=30, bot=False)

    assert reason("Cho em hỏi chút chuyện cửa hàng", unsure) == "low_confidence"
    assert answered("Cửa hàng mở cửa mấy giờ vậy?", unsure).matter == "hours"
    assert reason("Cửa hàng mở cửa mấy giờ vậy?", unsure._replace(severity="normal")) == "low_confidence"
    # What is asked of one product needs somebody who looks at it.
    assert reason("Khi nào có hàng lại", unsure._replace(intent="product_question")) == "low_confidence"


def test_x13_a_critical_matter_of_a_vip_gets_no_word_from_a_machine():
    told = say("Con tôi bị bỏng vì máy sấy", read(severity="critical"), value="vip", orders=[order("placed")])

    assert isinstance(told, HandOver)
    assert told.text == ""


@pytest.mark.parametrize(
    "text",
    ["Cho em gặp nhân viên", "noi chuyen voi nguoi that di", "Can I talk to a human?", "gọi lại cho em nhé", "agent"],
)
def test_whoever_wants_a_person_gets_one(text: str):
    assert reason(text, read("store_info"), orders=[order("placed")]) == "asked_for_person"


@pytest.mark.parametrize(
    "text",
    ["Hủy đơn giúp em", "doi dia chi giup minh voi", "Giúp em đổi sang size L", "please cancel my order",
     "nhờ shop xuất hoá đơn", "hoàn tiền giùm mình"],
)  # fmt: skip
def test_what_has_to_be_done_is_done_by_people(text: str):
    assert reason(text, orders=[order("placed")]) == "to_do"


def test_how_something_is_done_is_a_question_of_the_faq():
    assert answered("Muốn đổi hàng giúp bạn em thì thủ tục thế nào", read("return_exchange")).matter == "exchange_how"


def test_the_third_question_on_one_matter_goes_to_a_person():
    shipping = read("delivery_problem")
    told = answered("phí ship bao nhiêu", shipping)
    assert answered("ship bao nhiêu tiền vậy", shipping, turns=[told.matter]).text.startswith("Dạ vâng ạ.")
    assert reason("phí ship bao nhiêu", shipping, turns=[told.matter] * 2) == "same_matter"
    # Three questions on three matters are no trouble.
    assert answered("mấy giờ đóng cửa", read("store_info"), turns=[told.matter] * 2).matter == "hours"


@pytest.mark.parametrize(
    "text", ["không phải ý em", "ko phải cái đó", "trả lời linh tinh quá", "That is not what I asked"]
)
def test_who_was_misunderstood_gets_a_person(text: str):
    assert reason(text, read("other"), turns=["hours"]) == "not_understood"


def test_what_is_not_in_the_faq_is_not_made_up():
    for text in (
        "Shop có bán nước hoa không?",
        "váy này còn size M không",
        "tối nay livestream mấy giờ",
        "xài sao vậy",
    ):
        assert reason(text, read("product_question")) in ("not_found", "ambiguous")


def test_a_channel_that_takes_no_answer_is_not_answered_on():
    assert reason("mấy giờ đóng cửa", read("store_info"), window_open=False) == "window_closed"


# ---- pictures ----


@pytest.mark.parametrize(
    ("text", "triage", "orders"),
    [
        ("Em chuyển khoản rồi nha shop", read("payment_problem", "normal", bot=False), []),
        ("bill đây ạ", read("other"), []),
        ("", read("other"), [order("placed", payment="transfer")]),
        ("Tôi đã chuyển tiền 3 ngày mà không thấy gì!", read("payment_problem", "high", "negative", bot=False), []),
    ],
)
def test_r23_a_picture_of_a_bank_transfer_is_never_confirmed(text: str, triage: Triage, orders: list[dict[str, Any]]):
    told = say(text, triage, orders=orders, attachments=["image"])

    assert isinstance(told, HandOver)
    assert told.reason == "transfer_picture"
    assert "Kế toán" in told.text
    assert "chưa xác nhận" in told.text


def test_another_picture_is_looked_at_by_a_person_and_a_sticker_by_nobody():
    assert reason("áo này còn không", read("product_question"), attachments=["image"]) == "picture"
    # Whose transfer is awaited is nobody else's business.
    awaited = [order("placed", payment="transfer")]
    assert reason("", read("other"), attachments=["image"], verified=False, orders=awaited) == "picture"
    assert answered("mấy giờ đóng cửa", read("store_info"), attachments=["sticker"]).matter == "hours"


# ---- refusing, greeting, thanking ----


@pytest.mark.parametrize("text", ["TC", "Dừng gửi tin quảng cáo cho tôi", "đừng gửi nữa"])
def test_who_refuses_advertising_is_told_that_it_is_done(text: str):
    told = answered(text, read("opt_out", sentiment="negative"), turns=["hours"])

    assert told.matter == "opt_out"
    assert "không gửi tin quảng cáo" in told.text


def test_who_refuses_and_wants_something_besides_is_told_both():
    told = say("Phiền shop thôi gửi quảng cáo và xoá số cũ của mình đi", read("opt_out", "normal", bot=False))

    assert isinstance(told, HandOver)
    assert told.reason == "opt_out_more"
    assert "không gửi tin quảng cáo" in told.text
    assert answered("TC", read("opt_out", "normal", bot=False)).matter == "opt_out"


def test_what_only_may_be_a_refusal_is_asked_by_a_person():
    assert reason("Đặt xong có nhắn tin không vậy", read("opt_out", confidence=30)) == "low_confidence"


def test_praise_is_thanked_for_and_a_greeting_is_greeted():
    assert "cảm ơn chị" in answered("Áo đẹp lắm shop ơi", read("feedback_praise", sentiment="positive")).text
    assert "cần em giúp gì" in answered("Shop ơi", read("other")).text


# ---- words ----


def test_the_customer_is_called_by_name_only_where_it_is_clean_and_surely_theirs():
    hours = read("store_info")
    assert "chào chị Lan ạ" in answered("mấy giờ đóng cửa", hours).text
    assert "chào quý khách ạ" in answered("mấy giờ đóng cửa", hours, verified=False).text
    assert "chào quý khách ạ" in answered("mấy giờ đóng cửa", hours, traits={"name": "chị bom hàng Q7"}).text
    assert answered("mấy giờ đóng cửa", hours, language="en").text.startswith("Hello Lan,")
    assert answered("mấy giờ đóng cửa", hours, language="en", verified=False).text.startswith("Hello,")


def test_whoever_writes_english_is_answered_in_english():
    told = answered("What is your return policy?", read("return_exchange"), language="en")

    assert told.sources == ("faq:exchange_window",)
    assert "within 7 days" in told.text
    assert "ạ" not in told.text


def test_only_the_first_answer_says_who_speaks():
    hours = read("store_info")
    assert "trợ lý tự động" in answered("mấy giờ đóng cửa", hours).text
    assert "trợ lý tự động" not in answered("mấy giờ đóng cửa", hours, turns=["parking"]).text
