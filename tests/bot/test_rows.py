"""Rows of the mission that the bot answers, through the providers' webhooks and the API, at night."""

from __future__ import annotations

from datetime import timedelta

import pytest
from typer.testing import CliRunner

from infra.local.cli import app
from tests.support.bot import HOA, LAN, Chats, core

WHERE = "Đơn của em tới đâu rồi ạ?"


def test_t2_a_simple_question_is_answered_at_once_and_troubles_nobody(chats: Chats):
    chats.writes("zalo", "Shop ơi mấy giờ đóng cửa vậy ạ?")

    (ticket,) = chats.tickets()
    assert (ticket["queue"], ticket["assignee"], ticket["status"]) == ("bot", None, "pending")
    assert ticket["bot_first_response_seconds"] == 0
    (text,) = chats.received("zalo")
    assert text.startswith("Dạ em chào chị Lan ạ.")
    assert "thứ Hai–thứ Bảy 08:00–21:00, Chủ nhật 09:00–21:00" in text


@pytest.mark.parametrize(
    ("subject", "text", "told"),
    [
        ("returns", "Chính sách đổi trả của shop thế nào ạ?", "trong 7 ngày"),
        ("warranty", "Đồ gia dụng bảo hành mấy tháng vậy shop?", "12 tháng"),
        ("usage", "Áo linen giặt máy được không shop?", "dưới 30°C"),
        ("delivery", "Giao ra Hà Nội mất mấy ngày ạ?", "3–5 ngày"),
        ("promotion", "Shop đang có khuyến mãi gì không ạ?", "https://nhamay.example"),
        ("store", "Cửa hàng ở đâu vậy shop?", "12 Nguyễn Trãi"),
    ],
)
def test_t5_the_bot_answers_day_and_night(chats: Chats, subject: str, text: str, told: str):
    """«Chính sách đổi trả, bảo hành, cách sử dụng, tình trạng đơn hàng», and delivery, promotions and the store."""
    chats.writes("messenger", text)

    (answer,) = chats.received("messenger")
    assert told in answer, subject
    assert chats.tickets()[0]["thread"][1]["sources"], subject


def test_t5_the_state_of_the_customers_own_order_is_told_from_its_facts(chats: Chats):
    chats.buys(products=[{"sku": "A1", "name": "Áo sơ mi", "category": "áo", "price": 500_000}])
    chats.writes("zalo", WHERE)
    assert "HD1 (Áo sơ mi)" in chats.reply()
    assert "đang được tiệm chuẩn bị" in chats.reply()

    chats.carrier_says("Order Shipped", carrier="GHN", tracking_code="GHN77", expected_on="2026-11-26",
                       tracking_url="https://donhang.ghn.vn/?order_code=GHN77")  # fmt: skip
    chats.writes("zalo", "don e toi dau r shop")
    for told in ("đã gửi đi ngày 24/11/2026", "Giao Hàng Nhanh", "GHN77", "26/11/2026", "https://donhang.ghn.vn/"):
        assert told in chats.reply()
    assert chats.tickets()[0]["thread"][-1]["sources"] == ["order:HD1"]


def test_r6_what_is_nobody_elses_business_is_not_named(chats: Chats):
    chats.buys(products=[{"sku": "U1", "name": "Áo lót ren", "category": "đồ lót", "price": 500_000}])
    chats.writes("zalo", WHERE)

    assert "HD1 (sản phẩm đã mua)" in chats.reply()
    assert "ren" not in chats.reply()


def test_a_strange_address_that_came_with_an_order_is_not_passed_on(chats: Chats):
    chats.buys()
    chats.carrier_says("Order Shipped", carrier="GHN", tracking_url="https://ghn.vn.evil.example/x")
    chats.writes("zalo", WHERE)

    assert "đã gửi đi" in chats.reply()
    assert "evil" not in chats.reply()


def test_t6_the_answer_is_the_same_on_every_channel(chats: Chats):
    """«Tích hợp chatbot với Facebook, Zalo, website, ứng dụng mobile»"""
    channels = ("zalo", "messenger", "email", "web", "app")
    for channel in channels:
        chats.writes(channel, "Phí giao hàng là bao nhiêu vậy ạ?")

    told = {core(chats.reply(channel)) for channel in channels}
    assert len(told) == 1
    assert "20.000 ₫" in told.pop()
    assert len(chats.received("zalo")) == len(chats.received("messenger")) == len(chats.received("email")) == 1


def test_t6_who_asked_on_zalo_goes_on_in_messenger_and_is_known(chats: Chats):
    chats.buys()
    chats.writes("zalo", "Chính sách đổi trả của shop thế nào ạ?")
    chats.writes("messenger", WHERE)

    assert "HD1" in chats.reply("messenger")
    view = chats.call("GET", f"/v1/customers/{chats.lan}").json
    assert {ticket["channel"] for ticket in view["open_tickets"]} == {"zalo", "messenger"}


@pytest.mark.parametrize("channel", ["web", "app"])
def test_t6_the_websites_chat_answers_in_the_same_call_and_in_the_writers_language(chats: Chats, channel: str):
    english = chats.asks_on_the_web("What are your opening hours?", {"phone": HOA}, channel=channel)
    again = chats.asks_on_the_web("How much is delivery?", {"phone": HOA}, channel=channel)
    vietnamese = chats.asks_on_the_web("Gửi xe máy có mất phí không shop?", {"phone": HOA}, channel=channel)

    assert english["bot_reply"].startswith("Hello,\nThe store is open Monday–Saturday 08:00–21:00")
    assert again["bot_reply"].startswith("Certainly.\nDelivery costs 20.000 ₫")
    assert vietnamese["bot_reply"].startswith("Dạ vâng ạ.\nXe máy gửi miễn phí")
    assert english["ticket_id"] == again["ticket_id"] == vietnamese["ticket_id"]


