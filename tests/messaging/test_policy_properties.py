"""Show 3: whatever schedule, backlog, outage or configuration there is, the law holds and nothing comes too late.

The decision is drawn over all that the policy may be told; then whole plans live through days in a house, with their
providers failing, and what the stand-ins took is held to the same rules.
"""

from __future__ import annotations

import inspect
import re
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise, product
from random import Random
from typing import get_args

import pytest
import yaml
from hypothesis import HealthCheck, assume, example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.domain.common.channels import ChannelName, Purpose
from shared.domain.common.lunar_calendar import Rest, rest_until
from shared.domain.messaging import delivery, legal_limits, policy
from shared.domain.messaging.policy import WINDOWED, Contact, Person, Situation, Wish, choose, decide, in_holdout
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.vietnam_time import VIETNAM, local_day, stamp
from shared.runtime.playbook import rules as rules_file
from shared.runtime.playbook.loader import PLAYBOOK, PlaybookError
from shared.runtime.playbook.rules import sending_rules
from shared.use_cases.messaging import choose_channel, dispatch_ad_batch, dispatch_message
from tests.common.lunar_table import LAST_MONTH_DAYS, TET
from tests.support.max_examples import max_examples
from tests.support.messaging import Care

CHANNELS = get_args(ChannelName)
PURPOSES = get_args(Purpose)
SHIPPED = yaml.safe_load((PLAYBOOK / "sending.yaml").read_text(encoding="utf-8"))
MINUTE = timedelta(minutes=1)
# A year with Tết in it (17 February 2026), so that the rest is met.
moments = st.integers(0, 364 * 24 * 60).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + minutes * MINUTE)

clocks = st.times().map(lambda at: at.replace(second=0, microsecond=0))


@st.composite
def windows(draw):
    opens, closes = sorted((draw(clocks), draw(clocks)))
    return {"opens": opens, "closes": closes}


@st.composite
def configurations(draw):
    """Any rules that the model accepts, and it is asked often: hours of any width, caps, rests, orders, prices."""
    changed = dict(SHIPPED)
    changed["windows"] = {p: draw(st.none() | windows()) for p in PURPOSES}
    changed["narrower"] = draw(st.dictionaries(st.sampled_from(CHANNELS), windows(), max_size=2))
    caps = st.fixed_dictionaries({"messages": st.integers(1, 50), "days": st.integers(1, 30)})
    changed["caps"] = {
        "marketing": draw(caps),
        "service": draw(st.none() | caps),
        "transactional": draw(st.none() | caps),
    }
    changed["tet_rests"] = draw(st.just([]) | st.just([[28, 6]]) | st.just([[1, 30], [23, 9]]))
    changed["holdout_percent"] = draw(st.integers(0, 50))
    changed["priorities"] = draw(st.dictionaries(st.sampled_from("ab"), st.integers(-5, 5)))
    try:
        return SendingRules.model_validate(changed)
    except ValidationError:
        assume(False)


@st.composite
def lawful_configurations(draw):
    """Rules inside the law by their making, so that few are thrown away."""

    def inside(low, high):
        opens = draw(st.integers(low, high - 1))
        return {"opens": time(opens), "closes": time(draw(st.integers(opens + 1, min(high, 23))))}

    changed = dict(SHIPPED)
    day = {"opens": time(8), "closes": time(17)}
    changed["windows"] = {
        "marketing": draw(st.just(day) | st.just({"opens": time(7), "closes": time(22)})),
        "service": inside(8, 17) if draw(st.booleans()) else {"opens": time(7), "closes": time(22)},
        "transactional": draw(st.none() | st.just(day)),
    }
    changed["narrower"] = {"email": inside(9, 16)} if draw(st.booleans()) else {}
    changed["caps"] = {
        "marketing": {"messages": draw(st.integers(1, 50)), "days": draw(st.integers(1, 30))},
        "service": draw(st.none() | st.just({"messages": 3, "days": 2})),
        "transactional": None,
    }
    changed["tet_rests"] = draw(st.just([]) | st.just([[28, 6]]) | st.just([[1, 30]]))
    changed["holdout_percent"] = draw(st.integers(0, 50))
    try:
        return SendingRules.model_validate(changed)
    except ValidationError:
        assume(False)


rules_of_any_kind = st.just(sending_rules()) | lawful_configurations() | configurations()


