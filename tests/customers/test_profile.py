"""Figures and traits: quick ways equal the slow one, and the order of arrival never matters (X15, D11)."""

from __future__ import annotations

from datetime import date, timedelta
from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.customers.profile import agree, different_people, fold_members, learn, new_profile
from shared.domain.orders.order import OrderRow
from shared.domain.segments.metrics import empty_metrics, extend, is_stale, measure
from shared.runtime.playbook.rules import rules
from tests.support.max_examples import max_examples

RULES = rules()
CUTOFFS = RULES.first_cutoffs
TODAY = date(2026, 6, 30)


def row(day, kept=500_000, *, order="HD1", hour=3, counts=None, **more):
    """An order placed `day` local days before TODAY."""
    on = TODAY - timedelta(days=day)
    values = {
        "order_id": order,
        "placed_at": f"{on}T{hour:02d}:00:00.000Z",
        "day": on,
        "total": kept,
        "kept": kept,
        "counts": kept > 0 if counts is None else counts,
        "matures": None,
        "refused": False,
        "promo": False,
        "discount_percent": 0,
        "status": "placed",
    }
    return OrderRow(**(values | more))


def measured(*rows, today=TODAY):
    return measure(rows, today, RULES, CUTOFFS)


# ---- measure ----


def test_nobody_without_orders_has_figures():
    assert measured() == empty_metrics(RULES, CUTOFFS)


def test_r3_invoices_of_one_local_day_are_one_visit():
    m = measured(row(5, hour=1, order="A"), row(5, hour=9, order="B"), row(9, order="C"))
    assert (m.orders, m.visits, m.busiest_day_orders, m.last_day_orders) == (3, 2, 2, 2)


def test_r3_exchanges_and_return_invoices_change_revenue_only():
    m = measured(row(9, 500_000), row(5, 50_000, counts=False, order="X"), row(3, -100_000, order="R"))
    assert (m.orders, m.visits, m.revenue, m.last_day) == (1, 1, 450_000, (TODAY - timedelta(days=9)).isoformat())


def test_r2_what_was_not_kept_does_not_stop_the_silence_clock():
    m = measured(row(40), row(2, 0, order="B", refused=True), row(1, 0, order="C", matures=TODAY + timedelta(days=13)))
    assert m.last_day == (TODAY - timedelta(days=40)).isoformat()
    assert (m.refusals, m.matures) == (1, (TODAY + timedelta(days=13)).isoformat())


@pytest.mark.parametrize(("day", "inside"), [(364, True), (365, False)])
def test_the_value_window_holds_365_local_days_and_today_is_one_of_them(day, inside):
    m = measured(row(day))
    assert (m.window_spend, m.window_visits) == ((500_000, 1) if inside else (0, 0))
    assert m.window_from == ((TODAY - timedelta(days=day)).isoformat() if inside else "")


def test_the_years_spend_ends_with_the_last_order_and_not_with_today():
    m = measured(row(800, order="A"), row(500, order="B"), row(450, order="C"))
    assert (m.year_spend, m.window_spend) == (1_500_000, 0)
    assert m.year_from == (TODAY - timedelta(days=800)).isoformat()


@pytest.mark.parametrize(("percent", "promo"), [(14, 0), (15, 1)])
def test_g2_a_discount_is_deep_from_fifteen_points_above_what_everybody_gets(percent, promo):
    assert measured(row(5, discount_percent=percent)).promo_orders == promo
    usual = CUTOFFS.model_copy(update={"discount_baseline_percent": 10})
    assert measure([row(5, discount_percent=24)], TODAY, RULES, usual).promo_orders == 0
    assert measure([row(5, discount_percent=25)], TODAY, RULES, usual).promo_orders == 1


# ---- extend equals measure ----

days = st.integers(0, 900)
amounts = st.sampled_from([0, 10_000, 500_000, 3_000_000, -200_000])


