"""U1–U5, X14, D4, R9, R23 through the doors: what staff may offer beside the answer, why, and when nothing."""

from __future__ import annotations

import pytest

from shared.domain.catalogue.product import Product
from shared.domain.tasks.task import NewTask
from shared.domain.vietnam_time import local_day
from shared.repositories.tasks import open_task
from shared.repositories.ticket_revenue import revenue_per_ticket
from shared.repositories.unit_of_work import UnitOfWork
from tests.support.openapi import holds_to_it
from tests.support.recommendations import BAG, EXCHANGE, INSOLE, Q1, Q7, RUNNER, SOCKS, Counter
from tests.support.tickets import ANGRY, CRITICAL, LAN


def test_d4_the_agent_on_the_fanpage_sees_yesterdays_size_m_shirt_bought_in_the_store(shop):
    shirt = Product(sku="SM-TRANG", name="Áo sơ mi", category="Áo sơ mi", price=450_000)
    shop.put(phone=LAN, messenger_psid="psid-1")
    shop.buys("HD1", shirt, days_ago=1, size="M")
    ticket = shop.says("Shop ơi cho mình hỏi chút ạ", "messenger", who={"messenger_psid": "psid-1"})

    order = shop.open(ticket)["customer"]["recent_orders"][0]
    assert (order["channel"], order["store"]) == ("store", Q1)
    assert order["lines"] == [
        {"sku": "SM-TRANG", "name": "Áo sơ mi", "size": "M", "category": "Áo sơ mi", "quantity": 1, "price": 450_000}
    ]


def test_u2_a_shoe_size_exchange_suggests_insoles_or_socks_with_the_reason(shop):
    shop.shelve(RUNNER, INSOLE, SOCKS, BAG)
    shop.buys("HD1", BAG, days_ago=1)
    shop.buys("HD0", RUNNER, days_ago=3, size="39")
    ticket = shop.says(EXCHANGE)

    assert ticket["intent"] == "return_exchange"
    assert shop.offered(ticket) == ["LOT-1", "VO-1"]
    insole, socks = ticket["suggestions"]
    assert insole["reason"] == "Khách vừa đổi size giày Chạy Bộ Nhẹ; khách mua giày hay cần thêm lót giày êm chân"
    assert insole["reason_en"].startswith("The customer changes the size of giày Chạy Bộ Nhẹ; whoever buys shoes")
    assert socks["url"] == "https://nha.example/vo"


def test_u2_written_without_marks_and_named_by_the_order_it_is_the_same(shop):
    shop.shelve(RUNNER, INSOLE, SOCKS)
    shop.buys("HD0", RUNNER, days_ago=3, size="39")
    shop.buys("HD1", BAG, days_ago=1)

    assert shop.offered(shop.says("doi size giay giup em", order_id="HD0")) == ["LOT-1", "VO-1"]


def test_u1_what_others_take_along_is_said_with_its_share(shop):
    shop.shelve(RUNNER, INSOLE, SOCKS)
    shop.crowd(RUNNER, SOCKS, orders=15)
    shop.crowd(RUNNER, orders=24)
    shop.buys("HD0", RUNNER, days_ago=3)
    (socks,) = [one for one in shop.says(EXCHANGE)["suggestions"] if one["sku"] == "VO-1"]

    assert socks["kind"] == "together"
    assert socks["reason"] == "Khách vừa đổi size giày Chạy Bộ Nhẹ; 37 % khách mua món này lấy thêm vớ cao cấp"


def test_u2_a_shop_without_a_catalogue_is_told_the_kind_of_goods(shop):
    shop.buys("HD0", RUNNER, days_ago=3)
    found = shop.says(EXCHANGE)["suggestions"]

    assert [(one["sku"], one["name"]) for one in found] == [
        ("", "lót giày êm chân"), ("", "vớ cao cấp"), ("", "đồ vệ sinh giày"),
    ]  # fmt: skip
    assert found[0]["reason"].endswith("khách mua giày hay cần thêm lót giày êm chân")
    assert [one["name"] for one in seen(shop)["suggestions"]] == [one["name"] for one in found]


