"""T6: what people say on every channel becomes one ticket with one thread, whatever its webhooks go through."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from shared.adapters.local.fault_injection import FaultInjection
from shared.domain.errors import Busy
from shared.domain.messaging.message import Intent
from shared.repositories import table_keys
from shared.repositories.messages import plan
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime.playbook.rules import sending_rules
from tests.support import webhooks
from tests.support.inbox import LAN, TORN, Inbox

WRITES: dict[str, Callable[[Inbox, str], Any]] = {
    "zalo": lambda inbox, text: inbox.providers.zalo.say("z1", text),
    "messenger": lambda inbox, text: inbox.providers.messenger.say("p1", text),
    "whatsapp": lambda inbox, text: inbox.providers.aws.write("+84901234567", text),
    "email": lambda inbox, text: inbox.providers.aws.write_mail("Lan <lan1@mail.example>", "Áo rách", text),
    "sms": lambda inbox, text: inbox.providers.esms.write("+84901234567", text),
}


@pytest.mark.parametrize("channel", WRITES)
def test_t6_what_somebody_says_on_a_channel_opens_a_ticket(inbox: Inbox, channel: str) -> None:
    WRITES[channel](inbox, TORN)
    inbox.hear()

    (ticket,) = inbox.tickets()
    assert (ticket["channel"], ticket["status"], inbox.said(ticket)) == (channel, "open", [TORN])


@pytest.mark.parametrize("channel", WRITES)
def test_t6_the_same_webhook_five_times_is_one_ticket_with_one_message(inbox: Inbox, channel: str) -> None:
    for place in inbox.providers:
        place.disturb_callbacks(copies=5, disorder=timedelta(minutes=3))
    WRITES[channel](inbox, TORN)
    inbox.later(minutes=5)

    (ticket,) = inbox.tickets()
    assert inbox.said(ticket) == [TORN]


@pytest.mark.parametrize("channel", WRITES)
def test_t6_two_messages_within_a_minute_join_one_thread(inbox: Inbox, channel: str) -> None:
    WRITES[channel](inbox, TORN)
    inbox.later(seconds=40)
    WRITES[channel](inbox, "Em mặc size M ạ")
    inbox.hear()

    (ticket,) = inbox.tickets()
    assert inbox.said(ticket) == [TORN, "Em mặc size M ạ"]


@pytest.mark.parametrize("channel", ["zalo", "messenger", "email"])
def test_t6_a_message_on_a_resolved_ticket_reopens_it(inbox: Inbox, channel: str) -> None:
    WRITES[channel](inbox, TORN)
    inbox.hear()
    inbox.resolve(inbox.tickets()[0])
    inbox.later(hours=2)
    assert inbox.tickets()[0]["status"] == "resolved"
    WRITES[channel](inbox, "Áo đổi về vẫn rách shop ơi")
    inbox.hear()

    (ticket,) = inbox.tickets()
    assert (ticket["status"], ticket["reopened"]) == ("open", 1)
    assert inbox.said(ticket) == [TORN, "Áo đổi về vẫn rách shop ơi"]


def test_t6_what_arrives_late_and_in_disorder_stands_in_the_order_it_was_said(inbox: Inbox) -> None:
    inbox.providers.zalo.disturb_callbacks(copies=2, disorder=timedelta(minutes=10))
    words = [TORN, "Em mặc size M", "Đổi tại cửa hàng được không ạ", "Shop trả lời em với"]
    for word in words:
        inbox.providers.zalo.say("z1", word)
        inbox.stack.clock.set(inbox.now + timedelta(minutes=1))
    inbox.later(minutes=15)

    (ticket,) = inbox.tickets()
    assert inbox.said(ticket) == words


def test_t6_a_person_on_two_channels_is_one_customer_with_a_thread_on_each(inbox: Inbox) -> None:
    inbox.put(phone=LAN, zalo_user_id="z1", messenger_psid="p1")
    inbox.providers.zalo.say("z1", TORN)
    inbox.providers.messenger.say("p1", TORN)
    inbox.hear()

    tickets = inbox.tickets()
    assert sorted(ticket["channel"] for ticket in tickets) == ["messenger", "zalo"]
    assert len({ticket["customer_id"] for ticket in tickets}) == 1


# What does not open one


def test_a_sticker_needs_no_answer_and_joins_nothing(inbox: Inbox) -> None:
    inbox.providers.zalo.show("z1", "sticker", "https://zaloapp.com/1.png")
    inbox.providers.messenger.say("p1", "")
    inbox.hear()

    assert inbox.tickets() == []


def test_metas_thumb_is_a_sticker() -> None:
    from shared.adapters.webhooks.messenger import translate

    thumb = {"type": "image", "payload": {"url": "https://scontent.xx.fbcdn.net/t.png", "sticker_id": 369239263222822}}
    told = {"sender": {"id": "p1"}, "timestamp": 1_700_000_000_000, "message": {"mid": "m1", "attachments": [thumb]}}
    (news,) = translate({"object": "page", "entry": [{"id": "9", "messaging": [told]}]})

    assert [one.kind for one in news.attachments] == ["sticker"]


def test_receipts_echoes_and_followers_open_none(inbox: Inbox) -> None:
    inbox.providers.zalo.follow("z1")
    inbox.providers.zalo.say("z1", TORN)
    inbox.hear()
    (ticket,) = inbox.tickets()
    inbox.answer(ticket, "Dạ tiệm đổi ngay cho mình ạ")
    inbox.later(minutes=1)
    inbox.providers.zalo.see("z1", inbox.received("zalo")[0].provider_id)
    inbox.hear()

    (ticket,) = inbox.tickets()
    assert [line["author"] for line in ticket["thread"]] == ["customer", "agent"]


def test_r10_whoever_writes_tc_is_done_with_adverts_at_once_and_told_so_once(inbox: Inbox) -> None:
    customer = inbox.put(zalo_user_id="z1", phone=LAN).json["customer_id"]
    for _ in range(3):
        inbox.providers.zalo.say("z1", "TC")
        inbox.later(minutes=2)

    consent = inbox.profile(customer)["consent"]
    assert {consent[f"{channel}:marketing"]["granted"] for channel in ("zalo", "zns")} == {False}
    (ticket,) = inbox.tickets()
    assert (ticket["intent"], inbox.said(ticket)) == ("opt_out", ["TC"])
    assert len(inbox.received("zalo")) == 1


def test_r10_tc_to_the_short_code_is_a_refusal_and_no_ticket(inbox: Inbox) -> None:
    customer = inbox.put(phone=LAN).json["customer_id"]
    inbox.providers.esms.write("+84901234567", "TC 8088")
    inbox.hear()

    assert inbox.profile(customer)["consent"]["sms:marketing"]["granted"] is False
    assert (inbox.tickets(), inbox.received()) == ([], [])


# Forgeries and poison


@pytest.mark.parametrize("channel", WRITES)
def test_a_forged_word_stores_nothing(inbox: Inbox, channel: str) -> None:
    WRITES[channel](inbox, TORN)
    calls = [call for place in inbox.providers for call in place.due_callbacks(inbox.now)]
    before = inbox.holdings()
    for call in calls:
        path, _, query = call.path.partition("?")
        body = call.body.replace("Áo".encode(), b"Ao").replace(b"\\u00c1o", b"Ao")
        if channel == "email":
            body = call.body.replace(b"lan1@mail.example", b"vip@mail.example", 1)
        query = query.replace("%C3%81o", "Ao")
        status = inbox.stack.http(call.method, path, query, call.headers, body).status
        assert status == 401
    inbox.hear()

    assert calls
    assert inbox.holdings() == before


def test_a_record_of_poison_goes_aside_with_its_reason_and_its_neighbour_opens_a_ticket(inbox: Inbox) -> None:
    told = {"channel": "zalo", "at": "2026-11-24T03:00:00.000Z", "address": "z1", "text": TORN}
    good = {**told, "kind": "inbound_message", "dedup": "m1"}
    broken = {**told, "kind": "comment", "channel": "messenger", "dedup": "c1"}
    unknown = {**told, "kind": "?", "dedup": "m2"}
    inbox.stack.queues["events"].send([json.dumps({"incoming": one}) for one in ([broken, good], [unknown])])
    inbox.stack.queues["tickets"].send([json.dumps({"said": {"channel": "pigeon"}})])
    inbox.hear()

    assert [inbox.said(ticket) for ticket in inbox.tickets()] == [[TORN]]
    reasons = [json.loads(letter)["reason"] for letter in inbox.dead("events")]
    assert sorted(reason.split(":")[0] for reason in reasons) == ["KeyError", "not a message of this queue"]
    (letter,) = inbox.dead("tickets")
    assert "said.channel" in json.loads(letter)["reason"]


# Crashes


class Stumbling:
    """The queue of tickets, whose next calls fail before or after they did their work."""

    def __init__(self, queue: Any, *, fail: int, after: bool) -> None:
        self.queue, self.left, self.after = queue, fail, after

    def send(self, bodies: Sequence[str], *, delay_seconds: int = 0) -> None:
        self.left -= 1
        if self.left < 0 or self.after:
            self.queue.send(bodies, delay_seconds=delay_seconds)
        if self.left >= 0:
            raise Busy("the queue stumbles")


@pytest.mark.parametrize("after", [False, True])
def test_x1_whoever_dies_between_taking_a_word_in_and_handing_it_on_hands_it_on_later(
    inbox: Inbox, after: bool
) -> None:
    inbox.stack.outside.tickets = Stumbling(inbox.stack.queues["tickets"], fail=2, after=after)
    inbox.providers.zalo.say("z1", TORN)
    inbox.hear()
    first = [inbox.said(ticket) for ticket in inbox.tickets()]
    inbox.later(hours=1)

    assert first == ([[TORN]] if after else [])
    assert [inbox.said(ticket) for ticket in inbox.tickets()] == [[TORN]]
    assert inbox.dead("events") == inbox.dead("tickets") == []


@pytest.mark.parametrize("seed", range(3))
def test_x1_every_word_reaches_its_thread_once_in_a_hostile_world(seed: int) -> None:
    inbox = Inbox(faults=FaultInjection(random.Random(seed)))
    for place in inbox.providers:
        place.disturb_callbacks(copies=2, disorder=timedelta(minutes=2))
    for number in range(6):
        for channel in ("zalo", "messenger", "email"):
            WRITES[channel](inbox, f"{TORN} lần {number}")
        inbox.stack.clock.set(inbox.now + timedelta(seconds=20))
    inbox.later(hours=3)
    with inbox.stack.store.lock:
        rows = inbox.stack.store.db.execute("SELECT pk, body FROM items WHERE sk LIKE 'TM#%'").fetchall()
    dead = {queue: inbox.dead(queue) for queue in ("events", "tickets", "messages-transactional")}
    inbox.stack.close()

    lines = [(pk, json.loads(body)) for pk, body in rows]
    said = [(pk, line["text"]) for pk, line in lines if line["author"] == "customer"]
    assert len(said) == len(set(said)) == 18
    assert len({pk for pk, _ in said}) == 3
    assert not any(dead.values()), dead


# Scores


def surveyed(inbox: Inbox, template: str = "survey_day7") -> str:
    """Somebody who was asked for a score on Zalo just now; the id of the message."""
    customer = str(inbox.put(phone=LAN, zalo_user_id="z1").json["customer_id"])
    inbox.providers.zalo.show("z1", "sticker", "https://zaloapp.com/1.png")  # opens the window and nothing else
    inbox.hear()
    variables = {"order_code": "DH1"} if template == "survey_day7" else {}
    intent = Intent(customer, "t", "1", "s", "service", template, variables, channels=("zalo",))
    uow = UnitOfWork(inbox.stack.table)
    plan(uow, intent, inbox.now, sending_rules())
    uow.commit()
    inbox.later(minutes=20)
    assert inbox.received("zalo")
    return intent.message_id


@pytest.mark.parametrize(
    ("word", "score"),
    [("5", 5), (" 4 ạ", 4), ("3/5", 3), ("2 sao", 2), ("1 điểm.", 1), ("5⭐", 5)],
)
def test_a10_a_bare_score_in_a_chat_answers_the_survey_and_opens_no_ticket(inbox: Inbox, word: str, score: int) -> None:
    message_id = surveyed(inbox)
    inbox.providers.zalo.disturb_callbacks(copies=3)
    inbox.providers.zalo.say("z1", word)
    inbox.hear()

    message = inbox.stack.table.get(table_keys.message(message_id)) or {}
    assert (message["answer"]["score"], message["status"]) == (score, "replied")
    assert inbox.tickets() == []


def test_a10_a_first_score_that_is_told_again_does_not_replace_the_second(inbox: Inbox) -> None:
    message_id = surveyed(inbox)
    first = webhooks.on_zalo(inbox, inbox.now, "5")
    assert first.to(inbox).status == 200
    inbox.stack.clock.set(inbox.now + timedelta(minutes=1))
    inbox.providers.zalo.say("z1", "3")
    inbox.hear()

    assert first.to(inbox).status == 200
    inbox.hear()
    assert (inbox.stack.table.get(table_keys.message(message_id)) or {})["answer"]["score"] == 3


@pytest.mark.parametrize("word", ["5 cái", "9", "5 ngày rồi chưa thấy hàng", "0901234567", "size 5"])
def test_a10_what_is_no_score_is_for_a_person(inbox: Inbox, word: str) -> None:
    message_id = surveyed(inbox)
    inbox.providers.zalo.say("z1", word)
    inbox.hear()

    assert "answer" not in (inbox.stack.table.get(table_keys.message(message_id)) or {})
    assert [inbox.said(ticket) for ticket in inbox.tickets()] == [[word]]


def test_a10_a_number_that_follows_something_else_we_said_is_no_score(inbox: Inbox) -> None:
    surveyed(inbox)
    inbox.providers.zalo.say("z1", TORN)
    inbox.hear()
    inbox.answer(inbox.tickets()[0], "Dạ mình cần mấy cái ạ?")
    inbox.later(minutes=1)
    inbox.providers.zalo.say("z1", "5")
    inbox.hear()

    assert [inbox.said(ticket) for ticket in inbox.tickets()] == [[TORN, "5"]]
