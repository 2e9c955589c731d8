"""Advertisements by SMS go to many at once with one text, and every recipient keeps an outcome of their own (R11)."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest

from infra.local.bench import phone
from infra.local.chaos import Killed
from shared.domain.vietnam_time import VIETNAM, stamp
from shared.runtime import wiring
from shared.runtime.channels import dispatcher
from tests.campaigns.desk import WORDS

BY_SMS = {**WORDS, "channels": ["sms_ad"]}


def subscribers(desk, count, *, first=1):
    """Customers with a phone who want advertising, none of them held out."""
    found = []
    for number in range(first, first + 3 * count):
        if len(found) < count:
            found += desk.outside_the_holdout([desk.customer(number, phone=phone(number))])
    return found


def fates(desk, campaign):
    return Counter(m["status"] for m in desk.messages() if m["run"] == campaign)


def batches(desk):
    return Counter(one.provider_id for one in desk.received() if one.channel == "sms_ad")


def test_r11_a_campaign_by_sms_goes_out_in_one_batch_with_one_text_and_everybodys_own_outcome(desk):
    people = subscribers(desk, 45)
    campaign = desk.campaign(content=BY_SMS)["campaign_id"]
    seen = desk.preview(campaign)
    desk.tell(campaign, "approve")

    desk.minutes(10)

    (size,) = batches(desk).values()
    assert size == len(people) == 45
    (text,) = {one.text for one in desk.received()}
    assert text.startswith("[QC]")
    assert fates(desk, campaign) == {"sent": 45}
    assert desk.seen(campaign)["cost"] == seen["cost"] > 0
    assert seen["channels"][0]["parts"] * desk.rules.channels["sms_ad"].price_vnd == seen["cost"]
    desk.later(hours=2)
    assert fates(desk, campaign) == {"delivered": 45}


def test_r11_of_a_batch_only_some_received_each_outcome_is_asked_for(desk):
    subscribers(desk, 40)
    desk.town.esms.failing = {phone(1), phone(2)}
    campaign = desk.started(content=BY_SMS)

    desk.later(hours=3)

    assert fates(desk, campaign) == {"delivered": 38, "failed": 2}
    assert desk.seen(campaign)["counts"]["failed"] == 2


def test_r11_fewer_than_thirty_wait_and_say_so_before_anybody_approves(desk):
    subscribers(desk, 20)
    campaign = desk.campaign(content=BY_SMS)["campaign_id"]
    assert [warning["reason"] for warning in desk.preview(campaign)["warnings"]] == ["sms_ad_too_few"]
    desk.tell(campaign, "approve")

    desk.later(hours=2)
    assert desk.received() == []
    assert {m["reason"] for m in desk.messages()} == {"waits_for_batch"}

    # Ten more with the same text, by another campaign: together they are enough.
    desk.started(content=BY_SMS, audience={"cities": ["Huế"]})
    for number in range(200, 212):
        desk.customer(number, phone=phone(number), traits={"name": "Trần Văn Minh", "city": "Huế"})
    desk.started(content=BY_SMS, audience={"cities": ["Huế"]})
    desk.later(hours=2)
    assert sum(batches(desk).values()) >= 30


def test_r11_what_never_becomes_a_batch_goes_by_the_next_channel_after_a_day(desk):
    person = desk.outside_the_holdout([desk.customer(n) for n in range(1, 4)])
    campaign = desk.started(content={**WORDS, "channels": ["sms_ad", "email"]})
    desk.later(hours=9)
    assert desk.received() == []

    desk.later(hours=22)

    assert sorted(desk.got(campaign)) == sorted(person)
    assert {one.channel for one in desk.received()} == {"email"}


def test_r11_a_batch_is_refused_as_a_whole_and_nobody_is_marked_for_it(desk):
    subscribers(desk, 35)
    desk.town.esms.blocked = {phone(1)}
    campaign = desk.started(content=BY_SMS)

    desk.later(hours=2)

    assert fates(desk, campaign) == {"failed": 35}
    assert {m["reason"] for m in desk.messages()} == {"misconfigured"}
    assert not [p for p in desk.items("P") if p.get("closed")]


@pytest.mark.parametrize("mode", ["error", "rate_limit"])
def test_r11_a_gateway_in_trouble_gets_the_batch_again(desk, mode):
    subscribers(desk, 40)
    desk.town.esms.set_fault(mode, 1.0, on="sms_ad")
    campaign = desk.started(content=BY_SMS)
    desk.minutes(6)
    assert desk.received() == []

    desk.town.esms.set_fault("off", 0.0, on="sms_ad")
    desk.later(hours=3)

    counted = fates(desk, campaign)
    # An error of the gateway leaves open whether it took the batch: then nothing is repeated.
    assert counted in ({"delivered": 40}, {"unknown": 40})
    assert max(Counter(one.to for one in desk.received()).values(), default=0) <= 1
    assert (mode, counted["delivered"]) != ("rate_limit", 0)


def test_r11_whose_consent_ends_while_they_wait_is_not_in_the_batch(desk):
    people = subscribers(desk, 40)
    campaign = desk.started(content=BY_SMS)
    desk.minutes(1)
    said = {"channel": "sms", "purpose": "marketing", "granted": False, "at": stamp(desk.now), "proof": "TC"}
    desk.call("PUT", "/v1/customers", {"identities": {"phone": phone(2)}, "consent": [said]})

    desk.minutes(60)

    assert fates(desk, campaign)["suppressed"] == 1
    assert sum(batches(desk).values()) == len(people) - 1


def test_r11_a_batch_keeps_to_the_hours_of_advertising_by_sms(desk):
    subscribers(desk, 40)
    late = datetime(2026, 3, 2, 19, 59, tzinfo=VIETNAM)
    campaign = desk.started(content=BY_SMS, schedule={"send_at": stamp(late)})

    desk.later(hours=26)

    assert fates(desk, campaign)["delivered"] == 40
    hours = {one.at.astimezone(VIETNAM).hour for one in desk.received()}
    assert max(hours) < 20
    assert min(hours) >= 8


def test_r11_a_worker_that_dies_around_the_call_repeats_nothing_and_loses_nobody(desk):
    subscribers(desk, 40)
    campaign = desk.started(content=BY_SMS)
    deaths = iter((True, True))

    token = wiring.install(desk.house.outside)
    channel = dispatcher().channels["sms_ad"]
    wiring.uninstall(token)
    send = channel.send_batch

    def dying(messages):
        answer = send(messages)
        if next(deaths, False):
            raise Killed
        return answer

    channel.send_batch = dying
    end = desk.now + timedelta(hours=6)
    while desk.now < end:
        try:
            desk.house.advance(end)
        except Killed:
            continue

    assert max(Counter(one.to for one in desk.received()).values()) == 1
    assert fates(desk, campaign) == {"unknown": 40}
    assert desk.seen(campaign)["counts"]["unknown"] == 40


def test_r11_a_large_campaign_leaves_no_rest_too_small_for_a_batch(desk, monkeypatch):
    monkeypatch.setattr("shared.use_cases.dispatch_batch.MOST", 60)
    people = subscribers(desk, 130)
    desk.started(content=BY_SMS)

    desk.later(hours=2)

    assert sum(batches(desk).values()) == len(people)
    assert min(batches(desk).values()) >= 30
