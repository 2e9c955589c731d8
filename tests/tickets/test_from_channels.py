"""What customers write on their channels becomes tickets, however often it is told; advertising pauses meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.domain.messaging.message import Intent
from shared.domain.vietnam_time import local_day, stamp
from shared.repositories import table_keys
from shared.repositories.messages import enqueue, plan
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime.playbook.rules import sending_rules
from tests.support.tickets import ANGRY, ASKS_HOURS, CALM, LAN, Helpdesk


def delivered(helpdesk: Helpdesk, place: Any, times: int) -> None:
    """Make every callback that a stand-in has to make now, so many times each."""
    for callback in list(place.due_callbacks(helpdesk.now)):
        path, _, query = callback.path.partition("?")
        for _ in range(times):
            status, _, _ = helpdesk.stack.http(callback.method, path, query, callback.headers, callback.body)
            assert status == 200
            helpdesk.stack.drain()


def test_the_same_webhook_five_times_opens_one_ticket_with_one_line(helpdesk: Helpdesk):
    page = helpdesk.stack.providers.stand_ins.messenger
    page.say("psid-1", ANGRY)
    delivered(helpdesk, page, 5)

    (ticket_id,) = helpdesk.listed()
    assert [line["text"] for line in helpdesk.open(ticket_id)["thread"]] == [ANGRY]


def test_two_messages_within_a_minute_are_one_thread_and_the_answer_goes_back_there(helpdesk: Helpdesk):
    page = helpdesk.stack.providers.stand_ins.messenger
    page.say("psid-1", "Shop ơi")
    delivered(helpdesk, page, 1)
    helpdesk.later(seconds=20)
    page.say("psid-1", CALM)
    delivered(helpdesk, page, 2)

    (ticket_id,) = helpdesk.listed()
    helpdesk.reply(ticket_id, "Dạ chị gửi lại áo giúp em nhé")
    assert "gửi lại áo" in helpdesk.sent("messenger")[-1]["text"]
    assert helpdesk.open(ticket_id)["windows"]["messenger"]["state"] == "open"


def test_a_message_on_a_resolved_ticket_reopens_it(helpdesk: Helpdesk):
    oa = helpdesk.stack.providers.stand_ins.zalo
    oa.say("4872330146529331205", ANGRY)
    delivered(helpdesk, oa, 1)
    (ticket_id,) = helpdesk.listed()
    helpdesk.do(ticket_id, "resolve", by="care_1")
    helpdesk.later(hours=5)
    oa.say("4872330146529331205", "Vẫn chưa thấy ai gọi lại")
    delivered(helpdesk, oa, 3)

    assert helpdesk.listed() == [ticket_id]
    assert helpdesk.open(ticket_id)["reopened"] == 1


def test_the_bot_answers_in_the_chat_it_was_asked_in(helpdesk: Helpdesk):
    oa = helpdesk.stack.providers.stand_ins.zalo
    oa.say("4872330146529331205", ASKS_HOURS)
    delivered(helpdesk, oa, 2)

    (answer,) = helpdesk.sent("zalo")
    assert "08:00–21:00" in answer["text"]


def test_x14_an_advertisement_waits_while_a_complaint_is_open(helpdesk: Helpdesk):
    said = [{"channel": "email", "purpose": "marketing", "granted": True, "at": stamp(helpdesk.now), "proof": "QR"}]
    identities = {"phone": LAN, "email": "lan@example.vn"}
    body = {"identities": identities, "consent": said, "source": "pos"}
    customer = helpdesk.call("PUT", "/v1/customers", body).json["customer_id"]
    state = table_keys.DO_NOT_CALL_STATE
    helpdesk.put_item({"pk": state.pk, "sk": state.sk, "checked_on": local_day(helpdesk.now).isoformat()})
    ticket = helpdesk.says(ANGRY, "email", who=identities)

    def advertise(run: str) -> dict[str, Any]:
        variables = {"new_url": "https://nhamay.example/hang-moi"}
        intent = Intent(customer, "winback_30", run, "step", "marketing", "winback_30", variables, ("email",))
        uow = UnitOfWork(helpdesk.stack.table)
        plan(uow, intent, helpdesk.now, sending_rules())
        uow.commit()
        enqueue(helpdesk.stack.outside.messages["marketing"], [intent.message_id])
        helpdesk.stack.drain()
        return helpdesk.stack.table.get(table_keys.message(intent.message_id)) or {}

    waiting = advertise("1")
    assert (waiting["status"], waiting["reason"]) == ("deferred", "complaint_open")
    helpdesk.do(ticket, "resolve", by="care_1")
    helpdesk.stack.advance(helpdesk.now + timedelta(hours=25))
    gone = helpdesk.stack.table.get(table_keys.message(waiting["message_id"])) or {}
    assert gone["status"] in ("sent", "delivered", "opened")
