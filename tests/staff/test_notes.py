"""Notes to staff reach them once, whatever dies, repeats or refuses on the way, and end with a reason."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from itertools import product
from random import Random

import pytest

from shared.adapters.local.fault_injection import FaultInjection
from shared.domain.errors import Busy
from shared.domain.staff.staff_notification import notification_id
from shared.repositories import table_keys
from shared.repositories.staff_notifications import notify
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime import wiring
from shared.runtime.factories.channels import staff_notes
from shared.runtime.playbook.staff import directory
from shared.use_cases.staff.send_notifications import CLAIM, PATIENCE
from tests.messaging.conftest import MORNING
from tests.support.messaging import Care
from tests.support.races import Watched

TICKET = "KQ-7F3A"
WORDS = {"ticket": TICKET, "priority": "P2", "intent": "refund", "severity": "high", "customer": "Nguyễn Thị Lan",
         "due_at": "2026-03-02T04:00:00.000Z"}  # fmt: skip
ON_ZALO = directory().people["care_1"]
BY_MAIL = directory().people["care_3"]
MOST_POINTS = 40


@pytest.fixture
def care():
    with Care(MORNING) as stack:
        yield stack


def told(care, person=BY_MAIL, kind="ticket_assigned", key="ticket-1", **words) -> str:
    uow = UnitOfWork(care.stack.table)
    found = notify(uow, person.id, kind, WORDS | words if kind == "ticket_assigned" else words, key, care.now)
    uow.commit()
    return found


def note(care, found):
    return care.stack.table.get(table_keys.staff_note(found))


def followed(care) -> None:
    """Care 1 follows the shop's Official Account, as staff do."""
    care.providers.zalo.follow(ON_ZALO.zalo_user_id)
    care.later(minutes=1)


def sender(care, table=None):
    """A worker of its own, which knows nothing yet."""
    token = wiring.install(replace(care.stack.outside, table=table or care.stack.table))
    try:
        return staff_notes()
    finally:
        wiring.uninstall(token)


# ---- what arrives ----


def test_a_note_goes_out_in_the_minute_after_it_was_written(care):
    found = told(care)
    care.later(minutes=2)

    (mail,) = care.received(found)
    assert (mail.channel, mail.to) == ("email", BY_MAIL.email)
    assert "hoàn tiền" in mail.text
    assert TICKET in mail.text
    assert "11:00 ngày 02/03/2026" in mail.text
    assert note(care, found)["status"] == "sent"
    assert not care.stack.table.due(table_keys.timer_lane(found), "9")


def test_a_subject_says_nothing_of_the_customer(care):
    found = told(care)
    care.later(minutes=2)
    (mail,) = care.received(found)
    subject = mail.detail["subject"]
    assert subject == f"[P2] Phiếu {TICKET} giao cho bạn: hoàn tiền"
    assert "Lan" not in subject


def test_what_was_told_is_forgotten_when_it_is_over(care):
    found = told(care)
    care.later(minutes=2)
    assert "Lan" not in json.dumps(note(care, found), ensure_ascii=False)
    assert note(care, found)["ttl"] > care.now.timestamp()


def test_zalo_is_first_where_it_reaches_and_else_the_mail(care):
    alone = told(care, ON_ZALO, key="not following yet")
    care.later(minutes=2)
    assert [one.channel for one in care.received(alone)] == ["email"]
    assert note(care, alone)["tried"] == [["zalo", "unreachable"]]

    followed(care)
    found = told(care, ON_ZALO)
    care.later(minutes=2)
    assert care.received(found) == []
    (chat,) = (one for one in care.received() if one.channel == "zalo")  # which takes no number of ours
    assert chat.to == ON_ZALO.zalo_user_id
    assert TICKET in chat.text


def test_the_same_thing_is_told_once_also_days_later(care):
    found = told(care)
    care.later(minutes=2)
    care.later(days=3)
    assert told(care) == found == notification_id(BY_MAIL.id, "ticket_assigned", "ticket-1")
    care.later(minutes=2)
    assert len(care.received(found)) == 1


def test_words_of_another_kind_are_a_mistake_of_the_caller(care):
    with pytest.raises(ValueError, match="has no field phone"):
        told(care, phone="0901234567")


def test_receipts_for_notes_trouble_nobody(care):
    told(care)
    care.later(hours=1)
    assert not any(state.get("messages") for state in care.stack.queue_state().values())


# ---- what goes wrong ----


def test_a_queue_s_repetitions_send_nothing_twice(care):
    found = told(care)
    queue = care.stack.outside.messages["transactional"]
    queue.send([json.dumps({"staff_note": found})] * 5)
    care.later(minutes=30)
    assert len(care.received(found)) == 1


def test_a_lost_queue_message_is_found_again(care):
    found = told(care)
    care.stack.queues["messages-transactional"].send = lambda *_, **__: None
    care.later(minutes=2)
    assert care.received(found) == []
    del care.stack.queues["messages-transactional"].send
    care.later(minutes=20)
    assert len(care.received(found)) == 1


