"""Messenger over real HTTP: inside the window an answer, outside a utility template, and each way of saying no."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.adapters.channels.messenger import ERRORS, appsecret_proof
from shared.adapters.provider_http import HttpClient
from shared.domain.messaging.channel_errors import ChannelError
from shared.ports import Outgoing
from tests.messaging.messenger.conftest import World, answer


def utility(template: str = "delivered", **parameters: str) -> Outgoing:
    return Outgoing("u" * 44, "p1", "service", template=template, parameters=parameters)


def test_the_proof_is_the_one_of_the_documented_vector():
    assert appsecret_proof("tok", "s3cret") == "2ff2659e371a012c6ab9b88a4af2122efc22dd1c5dda6dfd9e2ec9e6f7415791"


def test_an_answer_reaches_who_wrote_within_a_day(world: World):
    world.meta.say("p1", "còn hàng ko")
    world.wait(hours=24)

    sent = world.channel.send(answer())

    (message,) = world.meta.received
    assert (message.channel, message.to, message.text) == ("messenger", "p1", "Dạ còn ạ")
    assert (message.tracking_id, sent) == ("a" * 44, (message.provider_id, 0, None))
    assert world.channel.was_taken("a" * 44) == "cannot_tell"


def test_after_a_day_only_a_utility_template_goes(world: World):
    world.meta.say("p1", "còn hàng ko")
    world.wait(hours=24, seconds=1)

    with pytest.raises(ChannelError) as error:
        world.channel.send(answer())
    world.channel.send(utility(name="Lan", order="DH1"))
    world.channel.send(utility("plain"))

    assert (error.value.kind, error.value.code) == ("unreachable", "10/2018278")
    assert [message.text for message in world.meta.received] == ["Đơn DH1 của Lan đã giao", "Shop mở cửa lại"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (utility("unheard of"), "template_unknown"),
        (utility(order="DH1"), "parameters"),
        (utility(order="DH1", name="Lan", more="x"), "parameters"),
        (utility("refused"), "100"),
    ],
)
def test_a_template_that_does_not_fit_needs_a_human(world: World, message: Outgoing, code: str):
    world.meta.say("p1", "alo")

    with pytest.raises(ChannelError) as error:
        world.channel.send(message)

    assert (error.value.kind, error.value.code, world.meta.received) == ("misconfigured", code, [])


@pytest.mark.parametrize(("code", "detail"), sorted(ERRORS))
def test_every_code_of_the_table_is_told_apart(world: World, code: int, detail: int):
    world.meta.user_errors["p1"] = (code, detail)

    with pytest.raises(ChannelError) as error:
        world.channel.send(answer())

    assert error.value.kind == ERRORS[(code, detail)].kind
    assert error.value.code == (f"{code}/{detail}" if detail else str(code))


def test_a_subcode_nobody_knows_is_read_by_its_code_and_an_unknown_code_needs_a_human(world: World):
    kinds = []
    for trouble in ((551, 1545041), (4, 99), (31337, 0)):
        world.meta.user_errors["p1"] = trouble
        with pytest.raises(ChannelError) as error:
            world.channel.send(answer())
        kinds.append(error.value.kind)

    assert kinds == ["unreachable", "back_off", "misconfigured"]


def test_a_stranger_cannot_be_reached(world: World):
    with pytest.raises(ChannelError) as error:
        world.channel.send(answer("nobody"))

    assert (error.value.kind, error.value.code) == ("unreachable", "551/1545041")


def test_a_refused_token_and_a_wrong_proof_need_a_human(world: World):
    world.meta.say("p1", "alo")
    codes = []
    for channel in (world.channel_with("old"), world.channel_with(world.meta.page_token, "wrong")):
        with pytest.raises(ChannelError) as error:
            channel.send(answer())
        codes.append((error.value.kind, error.value.code))

    assert codes == [("misconfigured", "190"), ("misconfigured", "100")]
    world.channel_with(world.meta.page_token).send(answer())


@pytest.mark.parametrize(
    ("mode", "kind", "taken"),
    [
        ("error", "back_off", 0),
        ("rate_limit", "back_off", 0),
        ("timeout", "uncertain", 0),
        ("crash_after_send", "uncertain", 1),
    ],
)
def test_what_surely_was_not_sent_is_told_from_what_may_have_been(world: World, mode: Any, kind: str, taken: int):
    world.meta.say("p1", "alo")
    world.meta.set_fault(mode)

    with pytest.raises(ChannelError) as error:
        world.channel.send(answer())

    assert (error.value.kind, len(world.meta.received)) == (kind, taken)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"messaging_type": "MESSAGE_TAG", "tag": "POST_PURCHASE_UPDATE"}, 100),
        ({"messaging_type": "WHATEVER"}, 100),
    ],
)
def test_the_stand_in_refuses_what_meta_has_retired(world: World, wish: dict[str, str], code: int):
    world.meta.say("p1", "alo")
    http = HttpClient(world.meta.url, clock=world.clock.now)

    refusal = http.post_json(
        world.meta.path,
        {"recipient": {"id": "p1"}, "message": {"text": "x"}, **wish},
        query={"access_token": world.meta.page_token},
    )

    assert (refusal.status, refusal.json()["error"]["code"]) == (400, code)


def test_no_machine_writes_as_a_human(world: World):
    world.meta.say("p1", "alo")
    asked: list[dict[str, Any]] = []
    handle = world.meta.handle
    world.meta.handle = lambda request: (asked.append(json.loads(request.body)), handle(request))[1]

    world.channel.send(answer())
    world.channel.send(utility("plain"))

    assert [content["messaging_type"] for content in asked] == ["RESPONSE", "UTILITY"]
    assert not [content for content in asked if "tag" in content]


def by_hand(to: str = "p1") -> Outgoing:
    return Outgoing("h" * 44, to, "transactional", text="Dạ em gửi chị mã vận đơn ạ", beyond_window=True)


def test_r13_what_a_person_typed_goes_for_seven_days_and_no_longer(world: World):
    world.meta.say("p1", "đơn của chị đâu")
    world.wait(days=7)
    world.channel.send(by_hand())
    world.wait(seconds=1)

    with pytest.raises(ChannelError) as error:
        world.channel.send(by_hand())

    assert (error.value.kind, error.value.code) == ("unreachable", "10/2018278")
    assert [message.text for message in world.meta.received] == ["Dạ em gửi chị mã vận đơn ạ"]


def test_r13_an_app_without_the_permission_needs_a_human(world: World):
    world.meta.human_agent = False
    world.meta.say("p1", "đơn của chị đâu")
    world.wait(hours=25)

    with pytest.raises(ChannelError) as error:
        world.channel.send(by_hand())

    assert (error.value.kind, error.value.code) == ("misconfigured", "200")


def private(comment_id: str) -> Outgoing:
    return Outgoing("c" * 44, comment_id, "transactional", text="Dạ shop nhắn riêng chị ạ", comment=True)


def test_r25_a_comment_takes_one_private_answer(world: World):
    comment_id = world.meta.comment("u1", "0901234567 tư vấn em")

    world.channel.send(private(comment_id))
    with pytest.raises(ChannelError) as error:
        world.channel.send(private(comment_id))

    assert (error.value.kind, error.value.code) == ("unreachable", "10900")
    assert [(message.to, message.text) for message in world.meta.received] == [("u1", "Dạ shop nhắn riêng chị ạ")]


def test_r25_a_comment_takes_no_answer_after_seven_days_nor_one_that_opens_a_chat(world: World):
    early, late = world.meta.comment("u1", "giá ạ"), world.meta.comment("u2", "giá ạ")
    world.channel.send(private(early))
    with pytest.raises(ChannelError) as chat:
        world.channel.send(answer("u1"))
    world.wait(days=7, seconds=1)
    with pytest.raises(ChannelError) as comment:
        world.channel.send(private(late))

    assert (chat.value.code, comment.value.code) == ("551/1545041", "10903")