def test_u1_a_shop_without_a_catalogue_still_says_what_others_take_along(shop):
    shop.crowd(RUNNER, SOCKS, orders=20)
    shop.buys("HD0", RUNNER, days_ago=3)
    ticket = shop.says(EXCHANGE)

    assert (ticket["suggestions"][0]["sku"], ticket["suggestions"][0]["kind"]) == ("VO-1", "together")
    assert ticket["suggestions"][0]["price"] == 120_000
    assert shop.offered(shop.open(ticket)) == shop.offered(ticket) == ["VO-1", "", ""]


def test_u1_small_numbers_say_nothing_and_what_everybody_buys_neither(shop):
    water = Product(sku="NUOC", name="Nước suối", category="Nước", price=10_000, margin=8_000_000)
    shop.shelve(RUNNER, SOCKS, water)
    shop.crowd(RUNNER, SOCKS, orders=4)
    shop.crowd(RUNNER, water, orders=6, first=10)
    shop.crowd(RUNNER, orders=15, first=20)
    shop.crowd(water, orders=160, first=40)
    shop.buys("HD0", RUNNER, days_ago=3)
    found = shop.says(EXCHANGE)["suggestions"]

    assert [(one["sku"], one["kind"]) for one in found] == [("VO-1", "rule")]


def test_u3_complements_and_a_higher_version_are_offered_to_who_asks_about_goods(shop):
    case = Product(sku="OP-1", name="Ốp lưng trong", category="Ốp lưng", price=200_000)
    newer = Product(sku="DT-15", name="Điện thoại Sao 15", category="Điện thoại", price=15_000_000)
    older = Product(
        sku="DT-14", name="Điện thoại Sao 14", category="Điện thoại", complements=("OP-1",), replaced_by="DT-15"
    )
    shop.shelve(case, newer, older)
    shop.buys("HD0", older, days_ago=300)
    asked = shop.says("Điện thoại này có bản mới chưa shop? Bản mới giá bao nhiêu ạ")

    assert asked["intent"] in ("product_question", "promotion")
    kinds = {one["sku"]: one["kind"] for one in asked["suggestions"]}
    assert kinds == {"OP-1": "complement", "DT-15": "upgrade"}


def test_u3_what_runs_out_is_offered_again_and_what_they_have_is_not(shop):
    purifier = Product(sku="MAY", name="Máy lọc nước RO", category="Máy lọc nước", complements=("LOI", "GIA"))
    filters = Product(sku="LOI", name="Lõi lọc số 1", category="Lõi lọc", price=300_000, repurchase_days=180)
    stand = Product(sku="GIA", name="Giá đỡ máy lọc", category="Giá đỡ", price=200_000)
    shop.shelve(purifier, filters, stand)
    shop.buys("HD0", purifier, filters, stand, days_ago=100)
    assert seen(shop)["suggestions"] == []
    shop.buys("HD1", purifier, filters, stand, days_ago=200, user="0912345678")

    found = seen(shop, "0912345678")["suggestions"]
    assert [(one["sku"], one["kind"]) for one in found] == [("LOI", "again")]
    assert found[0]["reason"].endswith("đã 200 ngày, món này thường hết sau 180 ngày")


def test_u3_at_most_three_and_each_of_another_kind(shop):
    others = [Product(sku=f"VO-{n}", name=f"Vớ số {n}", category="Vớ", price=100_000 + n) for n in range(5)]
    more = [Product(sku=f"K{n}", name=f"Món {n}", category=f"Ngành {n}", price=50_000) for n in range(4)]
    shoe = RUNNER.model_copy(update={"complements": tuple(one.sku for one in [*others, *more])})
    shop.shelve(shoe, *others, *more)
    shop.buys("HD0", shoe, days_ago=1)

    found = shop.offered(seen(shop))
    assert found == ["VO-4", "K0", "K1"]


