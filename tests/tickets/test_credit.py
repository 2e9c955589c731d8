"""K6: what is bought after a ticket is credited to it once, in any order and repetition of what is told."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import Busy
from shared.domain.vietnam_time import local_day, moment, stamp
from shared.repositories import table_keys
from shared.repositories.ticket_credit_window import open_window
from shared.repositories.ticket_revenue import credited, revenue_per_ticket
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime.playbook.suggestions import suggestion_rules
from tests.support.engine import START, Engine, faults, on, track
from tests.support.max_examples import max_examples

LATER = START + timedelta(days=45)
LAN = "0901234567"
CREDIT = suggestion_rules().credit


def buys(order_id, day, total=500_000, hour=10, **more):
    return track("Order Completed", on(day, hour, 0), LAN, order_id=order_id, total=total, **more)


class Town(Engine):
    """An engine whose customer was served by tickets, their first answers going out on given days."""

    def __init__(self, bad_manners=None, now=LATER):
        super().__init__(now, bad_manners)
        with self.honest():
            self.take(buys("before", 0, 100_000, hour=1))
            self.customer = self.leads()[0]["customer_id"]

    def ticket(self, name):
        return self.customer + f"{name:0>20}"

    def answer(self, name, day, intent="return_exchange", by="first_response_at", hour=10):
        """A ticket's first answer goes out, however often that is said."""
        for _ in range(50):
            uow = UnitOfWork(self.table)
            key = table_keys.ticket(self.ticket(name))
            ticket = uow.get(key) or {"ticket_id": self.ticket(name), "customer_id": self.customer, "intent": intent}
            uow.put(key, open_window(uow, ticket | {by: stamp(moment(on(day, hour, 0)))}, CREDIT))
            try:
                uow.commit()
                return
            except Busy:
                continue
        raise AssertionError("the answer never got through")

    def credits(self):
        with self.honest():
            self.stack.read_stream()
            found = {name: credited(self.table, self.ticket(name)) for name in ("a", "b")}
            days = [local_day(START) + timedelta(days=n) for n in range(60)]
            return {name: tuple(one.values()) for name, one in found.items()}, revenue_per_ticket(self.table, days)


def test_k6_an_order_after_the_answer_is_credited_to_the_ticket():
    town = Town()
    town.answer("a", 5)
    town.take(buys("1", 6), buys("2", 12, 300_000, hour=9), buys("late", 13))

    tickets, kpi = town.credits()
    assert tickets["a"] == (800_000, 2)
    assert (kpi["value"], kpi["numerator"], kpi["denominator"]) == (800_000, 800_000, 1)


def test_k6_what_was_there_before_and_exchanges_and_return_invoices_are_not():
    town = Town()
    town.answer("a", 5)
    town.take(buys("1", 5, hour=9), buys("2", 6, exchange_of="before"), buys("3", 6, -200_000), buys("4", 6, 0))

    assert town.credits()[0]["a"] == (0, 0)


def test_k6_returns_take_it_back():
    town = Town()
    town.answer("a", 5)
    town.take(buys("1", 6), buys("2", 6, 300_000), buys("3", 6, 200_000))
    town.take(track("Order Cancelled", on(7, 9, 0), None, order_id="1"))
    town.take(track("Order Refunded", on(7, 9, 0), None, order_id="2", refund_id="R", total=100_000))

    assert town.credits()[0]["a"] == (400_000, 2)


def test_k6_an_order_belongs_to_the_latest_of_several_tickets():
    town = Town()
    town.take(buys("1", 6), buys("2", 8))
    town.answer("b", 7)
    town.answer("a", 5)

    tickets, kpi = town.credits()
    assert (tickets["a"], tickets["b"]) == ((500_000, 1), (500_000, 1))
    assert (kpi["value"], kpi["denominator"]) == (500_000, 2)


@pytest.mark.parametrize("intent", CREDIT.not_after)
def test_k6_nothing_is_sold_by_a_ticket_that_was_no_service_and_it_counts_all_the_same(intent):
    town = Town()
    town.answer("a", 5, intent)
    town.take(buys("1", 6))

    tickets, kpi = town.credits()
    assert tickets["a"] == (0, 0)
    assert (kpi["value"], kpi["denominator"]) == (0, 1)


def test_k6_the_bots_answer_is_service_too_and_the_first_answer_counts():
    town = Town()
    town.answer("a", 5, by="bot_first_response_at")
    town.answer("a", 8)
    town.take(buys("1", 6), buys("2", 14))

    tickets, kpi = town.credits()
    assert (tickets["a"], kpi["denominator"]) == ((500_000, 1), 1)


def test_k6_cod_is_credited_when_it_is_kept():
    town = Town(now=START + timedelta(days=6))
    town.answer("a", 5)
    town.take(buys("1", 5, 200_000, hour=11, payment="cod"), buys("2", 5, hour=12, payment="cod"))
    assert town.credits()[0]["a"] == (0, 0)
    town.take(track("Delivery Failed", on(6, 1, 0), None, order_id="1"))
    town.pass_days(20)

    assert town.credits()[0]["a"] == (500_000, 1)


def test_k6_without_tickets_there_is_no_figure():
    assert Town().credits()[1]["value"] is None


def test_k6_an_order_that_turns_out_to_be_somebody_elses_is_taken_back():
    town = Town()
    town.answer("a", 5)
    town.take(buys("1", 6))
    town.take(track("Order Updated", on(7, 10, 0), "0912345678", order_id="1", total=500_000))

    assert town.credits()[0]["a"] == (0, 0)


@st.composite
def facts(draw):
    kind = draw(st.sampled_from(["answer", "order", "order", "news"]))
    if kind == "answer":
        return "answer", draw(st.sampled_from("ab"))
    order_id, day = draw(st.sampled_from("12")), draw(st.integers(4, 20))
    if kind == "order":
        more = draw(st.sampled_from([{}, {"payment": "cod"}, {"exchange_of": "0"}, {"total": -5}]))
        event = draw(st.sampled_from(["Order Completed", "Order Updated"]))
        return "event", track(event, on(day, 11, 0), LAN, order_id=order_id, **{"total": 100_000, **more})
    event = draw(st.sampled_from(["Order Delivered", "Order Cancelled", "Returned To Sender", "Order Refunded"]))
    return "event", track(event, on(day, 12, 0), None, order_id=order_id, **({"total": 30_000, "refund_id": "R"}))


@max_examples(60)
@given(told=st.lists(facts(), min_size=2, max_size=5), seed=st.integers(0, 1000))
def test_k6_any_order_and_repetition_gives_the_same_credit_and_never_twice(told, seed):
    days = {"a": 5, "b": 9}
    outcomes = []
    for number, order in enumerate(list(permutations(told))[:6]):
        town = Town(faults(seed, stale_reads=0.0) if number % 2 else None)
        for kind, said in [*order, order[0], order[-1]]:
            if kind == "answer":
                town.answer(said, days[said])
            else:
                town.take(said)
        tickets, kpi = town.credits()
        kept = sum(
            max(0, row["kept"]) for row in town.items("C#") if row["sk"].startswith("O#") and "before" not in row["sk"]
        )
        assert 0 <= kpi["numerator"] == sum(revenue for revenue, _ in tickets.values()) <= kept
        outcomes.append((tickets, kpi))
    assert all(outcome == outcomes[0] for outcome in outcomes)
