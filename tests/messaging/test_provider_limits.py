"""R12: what providers say about their templates and quotas steers what goes out, from their signed callbacks on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.local.providers.base import Callback
from shared.domain.vietnam_time import local_day
from shared.repositories import table_keys
from shared.repositories.provider_status import ProviderLimits
from shared.runtime.playbook.rules import sending_rules
from shared.runtime.playbook.templates import templates

ZNS = {name: template.zns.template_id for name, template in templates().items() if template.zns}


def sent_by(care, message):
    care.stack.drain()
    return [one.channel for one in care.received(message)]


def decide(care, name, status):
    """Zalo decides on a template and tells us by its signed webhook."""
    care.providers.zalo.decide_on_template(ZNS[name], status)
    care.stack.drain()


# ---- templates ----


def test_R12_a_template_that_zalo_disables_is_not_used_from_the_next_minute_on(care):
    customer = care.customer(1)
    assert sent_by(care, care.plan(customer, "transactional", "1")) == ["zns"]

    decide(care, "order_thanks", "DISABLE")
    care.later(minutes=1)

    message = care.plan(customer, "transactional", "2")
    assert sent_by(care, message) == ["email"]
    # Nobody asked Zalo in vain: it was not even tried.
    assert "zns" not in care.message(message).get("tried", [])
    assert care.message(message)["status"] in ("sent", "delivered")


def test_R12_once_it_is_enabled_again_it_is_used_again(care):
    customer = care.customer(1)
    decide(care, "order_thanks", "DISABLE")
    care.later(minutes=1)
    assert sent_by(care, care.plan(customer, "transactional", "1")) == ["email"]

    decide(care, "order_thanks", "ENABLE")
    care.later(minutes=1)

    assert sent_by(care, care.plan(customer, "transactional", "2")) == ["zns"]


def test_R12_other_templates_go_on(care):
    decide(care, "receipt", "DISABLE")
    care.later(minutes=1)

    assert sent_by(care, care.plan(care.customer(1), "transactional")) == ["zns"]


def test_R12_late_and_repeated_news_of_a_template_change_nothing(care):
    care.providers.zalo.disturb_callbacks(copies=3)
    decide(care, "order_thanks", "DISABLE")
    stale = care.stack.table.get(table_keys.provider_template("zns", ZNS["order_thanks"]))
    care.later(minutes=5)
    decide(care, "order_thanks", "ENABLE")
    latest = care.stack.table.get(table_keys.provider_template("zns", ZNS["order_thanks"]))
    assert (stale["status"], latest["status"]) == ("DISABLE", "ENABLE")
    assert latest["at"] > stale["at"]


def test_R12_a_forged_decision_stores_nothing(care):
    care.providers.zalo.decide_on_template(ZNS["order_thanks"], "DISABLE")
    (told,) = care.providers.zalo.due_callbacks(care.now)
    forged: Callback = replace(told, body=told.body.replace(b"DISABLE", b"ENABLED"))

    answer = care.stack.http(forged.method, forged.path, "", forged.headers, forged.body)
    care.stack.drain()

    assert answer.status == 401
    assert care.stack.table.get(table_keys.provider_template("zns", ZNS["order_thanks"])) is None


# ---- quota ----


def quota(care):
    return care.stack.table.get(table_keys.quota("zns", local_day(care.now).isoformat())) or {}


def test_R12_what_zalo_says_is_left_is_kept_once_a_minute(care):
    customer = care.customer(1)
    care.providers.zalo.quota_left = 300
    for run in ("1", "2"):
        sent_by(care, care.plan(customer, "transactional", run))
    assert quota(care)["left"] == 299
    care.later(minutes=1)
    sent_by(care, care.plan(customer, "transactional", "3"))
    assert quota(care)["left"] == 297


def test_R12_when_only_what_is_kept_for_orders_is_left_an_advertisement_goes_another_way_and_an_order_still_goes(care):
    one, two = care.customer(1), care.customer(2)
    care.providers.zalo.quota_left = 201
    assert sent_by(care, care.plan(one, "transactional", "1")) == ["zns"]

    advert = care.plan(one, "marketing", "2", channels=("zns", "email"))
    assert sent_by(care, advert) == ["email"]
    assert ["planned", "quota_kept", "zns"] in [line[1:] for line in care.message(advert)["log"]]

    alone = care.plan(two, "marketing", "3", channels=("zns",))
    care.stack.drain()
    assert (care.message(alone)["status"], care.message(alone)["reason"]) == ("suppressed", "quota_kept")
    assert "Hạn mức" in care.shown(two)[0]["why"]
    assert sent_by(care, care.plan(two, "transactional", "4")) == ["zns"]


def test_R12_of_many_advertisements_the_quota_goes_to_those_with_the_highest_margin(care):
    customers = [care.customer(number) for number in range(60)]
    care.providers.zalo.quota_left = 221  # twenty more than are kept
    sent_by(care, care.plan(customers[0], "transactional"))
    margins = {}
    for number, customer in enumerate(customers):
        margin = 1_000_000 if number % 10 == 0 else 1_000
        message = care.plan(customer, "marketing", channels=("zns", "email"), margin=margin)
        margins[message] = margin
        care.stack.drain()
        care.later(minutes=5)
    by_zns = [margins[m] for m in margins if [one.channel for one in care.received(m)] == ["zns"]]
    best = list(margins.values()).count(1_000_000)

    assert by_zns.count(1_000_000) == best - care_holdout(care, margins) > 3
    assert by_zns.count(1_000) < 20


def care_holdout(care, margins):
    """High margins of people who get no advertising at all."""
    return sum(care.message(m)["reason"] == "holdout" for m, margin in margins.items() if margin > 1_000)


def test_R12_a_new_day_starts_without_a_word_and_nothing_to_be_thrifty_with(care):
    customer = care.customer(1)
    care.providers.zalo.quota_left = 201
    sent_by(care, care.plan(customer, "transactional", "1"))
    care.later(days=1)
    assert quota(care) == {}
    assert sent_by(care, care.plan(customer, "marketing", "2", channels=("zns",))) == ["zns"]


@pytest.mark.parametrize(("new_oa", "allowed"), [(True, False), (False, True)])
def test_R12_a_new_account_has_no_quota_for_advertisements_and_any_for_the_rest(care, new_oa, allowed):
    rules = sending_rules()
    rules = rules.model_copy(update={"zns_quota": rules.zns_quota.model_copy(update={"new_oa": new_oa})})
    limits = ProviderLimits(care.stack.table, rules, care.stack.outside.memory)
    assert limits.may_advertise("zns", 10_000_000, care.now) is allowed
    assert limits.may_advertise("email", 0, care.now)
    assert limits.enabled("zns", ZNS["order_thanks"])
