"""Where tickets go by the table, and what no table can change: the bot's limits and the critical VIP."""

from __future__ import annotations

from datetime import datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.segments.segmentation import VALUE
from shared.domain.tickets.routing import (
    BOT_INTENTS,
    CHANNELS,
    NO_BOT_INTENTS,
    PRIORITIES,
    QUEUES,
    Routing,
    bot_may,
    first_response,
    resolve,
    route,
)
from shared.domain.triage.triage import INTENTS, SEVERITIES
from shared.runtime.playbook.staff import directory, routing

EVERY = list(product(VALUE, SEVERITIES, INTENTS))


def sent(
    table: Routing | None = None, *, value="one_time", severity="normal", intent="other", channel="zalo", bot=False
):
    return route(table or routing(), value=value, severity=severity, intent=intent, channel=channel, bot_able=bot)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+07:00")


# ---- what ships ----


@pytest.mark.parametrize(
    ("asked", "queue", "priority"),
    [
        ({"value": "vip", "severity": "critical", "intent": "defective_product"}, "senior_manager", "P1"),
        ({"severity": "critical", "intent": "defective_product"}, "care", "P1"),
        ({"severity": "critical", "intent": "account"}, "senior_manager", "P1"),
        ({"severity": "high", "intent": "delivery_problem"}, "care", "P2"),
        ({"severity": "high", "intent": "staff_complaint"}, "senior_manager", "P2"),
        ({"severity": "low", "intent": "staff_complaint"}, "care", "P4"),
        ({"value": "none", "severity": "low", "intent": "product_question"}, "sales", "P3"),
        ({"value": "none", "severity": "low", "intent": "promotion"}, "sales", "P3"),
        ({"value": "vip", "severity": "low", "intent": "product_question"}, "sales", "P2"),
        ({"value": "vip", "severity": "normal", "intent": "return_exchange"}, "care", "P2"),
        ({"severity": "normal", "intent": "payment_problem"}, "care", "P3"),
        ({"severity": "low", "intent": "human_request", "bot": True}, "care", "P3"),
        ({"severity": "low", "intent": "store_info", "bot": True}, "bot", "P4"),
        ({"severity": "low", "intent": "store_info"}, "care", "P4"),
        ({"value": "vip", "severity": "low", "intent": "order_status", "bot": True}, "bot", "P4"),
    ],
)
def test_t1_a_ticket_goes_where_the_table_says(asked, queue, priority):
    found = sent(**asked)
    assert (found.queue, found.priority) == (queue, priority)


def test_every_ticket_has_a_place_and_every_line_of_the_table_a_ticket():
    told = {sent(value=v, severity=s, intent=i, channel=c, bot=b).rule
            for (v, s, i), c, b in product(EVERY, CHANNELS, (True, False))}  # fmt: skip
    assert told == {line.rule for line in routing().table}


def test_what_the_table_has_no_name_for_goes_where_everything_else_goes():
    assert sent(channel="telegram", value="", bot=True) == ("care", "P4", "everything_else")


# ---- what no table changes ----

values, severities, intents, channels = map(st.sampled_from, (VALUE, SEVERITIES, INTENTS, CHANNELS))
some = {"value": values, "severity": severities, "intent": intents, "channel": channels}
lines = st.lists(
    st.fixed_dictionaries(
        {"queue": st.sampled_from(QUEUES), "priority": st.sampled_from(PRIORITIES)},
        optional={name: st.lists(one, min_size=1, max_size=4) for name, one in some.items()},
    ),
    max_size=6,
)


@given(lines, st.lists(st.sampled_from(BOT_INTENTS)), values, severities, intents, channels, st.booleans())
def test_t2_t3_whatever_the_table_the_bot_gets_no_harm_and_a_critical_vip_a_senior_manager(
    table, bot_intents, value, severity, intent, channel, able
):
    said = routing().model_dump() | {
        "bot_intents": bot_intents,
        "table": [*({"rule": f"line_{n}", **line} for n, line in enumerate(table)),
                  {"rule": "rest", "queue": "care", "priority": "P4"}],
    }  # fmt: skip
    found = sent(Routing.model_validate(said), value=value, severity=severity, intent=intent, channel=channel, bot=able)
    if found.queue == "bot":
        assert able
        assert severity in ("normal", "low")
        assert intent in bot_intents
        assert intent not in NO_BOT_INTENTS
    if (value, severity) == ("vip", "critical"):
        assert (found.queue, found.priority) == ("senior_manager", "P1")


def test_t2_the_bot_is_only_asked_where_code_and_playbook_agree():
    asked = {(s, i) for v, s, i in EVERY if bot_may(routing(), value=v, severity=s, intent=i, bot_able=True)}
    assert {severity for severity, _ in asked} == {"normal", "low"}
    assert {intent for _, intent in asked} == set(routing().bot_intents) <= set(BOT_INTENTS)
    assert not any(bot_may(routing(), value=v, severity=s, intent=i, bot_able=False) for v, s, i in EVERY)


# ---- how fast ----


def test_a_critical_vip_is_answered_within_a_quarter_of_an_hour_at_any_hour():
    target, night = routing().targets["P1"], at("2026-11-23T02:00")
    assert first_response(target, directory().hours, night, value="vip").due_at == at("2026-11-23T02:15")
    assert first_response(target, directory().hours, night).due_at == at("2026-11-23T02:30")
    assert first_response(target, directory().hours, night).warn_at == at("2026-11-23T02:20")


def test_what_is_less_urgent_is_due_in_open_hours():
    hours, evening = directory().hours, at("2026-11-23T20:30")
    promised = {name: first_response(target, hours, evening).due_at for name, target in routing().targets.items()}
    assert promised["P2"] == at("2026-11-24T08:30")
    assert promised["P3"] == at("2026-11-24T11:30")
    assert promised["P4"] == at("2026-11-24T15:30")
    assert resolve(routing().targets["P2"], hours, at("2026-11-23T09:00")).due_at == at("2026-11-25T09:00")


def test_a_warning_comes_before_its_deadline_also_where_that_is_near():
    for target in routing().targets.values():
        for promise in (first_response(target, directory().hours, at("2026-11-23T09:00"), value="vip"),
                        resolve(target, directory().hours, at("2026-11-23T09:00"))):  # fmt: skip
            assert at("2026-11-23T09:00") < promise.warn_at < promise.due_at
