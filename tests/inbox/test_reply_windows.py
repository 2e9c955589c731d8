"""R13: answers keep to the windows of the chats, a person's for longer than a machine's; when all are closed they go by
another channel, and a call is the last."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.support.inbox import LAN, TORN, Inbox

ANSWER = "Dạ tiệm đổi ngay cho mình ạ"


def asked(inbox: Inbox) -> list[dict[str, Any]]:
    """What is sent to Messenger from now on."""
    page, calls = inbox.providers.messenger, []
    handle = type(page).handle.__get__(page)
    page.handle = lambda one: calls.append(json.loads(one.body)) or handle(one)
    return calls


def written_to(inbox: Inbox, **identities: str) -> dict[str, Any]:
    inbox.put(phone=LAN, **identities)
    if "messenger_psid" in identities:
        inbox.providers.messenger.say(identities["messenger_psid"], TORN)
    else:
        inbox.providers.zalo.say(identities["zalo_user_id"], TORN)
    inbox.hear()
    return inbox.tickets()[0]


@pytest.mark.parametrize(
    ("hours", "kind"),
    [(1, {"messaging_type": "RESPONSE"}), (30, {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"})],
)
def test_r13_what_an_agent_types_goes_out_as_what_it_is(inbox: Inbox, hours: int, kind: dict[str, str]) -> None:
    ticket = written_to(inbox, messenger_psid="p1")
    calls = asked(inbox)
    inbox.later(hours=hours)
    inbox.answer(ticket, ANSWER)

    (call,) = [call for call in calls if call["message"].get("text") == ANSWER]
    assert {name: call[name] for name in ("messaging_type", "tag") if name in call} == kind


def test_r13_after_seven_days_an_answer_takes_another_channel(inbox: Inbox) -> None:
    ticket = written_to(inbox, messenger_psid="p1", email="lan1@mail.example")
    inbox.later(days=2)
    inbox.providers.messenger.say("p1", "shop ơi")
    inbox.hear()
    calls = asked(inbox)
    inbox.later(days=7, minutes=1)
    inbox.answer(inbox.tickets()[0], ANSWER)

    assert not [call for call in calls if call["message"].get("text") == ANSWER]
    assert [mail.to for mail in inbox.received("email") if ANSWER in mail.text] == ["lan1@mail.example"]
    assert ticket["ticket_id"] == inbox.tickets()[0]["ticket_id"]


def test_r13_zalo_takes_a_persons_answer_after_48_hours_at_a_price(inbox: Inbox) -> None:
    ticket = written_to(inbox, zalo_user_id="z1")
    inbox.later(hours=49)
    inbox.answer(ticket, ANSWER)

    (sent,) = inbox.received("zalo")
    assert (sent.text, sent.detail["billed"]) == (ANSWER, True)


def test_r13_where_no_channel_is_left_a_person_calls(inbox: Inbox) -> None:
    ticket = written_to(inbox, zalo_user_id="z1")
    inbox.later(days=8)
    inbox.answer(ticket, ANSWER)
    inbox.later(minutes=5)

    assert not [message for message in inbox.received("zalo") if message.text == ANSWER]
    tasks = inbox.call("GET", "/v1/tasks").json["items"]
    assert [task["kind"] for task in tasks if task["kind"] == "call"] == ["call"]


def test_r13_an_app_without_metas_permission_takes_another_channel(inbox: Inbox) -> None:
    inbox.providers.messenger.human_agent = False
    ticket = written_to(inbox, messenger_psid="p1", email="lan1@mail.example")
    inbox.later(hours=30)
    inbox.answer(ticket, ANSWER)

    assert [mail.to for mail in inbox.received("email") if ANSWER in mail.text] == ["lan1@mail.example"]


def test_r13_no_machine_ever_uses_the_tag_of_people(inbox: Inbox) -> None:
    calls = asked(inbox)
    inbox.put(phone=LAN, messenger_psid="p1")
    for word in ("Shop mở cửa đến mấy giờ vậy ạ?", "TC", "áo này giá bao nhiêu shop?", "cảm ơn shop"):
        inbox.providers.messenger.say("p1", word)
        inbox.stack.advance(inbox.now + timedelta(hours=20))
    inbox.later(days=9)

    assert calls
    assert {call["messaging_type"] for call in calls} <= {"RESPONSE", "UTILITY"}