def test_r9_stock_of_the_customers_store_and_size_stands_beside_it(shop):
    shop.shelve(RUNNER, INSOLE)
    shop.buys("HD0", RUNNER, days_ago=3, size="39")
    ticket = shop.says("Giày này em muốn đổi sang size 40 được không ạ")

    (insole,) = ticket["suggestions"]
    assert insole["size"] == "40"
    assert insole["stock"] == [
        {"store": Q1, "size": "40", "pieces": 5},
        {"store": Q7, "size": "40", "pieces": 1},
    ]
    shop.shelve(INSOLE.model_copy(update={"stock": {Q7: {"40": 1}}}))
    assert shop.open(ticket)["suggestions"][0]["stock"] == [{"store": Q7, "size": "40", "pieces": 1}]
    shop.shelve(INSOLE.model_copy(update={"stock": {Q1: {"39": 2}}}))
    assert shop.open(ticket)["suggestions"] == []


def test_r9_what_is_in_the_store_goes_before_what_is_elsewhere_and_what_is_nowhere_is_not_offered(shop):
    here = Product(sku="VO-2", name="Vớ ở đây", category="Vớ", margin=1_000, stock={Q1: {"": 1}})
    away = INSOLE.model_copy(update={"stock": {Q7: {"": 9}}})
    gone = Product(sku="XI", name="Xi đánh giày", category="Chăm sóc giày", margin=500_000, stock={Q1: {"": 0}})
    shop.shelve(RUNNER, here, away, gone)
    shop.buys("HD0", RUNNER, days_ago=3)

    assert shop.offered(shop.says(EXCHANGE)) == ["VO-2", "LOT-1"]


def test_u1_nothing_that_was_just_returned(shop):
    shop.shelve(RUNNER, INSOLE, SOCKS)
    shop.buys("HD0", RUNNER, days_ago=9)
    shop.buys("HD1", INSOLE, days_ago=5)
    back = {"type": "track", "event": "Order Refunded", "messageId": "r1", "properties": {"order_id": "HD1"}}
    shop.call("POST", "/v1/batch", {"batch": [back]})
    shop.stack.drain()

    assert shop.offered(shop.says(EXCHANGE)) == ["VO-1"]


def test_r6_what_is_sensitive_is_neither_offered_nor_gone_on_from(shop):
    bra = Product(sku="AN-1", name="Áo ngực ren", category="Đồ lót", complements=("LOT-1",), price=300_000)
    shoe = RUNNER.model_copy(update={"complements": ("AN-1",)})
    shop.shelve(bra, INSOLE, shoe)
    shop.buys("HD0", bra, days_ago=1)
    shop.buys("HD1", shoe, days_ago=1, user="0912345678")

    assert seen(shop)["suggestions"] == []
    assert seen(shop, "0912345678")["suggestions"] == []


@pytest.mark.parametrize("text", [ANGRY, CRITICAL])
def test_x14_nothing_for_the_angry_and_the_critical(shop, text):
    shop.shelve(RUNNER, INSOLE, SOCKS)
    shop.buys("HD0", RUNNER, days_ago=3)
    calm = shop.says(EXCHANGE)
    assert calm["suggestions"]
    ticket = shop.says(text, "email", who={"phone": LAN, "email": "lan@example.vn"})

    assert ticket["suggestions"] == []
    # While that is open nothing is sold in the other conversation, nor to whoever looks the customer up.
    assert shop.says("Em đợi đổi size giày", who={"phone": LAN, "zalo_user_id": "z1"})["suggestions"] == []
    assert seen(shop)["suggestions"] == []


def test_x14_what_was_suggested_goes_when_staff_say_that_it_is_serious(shop):
    shop.shelve(RUNNER, INSOLE, SOCKS)
    shop.buys("HD0", RUNNER, days_ago=3)
    ticket = shop.says(EXCHANGE)

    shop.do(ticket, "labels", {"severity": "critical"}, by="care_1")
    assert shop.open(ticket)["suggestions"] == []


