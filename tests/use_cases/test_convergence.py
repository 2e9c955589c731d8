"""X15, show 4: any permutation, repetition, lateness and batching of the same events ends in the same state.

The state is everything: the 360° views with their timelines, lists and counters, the churn ranking, the shop's totals.
After every run lists, counters and totals are also held against brute force. The table is as bad as AWS may be.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.use_cases.engine import START, Engine, hostile, identify, message, on, sale, track

LATER = START + timedelta(days=45)

# Names that may be one person's: who clashes is a matter of arrival and tested apart (X3).
LAN = {"name": "Nguyễn Thị Lan", "phone": "0901234567", "email": "lan@example.vn"}
PHONES = ["0901234567", "+84 90 123 4567", "0912345678", "01212345678"]
EMAILS = ["lan@example.vn", "Hung@example.vn"]
VISITORS = ["browser-1", "browser-2"]
NAMES = [None, "Lan", "Nguyễn Thị Lan", "nguyen thi lan"]

moments = st.builds(on, st.integers(0, 44), st.integers(0, 23), st.integers(0, 59))
orders = st.sampled_from(["HD1", "HD2", "HD3"])
users = st.sampled_from([None, *PHONES, *EMAILS])


@st.composite
def people(draw):
    """Who an event is about: a phone, an e-mail, both at once, a browser."""
    traits = {}
    user = draw(users)
    if draw(st.integers(0, 3)) == 0:
        traits["email"] = draw(st.sampled_from(EMAILS))
    if draw(st.integers(0, 3)) == 0:
        traits["phone"] = draw(st.sampled_from(PHONES))
    if name := draw(st.sampled_from(NAMES)):
        traits["name"] = name
    if draw(st.integers(0, 4)) == 0:
        traits["home_store"] = draw(st.sampled_from(["Q1", "Q7"]))
    return user, traits


@st.composite
def sales(draw):
    user, traits = draw(people())
    bad = draw(st.integers(0, 5)) == 0
    if bad:
        user, traits = None, {"phone": "0900000000"}
    return track(
        draw(st.sampled_from(["Order Completed", "Order Updated"])),
        draw(moments),
        user,
        traits=traits,
        order_id=draw(orders),
        total=draw(st.sampled_from([0, 250_000, 3_000_000, -100_000])),
        payment=draw(st.sampled_from(["cash", "cod", "prepaid"])),
        store=draw(st.sampled_from(["Q1", "Q7"])),
        channel=draw(st.sampled_from(["store", "shopee"])),
        **draw(st.sampled_from([{}, {"coupon": "TET"}, {"discount": 200_000}, {"exchange_of": "HD0"}])),
        **draw(st.sampled_from([{}, {"invoice_of": "HD1"}])),
    )


@st.composite
def carrier_words(draw):
    """What carriers and tills say of an order; they rarely say whose it is."""
    event = draw(st.sampled_from(
        ["Order Delivered", "Delivery Failed", "Returned To Sender", "Order Cancelled", "Order Refunded"]
    ))  # fmt: skip
    more = {"refund_id": draw(st.sampled_from(["R1", "R2"])), "total": draw(st.sampled_from([50_000, None]))}
    user, traits = draw(st.one_of(st.just((None, {})), people()))
    return track(event, draw(moments), user, traits=traits, order_id=draw(orders),
                 **(more if event == "Order Refunded" else {}))  # fmt: skip


@st.composite
def known_words(draw):
    """Identify, custom events and carts of somebody who is known."""
    user, traits = draw(people())
    user = user or draw(st.sampled_from(PHONES))
    at = draw(moments)
    consent = [{"channel": "zalo", "purpose": "marketing", "granted": draw(st.booleans())}]
    return draw(st.sampled_from([
        identify(at, user, **traits),
        message("identify", at, user=user, traits=traits, context={"consent": consent}),
        track("Spin The Wheel", at, user, traits=traits, prize="túi vải"),
        track("Cart Updated", at, user, traits=traits, products=[{"sku": "ao", "price": 100_000}]),
        track("Product Added", at, user, traits=traits, sku="ao", price=100_000),
        message("page", at, user=user, traits=traits, name="Trang chủ"),
    ]))  # fmt: skip


events = st.lists(st.one_of(sales(), sales(), carrier_words(), known_words()), min_size=2, max_size=9)


def ended(batches, seed=None):
    engine = Engine(LATER, bad_manners=None if seed is None else hostile(seed))
    for batch in batches:
        engine.take(*batch)
    return engine.picture()


def differently(said, random):
    """The same events, some of them several times, in any order and in any batches."""
    again = [*said, *random.choices(said, k=len(said) // 2)]
    random.shuffle(again)
    batches = []
    while again:
        size = random.randint(1, len(again))
        batches.append(again[:size])
        again = again[size:]
    return batches


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(events, st.randoms(use_true_random=False), st.integers(0, 2**32))
def test_x15_any_permutation_repetition_and_batching_ends_in_the_same_state(said, random, seed):
    for number, one in enumerate(said):
        one["messageId"] = f"e{number}"
    once = ended([[one] for one in said])
    assert ended(differently(said, random), seed) == once
    assert ended([list(reversed(said))]) == once