def test_t2_the_third_time_on_one_matter_a_person_gets_the_whole_story(chats: Chats):
    for text in ("Mấy giờ đóng cửa vậy shop?", "shop mở cửa đến mấy giờ ạ", "Mấy giờ shop mở cửa?"):
        chats.writes("zalo", text)

    (ticket,) = chats.tickets()
    assert ticket["queue"] in ("care", "sales")
    assert ticket["status"] == "open"
    assert ticket["handover"]["reason"] == "same_matter"
    assert "nhiều lần" in ticket["handover"]["vi"]
    assert [line["author"] for line in ticket["thread"]] == ["customer", "bot"] * 3
    assert "chuyển tin" in ticket["thread"][-1]["text"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Cho em gặp nhân viên với ạ", None),
        ("Hủy đơn giúp em với, em đặt nhầm rồi", None),
        ("không phải ý em, em hỏi cái khác", "not_understood"),
    ],
)
def test_t2_what_the_bot_cannot_do_is_handed_to_somebody(chats: Chats, text: str, why: str | None):
    chats.writes("zalo", "Mấy giờ đóng cửa vậy shop?")
    chats.writes("zalo", text)

    (ticket,) = chats.tickets()
    assert ticket["queue"] in ("care", "sales")
    assert ticket["status"] == "open"
    if why:
        assert ticket["handover"]["reason"] == why
    assert [line["author"] for line in ticket["thread"]][:3] == ["customer", "bot", "customer"]


def test_r5_whoever_types_somebodys_phone_learns_nothing_of_their_orders(chats: Chats):
    chats.buys(products=[{"sku": "A1", "name": "Áo sơ mi", "category": "áo", "price": 500_000}])
    with_orders = chats.asks_on_the_web(WHERE, {"phone": LAN})
    without = chats.asks_on_the_web(WHERE, {"phone": HOA})

    assert with_orders["bot_reply"] == without["bot_reply"]
    assert "đúng người đặt" in with_orders["bot_reply"]
    for secret in ("HD1", "Lan", "Áo sơ mi"):
        assert secret not in with_orders["bot_reply"]
    # Nor does the shop write to Lan of what somebody asked in her name.
    assert chats.received("zalo") == []


def test_r5_somebody_new_on_zalo_may_ask_for_anything_but_orders(chats: Chats):
    chats.buys()
    chats.providers.zalo.say("stranger", f"Đơn của số {LAN} tới đâu rồi shop?")
    chats.stack.drain()

    (answer,) = chats.received("zalo")
    assert "HD1" not in answer
    assert "Lan" not in answer


def test_r23_a_picture_of_a_transfer_is_not_confirmed_but_checked_by_an_accountant(chats: Chats):
    chats.buys(payment="transfer")
    chats.providers.zalo.show("z1", "image", "https://photo.zdn.vn/bill.jpg", text="Em gửi bill chuyển khoản ạ")
    chats.stack.drain()

    (answer,) = chats.received("zalo")
    assert "Kế toán của tiệm sẽ kiểm tra" in answer
    (ticket,) = chats.tickets()
    assert (ticket["queue"], ticket["handover"]["reason"]) == ("care", "transfer_picture")
    (check,) = [task for task in chats.call("GET", "/v1/tasks").json["items"] if task["kind"] == "ask"]
    assert "kế toán" in check["title"]
    assert "Đối chiếu" in check["reason"]

    # The same picture told five times is checked once, and so is one more while the first is being checked.
    chats.providers.zalo.show("z1", "image", "https://photo.zdn.vn/bill2.jpg", text="bill đây shop")
    chats.stack.drain()
    assert len([task for task in chats.call("GET", "/v1/tasks").json["items"] if task["kind"] == "ask"]) == 1


@pytest.mark.parametrize(
    ("channel", "text"),
    [("zalo", "Đừng nhắn tin quảng cáo cho tôi nữa"), ("messenger", "TC"), ("web", "Ngừng gửi quảng cáo cho mình nhé"),
     ("email", "Please unsubscribe me from your ads")],
)  # fmt: skip
def test_a_refusal_of_advertising_takes_effect_at_once_and_is_confirmed(chats: Chats, channel: str, text: str):
    assert "zalo" not in chats.refuses()
    chats.writes(channel, text)

    assert {"zalo", "messenger", "email"} <= chats.refuses()
    assert "quảng cáo" in chats.reply() or "advertising" in chats.reply()


def test_a_refusal_takes_effect_also_where_a_person_has_to_answer(chats: Chats):
    chats.writes("zalo", "Nhắn hoài phiền quá, nói mấy lần rồi không nghe à? Đừng gửi quảng cáo nữa, bực mình!!!")

    assert {"zalo", "messenger", "email"} <= chats.refuses()


def test_the_same_webhook_told_five_times_is_answered_once(chats: Chats):
    for place in chats.providers:
        place.disturb_callbacks(copies=5, disorder=timedelta(minutes=3))
    chats.writes("zalo", "Mấy giờ đóng cửa vậy shop?")
    chats.stack.advance(chats.now + timedelta(minutes=10))

    assert len(chats.replies()) == len(chats.received("zalo")) == 1


def test_whoever_tries_the_bot_out_sees_what_it_says_and_why():
    ran = CliRunner().invoke(app, ["bot", "Phí giao hàng là bao nhiêu?", "--intent", "delivery_problem"])
    assert ran.exit_code == 0
    assert "faq:delivery_fee" in ran.output
    assert "20.000 ₫" in ran.output
    ran = CliRunner().invoke(app, ["bot", "Cho em gặp nhân viên"])
    assert "hands over asked_for_person: Khách muốn gặp nhân viên" in ran.output
