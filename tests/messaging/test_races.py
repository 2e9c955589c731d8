"""Two senders at once, and what else may happen between any two of a sender's operations: nobody gets it twice, nobody
gets more than the caps allow, and no outcome is lost.

The competitor runs before each operation in turn, one run for each, so that nothing is left to luck.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

import pytest

from shared.domain.errors import Busy
from shared.domain.messaging import legal_limits
from shared.domain.messaging.channel_errors import ChannelError
from shared.domain.messaging.policy_rules import SendingHours
from shared.repositories import table_keys
from shared.use_cases.messaging.record_delivery import record
from tests.messaging.conftest import MORNING
from tests.support.messaging import Care, sender
from tests.support.races import Watched

MOST_POINTS = 40
ALL_NIGHT = SendingHours(opens=time(0), closes=time(23, 59, 59, 999999))


def everywhere(prepare, competitor):
    """Send one message with the competitor before each operation of the table in turn; yields the house after it."""
    for point in range(MOST_POINTS):
        with Care(MORNING) as care:
            care.know_the_do_not_call_list()
            care.providers.zalo.phone_errors.clear()
            message_id = prepare(care)
            table = Watched(care.stack.table, at=point, before=lambda care=care, m=message_id: competitor(care, m))
            sender(care, table).dispatch(message_id)
            if table.operations <= point:
                assert point > 3, "nothing was ever interrupted"
                return
            yield care, message_id
    raise AssertionError("more points than expected")


def marketing(care):
    return care.plan(care.customer(1), "marketing", channels=("zns",), queued=False)


def order(care):
    return care.plan(care.customer(1), "transactional", channels=("zns",), queued=False)


def the_same(care, message_id):
    sender(care).dispatch(message_id)


def another_of_the_same_week(care, message_id):
    sender(care).dispatch(care.plan(message_id[:24], "marketing", "another", channels=("zns",), queued=False))


def its_receipt(care, message_id):
    if care.message(message_id)["status"] == "sending":
        record(care.stack.table, message_id, "delivered", care.now)


def a_merge(care, message_id):
    """The customer turns out to be somebody we knew, who had an advertisement yesterday."""
    known = care.customer(2, phone="0912000111", loyalty_id="T1")
    sender(care).dispatch(care.plan(known, "marketing", "yesterday's", channels=("zns",), queued=False))
    care.call("PUT", "/v1/customers", {"identities": {"loyalty_id": "T1", "email": "khach1@example.vn"}})


@pytest.mark.parametrize("prepare", [marketing, order])
def test_two_workers_with_one_message_send_it_once(prepare):
    for care, message_id in everywhere(prepare, the_same):
        care.later(days=2)
        assert len(care.received(message_id)) == 1
        assert care.message(message_id)["status"] == "delivered"
        assert care.message(message_id)["cost"] > 0


def test_two_advertisements_for_one_person_do_not_slip_through_the_cap_together():
    for care, _ in everywhere(marketing, another_of_the_same_week):
        care.later(days=2)
        assert len(care.received()) == 1
        assert sorted(m["status"] for m in care.messages()) == ["deferred", "delivered"]


def test_a_receipt_that_is_faster_than_its_sender_settles_the_message():
    for care, message_id in everywhere(marketing, its_receipt):
        care.later(days=3)
        message = care.message(message_id)
        assert (message["status"], "due_at" in message) == ("delivered", False)
        assert message["cost"] > 0
        assert len(care.received(message_id)) == 1


def test_a_person_who_is_merged_meanwhile_is_one_person_for_the_caps():
    for care, message_id in everywhere(marketing, a_merge):
        care.later(days=3)
        assert care.message(message_id)["status"] in ("delivered", "deferred")
        again = care.plan(message_id[:24], "marketing", "again", channels=("zns",))
        care.stack.drain()
        # Whichever profile speaks for them, what they had under the other counts.
        assert care.message(again)["reason"] == "own_cap"


@pytest.mark.parametrize("prepare", [marketing, order])
def test_a_table_that_is_busy_at_any_point_loses_nothing(prepare):
    def busy():
        raise Busy("throttled")

    for point in range(MOST_POINTS):
        with Care(MORNING) as care:
            care.know_the_do_not_call_list()
            care.providers.zalo.phone_errors.clear()
            message_id = prepare(care)
            table = Watched(care.stack.table, at=point, before=busy)
            try:
                sender(care, table).dispatch(message_id)
            except Busy:
                sender(care).dispatch(message_id)
            care.later(hours=2)
            assert care.message(message_id)["status"] == "delivered"
            assert len(care.received(message_id)) == 1
            if table.operations <= point:
                return
    raise AssertionError("more points than expected")


@pytest.mark.parametrize("mode", ["error", "rate_limit"])
def test_a_collision_after_the_provider_said_no_does_not_turn_it_into_nobody_knows(mode):
    def another_order(care, message_id):
        if care.message(message_id)["status"] == "sending":
            care.stack.providers.set_fault("zns", "off", 0.0)
            care.plan(message_id[:24], "transactional", "another", channels=("zns",))
            care.stack.drain()

    def failing(care):
        care.stack.providers.set_fault("zns", mode, 1.0)
        return marketing(care)

    for care, message_id in everywhere(failing, another_order):
        care.stack.providers.set_fault("zns", "off", 0.0)
        care.later(hours=3)
        assert care.message(message_id)["status"] == "delivered"


def test_money_taken_before_midnight_goes_back_to_the_day_it_was_taken_from(monkeypatch):
    monkeypatch.setattr(legal_limits, "MESSAGES", legal_limits.Hours(ALL_NIGHT.opens, ALL_NIGHT.closes))
    late = MORNING.replace(hour=16, minute=59, second=50)  # ten seconds before midnight in Vietnam
    with Care(late) as care:

        class Slow:
            """A provider that says no after midnight."""

            def send(self, _message):
                care.stack.clock.set(late + timedelta(seconds=20))
                raise ChannelError("back_off", "503", "not now")

        message_id = care.plan(care.customer(1), "service", channels=("zns",), queued=False)
        worker = sender(care)
        open_all_night = worker.rules.model_copy(update={"windows": {**worker.rules.windows, "service": ALL_NIGHT}})
        replace(worker, channels={**worker.channels, "zns": Slow()}, rules=open_all_night).dispatch(message_id)
        assert care.message(message_id)["reason"] == "provider_trouble"
        care.stack.read_stream()
        spent = [care.stack.table.get(table_keys.budget(day, "*")) for day in ("2026-03-02", "2026-03-03")]
        assert [(item or {}).get("spent", 0) for item in spent] == [0, 0]