@st.composite
def people(draw, now):
    ago = st.integers(0, 40 * 24 * 60).map(lambda minutes: now - minutes * MINUTE)
    contacts = draw(st.lists(st.builds(Contact, ago, st.sampled_from(PURPOSES), st.sampled_from(CHANNELS)), max_size=8))
    mostly = st.sampled_from([True, True, True, False, None])
    consent = {f"{c}:{p}": said for c in (*CHANNELS, "sms") for p in PURPOSES if (said := draw(mostly)) is not None}
    return Person(
        customer_id=draw(st.sampled_from(["c" * 24, "d" * 24, "e" * 24, "f" * 24])),
        reachable=frozenset(draw(st.sets(st.sampled_from(CHANNELS), min_size=4))),
        consent=consent,
        closed=draw(st.dictionaries(
            st.sampled_from(CHANNELS), st.sampled_from(["bounced", "complained", "refused_by_customer", "unreachable"]),
            max_size=2,
        )),
        windows={c: now + draw(st.integers(-60, 600)) * MINUTE for c in WINDOWED if draw(st.booleans())},
        contacts=contacts,
        province=draw(st.sampled_from(["", "Huế", "Hà Nội"])),
        complaint_open=draw(st.sampled_from([False, False, False, True])),
        do_not_call=draw(st.sampled_from([False, False, False, True])),
        refused=draw(st.sampled_from([False] * 9 + [True])),
        waiting_priority=draw(st.none() | st.integers(-10, 200)),
    )  # fmt: skip


@st.composite
def cases(draw):
    now = draw(moments)
    spare = st.none() | st.integers(-600, 40 * 24 * 60).map(lambda minutes: now + minutes * MINUTE)
    wish = Wish(
        purpose=draw(st.sampled_from([*PURPOSES, "marketing", "marketing"])),
        journey=draw(st.sampled_from(["birthday", "a", "unranked"])),
        send_before=draw(spare),
        prices=draw(st.dictionaries(st.sampled_from(CHANNELS), st.integers(0, 9000))),
        templated=draw(st.sampled_from([frozenset(), frozenset(WINDOWED)])),
    )
    situation = Situation(
        now=now,
        do_not_call_checked=draw(
            st.none() | st.integers(0, 10).map(lambda days: local_day(now) - timedelta(days=days))
        ),
        halted=draw(st.sampled_from([frozenset(), frozenset(), frozenset(["huế"]), frozenset("*")])),
        budget_left=draw(st.none() | st.integers(-100, 10_000)),
    )
    return wish, draw(people(now)), situation, draw(rules_of_any_kind)


def unlawful(wish, channel, person, situation, rules):
    """Everything that forbids this message now, worked out from the words of the law and of the rules, not by the
    policy's own functions."""
    now, local = situation.now, situation.now.astimezone(VIETNAM)
    minutes = local.hour * 60 + local.minute
    found = []
    if wish.send_before and now >= wish.send_before:
        found.append("after its send_before")
    if channel not in person.reachable or channel in person.closed or person.refused:
        found.append("nobody to reach")
    said = person.consent.get(f"{'sms' if channel in ('sms_care', 'sms_ad') else channel}:{wish.purpose}")
    if said is False:
        found.append("refused")
    if wish.purpose != "transactional" or channel == "call":
        opens, closes = (8, 17) if channel == "call" else (7, 22)
        if not opens * 60 <= minutes < closes * 60:
            found.append("outside the lawful hours")
    if wish.purpose != "marketing":
        return found
    day_ago = [c for c in person.contacts if c.at > now - timedelta(hours=24) and c.purpose == "marketing"]
    if sum(c.channel == channel for c in day_ago) >= (1 if channel == "call" else 3):
        found.append("over the legal cap")
    cap = rules.caps["marketing"]
    span = now - timedelta(days=cap.days)
    if sum(c.purpose == "marketing" and c.at > span for c in person.contacts) >= cap.messages:
        found.append("over our own cap")
    if said is not True:
        found.append("without consent")
    if person.complaint_open:
        found.append("while a complaint is open")
    if channel in ("call", "sms_ad", "sms_care", "zns", "whatsapp"):
        checked = situation.do_not_call_checked
        if person.do_not_call or checked is None or local.date() - checked > timedelta(days=7):
            found.append("against the do-not-call list")
    if situation.halted & {"*", person.province.lower()}:
        found.append("under the red button")
    for year, rest in product((local.year, local.year + 1), rules.tet_rests):
        first = TET[year] - timedelta(days=LAST_MONTH_DAYS[year] - rest.from_day_of_last_month + 1)
        if first <= local.date() < TET[year] + timedelta(days=rest.to_day_of_first_month):
            found.append("during the rest over Tết")
    if in_holdout(person.customer_id, "*", rules.holdout_percent):
        found.append("to the hold-out")
    return found


