"""G1-G7, R4, R8: every label, and the local day on which it may change by itself."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.customers.profile import new_profile
from shared.domain.orders.order import OrderFact, OrderRow, absorb, read
from shared.domain.segments.churn import p_alive, weeks_between
from shared.domain.segments.metrics import Metrics, empty_metrics, measure
from shared.domain.segments.segmentation import SPREAD_SECONDS, classify, due_at, lifecycle, rfm, scores, silence
from shared.domain.vietnam_time import VIETNAM, day_start, local_day, moment
from shared.runtime.playbook.rules import rules
from tests.support.max_examples import max_examples

RULES = rules()
CUTOFFS = RULES.first_cutoffs
# After the rest of one Tết and half a year and more before the next.
FIRST = date(2026, 3, 1)


def day(n):
    return FIRST + timedelta(days=n)


def bought(*days, kept=500_000, on=None, **more):
    """Figures of somebody who bought on these days (counted from FIRST), as of day `on` (the last of them)."""
    rows = [
        OrderRow(
            order_id=f"HD{number}",
            placed_at=f"{day(n)}T03:00:{number % 60:02d}.000Z",
            day=day(n),
            total=kept,
            kept=kept,
            counts=kept > 0,
            matures=more.get("matures"),
            refused=more.get("refused", False),
            promo=more.get("promo", False),
            discount_percent=0,
            status="placed",
        )
        for number, n in enumerate(days)
    ]
    return measure(rows, day(max(days) if on is None else on), RULES, CUTOFFS)


def person(**more):
    profile = new_profile("c", "2026-01-01T00:00:00.000Z")
    profile["identities"] = {"phone:+84901234567": {"at": "2026-01-01T00:00:00.000Z", "certainty": "staff_confirmed"}}
    return profile | more


def standing(m, on, profile=None, **more):
    return classify(m, profile or person(), day(on), RULES, CUTOFFS, **more)


# ---- lifecycle (G4, G5, G7) ----

LIVES = [
    (0, "new"),
    (29, "new"),
    (30, "lapsed_30"),
    (59, "lapsed_30"),
    (60, "lapsed_60"),
    (89, "lapsed_60"),
    (90, "lapsed_90"),
    (179, "lapsed_90"),
    (180, "lost"),
    (5000, "lost"),
]


@pytest.mark.parametrize(("silent", "label"), LIVES)
def test_g7_every_lifecycle_boundary_falls_on_its_local_day(silent, label):
    assert standing(bought(0), silent).lifecycle == label


@pytest.mark.parametrize(("silent", "label"), LIVES)
def test_g4_a_second_visit_makes_active_and_the_same_boundaries_hold(silent, label):
    assert lifecycle(bought(-1, 0), day(silent), RULES) == label.replace("new", "active")


@pytest.mark.parametrize(
    ("sold", "looked_at", "label"),
    [
        # 23:59:59.999 on 1 January and 00:00 on the 2nd, by the shop's clock.
        ("2026-01-01T16:59:59.999Z", "2026-01-30T17:00:00.000Z", "lapsed_30"),
        ("2026-01-01T16:59:59.999Z", "2026-01-30T16:59:59.999Z", "new"),
        ("2026-01-01T17:00:00.000Z", "2026-01-30T17:00:00.000Z", "new"),
        ("2026-01-01T17:00:00.000Z", "2026-01-31T16:59:59.999Z", "new"),
        ("2026-01-01T17:00:00.000Z", "2026-01-31T17:00:00.000Z", "lapsed_30"),
        # A minute before midnight to a minute after, thirty days on: 29 days and two minutes in between.
        ("2026-01-01T16:59:00.000Z", "2026-01-30T17:01:00.000Z", "lapsed_30"),
    ],
)
def test_g7_the_day_is_the_shops_and_not_the_servers(sold, looked_at, label):
    state = absorb(None, OrderFact(order="HD1", kind="placed", at=sold, key="placed", content={"total": 500_000}))
    today = local_day(moment(looked_at))
    row = read("HD1", state, today, RULES.orders.cod_matures_days)
    m = measure([row], today, RULES, CUTOFFS)
    assert classify(m, person(), today, RULES, CUTOFFS).lifecycle == label


def test_somebody_who_never_bought_is_a_prospect_and_waits_for_nothing():
    nobody = standing(empty_metrics(RULES, CUTOFFS), 0)
    assert (nobody.labels, nobody.due_day) == (("prospect", "none"), None)


# ---- the silence clock over Tết (R15): 17 February 2026, rest from the 15th to the 22nd ----


def shopper(*days):
    """Figures of somebody who bought on these days."""
    return bought(*((day - FIRST).days for day in days))


@pytest.mark.parametrize(
    ("today", "label", "silent"),
    [
        (date(2026, 2, 14), "new", 25),
        (date(2026, 2, 22), "new", 25),
        (date(2026, 2, 26), "new", 29),
        (date(2026, 2, 27), "lapsed_30", 30),
        (date(2026, 3, 28), "lapsed_30", 59),
        (date(2026, 3, 29), "lapsed_60", 60),
        (date(2026, 7, 26), "lapsed_90", 179),
        (date(2026, 7, 27), "lost", 180),
    ],
)
def test_r15_nobody_lapses_for_not_buying_at_tet(today, label, silent):
    m = shopper(date(2026, 1, 20))
    assert (lifecycle(m, today, RULES), silence(m, today, RULES)) == (label, silent)
    assert (
        rfm(m, today, RULES, CUTOFFS)["r"]
        == {"new": 5, "lapsed_30": 4, "lapsed_60": 3, "lapsed_90": 2, "lost": 1}[label]
    )


def test_r15_the_boundaries_are_the_days_on_which_the_label_changes():
    seen = classify(shopper(date(2026, 1, 20)), person(), date(2026, 1, 21), RULES, CUTOFFS).boundaries
    assert {name: seen[name] for name in ("lapsed_30", "lapsed_60", "lapsed_90", "lost")} == {
        "lapsed_30": "2026-02-27",
        "lapsed_60": "2026-03-29",
        "lapsed_90": "2026-04-28",
        "lost": "2026-07-27",
    }


def test_r15_the_churn_model_keeps_the_calendars_time():
    one, other = shopper(date(2026, 1, 1), date(2026, 1, 20)), bought(0, 19)
    tet = scores(one, date(2026, 3, 1), RULES.bg_nbd)["p_alive"]
    assert tet == scores(other, day(59), RULES.bg_nbd)["p_alive"]


# ---- value (G2-G4, R8) ----


@pytest.mark.parametrize(
    ("days", "kept", "tier"),
    [
        ([0], 100_000, "one_time"),
        ([0, 0], 100_000, "one_time"),
        ([0, 5], 100_000, "regular"),
        ([0, 5, 9], 100_000, "regular"),
        ([0, 5, 9, 12], 100_000, "loyal"),
        ([0, 5], CUTOFFS.vip_spend // 2, "vip"),
        ([0, 5], CUTOFFS.vip_spend // 2 - 1, "regular"),
        ([0], CUTOFFS.vip_spend, "one_time"),
    ],
)
def test_g2_g3_g4_value_tiers(days, kept, tier):
    assert standing(bought(*days, kept=kept), max(days)).value == tier


def test_loyal_visits_leave_the_window_one_by_one():
    days = (0, 5, 9, 12)
    assert standing(bought(*days, on=364), 364).value == "loyal"
    assert standing(bought(*days, on=365), 365).value == "regular"


@pytest.mark.parametrize("kind", ["@wholesale", "@staff"])
def test_r8_wholesale_buyers_and_staff_are_never_vips(kind):
    big = bought(0, 5, kept=CUTOFFS.vip_spend)
    assert standing(big, 5, person(traits={kind: True})).value == "regular"
    assert standing(big, 5, person(traits={kind: False})).value == "vip"


def test_r8_an_appointed_vip_stays_one_for_twelve_months_to_the_day():
    appointed = standing(bought(0, 5, kept=CUTOFFS.vip_spend), 5, appoint_vip=True)
    assert appointed.vip_until == str(day(370))
    poor = bought(0, 5, kept=CUTOFFS.vip_spend, on=369)._replace(window_spend=0)
    vip = person(vip_until=appointed.vip_until)
    assert (standing(poor, 369, vip).value, standing(poor, 370, vip).value) == ("vip", "regular")
    assert standing(poor, 369, vip).boundaries["vip"] == str(day(370))
    assert standing(poor, 370, vip).vip_until == ""


def test_r8_nobody_is_appointed_by_a_mere_order():
    assert standing(bought(0, 5, kept=CUTOFFS.vip_spend), 5).vip_until == ""


# ---- RFM (G3) ----


@pytest.mark.parametrize(
    ("silent", "r"), [(0, 5), (29, 5), (30, 4), (59, 4), (60, 3), (89, 3), (90, 2), (179, 2), (180, 1)]
)
def test_g3_recency(silent, r):
    assert rfm(bought(0), day(silent), RULES, CUTOFFS)["r"] == r


@pytest.mark.parametrize(("visits", "f"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (7, 4), (8, 5), (30, 5)])
def test_g3_frequency(visits, f):
    assert rfm(bought(*range(visits)), day(visits), RULES, CUTOFFS)["f"] == f


@pytest.mark.parametrize(
    ("kept", "m"), [(499_999, 1), (500_000, 2), (1_499_999, 2), (1_500_000, 3), (4_000_000, 4), (10_000_000, 5)]
)
def test_g3_money(kept, m):
    assert rfm(bought(0, kept=kept), day(0), RULES, CUTOFFS)["m"] == m


def test_g3_who_never_bought_has_no_scores():
    assert rfm(Metrics(), day(0), RULES, CUTOFFS) == {"r": 0, "f": 0, "m": 0}


# ---- tags (G1, G2, R2) ----


@pytest.mark.parametrize(
    ("orders", "promo", "hunter"), [(2, 2, False), (3, 2, True), (3, 1, False), (5, 3, True), (10, 5, False)]
)
def test_g2_a_promo_hunter_buys_at_least_three_times_and_mostly_cheap(orders, promo, hunter):
    m = bought(*range(orders))._replace(promo_orders=promo)
    assert ("promo_hunter" in standing(m, orders).tags) is hunter


@pytest.mark.parametrize(("largest", "tagged"), [(1_999_999, False), (2_000_000, True)])
def test_g1_a_high_value_order_is_two_millions_at_least(largest, tagged):
    assert ("high_value" in standing(bought(0, kept=largest), 0).tags) is tagged
    high = CUTOFFS.model_copy(update={"order_p95": 5_000_000})
    assert "high_value" not in classify(bought(0, kept=largest), person(), day(0), RULES, high).tags


@pytest.mark.parametrize(("refusals", "risk"), [(0, False), (1, False), (2, True)])
def test_r2_two_refusals_are_a_cod_risk(refusals, risk):
    assert ("cod_risk" in standing(bought(0)._replace(refusals=refusals), 0).tags) is risk


@pytest.mark.parametrize(("quiet", "low"), [(59, False), (60, True)])
def test_g12_sixty_days_without_a_sign_is_low_engagement(quiet, low):
    seen = standing(empty_metrics(RULES, CUTOFFS), quiet, person(engaged_on=str(day(0))))
    assert ("low_engagement" in seen.tags) is low
    assert seen.boundaries == ({} if low else {"engagement": str(day(60))})


@pytest.mark.parametrize(("silent", "at_risk"), [(29, False), (30, True), (179, True), (180, False)])
def test_g11_who_lapsed_and_is_not_lost_is_at_risk_with_a_value(silent, at_risk):
    seen = standing(bought(0), silent)
    assert ("at_risk" in seen.tags) is at_risk
    assert (seen.risk is not None) is at_risk


# ---- the personal boundary beside the fixed ones (X23) ----


def test_x23_a_daily_buyer_is_at_risk_long_before_thirty_days():
    m = bought(*range(40))
    half = date.fromisoformat(standing(m, 39).boundaries["personal"])
    assert (half - day(39)).days < 30
    on = (half - FIRST).days
    assert "at_risk" not in standing(m, on - 1).tags
    assert "at_risk" in standing(m, on).tags
    assert standing(m, on).lifecycle == "active"
    spans = weeks_between(FIRST, day(39))
    assert p_alive(RULES.bg_nbd, 39, spans, weeks_between(FIRST, half)) <= 0.5
    assert p_alive(RULES.bg_nbd, 39, spans, weeks_between(FIRST, half - timedelta(days=1))) > 0.5


# ---- walk-in numbers and visitors (R4, R5) ----


def test_r4_a_number_with_four_different_people_is_no_person():
    names = dict.fromkeys(("nguyen thi lan", "tran van hung", "le hoa", "pham duc minh"), 1)
    assert (standing(bought(0), 40, person(names=names)).refused, standing(bought(0), 40).refused) == ("names", "")
    assert standing(bought(0), 40, person(names=names)).labels == ()
    assert standing(bought(0), 40, person(names=names)).risk is None
    three = dict(list(names.items())[:3])
    assert standing(bought(0), 40, person(names=three)).refused == ""


@pytest.mark.parametrize(("orders", "refused"), [(19, ""), (20, "rate")])
def test_r4_twenty_orders_of_one_day_are_no_person(orders, refused):
    assert standing(bought(*[0] * orders), 0).refused == refused


def test_an_anonymous_visitor_is_in_no_list():
    visitor = new_profile("v", "2026-01-01T00:00:00.000Z")
    visitor["identities"] = {"anonymous:xyz": {}}
    assert standing(empty_metrics(RULES, CUTOFFS), 0, visitor).labels == ()


# ---- key dates (A3, R8) ----


def test_a3_r8_a_customer_is_looked_at_on_every_occasion_and_then_waits_for_the_next():
    lan = person(traits={"birthday": "1990-05-21", "@points": 120, "@points_expire_on": "2026-06-20"})
    eve = classify(empty_metrics(RULES, CUTOFFS), lan, date(2026, 5, 20), RULES, CUTOFFS)
    both = {"birthday": "2026-05-21", "points_30": "2026-05-21", "points_7": "2026-06-13"}
    assert (eve.boundaries, eve.key_dates) == (both, ())
    on_it = classify(empty_metrics(RULES, CUTOFFS), lan, date(2026, 5, 21), RULES, CUTOFFS)
    assert on_it.boundaries == {"birthday": "2027-05-21", "points_7": "2026-06-13"}
    assert on_it.key_dates == ("birthday", "points_30")


def test_r4_a_number_that_is_no_person_and_a_visitor_have_no_occasions():
    names = dict.fromkeys(("nguyen thi lan", "tran van hung", "le hoa", "pham duc minh"), 1)
    born = {"birthday": "1990-05-21"}
    assert standing(empty_metrics(RULES, CUTOFFS), 0, person(names=names, traits=born)).boundaries == {}
    visitor = new_profile("v", "2026-01-01T00:00:00.000Z") | {"identities": {"anonymous:xyz": {}}, "traits": born}
    assert standing(empty_metrics(RULES, CUTOFFS), 0, visitor).boundaries == {}


# ---- boundaries ----


@max_examples(200)
@given(
    st.lists(st.integers(0, 500), min_size=1, max_size=8),
    st.integers(0, 800),
    st.integers(-1, 500),
    st.sampled_from([100_000, 6_000_000]),
    st.sampled_from(["", str(day(300)), str(day(700))]),
)
def test_x4_no_label_changes_before_the_due_day_and_the_due_day_is_the_least_boundary(
    days, later, engaged, kept, vip_until
):
    on = max(days) + later
    m = bought(*days, kept=kept, on=on)
    profile = person(vip_until=vip_until) | ({"engaged_on": str(day(engaged))} if 0 <= engaged <= on else {})
    now = standing(m, on, profile)
    assert all(day(on) < date.fromisoformat(d) for d in now.boundaries.values())
    if now.due_day is None:
        tomorrow = range(on + 1, on + 3000, 97)
    else:
        assert str(now.due_day) == min(now.boundaries.values())
        until = (now.due_day - FIRST).days
        tomorrow = [*range(on + 1, until, max(1, (until - on) // 5)), until - 1]
    for n in tomorrow:
        fresh = bought(*days, kept=kept, on=max(n, on))
        assert standing(fresh, max(n, on), profile).labels == now.labels


def test_the_window_boundary_is_the_day_the_earliest_order_leaves():
    assert standing(bought(0, 200, on=300), 300).boundaries["window"] == str(day(365))
    assert bought(0, on=365).window_spend == 0


def test_r2_the_maturing_of_a_cod_order_is_a_boundary():
    m = bought(0)._replace(matures=str(day(20)))
    assert standing(m, 10).boundaries["cod"] == str(day(20))


def test_wakes_are_spread_over_the_first_hours_of_the_local_day_and_always_alike():
    moments = [due_at(f"customer-{n}", day(0)) for n in range(500)]
    start = day_start(day(0))
    assert all(start <= m < start + timedelta(seconds=SPREAD_SECONDS) for m in moments)
    assert len({m.astimezone(VIETNAM).hour for m in moments}) == 3
    assert due_at("customer-7", day(0)) == moments[7]
    assert due_at("customer-7", day(1)) - due_at("customer-7", day(0)) == timedelta(days=1)


def test_scores_are_empty_before_the_first_purchase_and_chances_after_it():
    assert set(scores(Metrics(), day(0), RULES.bg_nbd).values()) == {None}
    seen = scores(bought(0, 30), day(60), RULES.bg_nbd)
    assert 0 < seen["p_repurchase_30d"] < seen["p_alive"] < 1
    assert seen["clv"] == 1_000_000
    assert seen["care_level"] == "normal"


def test_g8_after_one_purchase_nobody_knows_whether_a_customer_is_still_one():
    for silent in (1, 100, 700):
        seen = scores(bought(0), day(silent), RULES.bg_nbd)
        assert (seen["p_alive"], seen["p_alive_why"]) == (None, "one_purchase")
        assert 0 < seen["p_repurchase_30d"] < 1


def test_g8_care_goes_to_regulars_who_are_more_likely_gone_than_not():
    regular = bought(*range(0, 100, 10))
    assert scores(regular, day(92), RULES.bg_nbd)["care_level"] == "low"
    assert scores(regular, day(130), RULES.bg_nbd)["care_level"] in ("normal", "high")
    assert scores(regular, day(250), RULES.bg_nbd)["care_level"] == "high"
    assert scores(bought(0), day(250), RULES.bg_nbd)["care_level"] == "normal"


def test_local_days_begin_at_seventeen_hundred_utc():
    assert day_start(date(2026, 1, 2)) == datetime.fromisoformat("2026-01-01T17:00:00Z")