def test_u4_the_right_goods_for_the_right_person_at_the_right_time(shop):
    """«đề xuất đúng thời điểm, đúng đối tượng»: what each of them bought decides, and what they write."""
    shirt = Product(sku="SM-TRANG", name="Áo sơ mi trắng", category="Áo sơ mi", price=450_000, margin=100_000)
    tie = Product(sku="CV-1", name="Cà vạt lụa", category="Phụ kiện", price=300_000, margin=150_000)
    shop.shelve(RUNNER, INSOLE, SOCKS, shirt, tie)
    minh = "0912345678"
    shop.buys("HD0", RUNNER, days_ago=3)
    shop.buys("HD1", shirt, user=minh, days_ago=3)
    lan_asks = shop.says("Cho em hỏi giày này giặt máy được không ạ?")
    minh_asks = shop.says("Cho em hỏi áo này giặt máy được không ạ?", who={"phone": minh, "zalo_user_id": "z2"})
    assert shop.offered(lan_asks) == ["LOT-1", "VO-1"]
    assert shop.offered(minh_asks) == ["CV-1"]

    # The same person with goods that are broken is helped first; afterwards it is the time again.
    broken = shop.says(
        "Giày mới mua bị bong đế, cho em hoàn tiền", "email", who={"phone": LAN, "email": "l@example.vn"}
    )
    assert (broken["suggestions"], seen(shop)["suggestions"]) == ([], [])
    assert shop.offered(shop.open(minh_asks)) == ["CV-1"]
    shop.reply(broken)
    shop.do(broken, "resolve", by="care_1")
    assert [one["sku"] for one in seen(shop)["suggestions"]] == ["LOT-1", "VO-1"]


def test_u4_nothing_for_who_refuses_parcels(shop):
    shop.shelve(RUNNER, INSOLE, SOCKS)
    trusted = "0912345678"
    shop.buys("HD9", RUNNER, user=trusted, days_ago=3)
    assert shop.offered(shop.says(EXCHANGE, who={"phone": trusted, "zalo_user_id": "z2"})) == ["LOT-1", "VO-1"]
    for number in range(2):
        shop.buys(f"COD{number}", BAG, days_ago=20, payment="cod", channel="website")
        failed = {"type": "track", "event": "Delivery Failed", "messageId": f"f{number}"}
        failed["properties"] = {"order_id": f"COD{number}"}
        shop.call("POST", "/v1/batch", {"batch": [failed]})
        shop.stack.drain()
    shop.buys("HD0", RUNNER, days_ago=3)

    assert "cod_risk" in seen(shop)["segments"]["tags"]
    assert shop.says(EXCHANGE)["suggestions"] == []


def test_u5_the_offer_of_the_segment_comes_with_it_and_none_for_promo_hunters(shop):
    shop.shelve(RUNNER, INSOLE, SOCKS)
    hunter = "0912345678"
    for number in range(3):
        shop.buys(f"V{number}", BAG, RUNNER, days_ago=20 * number + 3, total=30_000_000)
        shop.buys(f"P{number}", RUNNER, user=hunter, days_ago=20 * number + 3, coupon="SALE")
    assert seen(shop)["segments"]["value"] == "vip"
    offered = shop.says(EXCHANGE)["suggestions"][0]["offer"]
    assert (offered["offer"], offered["text"].split(":")[0]) == ("vip", "Ưu đãi riêng cho khách VIP")

    assert "promo_hunter" in seen(shop, hunter)["segments"]["tags"]
    found = shop.says(EXCHANGE, who={"phone": hunter, "zalo_user_id": "z2"})["suggestions"]
    assert found
    assert not any("offer" in one for one in found)


def test_u1_the_360_view_shows_them_and_costs_two_requests_more_at_most(shop):
    shoe = RUNNER.model_copy(update={"complements": ("LOT-1",)})
    shop.shelve(shoe, INSOLE, SOCKS)
    shop.buys("HD0", shoe, days_ago=1)
    customer = seen(shop)["customer_id"]
    shop.forget()

    def requests() -> int:
        shop.stack.meter.reset()
        answer = holds_to_it("GET /v1/customers/{customer_id}", shop.call("GET", f"/v1/customers/{customer}"))
        assert shop.offered(answer.json) == ["LOT-1"]
        used: int = shop.stack.meter.report()["doors"]["customers_api"]["requests"]
        return used

    assert requests() == 3
    assert requests() == 1  # what is known of goods is remembered


