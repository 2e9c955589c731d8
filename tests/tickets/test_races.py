"""Two at once, killed half-way, answers lost: whatever happens between any two operations of the table, one ticket, one
line for a message, and counters that are the truth."""

from __future__ import annotations

from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain.errors import Busy, Conflict
from shared.use_cases.tickets import agent_actions, close_and_rate
from shared.use_cases.tickets.sla_timers import wake
from tests.support.races import Killed, raising
from tests.support.races import everywhere as everywhere_of
from tests.support.ticket_engine import Engine
from tests.support.tickets import ANGRY, ASKS_HOURS, CALM, CRITICAL

TEN = datetime(2026, 11, 24, 3, tzinfo=UTC)
LAN, HOA = 1_234_567, 12_345_678


def everywhere(prepare, work, **interrupted):
    """An engine for each operation of the table that `work(engine, table)` does, interrupted there and then checked."""

    def prepared() -> Engine:
        engine = Engine(TEN)
        prepare(engine)
        return engine

    for engine in everywhere_of(prepared, work, **interrupted):
        with closing(engine.stack):
            yield engine
            engine.check()


def nothing(_engine: Engine) -> None:
    pass


def says(text=ANGRY, channel="zalo", dedup="m1"):
    return lambda engine, table=None: engine.says(LAN, channel, text, dedup=dedup, table=table)


def lines(engine: Engine) -> list[tuple[str, str]]:
    (ticket,) = engine.tickets()
    thread = engine.thread(ticket["ticket_id"])
    return [(line["author"], line["text"]) for line in thread if line["author"] != "system"]


def test_the_same_first_message_at_once_is_one_ticket():
    for engine in everywhere(nothing, says(), competitor=says()):
        assert lines(engine) == [("customer", ANGRY)]


def test_two_first_messages_at_once_are_one_thread():
    for engine in everywhere(nothing, says(CALM, dedup="m1"), competitor=says(ANGRY, dedup="m2")):
        assert sorted(lines(engine)) == sorted([("customer", CALM), ("customer", ANGRY)])
        (ticket,) = engine.tickets()
        assert ticket["severity"] == "high"


@pytest.mark.parametrize("text", [ANGRY, ASKS_HOURS, CRITICAL])
def test_killed_at_any_operation_and_begun_again_it_is_told_once(text):
    for engine in everywhere(nothing, says(text), failure=raising(Killed())):
        assert [author for author, _ in lines(engine)].count("customer") == 1
        assert len(engine.items("C#%", "X#%")) <= 1


def test_an_answer_lost_at_any_operation_changes_nothing():
    for engine in everywhere(nothing, says(), failure=raising(Busy("lost")), writes_only=True):
        assert lines(engine) == [("customer", ANGRY)]


def with_a_ticket(engine: Engine) -> None:
    engine.says(LAN, "email", ANGRY, dedup="m0")


def only(engine: Engine) -> str:
    (ticket,) = engine.tickets()
    return str(ticket["ticket_id"])


def replies(by="care_1", dedup="a1"):
    return lambda engine, table=None: engine.replies(only(engine), by, table=table, dedup=dedup)


def resolves(engine: Engine, table: Any = None) -> None:
    close_and_rate.resolve(engine.context(table), only(engine), by="care_1", wrong=True)


def test_an_answer_killed_anywhere_goes_out_once():
    for engine in everywhere(with_a_ticket, replies(), failure=raising(Killed())):
        assert len(engine.items("C#%", "X#%")) == 2
        assert len(lines(engine)) == 2


def test_an_answer_while_the_customer_writes_loses_neither():
    for engine in everywhere(with_a_ticket, replies(), competitor=says("Alo shop?", "email", "m2")):
        assert len(lines(engine)) == 3
        (ticket,) = engine.tickets()
        assert ticket["first_response_by"] == "care_1"


def test_a_message_while_the_ticket_is_resolved_reopens_it_or_is_part_of_it():
    for engine in everywhere(with_a_ticket, resolves, competitor=says("Vẫn chưa xong", "email", "m2")):
        (ticket,) = engine.tickets()
        assert len([line for line in lines(engine) if line[0] == "customer"]) == 2
        assert ticket["status"] in ("open", "resolved")


def test_resolving_killed_anywhere_ends_the_ticket_once_with_one_apology():
    for engine in everywhere(with_a_ticket, resolves, failure=raising(Killed())):
        (ticket,) = engine.tickets()
        assert ticket["status"] == "resolved"
        assert len(engine.items("C#%", "X#%")) == 2
        told = [item for item in engine.items("C#%", "E#%") if item["name"] == "Ticket Resolved"]
        assert len(told) == 1


def test_two_agents_locking_at_once_leave_one_lock():
    def locks(by):
        def work(engine, table=None):
            with suppress(Conflict):
                agent_actions.lock(engine.context(table), only(engine), by, release=False)

        return work

    for engine in everywhere(with_a_ticket, locks("care_1"), competitor=locks("care_2")):
        (ticket,) = engine.tickets()
        assert ticket["lock"]["by"] in ("care_1", "care_2")


def late(engine: Engine) -> None:
    with_a_ticket(engine)
    engine.clock.set(TEN + timedelta(hours=3))


def wakes(engine: Engine, table: Any = None) -> None:
    wake(engine.context(table), only(engine))


@pytest.mark.parametrize("how", ["competitor", "killed"])
def test_a_missed_deadline_is_escalated_once_also_by_two_sweeps(how):
    more = {"competitor": wakes} if how == "competitor" else {"failure": raising(Killed())}
    for engine in everywhere(late, wakes, **more):
        (ticket,) = engine.tickets()
        assert (ticket["misses"], ticket["queue"]) == (1, "senior_manager")
        notes = [(note["person"], note["kind"]) for note in engine.items("NOTE#%") if note["kind"] == "deadline_missed"]
        assert len(notes) == len(set(notes)) > 0


def waiting(engine: Engine) -> None:
    """Two tickets, and nobody with room for either until one is done."""
    engine.says(LAN, "email", ANGRY, dedup="m0")
    engine.says(HOA, "email", CALM, dedup="m1")


def test_an_escalation_while_an_agent_answers_ends_with_one_of_both():
    for engine in everywhere(late, wakes, competitor=replies()):
        (ticket,) = engine.tickets()
        assert ticket["first_response_by"] == "care_1"
        assert ticket.get("misses", 0) in (0, 1)


def test_a_hand_over_of_one_ticket_while_another_is_answered_keeps_the_loads_true():
    def hands_over(engine, table=None):
        first = min(ticket["ticket_id"] for ticket in engine.tickets())
        agent_actions.reassign(engine.context(table), first, "care_lead", person="care_2", queue="", note="")

    def answers(engine):
        last = max(ticket["ticket_id"] for ticket in engine.tickets())
        engine.replies(last, "care_1", dedup="a1")

    for engine in everywhere(waiting, hands_over, competitor=answers):
        assert sum(engine.loads().values()) in (0, 1)