@max_examples(500, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(cases(), st.sampled_from(CHANNELS))
def test_what_the_policy_sends_nothing_forbids_and_everything_else_has_words(case, channel):
    wish, person, situation, rules = case
    decision = decide(wish, channel, person, situation, rules)
    if decision.outcome == "send":
        assert unlawful(wish, channel, person, situation, rules) == []
    words = rules.reasons[decision.reason]
    assert all(words[lang].strip() for lang in ("vi", "en"))
    if decision.outcome == "defer":
        assert decision.until > situation.now
        assert wish.send_before is None or decision.until < wish.send_before
    else:
        assert decision.until is None


@max_examples(200, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(cases(), st.permutations(CHANNELS))
def test_the_choice_among_channels_forbids_no_less(case, channels):
    wish, person, situation, rules = case
    decision = choose(wish, channels, person, situation, rules)
    if decision.outcome == "send":
        assert unlawful(wish, decision.channel, person, situation, rules) == []
        before = channels[: channels.index(decision.channel)]
        assert all(decide(wish, one, person, situation, rules).outcome != "send" for one in before)
    assert decision.reason in rules.reasons


@max_examples(150, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(cases(), st.sampled_from(CHANNELS))
def test_who_only_has_to_wait_gets_it_in_the_end(case, channel):
    """A deferral is a promise: asked again at its moment, with nothing else changed, it ends within a year."""
    wish, person, situation, rules = case
    for _ in range(400):
        decision = decide(wish, channel, person, situation, rules)
        if decision.outcome != "defer" or decision.reason in (
            "complaint_open", "do_not_call_list_old", "more_important_first", "budget_spent",
        ):  # fmt: skip
            return  # ended, or it waits for something that time alone does not bring
        situation = Situation(decision.until, local_day(decision.until), situation.halted, situation.budget_left)
    raise AssertionError(f"still deferred after 400 promises: {decision}")


def test_whatever_puts_a_message_off_has_words_for_coming_too_late_as_well():
    """The reasons are read off the code, so that a new one cannot be forgotten."""
    modules = (policy, choose_channel, dispatch_message, dispatch_ad_batch)
    code = "".join(inspect.getsource(module) for module in modules)
    puts_off = set(re.findall(r'Decision\("defer", "(\w+)"', code)) | set(delivery.WAITS.values())
    puts_off |= set(re.findall(r'_later\(uow, (?:\w+|{[^}]*}), "(\w+)"', code))
    assert code.count("delivery.deferred(") == 1, "a way to put a message off that is not read here"
    assert {"quiet_hours", "own_cap", "provider_trouble", "provider_pace", "provider_hours"} <= puts_off
    assert {"campaign_paused", "waits_for_batch"} <= puts_off
    for reason in puts_off:
        for code_of in (reason, f"too_late_after_{reason}"):
            assert {"vi", "en"} <= sending_rules().reasons[code_of].keys()


# ---- configuration ----


LOOSER = {
    "windows.marketing": {"windows": {**SHIPPED["windows"], "marketing": {"opens": "06:59", "closes": "20:00"}}},
    "windows.service": {"windows": {**SHIPPED["windows"], "service": {"opens": "08:00", "closes": "22:01"}}},
    "windows.marketing: a": {"windows": {**SHIPPED["windows"], "marketing": None}},
    "narrower.call": {"narrower": {"call": {"opens": "08:00", "closes": "17:01"}}},
    "narrower.sms_ad": {"narrower": {"sms_ad": {"opens": "06:00", "closes": "20:00"}}},
    "caps.marketing": {"caps": {**SHIPPED["caps"], "marketing": None}},
    "caps.marketing.messages": {"caps": {**SHIPPED["caps"], "marketing": {"messages": 0, "days": 7}}},
    "holdout_percent": {"holdout_percent": 101},
    "windows.marketing.opens": {
        "windows": {**SHIPPED["windows"], "marketing": {"opens": "08:00+00:00", "closes": "20:00+00:00"}}
    },
    "windows.service: leaves call": {
        "windows": {**SHIPPED["windows"], "service": {"opens": "18:00", "closes": "20:00"}}
    },
    "channels.call": {"channels": {n: c for n, c in SHIPPED["channels"].items() if n != "call"}},
    "legal_cap": {"legal_cap": 10},
}  # fmt: skip


@pytest.mark.parametrize("field", LOOSER)
def test_a_configuration_looser_than_the_law_is_refused_at_load_and_names_the_field(field, tmp_path, monkeypatch):
    path = tmp_path / "sending.yaml"
    path.write_text(yaml.safe_dump({**SHIPPED, **LOOSER[field]}, allow_unicode=True), encoding="utf-8")
    (tmp_path / "shop.yaml").write_text("presets: []", encoding="utf-8")
    monkeypatch.setattr(rules_file, "PLAYBOOK", tmp_path)
    with pytest.raises(PlaybookError) as refused:
        sending_rules.__wrapped__()
    assert "sending.yaml" in str(refused.value)
    assert field in str(refused.value)


@max_examples(300)
@given(windows(), windows(), st.sampled_from(CHANNELS), st.sampled_from(PURPOSES))
def test_no_configuration_that_loads_opens_an_hour_the_law_closes(one, other, channel, purpose):
    changed = {**SHIPPED, "windows": {**SHIPPED["windows"], purpose: one}, "narrower": {channel: other}}
    try:
        rules = SendingRules.model_validate(changed)
    except ValidationError:
        return
    for each in CHANNELS:
        hours = rules.hours("marketing", each)
        assert hours.opens >= legal_limits.hours(each).opens
        assert hours.closes <= legal_limits.hours(each).closes


@example(date(2026, 2, 15), [Rest(28, 6)])
@given(
    st.dates(date(2024, 1, 1), date(2040, 12, 31)), st.lists(st.builds(Rest, st.integers(1, 30), st.integers(1, 30)))
)
def test_a_rest_ends_on_a_day_that_is_none(day, rests):
    after = rest_until(day, rests)
    assert after is None or after > day


# ---- whole plans through time ----


@pytest.mark.parametrize("seed", range(4))
def test_plans_that_live_through_days_and_outages_keep_the_law(seed):
    draw = Random(seed)
    # The week before Tết in two of the runs.
    start = datetime(2026, 2, 12 if seed % 2 else 26, draw.randrange(24), draw.randrange(60), tzinfo=UTC)
    with Care(start, seed=seed) as care:
        customers = [care.customer(number, consent=draw.random() < 0.8) for number in range(12)]
        care.know_the_do_not_call_list()
        before: dict[str, str] = {}
        for day in range(8):
            for _ in range(12):
                who, purpose = draw.choice(customers), draw.choice(["marketing", "marketing", "service"])
                later = timedelta(minutes=draw.randrange(2 * 24 * 60))
                send_after = care.now + later if draw.random() < 0.7 else None
                send_before = (send_after or care.now) + timedelta(minutes=draw.randrange(5, 3 * 24 * 60))
                journey = draw.choice(["birthday", "winback_30"])
                run = f"{day}-{draw.random()}"
                planned = care.plan(
                    who, purpose, run, journey=journey, send_after=send_after, send_before=send_before
                )  # fmt: skip
                before[planned] = stamp(send_before)
            mode = draw.choice(["error", "rate_limit", "timeout", "crash_after_send", "off"])
            care.stack.providers.set_fault(draw.choice(["zns", "email", "zalo", "sms_care"]), mode, 0.6)
            care.stack.advance(care.now + timedelta(days=1, minutes=draw.randrange(60)))
            if day == 4:
                care.know_the_do_not_call_list()
        care.stack.advance(care.now + timedelta(days=9))
        received = care.received()
        assert received, "nothing was ever sent, so nothing was shown"
        ads: dict[tuple[str, str], list[datetime]] = {}
        for one in received:
            local = one.at.astimezone(VIETNAM)
            assert 7 <= local.hour < 22, one
            assert stamp(one.at) < before[one.tracking_id], "after its send_before"
            if care.message(one.tracking_id)["purpose"] == "marketing":
                assert rest_until(local.date(), care.rules.tet_rests) is None, "during the rest over Tết"
                assert care.consents(one.tracking_id), "without consent"
                ads.setdefault((one.tracking_id[:24], one.channel), []).append(one.at)
        for times in ads.values():
            times.sort()
            assert all(third - first >= timedelta(hours=24) for first, third in zip(times, times[3:], strict=False))
        firsts: dict[str, dict[str, datetime]] = {}
        for one in received:
            if care.message(one.tracking_id)["purpose"] == "marketing":
                firsts.setdefault(one.tracking_id[:24], {}).setdefault(one.tracking_id, one.at)
        for times_of in firsts.values():
            in_order = sorted(times_of.values())
            assert all(second - first >= timedelta(days=7) for first, second in pairwise(in_order))
        care.all_have_ended_with_words()