@st.composite
def order_rows(draw, day=days):
    kept = draw(amounts)
    waits = kept == 0 and draw(st.booleans())
    on = draw(day)
    return row(
        on,
        kept,
        order=f"HD{draw(st.integers(0, 10**6))}",
        hour=draw(st.integers(0, 16)),
        counts=kept > 0 and draw(st.integers(0, 4)) > 0,
        promo=draw(st.booleans()),
        discount_percent=draw(st.sampled_from([0, 15, 40])),
        refused=kept == 0 and not waits and draw(st.booleans()),
        matures=TODAY - timedelta(days=on - 14) if waits else None,
    )


@max_examples(300)
@given(st.lists(order_rows(), max_size=6), order_rows(st.integers(0, 400)), st.integers(0, 400))
def test_extend_equals_measure_wherever_it_answers(before, new, later):
    new = new._replace(order_id="HD-mới")
    # Figures were taken some days ago, when the orders of since then were not there yet.
    then = TODAY - timedelta(days=later)
    known = [r for r in before if r.day <= then]
    figures = measured(*known, today=then)
    quick = extend(figures, new, TODAY, RULES, CUTOFFS)
    if quick is not None:
        assert quick == measured(*known, new)


def test_extend_leaves_exchanges_before_the_first_order_to_measure():
    before = measured(row(5, 100, counts=False, order="X"), row(4, -100, order="R"))
    assert extend(before, row(1), TODAY, RULES, CUTOFFS) is None


def test_extend_answers_the_everyday_case():
    m = measured()
    for day in (300, 90, 30, 30, 2):
        m = extend(m, row(day, order=f"HD{day}", hour=m.orders), TODAY, RULES, CUTOFFS)
        assert m is not None
    assert (m.orders, m.visits, m.revenue) == (5, 4, 2_500_000)


@pytest.mark.parametrize(
    "new",
    [
        row(50, order="late"),
        row(2, -1, order="return"),
        row(2, 10, order="exchange", counts=False),
        row(2, 0, order="cod", matures=TODAY + timedelta(days=3)),
        row(2, 0, order="refused", refused=True),
    ],
)
def test_extend_leaves_what_is_not_everyday_to_measure(new):
    assert extend(measured(row(40)), new, TODAY, RULES, CUTOFFS) is None


@max_examples(300)
@given(st.lists(order_rows(), max_size=6), st.integers(0, 400))
def test_figures_that_are_not_stale_are_todays_figures(rows, later):
    then = TODAY - timedelta(days=later)
    known = [r for r in rows if r.day <= then]
    # A COD order that has matured by today is another row then; that is what `matures` in the figures is for.
    figures = measured(*known, today=then)
    if not is_stale(figures, TODAY, RULES, CUTOFFS):
        assert figures == measured(*known)


# ---- traits and consent converge ----

moments = st.integers(1, 4).map(lambda n: f"2026-06-0{n}T00:00:00.000Z")
statements = st.tuples(
    moments,
    st.fixed_dictionaries(
        {},
        optional={
            "name": st.sampled_from(["Nguyễn Thị Lan", "Lan", "Trần Văn Hùng", "khách lẻ", "chị Lan Q7"]),
            "city": st.sampled_from(["Huế", "Đà Nẵng"]),
            "@points": st.integers(0, 3),
        },
    ),
)


def learned(said):
    return reduce(lambda profile, s: learn(profile, s[1], s[0]), said, new_profile("c", "2026-06-01T00:00:00.000Z"))


@max_examples(200)
@given(st.lists(statements, max_size=6), st.randoms(use_true_random=False))
def test_x15_traits_converge_field_by_field_whatever_the_order(said, random):
    shuffled = [*said, *random.choices(said, k=len(said))] if said else []
    random.shuffle(shuffled)
    assert learned(shuffled) == learned(said)


