"""R23: an order drafted in the POS from a ticket, once however often and however late the answer comes."""

from __future__ import annotations

import pytest

from shared.use_cases.tickets.draft_order import UNDER_WAY
from tests.support.openapi import holds_to_it
from tests.support.recommendations import EXCHANGE, INSOLE, RUNNER, SOCKS

ORDER = {"lines": [{"sku": "LOT-1", "quantity": 2}, {"sku": "VO-1", "price": 99_000}], "note": "Giao buổi chiều"}
ROUTE = "POST /v1/tickets/{ticket_id}/draft-order"


@pytest.fixture
def ticket(shop):
    shop.shelve(RUNNER, INSOLE, SOCKS)
    shop.buys("HD0", RUNNER, days_ago=3)
    return shop.says(EXCHANGE)


def pos(shop):
    return shop.stack.providers.stand_ins.kiotviet


def ask(shop, ticket, body=ORDER, status=201):
    answer = shop.call("POST", f"/v1/tickets/{ticket['ticket_id']}/draft-order", body, key=shop.agent("care_1"))
    assert answer.status == status, answer
    return holds_to_it(ROUTE, answer).json


def test_r23_the_pos_gets_the_order_with_the_customers_phone(shop, ticket):
    made = ask(shop, ticket)

    assert (made["order_id"], made["number"], made["total"], made["by"]) == ("5001", "DH000001", 399_000, "care_1")
    (order,) = pos(shop).orders
    assert order["customer"]["contactNumber"] == "0901234567"
    assert order["description"].startswith("Giao buổi chiều [KQ-")
    assert order["orderDetails"] == [
        {"productCode": "LOT-1", "quantity": 2, "price": 150_000},
        {"productCode": "VO-1", "quantity": 1, "price": 99_000},
    ]


def test_r23_the_same_order_asked_for_again_is_the_same_draft(shop, ticket):
    assert ask(shop, ticket) == ask(shop, ticket)
    assert len(pos(shop).orders) == 1
    ask(shop, ticket, {"lines": [{"sku": "VO-1"}]})
    assert len(pos(shop).orders) == 2


@pytest.mark.parametrize("mode", ["crash_after_send", "timeout"])
def test_r23_where_the_answer_was_lost_the_next_try_looks_before_it_orders(shop, ticket, mode):
    pos(shop).set_fault(mode)
    assert "repeat the request" in ask(shop, ticket, status=503)["detail"]
    ask(shop, ticket, status=503)
    pos(shop).set_fault("off")

    assert ask(shop, ticket)["number"] == "DH000001"
    assert len(pos(shop).orders) == 1


def test_r23_a_pos_that_cannot_right_now_is_asked_again(shop, ticket):
    pos(shop).set_fault("rate_limit")
    ask(shop, ticket, status=503)
    pos(shop).set_fault("off")

    ask(shop, ticket)
    assert len(pos(shop).orders) == 1


def test_r23_what_the_pos_does_not_want_is_told_in_its_words_and_may_be_put_right(shop, ticket):
    pos(shop).unknown = {"LOT-1"}
    assert "Hàng hóa LOT-1 không tồn tại" in ask(shop, ticket, status=409)["detail"]
    pos(shop).unknown = set()
    ask(shop, ticket)


def test_r23_a_token_that_was_withdrawn_is_renewed(shop, ticket):
    ask(shop, ticket)
    pos(shop).forget_tokens()
    assert ask(shop, ticket, {"lines": [{"sku": "VO-1"}]})["number"] == "DH000002"


def test_r23_without_a_pos_it_is_said_so(shop, ticket):
    shop.stack.outside.channel_accounts = {}
    assert "No POS" in ask(shop, ticket, status=409)["detail"]


def test_r23_a_price_that_nobody_knows_is_asked_for(shop, ticket):
    assert "no price for GIAY-99" in ask(shop, ticket, {"lines": [{"sku": "GIAY-99"}]}, 409)["detail"]


def test_every_wrong_field_is_named(shop, ticket):
    lines = [{"quantity": 0, "colour": "đỏ"}, {"sku": "VO-1", "price": -1}, "VO-1"]
    body = {"lines": lines, "note": [], "phone": "0901234567"}
    answer = shop.call("POST", f"/v1/tickets/{ticket['ticket_id']}/draft-order", body)
    assert answer.status == 400
    assert set(answer.fields) == {
        "phone", "lines[0].colour", "lines[0].sku", "lines[0].quantity", "lines[1].price", "lines[2]", "note",
    }  # fmt: skip
    for lines in ([], None, "VO-1"):
        answer = shop.call("POST", f"/v1/tickets/{ticket['ticket_id']}/draft-order", {"lines": lines})
        assert (answer.status, answer.fields) == (400, ["lines"])


def test_r23_a_transfer_that_is_awaited_is_reminded_of_once_and_not_when_the_order_has_come(shop, ticket):
    ask(shop, ticket, {"lines": [{"sku": "VO-1"}], "transfer": True})
    shop.later(hours=5)
    (reminder,) = [one for one in shop.sent() if "DH000001" in one["text"]]
    assert "120.000" in reminder["text"]
    shop.later(days=2)
    assert len([one for one in shop.sent() if "DH000001" in one["text"]]) == 1

    ask(shop, ticket, {"lines": [{"sku": "LOT-1"}], "transfer": True})
    shop.buys("HD9", INSOLE, days_ago=0)
    shop.later(hours=5)
    assert not [one for one in shop.sent() if "DH000002" in one["text"]]


class _Died(BaseException):
    """The process ended in the middle of a call."""


class _Dying:
    """A POS that took the order when whoever asked it died."""

    def __init__(self, real):
        self._real = real

    def draft(self, order):
        self._real.draft(order)
        raise _Died


def test_r23_a_try_that_died_half_way_is_waited_for_and_then_looked_up(shop, ticket):
    ask(shop, ticket, {"lines": [{"sku": "VO-1"}]})
    clients = shop.stack.outside.memory.clients
    account, real = clients["pos"]
    clients["pos"] = (account, _Dying(real))
    with pytest.raises(_Died):
        ask(shop, ticket)
    clients["pos"] = (account, real)

    assert "right now" in ask(shop, ticket, status=409)["detail"]
    shop.later(seconds=UNDER_WAY.total_seconds())
    assert ask(shop, ticket)["number"] == "DH000002"
    assert len(pos(shop).orders) == 2