def seen(shop: Counter, phone: str = LAN):
    customer = shop.call("POST", "/v1/customers/search", {"phone": phone}).json["customer_id"]
    answer = shop.call("GET", f"/v1/customers/{customer}")
    return holds_to_it("GET /v1/customers/{customer_id}", answer).json


def test_u1_a_call_to_make_shows_what_may_be_offered_and_a_page_of_calls_reads_goods_once(shop):
    shoe = RUNNER.model_copy(update={"complements": ("LOT-1",)})
    shop.shelve(shoe, INSOLE, SOCKS)
    uow = UnitOfWork(shop.stack.table)
    for number in range(8):
        shop.buys(f"HD{number}", shoe, user=f"090123456{number}", days_ago=40)
        customer = seen(shop, f"090123456{number}")["customer_id"]
        open_task(uow, NewTask(customer, "call", "call", "Khách quen lâu chưa ghé", shop.now, role="sales"), shop.now)
    uow.commit()
    shop.forget()

    shop.stack.meter.reset()
    page = holds_to_it("GET /v1/tasks", shop.call("GET", "/v1/tasks", query="kind=call")).json["items"]
    used = shop.stack.meter.report()["doors"]["tasks_api"]["requests"]
    assert [shop.offered(task) for task in page] == [["LOT-1", "VO-1"]] * 8
    # The list, its tasks, their customers; a query a customer; goods, what goes with them, the shelves and theirs.
    assert used <= 3 + 8 + 2 + 4


def test_u1_whoever_opens_the_ticket_sees_them_on_it_and_with_the_customer(shop):
    shop.shelve(RUNNER, INSOLE, SOCKS)
    shop.buys("HD0", RUNNER, days_ago=3)
    ticket = shop.says(EXCHANGE)

    assert shop.offered(shop.open(ticket, by="care_1")) == ["LOT-1", "VO-1"]
    assert shop.offered(shop.open(ticket)["customer"]) == ["LOT-1", "VO-1"]


def test_k6_the_ticket_shows_what_was_bought_after_its_answer(shop):
    shop.buys("HD0", RUNNER, days_ago=3)
    ticket = shop.says(EXCHANGE)
    shop.buys("HD1", INSOLE, days_ago=0)
    shop.later(minutes=5)
    shop.reply(ticket)
    assert shop.open(ticket)["credited"] == {"revenue": 0, "orders": 0}
    shop.later(hours=2)
    shop.buys("HD2", INSOLE, SOCKS, days_ago=0)
    shop.buys("HD3", RUNNER, days_ago=0, exchange_of="HD0")
    assert shop.open(ticket)["credited"] == {"revenue": 270_000, "orders": 1}

    shop.do(ticket, "resolve", by="care_1")
    back = {"type": "track", "event": "Order Cancelled", "messageId": "r1", "properties": {"order_id": "HD2"}}
    shop.call("POST", "/v1/batch", {"batch": [back]})
    shop.stack.drain()
    assert shop.open(ticket)["credited"] == {"revenue": 0, "orders": 0}
    kpi = revenue_per_ticket(shop.stack.table, [local_day(shop.now)])
    assert (kpi["numerator"], kpi["denominator"]) == (0, 1)


def test_k6_a_reopened_ticket_is_answered_once(shop):
    shop.buys("HD0", RUNNER, days_ago=3)
    ticket = shop.says(EXCHANGE)
    shop.reply(ticket)
    shop.do(ticket, "resolve", by="care_1")
    shop.later(hours=1)
    assert shop.says("Em vẫn chưa nhận được giày đổi ạ")["ticket_id"] == ticket["ticket_id"]
    shop.reply(ticket, "Dạ em gửi rồi ạ")

    assert revenue_per_ticket(shop.stack.table, [local_day(shop.now)])["denominator"] == 1
