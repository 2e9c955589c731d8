"""U1: what goes into one order is counted once, whatever the order, repetition and lateness of what is told of it."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.catalogue.product import Product
from shared.domain.orders.order import read
from shared.domain.recommendations.recommendation import Counts
from shared.ports import Put
from shared.repositories import co_purchase, table_keys
from shared.repositories.cached import ProcessMemory
from shared.repositories.co_purchase import CoPurchase, basket
from tests.support.engine import RULES, START, Engine, faults, on, track
from tests.support.max_examples import max_examples

LATER = START + timedelta(days=45)
SKUS = ["A", "B", "C", "D+1", "Đ ê"]


def lines(*skus):
    return [{"sku": sku, "name": f"Món {sku}", "quantity": 1, "price": 100_000} for sku in skus]


def placed(order_id, *skus, day=1, user="0901234567", event="Order Completed", **more):
    said = {"total": 100_000 * len(skus), "channel": "website", **more}
    return track(event, on(day, 10, 0), user, order_id=order_id, products=lines(*skus), **said)


def counts(engine, *skus):
    with engine.honest():
        engine.stack.read_stream()
    found = CoPurchase(engine.table, ProcessMemory(lambda: engine.now)).load(skus)
    return {sku: one._replace(sold=None) for sku, one in found.items()}


def expected(engine):
    """The counts by brute force over all orders, as they were last looked at."""
    found = Counter()
    for item in engine.items("ORDER#"):
        order_id = item["pk"].removeprefix("ORDER#")
        row = read(order_id, item, date.fromisoformat(item["as_of"]), RULES.orders.cod_matures_days)
        goods = basket(row, item["content"], RULES.orders)
        for sku in goods:
            found[sku, "orders"] += 1
            found.update((sku, f"+{other}") for other in goods if other != sku)
    return +found


def stored(engine):
    found = Counter()
    for item in engine.items("PAIRS#"):
        sku = item["pk"].removeprefix("PAIRS#")
        for name in item.keys() - {"pk", "sk", "name", "category", "price"}:
            found[sku, name] += item[name]
    return +found


def test_u1_goods_of_one_order_are_counted_by_pair_history_and_walk_ins_among_them():
    engine = Engine(LATER)
    history = placed("1", "A", "B") | {"context": {"backfill": True}}
    engine.take(history, placed("2", "A", "B", "C", user=None), placed("3", "A"))

    assert counts(engine, "A", "C", "nowhere") == {
        "A": Counts(3, {"B": 2, "C": 1}),
        "C": Counts(1, {"A": 1, "B": 1}),
        "nowhere": Counts(0, {}),
    }


def test_u1_a_product_is_known_as_it_was_sold():
    engine = Engine(LATER)
    engine.take(placed("1", "A", "B"))
    engine.stack.read_stream()

    found = CoPurchase(engine.table, ProcessMemory(lambda: engine.now)).load(["A", "C"])
    assert found["A"].sold == Product(sku="A", name="Món A", price=100_000)
    assert found["C"].sold is None


def test_u1_an_order_that_falls_away_leaves_nothing_behind():
    engine = Engine(LATER)
    engine.take(placed("1", "A", "B"), placed("2", "A", "B"), placed("3", "A", "B"), placed("4", "A", "B"))
    engine.take(track("Order Cancelled", on(2, 9, 0), None, order_id="1"))
    engine.take(track("Returned To Sender", on(2, 9, 0), None, order_id="2"))
    engine.take(track("Order Refunded", on(2, 9, 0), None, order_id="3", refund_id="R"))

    assert counts(engine, "A") == {"A": Counts(1, {"B": 1})}


def test_u1_a_changed_order_counts_as_it_is_now():
    engine = Engine(LATER)
    engine.take(placed("1", "A", "B"))
    engine.take(placed("1", "A", "C", event="Order Updated", day=2))

    assert counts(engine, "A", "B", "C") == {
        "A": Counts(1, {"C": 1}),
        "B": Counts(0, {}),
        "C": Counts(1, {"A": 1}),
    }


def test_u1_what_says_nothing_about_goods_is_not_counted():
    engine = Engine(LATER)
    wholesale = [f"W{n}" for n in range(co_purchase.MOST_GOODS + 1)]
    fee = [*lines("A"), {"sku": "SHIP", "name": "Phí vận chuyển nhanh", "price": 30_000}]
    fee += [{"sku": "BAG", "name": "Túi giấy loại lớn"}, {"name": "không mã"}]
    engine.take(
        placed("1", *wholesale), track("Order Completed", on(1, 9, 0), None, order_id="2", total=1, products=fee)
    )
    engine.take(placed("3", "A", "B", exchange_of="2"), placed("4", "B", "C", payment="cod"))

    assert stored(engine) == {
        ("A", "orders"): 1,
        ("B", "orders"): 1,
        ("C", "orders"): 1,
        ("B", "+C"): 1,
        ("C", "+B"): 1,
    }


def test_u1_a_cod_order_counts_when_it_has_matured_by_itself():
    engine = Engine(START + timedelta(days=1))
    engine.take(placed("1", "A", "B", payment="cod", day=0), placed("2", "A", "B", payment="cod", day=0, user=None))
    assert counts(engine, "A")["A"] == Counts(0, {})
    engine.pass_days(RULES.orders.cod_matures_days + 1)

    assert counts(engine, "A")["A"] == Counts(2, {"B": 2})


def test_u1_many_orders_mature_on_one_day_within_what_one_write_holds():
    engine = Engine(START + timedelta(days=1))
    goods = [chr(ord("A") + n) for n in range(co_purchase.MOST_GOODS)]
    for number in range(20):
        engine.take(placed(str(number), *(f"{sku}{number}" for sku in goods), payment="cod", day=0))
    engine.pass_days(RULES.orders.cod_matures_days + 2)

    assert stored(engine) == expected(engine)
    assert counts(engine, "A7")["A7"].orders == 1


@st.composite
def facts(draw):
    order_id = draw(st.sampled_from(["1", "2"]))
    day = draw(st.integers(0, 40))
    if draw(st.booleans()):
        skus = draw(st.lists(st.sampled_from(SKUS), min_size=1, max_size=4))
        event = draw(st.sampled_from(["Order Completed", "Order Updated"]))
        more = draw(st.sampled_from([{}, {"payment": "cod"}, {"exchange_of": "0"}, {"total": -5}]))
        user = draw(st.sampled_from(["0901234567", "0912345678", None]))
        return placed(order_id, *skus, day=day, event=event, user=user, **more)
    event = draw(st.sampled_from(["Order Delivered", "Order Cancelled", "Returned To Sender", "Delivery Failed"]))
    return track(event, on(day, 12, 0), None, order_id=order_id)


@max_examples(60)
@given(told=st.lists(facts(), min_size=2, max_size=5), seed=st.integers(0, 1000))
def test_u1_any_order_and_repetition_of_the_facts_ends_in_the_same_counts(told, seed):
    outcomes = []
    for number, order in enumerate(list(permutations(told))[:6]):
        engine = Engine(LATER, faults(seed, stale_reads=0.0) if number % 2 else None)
        for message in [*order, order[0], order[-1]]:
            engine.take(message)
        with engine.honest():
            assert stored(engine) == expected(engine)
        outcomes.append(stored(engine))
    assert all(outcome == outcomes[0] for outcome in outcomes)


def test_a_row_that_has_grown_large_loses_what_came_once():
    engine = Engine(LATER)
    others = {f"+S{n}": 1 for n in range(co_purchase.OTHERS_KEPT)} | {"+B": 9}
    key = table_keys.pairs("A")
    engine.table.write(Put({"pk": key.pk, "sk": key.sk, "orders": 500, **others}))

    assert counts(engine, "A")["A"].together["B"] == 9
    kept = engine.table.get(key)
    assert (len(kept), kept["+B"]) == (3 + co_purchase.OTHERS_KEPT + 1 - co_purchase.DROPPED_AT_ONCE, 9)


def test_counts_are_remembered_for_ten_minutes():
    engine = Engine(LATER)
    now = engine.now
    memory = ProcessMemory(lambda: now)
    engine.take(placed("1", "A", "B"))
    engine.stack.read_stream()
    first = CoPurchase(engine.table, memory).load(["A"])
    engine.take(placed("2", "A", "B"))
    engine.stack.read_stream()

    now = engine.now + timedelta(minutes=9)
    assert CoPurchase(engine.table, memory).load(["A"]) == first
    now = engine.now + timedelta(minutes=10)
    assert CoPurchase(engine.table, memory).load(["A"])["A"].orders == 2