@pytest.mark.parametrize("mode", ["error", "rate_limit"])
def test_a_provider_in_trouble_is_tried_again_until_it_takes_the_note(care, mode):
    care.stack.providers.set_fault("email", mode, 1.0)
    found = told(care)
    care.later(minutes=10)
    assert note(care, found)["status"] == "waiting"
    care.stack.providers.set_fault("email", "off", 0)
    care.later(hours=2)
    assert len(care.received(found)) == 1
    assert note(care, found)["status"] == "sent"


def test_where_zalo_is_in_trouble_the_mail_brings_it_at_once(care):
    followed(care)
    care.stack.providers.set_fault("zalo", "error", 1.0)
    found = told(care, ON_ZALO)
    care.later(minutes=2)
    assert [one.channel for one in care.received(found)] == ["email"]


def test_after_a_day_it_is_given_up_with_the_reason(care):
    care.stack.providers.set_fault("email", "error", 1.0)
    found = told(care)
    care.later(hours=PATIENCE.total_seconds() / 3600 + 2)
    given_up = note(care, found)
    assert (given_up["status"], given_up["reason"]) == ("given_up", "provider_trouble")
    assert "due" not in given_up
    assert "email back_off" in given_up["trouble"]


def test_who_is_not_here_any_more_is_told_nothing(care):
    uow = UnitOfWork(care.stack.table)
    found = notify(uow, "somebody_gone", "mention", {"ticket": TICKET, "by": "care_1"}, "m1", care.now)
    uow.commit()
    care.later(minutes=2)
    assert (note(care, found)["status"], note(care, found)["reason"]) == ("given_up", "no_such_person")
    assert care.received() == []


def test_who_cannot_tell_has_it_said_once_on_each_channel(care):
    """Zalo took it and the answer was lost: nobody can say, so the mail brings it too, and neither does again."""
    followed(care)
    care.stack.providers.set_fault("zalo", "crash_after_send", 1.0)
    found = told(care, ON_ZALO)
    care.later(hours=3)
    assert sorted(one.channel for one in care.received()) == ["email", "zalo"]
    assert note(care, found)["status"] == "sent"
    assert note(care, found)["tried"] == [["zalo", "nobody_knows"]]


def test_where_the_only_channel_cannot_tell_it_is_given_up_and_says_so(care):
    care.stack.providers.set_fault("email", "crash_after_send", 1.0)
    found = told(care)
    care.later(hours=3)
    assert len(care.received(found)) == 1
    assert (note(care, found)["status"], note(care, found)["reason"]) == ("given_up", "nobody_knows")


# ---- who dies, and who comes at the same time ----


def test_two_workers_with_one_note_send_it_once():
    for point in range(MOST_POINTS):
        with Care(MORNING) as care:
            found = told(care)
            table = Watched(care.stack.table, at=point, before=lambda care=care, f=found: sender(care).send(f))
            sender(care, table).send(found)
            if table.operations <= point:
                assert point > 3, "nothing was ever interrupted"
                return
            care.later(hours=2)
            assert len(care.received(found)) == 1
            assert note(care, found)["status"] == "sent"
    raise AssertionError("more points than expected")


class _Died(BaseException):
    """The worker is gone, in the middle of whatever it did."""


def test_a_worker_that_dies_anywhere_leaves_a_note_that_is_told_at_most_once_and_ends():
    def die() -> None:
        raise _Died

    for point in range(MOST_POINTS):
        with Care(MORNING) as care:
            found = told(care)
            table = Watched(care.stack.table, at=point, before=die)
            try:
                sender(care, table).send(found)
                assert point > 3, "nothing was ever interrupted"
                return
            except _Died:
                care.later(hours=CLAIM.total_seconds() / 3600 + 2)
            ended = note(care, found)
            assert len(care.received(found)) == 1 or ended["reason"] == "nobody_knows"
            assert len(care.received(found)) <= 1
            assert ended["status"] in ("sent", "given_up")
            assert "due" not in ended
    raise AssertionError("more points than expected")


def test_a_busy_table_loses_no_answer(care):
    """The provider took it; the table is busy for a while as that is written down."""
    found = told(care)
    busy = {"left": 3}

    class Table:
        def __getattr__(self, name):
            return getattr(care.stack.table, name)

        def write(self, *actions):
            if care.received(found) and busy["left"]:
                busy["left"] -= 1
                raise Busy("throttled")
            return care.stack.table.write(*actions)

    assert sender(care, Table()).send(found) == "sent"
    care.later(hours=1)
    assert len(care.received(found)) == 1
    assert busy["left"] == 0


def test_a_day_of_notes_in_a_hostile_house_ends_well():
    """Writes are refused or answered late, queues repeat and reorder, the due index lags, the mail is down at times."""
    faults = FaultInjection(Random(5), busy=0.1, repeats=0.8)
    with Care(MORNING, seed=5, faults=faults) as care:
        people = [directory().people[name] for name in ("care_3", "care_4", "sales_q1_1", "sales_q1_2")]
        found = []
        for n, who in product(range(10), people):
            with suppress(Busy):  # a caller whose commit was refused has told nothing
                found.append(told(care, who, key=f"{n}"))
        assert len(found) > 30
        care.stack.providers.set_fault("email", "error", 0.3)
        care.later(hours=6)
        assert {note(care, one)["status"] for one in found} == {"sent"}
        assert all(len(care.received(one)) == 1 for one in found)
