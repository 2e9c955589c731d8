"""Tokens of an Official Account: renewed by one, saved before use, and a lost pair calls for a human."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from traceback import format_exception

import pytest

from shared.adapters.channels.zalo_token import TOKEN_PATH, ZaloTokens, permission_url, pkce_challenge
from shared.domain.messaging.channel_errors import ChannelError
from shared.domain.vietnam_time import stamp
from shared.ports import Key, Update
from tests.messaging.zalo.conftest import VERIFIER, World, thanks


def test_the_challenge_is_the_one_of_the_documented_vector():
    assert pkce_challenge("a" * 43) == "ZtNPunH49FD35FWYhT5Tv8I7vRKQJ8uxMaL0_9eHjNA"


def test_a_code_is_good_once_and_for_ten_minutes(world: World):
    code = world.zalo.permit(permission_url(world.zalo.app_id, "https://shop.example", VERIFIER))
    world.wait(minutes=10)

    with pytest.raises(ChannelError) as late:
        world.tokens.connect(code, VERIFIER)

    assert late.value.kind == "misconfigured"
    assert world.tokens.state() == "ok"


def test_an_account_nobody_connected_says_so(world: World):
    stranger = ZaloTokens(world.table, app_id="1", app_secret="s", oa_id="9", clock=world.clock.now)

    with pytest.raises(ChannelError) as error:
        stranger.access()

    assert (error.value.kind, error.value.code, stranger.state()) == ("misconfigured", "unconnected", "unconnected")


def test_a_token_is_renewed_after_twenty_of_its_twenty_five_hours(world: World):
    first = world.tokens.access()
    world.wait(hours=19, minutes=59)
    assert world.tokens.access() == first

    world.wait(minutes=1)

    assert world.tokens.access() != first
    assert world.another_worker().access() == world.tokens.access()
    assert world.refreshes() == 1


def test_a_refused_token_is_renewed_once_and_the_message_goes_out(world: World):
    world.zalo.expire_tokens()

    sent = world.zns.send(thanks())

    assert world.zalo.received[0].provider_id == sent.provider_id
    assert (len(world.zalo.received), world.refreshes()) == (1, 1)


def test_a_worker_with_an_old_token_takes_the_new_one_of_its_colleague(world: World):
    colleague = world.another_worker()
    colleague.access()
    world.zalo.expire_tokens()
    world.zns.send(thanks())

    world.zns_of(colleague).send(thanks(tracking_id="c" * 44))

    assert (len(world.zalo.received), world.refreshes()) == (2, 1)


@pytest.mark.parametrize("attempt", range(5))
def test_of_two_workers_refreshing_at_once_one_calls_and_neither_loses_its_message(world: World, attempt: int):
    tokens = [world.another_worker(), world.another_worker()]
    for worker in tokens:
        worker.access()
    world.zalo.expire_tokens()
    # Both are refused, both read the old pair, and only then go for the lock.
    world.table.meeting = threading.Barrier(2)

    def send(index: int) -> str:
        try:
            world.zns_of(tokens[index]).send(thanks(tracking_id=f"{index}" * 44))
        except ChannelError as error:
            return error.kind
        return "sent"

    with ThreadPoolExecutor(2) as pool:
        first = list(pool.map(send, range(2)))

    assert world.refreshes() == 1
    # The slower one found the new token, or was told to come back: it surely was not sent.
    assert sorted(first) in (["back_off", "sent"], ["sent", "sent"])
    again = [send(index) for index in range(2) if first[index] == "back_off"]
    assert again in ([], ["sent"])
    assert sorted(one.tracking_id[0] for one in world.zalo.received) == ["0", "1"]
    assert world.refreshes() == 1


def test_while_another_renews_an_ageing_token_is_used_on(world: World):
    old = world.tokens.access()
    world.wait(hours=21)
    world.table.write(Update(_row(world), set={("locked_until",): stamp(world.clock.now() + timedelta(seconds=5))}))

    assert world.tokens.access() == old
    world.wait(seconds=5)
    assert world.tokens.access() != old


def test_a_lock_of_a_worker_that_died_is_free_after_half_a_minute(world: World):
    world.zalo.expire_tokens()
    world.table.write(Update(_row(world), set={("locked_until",): stamp(world.clock.now() + timedelta(seconds=30))}))

    with pytest.raises(ChannelError) as error:
        world.zns.send(thanks())
    assert (error.value.kind, error.value.code) == ("back_off", "token_refresh")
    world.wait(seconds=30)
    world.zns.send(thanks())

    assert len(world.zalo.received) == 1


def test_a_refresh_whose_answer_is_lost_calls_for_a_human(world: World):
    world.zalo.expire_tokens()
    world.zalo.set_fault("crash_after_send", on=TOKEN_PATH)

    for _ in range(2):
        with pytest.raises(ChannelError) as error:
            world.zns.send(thanks())
        assert (error.value.kind, error.value.code) == ("misconfigured", "needs_reauthorisation")

    assert (world.tokens.state(), world.refreshes()) == ("needs_reauthorisation", 1)
    world.zalo.set_fault("off", on=TOKEN_PATH)
    world.connect()
    world.zns.send(thanks())
    assert world.tokens.state() == "ok"


def test_a_refresh_token_that_is_used_up_calls_for_a_human(world: World):
    world.table.write(Update(_row(world), set={("refresh",): "used before"}))
    world.zalo.expire_tokens()

    with pytest.raises(ChannelError) as error:
        world.zns.send(thanks())

    assert error.value.code == "needs_reauthorisation"
    assert world.tokens.state() == "needs_reauthorisation"


def test_a_good_pair_wins_over_a_mark_that_a_hasty_colleague_set(world: World):
    """The lock ran out during a slow call: the colleague found the refresh token used up, but here is its successor."""
    row = world.table.get(_row(world))
    assert row is not None
    world.zalo.expire_tokens()
    world.table.write(Update(_row(world), set={("state",): "needs_reauthorisation"}))

    world.tokens._refresh(row)

    assert world.tokens.state() == "ok"
    world.zns.send(thanks())


def test_a_worker_that_comes_late_with_the_old_pair_spoils_nothing(world: World):
    row = world.table.get(_row(world))
    assert row is not None
    world.zalo.expire_tokens()
    world.zns.send(thanks())

    token = world.another_worker()._refresh(row)

    assert (token, world.tokens.state()) == (world.tokens.access(), "ok")


def test_a_renewal_can_follow_another_at_once(world: World):
    for index in range(2):
        world.zalo.expire_tokens()
        world.zns.send(thanks(tracking_id=f"{index}" * 44))

    assert (len(world.zalo.received), world.refreshes()) == (2, 2)


def test_a_wrong_app_id_spoils_no_refresh_token(world: World):
    world.zalo.expire_tokens()
    world.zalo.app_id, right = "another", world.zalo.app_id

    with pytest.raises(ChannelError) as error:
        world.zns.send(thanks())
    world.zalo.app_id = right

    assert (error.value.kind, error.value.code) == ("misconfigured", "-14002")
    world.zns.send(thanks())
    assert world.tokens.state() == "ok"


def test_without_a_way_to_zalo_an_ageing_token_is_used_on_and_a_refused_one_waits(world: World):
    old = world.tokens.access()
    world.wait(hours=21)
    world.zalo.set_fault("rate_limit", on=TOKEN_PATH)

    assert world.tokens.access() == old
    with pytest.raises(ChannelError) as error:
        world.tokens.renewed(old)

    assert (error.value.kind, error.value.code) == ("back_off", "-32")
    world.zalo.set_fault("off", on=TOKEN_PATH)
    assert world.tokens.access() != old


def test_a_busy_table_does_not_cost_the_new_pair(world: World):
    row = world.table.get(_row(world))
    assert row is not None
    world.table.busy_writes = 2

    token = world.tokens._refresh(row)

    assert world.another_worker().access() == token


def test_tokens_and_secrets_stand_in_no_error_and_no_representation(world: World):
    secrets = {world.tokens.access(), str(world.table.get(_row(world))["refresh"]), world.zalo.app_secret}
    world.zalo.expire_tokens()
    world.zalo.set_fault("crash_after_send", on=TOKEN_PATH)

    with pytest.raises(ChannelError) as error:
        world.zns.send(thanks())

    told = "".join(format_exception(error.value)) + repr(world.tokens) + repr(vars(error.value))
    assert not [secret for secret in secrets if secret in told]


def _row(world: World) -> Key:
    return Key(f"OATOKEN#{world.zalo.oa_id}", "T")
