"""Advertisements by SMS go to many at once with one text, and every recipient keeps an outcome of their own (R11)."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import pytest

from infra.local.measuring.chaos import Killed, MortalTable
from infra.local.measuring.synthetic_shop import phone
from shared.adapters.local.fault_injection import FaultInjection
from shared.domain.vietnam_time import VIETNAM, stamp
from shared.runtime import wiring
from shared.runtime.factories.channels import dispatcher
from tests.campaigns.conftest import MORNING
from tests.support.campaigns import WORDS, Desk

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
    desk.post(campaign, "approve")

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
    desk.providers.esms.failing = {phone(1), phone(2)}
    campaign = desk.started(content=BY_SMS)

    desk.later(hours=3)

    assert fates(desk, campaign) == {"delivered": 38, "failed": 2}
    assert desk.seen(campaign)["counts"]["failed"] == 2


def test_r11_fewer_than_thirty_wait_and_say_so_before_anybody_approves(desk):
    subscribers(desk, 20)
    campaign = desk.campaign(content=BY_SMS)["campaign_id"]
    assert [warning["reason"] for warning in desk.preview(campaign)["warnings"]] == ["sms_ad_too_few"]
    desk.post(campaign, "approve")

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
    desk.providers.esms.blocked = {phone(1)}
    campaign = desk.started(content=BY_SMS)

    desk.later(hours=2)

    assert fates(desk, campaign) == {"failed": 35}
    assert {m["reason"] for m in desk.messages()} == {"misconfigured"}
    assert not [p for p in desk.items("P") if p.get("closed")]


@pytest.mark.parametrize("mode", ["error", "rate_limit"])
def test_r11_a_gateway_in_trouble_gets_the_batch_again(desk, mode):
    subscribers(desk, 40)
    desk.providers.esms.set_fault(mode, 1.0, on="sms_ad")
    campaign = desk.started(content=BY_SMS)
    desk.minutes(6)
    assert desk.received() == []

    desk.providers.esms.set_fault("off", 0.0, on="sms_ad")
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


def channel_of(desk):
    token = wiring.install(desk.stack.outside)
    try:
        return dispatcher().channels["sms_ad"]
    finally:
        wiring.uninstall(token)


def live(desk, **span):
    """Time goes on however often a worker dies."""
    end = desk.now + timedelta(**span)
    while desk.now < end:
        with suppress(Killed):
            desk.stack.advance(end)


def test_r11_of_a_batch_whose_sender_died_after_the_call_nothing_is_repeated(desk):
    subscribers(desk, 40)
    campaign = desk.started(content=BY_SMS)
    channel = channel_of(desk)
    send, deaths = channel.send_batch, iter((True,))

    def dying(messages):
        answer = send(messages)
        if next(deaths, False):
            raise Killed
        return answer

    channel.send_batch = dying
    live(desk, hours=6)

    assert Counter(Counter(one.to for one in desk.received()).values()) == {1: 40}
    assert fates(desk, campaign) == {"unknown": 40}
    assert desk.seen(campaign)["counts"]["unknown"] == 40


class Deaths:
    """The sender dies after so many writes, then after so many more; once the gateway was called, no longer."""

    def __init__(self, desk, *after):
        self.desk, self.after, self.left, self.died = desk, iter(after), 0, 0
        self.left = next(self.after)

    def alive(self):
        """What is dead is replaced at once: each record is worked by a new sender."""

    def step(self, _name):
        self.left -= 1
        if self.left == 0 and not self.desk.received():
            self.left = next(self.after, 0)
            self.died += 1
            raise Killed


def test_r11_of_a_batch_whose_sender_died_at_any_step_before_the_call_nobody_is_lost(desk):
    subscribers(desk, 40)
    campaign = desk.started(content=BY_SMS)
    channel_of(desk)
    desk.minutes(1.5)  # they wait in their room
    clients = desk.stack.outside.memory.clients
    secrets, sender = clients["dispatcher"]
    deaths = Deaths(desk, 1, 3, 12, 27, 41, 42)
    clients["dispatcher"] = (secrets, replace(sender, table=MortalTable(sender.table, deaths)))

    live(desk, hours=8)

    assert deaths.died >= 4
    assert max(Counter(one.to for one in desk.received()).values()) == 1
    # A few who were claimed at the last death may be too few for another batch, and wait for one.
    left = [message for message in desk.messages() if message["status"] != "delivered"]
    assert len(left) <= 10
    assert all((message["status"], message["reason"]) == ("deferred", "waits_for_batch") for message in left), left
    assert sum(fates(desk, campaign).values()) == 40


def test_r11_a_busy_table_and_a_repeating_queue_change_nothing():
    with Desk(MORNING, faults=FaultInjection(Random(3), busy=0.01, repeats=0.8)) as desk:
        people = []
        for number in range(1, 90):
            with suppress(AssertionError):  # a door that was throttled said so
                people += desk.outside_the_holdout([desk.customer(number, phone=phone(number))])
        campaign = eventually(lambda: desk.campaign(content=BY_SMS))["campaign_id"]
        eventually(lambda: desk.post(campaign, "approve"))

        desk.later(hours=5)

        assert max(Counter(one.to for one in desk.received()).values()) == 1
        counted = fates(desk, campaign)
        # A lost answer to a claim leaves open what followed, for that person alone.
        assert counted["delivered"] >= len(people) - 5


def eventually(act):
    for _ in range(20):
        with suppress(AssertionError):
            return act()
    return act()


def test_r11_a_large_campaign_leaves_no_rest_too_small_for_a_batch(desk, monkeypatch):
    monkeypatch.setattr("shared.use_cases.messaging.dispatch_ad_batch.MOST", 60)
    people = subscribers(desk, 130)
    desk.started(content=BY_SMS)

    desk.later(hours=2)

    assert sum(batches(desk).values()) == len(people)
    assert min(batches(desk).values()) >= 30
