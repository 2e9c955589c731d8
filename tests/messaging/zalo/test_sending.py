"""Zalo over real HTTP: what is sent, what it costs, and what each way of saying no means."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta

import pytest

from infra.local.providers.base import milliseconds
from shared.adapters.channels import zalo_oa, zalo_zns
from shared.adapters.channels.error_table import Hours
from shared.domain.messaging.channel_errors import ChannelError
from shared.ports import Outgoing
from tests.messaging.zalo.conftest import World, chat, thanks

PERSON_REFUSES = {-139, -141, -217, -244}
# Each documented code, by what has to be done about it.
WAITS = {
    -133: datetime(2026, 11, 21, 23, 5, tzinfo=UTC),  # 06:05 of the next morning
    -234: datetime(2026, 11, 21, 23, 5, tzinfo=UTC),
    -144: datetime(2026, 11, 21, 17, 0, tzinfo=UTC),  # midnight in Vietnam
    -147: datetime(2026, 11, 21, 17, 0, tzinfo=UTC),
    -1472: datetime(2026, 11, 21, 17, 0, tzinfo=UTC),
    -1441: datetime(2026, 11, 30, 17, 0, tzinfo=UTC),  # the first of December in Vietnam
}


def test_a_template_reaches_the_phone_with_its_price_and_the_quota_left(world: World):
    sent = world.zns.send(thanks())

    (message,) = world.zalo.received
    assert (message.channel, message.to, message.text) == ("zns", "+84987654321", "Cảm ơn Lan, đơn DH1")
    assert message.tracking_id == "a" * 44
    assert sent == (message.provider_id, 300, 499)


def test_a_number_can_be_sent_as_its_documented_hash(world: World):
    world.zns_of(world.tokens, hashed=True).send(thanks("+84987654321"))

    assert world.zalo.received[0].to == "116ce31ae9170769b075a11dedca1198f41d30318334919fb90917e9c617b438"


def test_zalo_takes_a_tracking_id_twice_and_cannot_tell_whether_it_did(world: World):
    world.zns.send(thanks())
    world.zns.send(thanks())

    assert len(world.zalo.received) == 2
    assert world.zns.was_taken("a" * 44) == "cannot_tell"
    assert world.oa.was_taken("a" * 44) == "cannot_tell"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"ten": "Lan"}, "parameters"),
        ({"ten": "Lan", "ma_don": "1", "gia": "2"}, "parameters"),
        ({"ten": " ", "ma_don": "1"}, "parameter_empty"),
        ({"ten": "N" * 31, "ma_don": "1"}, "parameter_too_long"),
    ],
)
def test_parameters_are_checked_before_they_cost_a_call(world: World, parameters: dict[str, str], code: str):
    with pytest.raises(ChannelError) as error:
        world.zns.send(Outgoing("a" * 44, "+84987654321", "service", template="thanks", parameters=parameters))

    assert (error.value.kind, error.value.code, world.zalo.received) == ("misconfigured", code, [])
    assert "Lan" not in str(error.value)


def test_a_name_in_decomposed_letters_counts_and_goes_as_composed(world: World):
    decomposed = "Nguye\u0302\u0303n Thi\u0323 Minh Phu\u031bo\u031b\u0323ng"
    world.zns.send(
        Outgoing("a" * 44, "+84987654321", "service", template="thanks", parameters={"ten": decomposed, "ma_don": "1"})
    )

    assert world.zalo.received[0].text == "Cảm ơn Nguyễn Thị Minh Phượng, đơn 1"


def test_a_template_the_playbook_does_not_know_is_not_sent(world: World):
    with pytest.raises(ChannelError) as error:
        world.zns.send(Outgoing("a" * 44, "+84987654321", "service", template="unheard of"))

    assert (error.value.kind, error.value.code) == ("misconfigured", "template_unknown")


def test_a_foreign_number_has_no_template(world: World):
    with pytest.raises(ChannelError) as error:
        world.zns.send(thanks("+14155550100"))

    assert error.value.kind == "unreachable"


@pytest.mark.parametrize("code", sorted(zalo_zns.ERRORS.keys() - {-124, -216, -220, -32}))
def test_every_code_of_the_template_table_is_told_apart(world: World, code: int):
    world.zalo.phone_errors = {"321": code}

    with pytest.raises(ChannelError) as error:
        world.zns.send(thanks())

    assert error.value.code == str(code)
    assert error.value.kind == zalo_zns.ERRORS[code].kind
    assert (error.value.kind == "wait_until") == (code in WAITS)
    assert (error.value.kind == "refused") == (code in PERSON_REFUSES)
    assert error.value.until == WAITS.get(code)


@pytest.mark.parametrize("code", sorted(zalo_oa.ERRORS.keys() - {-124, -216, -220, -32}))
def test_every_code_of_the_account_table_is_told_apart(world: World, code: int):
    world.zalo.user_errors = {"u1": code}

    with pytest.raises(ChannelError) as error:
        world.oa.send(chat("u1"))

    assert (error.value.code, error.value.kind) == (str(code), zalo_oa.ERRORS[code].kind)
    assert error.value.until == WAITS.get(code)


def test_when_a_quota_is_counted_afresh_is_a_setting(world: World):
    world.zalo.phone_errors = {"321": -144, "322": -1441}
    zns = world.zns_of(world.tokens, hours=Hours(new_day=time(15)))
    found = []
    for phone in ("+84987654321", "+84987654322"):
        with pytest.raises(ChannelError) as error:
            zns.send(thanks(phone))
        found.append(error.value.until)

    assert found == [datetime(2026, 11, 21, 8, tzinfo=UTC), datetime(2026, 12, 1, 8, tzinfo=UTC)]


def test_an_unknown_code_needs_a_human(world: World):
    world.zalo.phone_errors = {"321": -98765}

    with pytest.raises(ChannelError) as error:
        world.zns.send(thanks())

    assert (error.value.kind, error.value.code) == ("misconfigured", "-98765")


@pytest.mark.parametrize(
    ("ending", "kind"), [("108", "unreachable"), ("118", "unreachable"), ("139", "refused"), ("1471", "unreachable")]
)
def test_the_ending_of_a_phone_says_what_trouble_it_has(world: World, ending: str, kind: str):
    with pytest.raises(ChannelError) as error:
        world.zns.send(thanks("+84987654321"[: -len(ending)] + ending))

    assert (error.value.kind, error.value.code) == (kind, f"-{ending}")


def test_at_night_a_template_waits_for_five_past_six(world: World):
    world.wait(hours=7, minutes=59)
    world.zns.send(thanks())
    world.wait(minutes=1)

    with pytest.raises(ChannelError) as error:
        world.zns.send(thanks())
    assert (error.value.kind, error.value.until) == ("wait_until", datetime(2026, 11, 21, 23, 5, tzinfo=UTC))
    world.zns.send(Outgoing("r" * 44, "+84987654321", "transactional", template="receipt", parameters={"ma_don": "1"}))

    world.clock.set(error.value.until)
    world.zns.send(thanks())


def test_a_used_up_quota_waits_for_the_next_day(world: World):
    world.zalo.quota_left = 1
    assert world.zns.send(thanks()).quota_left == 0
    assert world.zns.quota() == {"dailyQuota": 500, "remainingQuota": 0}

    with pytest.raises(ChannelError) as error:
        world.zns.send(thanks())

    assert (error.value.kind, error.value.code) == ("wait_until", "-144")
    world.wait(hours=17)
    assert world.zns.send(thanks()).quota_left == 499


def test_over_the_rate_the_next_minute_is_waited_for(world: World):
    world.zalo.rate_per_minute = 2
    world.wait(seconds=20)
    world.zns.send(thanks())
    world.zns.send(thanks())

    with pytest.raises(ChannelError) as error:
        world.zns.send(thanks())

    assert (error.value.kind, error.value.code) == ("back_off", "-32")
    assert error.value.until == world.clock.now() + timedelta(seconds=40)
    world.clock.set(error.value.until)
    world.zns.send(thanks())


@pytest.mark.parametrize(
    ("mode", "kind", "taken"),
    [
        ("error", "back_off", 0),
        ("rate_limit", "back_off", 0),
        ("timeout", "uncertain", 0),
        ("crash_after_send", "uncertain", 1),
    ],
)
def test_what_surely_was_not_sent_is_told_from_what_may_have_been(world: World, mode, kind: str, taken: int):
    world.zalo.set_fault(mode)

    with pytest.raises(ChannelError) as error:
        world.zns.send(thanks())

    assert (error.value.kind, len(world.zalo.received)) == (kind, taken)


def test_zalo_out_of_reach_is_surely_not_sent(world: World):
    world.zns.send(thanks())
    world.zalo.stop()

    with pytest.raises(ChannelError) as error:
        world.zns.send(thanks())

    assert error.value.kind == "back_off"


def test_a_token_that_is_refused_even_when_new_needs_a_human(world: World):
    world.zalo.phone_errors = {"321": -124}

    with pytest.raises(ChannelError) as error:
        world.zns.send(thanks())

    assert (error.value.kind, error.value.code, world.refreshes()) == ("misconfigured", "-124", 1)


def test_delivery_can_be_asked_by_zalos_own_id(world: World):
    sent = world.zns.send(thanks())
    assert world.zns.delivery(sent.provider_id) == "on_its_way"

    world.wait(seconds=5)

    assert world.zns.delivery(sent.provider_id) == "delivered"
    assert world.zns.delivery("never heard of") == "unknown"


# The account's chat


def test_an_answer_within_two_days_is_free_and_after_seven_the_window_is_closed(world: World):
    world.zalo.say("u1", "còn hàng không shop")
    world.wait(hours=48)
    sent = world.oa.send(chat("u1"))
    world.wait(days=5)
    world.oa.send(chat("u1"))
    world.wait(seconds=1)

    with pytest.raises(ChannelError) as error:
        world.oa.send(chat("u1"))

    assert (error.value.kind, error.value.code) == ("unreachable", "-230")
    free, billed = world.zalo.received
    assert (free.channel, free.to, free.text, free.provider_id) == ("zalo", "u1", "Dạ còn hàng ạ", sent.provider_id)
    assert (sent.cost, free.detail, billed.detail) == (0, {"billed": False}, {"billed": True})


def test_a_stranger_to_the_account_cannot_be_written_to(world: World):
    with pytest.raises(ChannelError) as error:
        world.oa.send(chat("nobody"))

    assert (error.value.kind, error.value.code) == ("unreachable", "-213")


@pytest.mark.parametrize("text", ["", "a" * 2001])
def test_a_text_that_zalo_would_refuse_is_not_sent(world: World, text: str):
    with pytest.raises(ChannelError) as error:
        world.oa.send(chat("u1", text))

    assert error.value.kind == "misconfigured"


def test_a_template_by_user_id_costs_less_and_is_shown_in_the_morning(world: World):
    world.zalo.follow("u1")
    world.zalo.due_callbacks(world.clock.now())
    world.wait(hours=10)

    sent = world.oa.send(
        Outgoing("a" * 44, "u1", "service", template="thanks", parameters={"ten": "Lan", "ma_don": "1"})
    )

    assert (sent.cost, world.zalo.received[0].channel) == (210, "zalo")
    assert world.zalo.next_callback_at() == datetime(2026, 11, 21, 23, 0, tzinfo=UTC)


def test_a_promotion_by_user_id_is_not_taken_at_night(world: World):
    world.zalo.follow("u1")
    world.wait(hours=10)

    with pytest.raises(ChannelError) as error:
        world.oa.send(Outgoing("a" * 44, "u1", "marketing", template="offer", parameters={"ten": "Lan"}))

    assert (error.value.kind, error.value.code) == ("wait_until", "-234")


# The stand-in's callbacks


def test_a_delivery_is_told_later_and_again_until_it_is_heard(world: World):
    world.zns.send(thanks())
    start = world.clock.now()
    waits, retries = [], []
    while (due := world.zalo.next_callback_at()) is not None:
        waits.append((due - world.clock.now()).total_seconds())
        world.clock.set(due)
        (callback,) = world.zalo.due_callbacks(due)
        retries.append(callback.headers.get("num_retry"))
        world.zalo.answered(callback, 500)

    assert waits == [5, 30, 300, 900, 1800, 3600]
    assert retries == [None, "1", "2", "3", "4", "5"]
    body = json.loads(callback.body)
    assert body["message"]["delivery_time"] == str(milliseconds(start + timedelta(seconds=5)))
    assert callback.headers["X-ZEvent-Server"] == "ZNS"


def test_callbacks_come_twice_and_out_of_order_on_request(world: World):
    world.zalo.disturb_callbacks(copies=2, disorder=timedelta(minutes=10))
    for index in range(20):
        world.zns.send(thanks(tracking_id=f"{index:044d}"))

    told = [
        json.loads(callback.body)["message"]["tracking_id"]
        for callback in world.zalo.due_callbacks(world.clock.now() + timedelta(hours=1))
    ]

    assert sorted(told) == sorted(f"{index:044d}" for index in range(20) for _ in range(2))
    assert told != sorted(told)


def test_an_address_can_stay_silent(world: World):
    world.zalo.never_delivered.add("+84987654321")
    sent = world.zns.send(thanks())

    assert world.zalo.next_callback_at() is None
    world.wait(hours=1)
    assert world.zns.delivery(sent.provider_id) == "on_its_way"
