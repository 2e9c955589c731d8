"""A campaign on its way: its pace, its pauses, its hold-outs, its hours, its deaths (R18, R1)."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random

import functions.timers_schedule
from infra.local.measuring.chaos import Killed, MortalTable, Reaper
from shared.adapters.local.fault_injection import FaultInjection
from shared.domain.messaging.policy import in_holdout
from shared.domain.vietnam_time import VIETNAM, local_day, stamp
from shared.ports import Put
from shared.repositories import marketing_halt, table_keys
from shared.repositories.cached import ProcessMemory
from tests.campaigns.conftest import MORNING
from tests.support.campaigns import BY_EMAIL, WORDS, Desk


def by_minute(desk):
    return Counter(stamp(one.at)[11:16] for one in desk.received())


# ---- the show ----


def test_r18_two_thousand_people_at_their_pace_paused_and_resumed_for_what_was_previewed(desk):
    people = desk.people(2000)
    campaign = desk.campaign(holdout_percent=10, schedule={"per_minute": 120})["campaign_id"]
    seen = desk.preview(campaign)
    desk.post(campaign, "approve")

    desk.minutes(5)
    desk.post(campaign, "pause")
    before = len(desk.got(campaign))
    desk.minutes(30)
    assert len(desk.got(campaign)) == before == 600
    assert desk.seen(campaign)["state"] == "paused"
    assert desk.post(campaign, "resume")["state"] == "running"
    desk.minutes(30)

    own = [one for one in people if in_holdout(one, campaign, 10) and not in_holdout(one, "*", 5)]
    everywhere = [one for one in people if in_holdout(one, "*", 5)]
    got, done = desk.got(campaign), desk.seen(campaign)
    assert sorted(got) == sorted(set(people) - set(own) - set(everywhere))
    assert max(by_minute(desk).values()) == 120
    assert (seen["recipients"], seen["held_out"], seen["held_out_of_all"]) == (len(got), len(own), len(everywhere))
    assert (done["counts"]["planned"], done["counts"]["held_out"]) == (len(got), len(own))
    assert done["counts"]["held_out_of_all"] == len(everywhere)
    assert done["cost"] == seen["cost"] == sum(message["cost"] for message in desk.messages()) == 3 * len(got)
    assert (done["state"], done["ended"], done["counts"]["waiting"]) == ("done", "everybody", 0)
    # Who got nothing is known by name, so that the arms can be compared by assignment.
    assert {desk.arm(campaign, one) for one in own} == {"held_out"}
    assert {desk.arm(campaign, one) for one in everywhere} == {"held_out_of_all"}
    assert all(one not in message["message_id"] for message in desk.messages() for one in own[:20])


def test_r18_a_preview_of_a_large_base_goes_on_call_by_call(desk, monkeypatch):
    monkeypatch.setattr("shared.use_cases.campaigns.preview.PAGES_PER_CALL", 1)
    desk.people(200)
    campaign = desk.campaign()["campaign_id"]

    parts = []
    while not parts or not parts[-1]["complete"]:
        parts.append(desk.post(campaign, "preview"))

    looked = [part["looked_at"] for part in parts]
    assert looked == sorted(looked)
    assert looked[-1] == parts[-1]["reachable"] == 200
    assert desk.seen(campaign)["preview"] == parts[-1]
    assert desk.post(campaign, "preview")["looked_at"] == looked[0]  # and begins anew


# ---- once each ----


def test_r18_killed_at_every_step_and_repeated_everybody_gets_it_once(monkeypatch):
    with Desk(MORNING, faults=FaultInjection(Random(7), busy=0.005, repeats=0.5)) as desk:
        people = desk.people(150)
        campaign = desk.campaign(holdout_percent=10, schedule={"per_minute": 12})["campaign_id"]
        desk.post(campaign, "approve")
        reaper, handler = Reaper(longest=23), functions.timers_schedule.handler

        def mortal(event, context):
            reaper.door = "timers_schedule"
            try:
                return handler(event, context)
            finally:
                reaper.door = ""

        class MortalQueue:
            def __init__(self, queue):
                self.queue = queue

            def send(self, bodies):
                reaper.alive()
                self.queue.send(bodies)
                reaper.step("handed over")

        monkeypatch.setattr(functions.timers_schedule, "handler", mortal)
        outside = desk.stack.outside
        outside.table = MortalTable(outside.table, reaper)
        outside.messages = {purpose: MortalQueue(queue) for purpose, queue in outside.messages.items()}
        end = desk.now + timedelta(hours=9)
        while desk.now < end:
            try:
                desk.stack.advance(end)
            except Killed:
                reaper.dead = False
                outside.memory = ProcessMemory(outside.clock)
        reaper.on = False
        desk.later(hours=20)

        got, counts = Counter(desk.got(campaign)), desk.seen(campaign)["counts"]
        wanted = [p for p in people if not in_holdout(p, "*", 5) and not in_holdout(p, campaign, 10)]
        assert got == Counter(wanted)
        assert sum(reaper.kills.values()) > 10
        assert {"handed over", "other write", "timer claimed"} <= reaper.kills.keys(), reaper.kills
        assert (counts["planned"], counts["targeted"], counts["waiting"]) == (len(wanted), 150, 0)
        assert desk.seen(campaign)["state"] == "done"


def test_r18_a_person_who_moves_to_another_list_meanwhile_is_neither_lost_nor_written_to_twice(desk):
    people = desk.outside_the_holdout(desk.everybody(30))
    campaign = desk.started(schedule={"per_minute": 5})
    desk.minutes(2)

    # Half of them buy: from the list of prospects, at which the campaign is, to one that it has passed or will reach.
    for number in range(1, 31, 2):
        desk.sold(number, days_ago=0)
    desk.minutes(20)

    assert Counter(desk.got(campaign)) == Counter(people)


def test_r18_a_person_who_was_written_to_and_is_merged_gets_nothing_more(desk):
    for number in range(1, 13):
        desk.customer(number, phone=f"09011220{number:02d}")
        desk.customer(number, email=f"khach{number}@example.vn")
    campaign = desk.started(schedule={"per_minute": 4})
    desk.minutes(2)
    written = set(desk.got(campaign))

    for number in range(1, 13):
        who = {"phone": f"09011220{number:02d}", "email": f"khach{number}@example.vn"}
        desk.call("PUT", "/v1/customers", {"identities": who})
    desk.minutes(20)

    assert written
    assert len(desk.received()) == len({one.to for one in desk.received()})


# ---- hours, caps and what else holds for all ----


def test_r18_quiet_hours_hold_the_whole_campaign_until_the_morning(desk):
    desk.people(300)
    start = datetime(2026, 3, 2, 20, 25, tzinfo=VIETNAM)
    campaign = desk.started(schedule={"send_at": stamp(start), "per_minute": 30})

    desk.later(hours=12)
    seen = desk.seen(campaign)
    assert seen["waits"]["reason"] == "quiet_hours"
    assert seen["waits"]["until"] == "2026-03-03T01:00:00.000Z"
    desk.later(hours=12)

    times = {stamp(one.at) for one in desk.received()}
    assert not [at for at in times if "2026-03-02T13:30" <= at < "2026-03-03T01:00"]
    assert len(desk.got(campaign)) == desk.seen(campaign)["counts"]["planned"] > 250


def test_r18_whoever_got_an_advertisement_this_week_gets_it_when_the_week_is_over(desk):
    person, other = desk.outside_the_holdout(desk.everybody(3))[:2]
    desk.plan(person, "marketing", channels=("email",))
    desk.stack.drain()
    campaign = desk.campaign()["campaign_id"]
    waits = desk.preview(campaign)["waits"]
    desk.post(campaign, "approve")

    desk.later(days=2)
    assert person not in desk.got(campaign)
    assert other in desk.got(campaign)
    assert [(entry["reason"], entry["people"]) for entry in waits] == [("own_cap", 1)]
    desk.later(days=6)
    assert person in desk.got(campaign)


def test_r18_a_campaign_ends_at_its_time_and_what_waited_expires(desk):
    desk.people(100)
    campaign = desk.started(schedule={"per_minute": 5, "until": stamp(desk.now + timedelta(minutes=8))})

    desk.minutes(60)

    seen = desk.seen(campaign)
    assert (seen["state"], seen["ended"]) == ("done", "until")
    assert len(desk.got(campaign)) == seen["counts"]["planned"] == 35


def test_r18_a_campaign_that_would_wait_beyond_its_end_ends(desk):
    desk.people(100)
    evening, end = (datetime(2026, 3, 2, hour, minute, tzinfo=VIETNAM) for hour, minute in ((20, 28), (22, 0)))
    campaign = desk.started(schedule={"send_at": stamp(evening), "until": stamp(end), "per_minute": 10})

    desk.later(hours=12, minutes=5)

    seen = desk.seen(campaign)
    assert (seen["state"], seen["ended"], seen["ended_at"]) == ("done", "until", stamp(end))
    assert len(desk.got(campaign)) == 20


def test_r18_the_budget_of_a_day_holds_it_until_the_next(desk):
    desk.stack.outside.memory = ProcessMemory(desk.stack.outside.clock)
    day = local_day(desk.now).isoformat()
    key = table_keys.budget(day, "*")
    # All but the price of ten e-mails is spent.
    desk.stack.table.write(Put({"pk": key.pk, "sk": key.sk, "spent": desk.rules.daily_budget_vnd - 30}))
    desk.people(40)
    campaign = desk.started()

    desk.minutes(30)
    assert len(desk.got(campaign)) == 10
    assert desk.seen(campaign)["waits"]["reason"] == "budget_spent"
    desk.later(days=1)
    assert len(desk.got(campaign)) == desk.seen(campaign)["counts"]["planned"] > 30


def test_r18_the_red_button_holds_it_and_it_goes_on_afterwards(desk):
    desk.people(60)
    campaign = desk.started(schedule={"per_minute": 10})
    desk.minutes(2)
    marketing_halt.halt(desk.stack.table, [], desk.now)
    before = len(desk.got(campaign))

    desk.minutes(60)
    assert len(desk.got(campaign)) == before
    assert desk.seen(campaign)["waits"]["reason"] == "halted"

    marketing_halt.resume(desk.stack.table)
    desk.minutes(60)
    assert len(desk.got(campaign)) == desk.seen(campaign)["counts"]["planned"] > 50


def test_r18_what_zalo_leaves_of_its_quota_is_all_a_campaign_takes_in_a_day(desk):
    zalo = desk.providers.zalo
    kept = desk.rules.zns_quota.kept_for_orders
    zalo.daily_quota = zalo.quota_left = kept + 70
    desk.everybody(120)
    campaign = desk.started(content={**WORDS, "channels": ["zns"]})

    desk.later(hours=8)
    today = len(desk.got(campaign))
    assert zalo.quota_left == kept
    assert today == 70
    assert desk.seen(campaign)["waits"]["reason"] == "quota_kept"
    desk.know_the_do_not_call_list()
    desk.later(days=2)

    # Nobody was lost to the quota; a few cannot be reached at Zalo.
    counts = desk.seen(campaign)["counts"]
    assert counts["planned"] == len(desk.got(campaign)) + counts["failed"] > 100
    assert not [message for message in desk.messages() if message["reason"] == "quota_kept"]


def test_r18_a_paused_campaign_sends_nothing_of_what_was_planned_and_a_cancelled_one_never(desk):
    desk.people(100)
    first, second = (desk.started(schedule={"per_minute": 50}) for _ in range(2))
    desk.providers.aws.set_fault("error", 1.0, on="email")
    desk.minutes(1)
    desk.post(first, "pause")
    desk.post(second, "cancel")
    desk.providers.aws.set_fault("off", 0.0, on="email")
    desk.later(hours=4)

    assert desk.got(first) == desk.got(second) == []
    assert desk.seen(second)["counts"]["suppressed"] == desk.seen(second)["counts"]["planned"]

    desk.post(first, "resume")
    desk.later(days=1)
    assert len(desk.got(first)) == desk.seen(first)["counts"]["planned"] > 80


def test_r18_nobody_who_does_not_open_it_is_written_to_on_a_second_channel(desk):
    people = desk.outside_the_holdout(desk.everybody(5))
    campaign = desk.started(content={**BY_EMAIL, "channels": ["email", "zns"]})

    desk.later(days=5)

    assert sorted(desk.got(campaign)) == people
    assert {one.channel for one in desk.received()} == {"email"}


def test_r18_a_channel_that_fails_hands_over_to_the_next(desk):
    people = desk.outside_the_holdout(desk.everybody(3))
    campaign = desk.started(content={**BY_EMAIL, "channels": ["zns", "email"]})
    desk.providers.zalo.set_fault("error", 1.0, on="zns")

    desk.later(hours=8)

    assert sorted(desk.got(campaign)) == people
    assert desk.seen(campaign)["cost"] == 3 * len(people)


# ---- the backlog (R1, W1, W3) ----


def history(desk, count):
    """Customers of months ago, brought in as history; the more valuable, the greater their number. Nothing about them
    changes by itself during a test, so no journey speaks to them."""
    for number in range(1, count + 1):
        desk.customer(number)
        desk.sold(number, days_ago=160, total=400_000 + 50_000 * number, store="Q1")
        desk.sold(number, days_ago=130, total=400_000 + 50_000 * number, store="Q1")
    desk.stack.drain()


def test_r1_history_sends_nothing_and_its_backlog_is_begun_on_purpose_the_most_valuable_first(desk):
    history(desk, 40)
    desk.later(days=2)
    assert desk.received() == []
    ranked = [row["customer_id"] for row in desk.stack.table.query("RISK").items]
    assert len(ranked) == 40

    offer = {"template": "winback_90", "channels": ["email"], "variables": winback_90()}
    audience = {"segments": ["lapsed_90", "lapsed_60", "lapsed_30"]}
    campaign = desk.started(
        content=offer, audience=audience, most_valuable_first=True, schedule={"per_day": 8, "per_minute": 3}
    )
    days = []
    desk.later(hours=14)  # midnight
    days.append(len(desk.got(campaign)))
    for _ in range(6):
        before = len(desk.got(campaign))
        desk.later(days=1)
        days.append(len(desk.got(campaign)) - before)

    wanted = desk.outside_the_holdout(ranked)
    got = desk.got(campaign)
    assert days[:4] == [8, 8, 8, 8]
    assert sum(days) == len(wanted)
    assert max(by_minute_and_day(desk).values()) <= 3
    # Each day's share is the most valuable who were left.
    rank = {customer_id: place for place, customer_id in enumerate(ranked)}
    shares = [got[sum(days[:n]) : sum(days[: n + 1])] for n in range(5)]
    for share, behind in pairwise(shares):
        assert max(rank[one] for one in share) < min(rank[one] for one in behind)
    assert desk.seen(campaign)["state"] == "done"


def by_minute_and_day(desk):
    return Counter(stamp(one.at)[:16] for one in desk.received())


def winback_90():
    from shared.runtime.playbook.templates import templates

    return dict(templates()["winback_90"].samples)


def test_w3_who_buys_while_the_backlog_is_worked_off_is_no_longer_asked_back(desk):
    history(desk, 30)
    campaign = desk.started(most_valuable_first=True, schedule={"per_day": 5})
    desk.later(hours=2)
    got = set(desk.got(campaign))

    back = [n for n in range(1, 31) if desk.customer(n) not in got][:10]
    for number in back:
        desk.event("Order Completed", phone_of(number), order_id=f"N{number}", total=300_000, store="Q1")
    desk.later(days=8)

    returned = {desk.customer(number) for number in back}
    assert not returned & set(desk.got(campaign))
    assert desk.seen(campaign)["state"] == "done"


def phone_of(number):
    from infra.local.measuring.synthetic_shop import phone

    return phone(number)
