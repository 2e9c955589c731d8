"""Carts: the same events in any order end in the same cart (D15, X15)."""

from __future__ import annotations

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.orders.cart import KEPT, absorb, lines
from tests.support.max_examples import max_examples


def line(sku, quantity=1, **more):
    return {"sku": sku, "quantity": quantity, **more}


def cart(*events):
    """Events as (minute, name, lines); the message id is the number in the list."""
    return filled((f"m{n:03d}", minute, name, said) for n, (minute, name, said) in enumerate(events))


def filled(events):
    return reduce(lambda c, e: absorb(c, e[0], f"2026-03-01T10:{e[1]:02d}:00.000Z", {"event": e[2], "lines": e[3]}),
                  events, None)  # fmt: skip


def inside(*events):
    return {item["sku"]: item["quantity"] for item in lines(cart(*events))}


def test_products_added_and_removed_add_up():
    assert inside(
        (1, "Product Added", [line("áo", 2)]),
        (2, "Product Added", [line("quần")]),
        (3, "Product Removed", [line("áo")]),
        (4, "Product Removed", [line("quần")]),
    ) == {"áo": 1}


def test_a_full_statement_replaces_what_was_said_before_it():
    assert inside(
        (1, "Product Added", [line("áo", 2)]), (2, "Cart Updated", [line("váy")]), (3, "Product Added", [line("váy")])
    ) == {"váy": 2}
    assert inside((1, "Product Added", [line("áo")]), (2, "Checkout Started", [line("áo", 3)])) == {"áo": 3}


def test_what_comes_late_counts_at_its_own_time():
    assert inside((3, "Product Added", [line("áo")]), (2, "Cart Updated", [line("váy")])) == {"váy": 1, "áo": 1}
    assert inside((2, "Cart Updated", [line("váy")]), (1, "Product Added", [line("áo")])) == {"váy": 1}


def test_an_emptied_cart_is_empty():
    assert inside((1, "Product Added", [line("áo")]), (2, "Cart Updated", [])) == {}


def test_taking_out_what_was_never_put_in_leaves_nothing():
    assert inside((1, "Product Removed", [line("áo")])) == {}


def test_a_cart_remembers_when_it_last_changed():
    assert cart((5, "Product Added", [line("áo")]), (3, "Product Added", [line("áo")]))["changed_at"].startswith(
        "2026-03-01T10:05"
    )


events = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.sampled_from(["Product Added", "Product Removed", "Cart Updated", "Checkout Started"]),
        st.lists(st.builds(line, st.sampled_from("abc"), st.integers(1, 3)), max_size=3),
    ),
    max_size=12,
)


@max_examples(300)
@given(events, st.randoms(use_true_random=False))
def test_x15_any_order_and_any_repetition_ends_in_the_same_cart(said, random):
    named = [(f"m{n:03d}", *event) for n, event in enumerate(said)]
    shuffled = [*named, *named]
    random.shuffle(shuffled)
    once, twice = filled(named), filled(shuffled)
    assert once == twice


@max_examples(50)
@given(st.randoms(use_true_random=False), st.integers(0, 2))
def test_x15_a_cart_with_more_events_than_are_kept_converges_too(random, full):
    named = [(f"m{n:03d}", n, "Cart Updated" if n == full else "Product Added", [line("a")]) for n in range(KEPT + 15)]
    shuffled = [*named]
    random.shuffle(shuffled)
    assert filled(shuffled) == filled(named)
    assert len(filled(named)["events"]) <= KEPT