def test_the_later_statement_wins_per_field_and_not_per_message():
    profile = learned([("2026-06-02", {"city": "Huế", "name": "Lan"}), ("2026-06-01", {"city": "Vinh", "gender": "f"})])
    assert profile["traits"] == {"city": "Huế", "name": "Lan", "gender": "f"}


def test_many_spellings_of_names_converge_too():
    middles = ["Thị", "Ngọc", "Mai", "Thanh", "Phương", "Hoàng", "Bích", "Kim", "Thu", "Xuân", "Thúy", "Mỹ"]
    said = [(f"2026-06-{n + 10}T00:00:00.000Z", {"name": f"Nguyễn {m} Lan"}) for n, m in enumerate(middles)]
    assert learned(said)["names"] == learned(reversed(said))["names"]
    assert len(learned(said)["names"]) == 8


consents = st.fixed_dictionaries(
    {
        "channel": st.sampled_from(["zalo", "sms"]),
        "purpose": st.just("marketing"),
        "granted": st.booleans(),
        "at": moments,
        "source": st.sampled_from(["pos", "web"]),
    },
    optional={"proof": st.sampled_from(["phiếu 12", "OTP"])},
)


@max_examples(200)
@given(st.lists(consents, max_size=6), st.randoms(use_true_random=False))
def test_r10_consent_converges_whatever_the_order(said, random):
    empty = new_profile("c", "2026-06-01T00:00:00.000Z")
    shuffled = [*said, *said]
    random.shuffle(shuffled)
    assert agree(empty, shuffled)["consent"] == agree(empty, said)["consent"]


def test_r10_of_a_grant_and_a_refusal_at_one_moment_the_refusal_stands():
    for pair in permutations(
        {"channel": "sms", "purpose": "marketing", "granted": g, "at": "2026-06-01", "source": "pos"}
        for g in (True, False)
    ):
        assert agree(new_profile("c", "2026"), pair)["consent"]["sms:marketing"]["granted"] is False


# ---- folding merged profiles ----


@max_examples(200)
@given(st.lists(st.tuples(statements, st.integers(0, 2)), max_size=8), st.lists(st.tuples(consents, st.integers(0, 2))))
def test_folded_members_are_what_one_profile_would_have_learned(said, agreed):
    single = new_profile("c0", "2026-06-01T00:00:00.000Z")
    members = [new_profile(f"c{n}", "2026-06-01T00:00:00.000Z") for n in range(3)]
    for (at, traits), who in said:
        single, members[who] = learn(single, traits, at), learn(members[who], traits, at)
    for statement, who in agreed:
        single, members[who] = agree(single, [statement]), agree(members[who], [statement])
    folded = fold_members(members)
    for part in ("traits", "stamps", "consent", "names"):
        assert folded[part] == single[part]


def test_a_merged_customer_is_as_old_as_the_oldest_and_as_engaged_as_the_latest():
    one, two = new_profile("a", "2026-02-01"), new_profile("b", "2025-01-01")
    one["engaged_on"], two["engaged_on"] = "2026-03-01", "2026-05-01"
    assert fold_members([one, two])["created_at"] == "2025-01-01"
    assert fold_members([one, two])["engaged_on"] == "2026-05-01"


def test_folding_changes_no_member():
    one = learn(new_profile("a", "2026-02-01"), {"name": "Lan"}, "2026-02-01")
    two = learn(new_profile("b", "2026-02-01"), {"name": "Hoa"}, "2026-02-02")
    before = repr((one, two))
    fold_members([one, two])
    assert repr((one, two)) == before


# ---- how many people ----


@pytest.mark.parametrize(
    ("names", "people"),
    [
        ([], 0),
        (["lan"], 1),
        (["lan", "nguyen thi lan"], 1),
        (["nguyen thi lan", "tran van hung"], 2),
        (["nguyen thi lan", "tran van hung", "le hoa"], 3),
    ],
)
def test_x3_the_least_number_of_people_behind_names(names, people):
    assert different_people(names) == different_people(reversed(names)) == people
