"""X15, show 4: any permutation, repetition, lateness and batching of the same events ends in the same state.

The state is everything: the 360° views with their timelines, lists and counters, the churn ranking, the shop's totals.
After every run lists, counters and totals are also held against brute force. The table is as bad as AWS may be.
"""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.engine import LATER, Engine, differences, faults, identify, message, on, sale, track
from tests.support.max_examples import max_examples

# Names that may be one person's: who clashes is a matter of arrival and tested apart (X3).
PHONES = ["0901234567", "+84 90 123 4567", "0912345678", "01212345678"]
EMAILS = ["lan@example.vn", "Hung@example.vn"]
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
        ["Order Shipped", "Out For Delivery", "Order Delivered", "Delivery Failed", "Returned To Sender",
         "Order Cancelled", "Order Refunded", "Shipment Updated"]
    ))  # fmt: skip
    more = {}
    if event == "Order Refunded":
        more = {"refund_id": draw(st.sampled_from(["R1", "R2"])), "total": draw(st.sampled_from([50_000, None]))}
    elif event == "Shipment Updated":
        more = {"carrier": "GHN", "status": draw(st.sampled_from(["sorting", "delivering", "delivered", "cancel"]))}
    user, traits = draw(st.one_of(st.just((None, {})), people()))
    return track(event, draw(moments), user, traits=traits, order_id=draw(orders), **more)


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
    engine = Engine(LATER, bad_manners=None if seed is None else faults(seed))
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


@max_examples(100)
@given(events, st.randoms(use_true_random=False), st.integers(0, 2**32))
def test_x15_any_permutation_repetition_and_batching_ends_in_the_same_state(said, random, seed):
    for number, one in enumerate(said):
        one["messageId"] = f"e{number}"
    once = ended([[one] for one in said])
    assert differences(ended(differently(said, random), seed), once) == []
    assert differences(ended([list(reversed(said))]), once) == []


# ---- a browser that is first anonymous and then somebody's (R5) ----


@st.composite
def browser_words(draw):
    """One browser, of one person: with the phone or without it."""
    visitor = draw(st.sampled_from(["browser-1", "browser-2"]))
    owner = {"browser-1": PHONES[0], "browser-2": EMAILS[0]}[visitor]
    user = draw(st.sampled_from([None, None, owner]))
    at = draw(moments)
    return draw(st.sampled_from([
        message("page", at, user=user, visitor=visitor, name="Áo dài Tết"),
        track("Product Viewed", at, user, visitor=visitor, sku="ao"),
        track("Product Added", at, user, visitor=visitor, sku="ao", price=100_000),
        track("Order Completed", at, user, visitor=visitor, order_id=draw(orders), total=400_000),
        identify(at, user, visitor=visitor, name="Lan"),
    ]))  # fmt: skip


@max_examples(60)
@given(
    st.lists(st.one_of(browser_words(), browser_words(), known_words(), sales()), min_size=2, max_size=8),
    st.randoms(use_true_random=False),
    st.integers(0, 2**32),
)
def test_r5_anonymous_activity_joins_its_customer_whenever_the_identity_arrives(said, random, seed):
    for number, one in enumerate(said):
        one["messageId"] = f"e{number}"
    once = ended([[one] for one in said])
    assert differences(ended(differently(said, random), seed), once) == []


# ---- lateness: the same events, known on other days ----


@max_examples(25)
@given(events, st.lists(st.integers(0, 60), min_size=9, max_size=9), st.integers(0, 2**32))
def test_x15_events_that_come_in_days_late_end_in_the_same_state(said, delays, seed):
    """Lists are held against brute force on every day something comes in, and on the last day all is equal."""
    for number, one in enumerate(said):
        one["messageId"] = f"e{number}"
    prompt = Engine(LATER)
    prompt.take(*said)
    prompt.pass_days(60)
    late = Engine(LATER, bad_manners=faults(seed, lag=3))
    arrivals = sorted(zip(delays, range(len(said)), strict=False))
    day = 0
    for delay, number in arrivals:
        late.pass_days(delay - day)
        day = delay
        late.take(said[number])
        late.check_lists()
    late.pass_days(60 - day)
    one, other = prompt.picture(), late.picture()
    # A rank is as of the day a customer was last looked at; who is ranked was held against brute force.
    del one["risk"], other["risk"]
    assert differences(one, other) == []


@pytest.mark.xfail(
    strict=True,
    reason="a device's link remembers the first and not the last use by its owner: keeping the last costs a write on "
    "every event of a logged-in browser",
)
def test_a_shared_device_speaks_for_whoever_used_it_last_whatever_comes_first():
    used = [
        track("Product Viewed", on(n), user, visitor="máy")
        for n, user in enumerate((*PHONES[:1], PHONES[2], *PHONES[:1]))
    ]
    after = track("Product Viewed", on(5), visitor="máy")
    ended_so = [
        {
            name.split("phone:")[1]: len(seen["timeline"])
            for name, seen in ended([[u] for u in order] + [[after]])["customers"].items()
        }
        for order in permutations(used)
    ]
    assert ended_so == [{"+84901234567": 3, "+84912345678": 1}] * 6


# ---- cases worth a name ----


def same(*said):
    once = ended([[one] for one in said])
    assert ended([[one] for one in reversed(said)]) == once
    assert ended([said]) == once
    return once


def test_two_identities_joined_by_a_third_event_are_one_customer_whatever_comes_first():
    picture = same(
        sale("HD1", on(1), "0901234567", total=300_000),
        track("Spin The Wheel", on(2), "lan@example.vn"),
        identify(on(3), "0901234567", email="lan@example.vn"),
    )
    assert list(picture["customers"]) == ["email:lan@example.vn phone:+84901234567"]


def test_a_delivery_heard_of_before_its_sale_stands_on_the_timeline():
    picture = same(sale("HD1", on(1), "0901234567", payment="cod"), track("Order Delivered", on(3), order_id="HD1"))
    assert len(picture["customers"]["phone:+84901234567"]["timeline"]) == 2


def test_a_shared_tablet_in_a_busy_shop_is_forty_customers():
    """More than one transaction holds: the batch goes through in parts."""
    engine = Engine(LATER)
    engine.take(*(track("Order Completed", on(1, 3, n), f"09012345{n:02d}", visitor="tablet", order_id=f"T{n}",
                        total=100_000) for n in range(40)))  # fmt: skip
    assert len(engine.picture()["customers"]) == 40


@pytest.mark.parametrize("seed", range(5))
def test_a_batch_of_many_facts_of_one_order_goes_through_on_a_hostile_table(seed):
    refunds = [track("Order Refunded", on(2, 1, n), order_id="HD1", refund_id=f"R{n}", total=1_000) for n in range(50)]
    picture = ended([[*refunds, sale("HD1", on(1), "0901234567", total=1_000_000)]], seed)
    assert picture["customers"]["phone:+84901234567"]["metrics"]["revenue"] == 950_000
