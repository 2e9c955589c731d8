"""A campaign is written down by one and approved by another; what is wrong with it is named, field by field (R18)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from infra.local.measuring.synthetic_shop import phone
from shared.adapters.template_rendering import Renderer
from shared.domain.common.localized_text import Text
from shared.domain.errors import Invalid
from shared.domain.messaging.template import SmsAd
from shared.domain.vietnam_time import stamp
from shared.runtime import wiring
from shared.runtime.factories.campaigns import campaigns
from shared.runtime.playbook.loader import PLAYBOOK
from shared.runtime.playbook.shop import shop
from shared.runtime.playbook.templates import sandbox, templates
from tests.support.campaigns import BY_EMAIL, WORDS
from tests.support.openapi import matches


def wrong(desk, **body):
    return {error["field"]: error["reason"] for error in desk.campaign(status=400, **body)["errors"]}


def test_r18_every_wrong_field_is_named_at_once(desk):
    found = wrong(
        desk,
        name=" ",
        purpose="transactional",
        audience={"points": {"min": 9, "max": 3}, "spend_365d": {}, "segments": ["vip", "royal"], "shoe_size": 43},
        content={"template": "winback_30", "channels": ["pigeon"]},
        schedule={"per_minute": 0, "per_day": -1, "send_at": "tomorrow"},
        holdout_percent=51,
        colour="red",
    )

    assert {
        "name", "purpose", "audience.points", "audience.spend_365d", "audience.segments", "audience.shoe_size",
        "content.channels[0]", "schedule.per_minute", "schedule.per_day", "schedule.send_at", "holdout_percent",
        "colour",
    } == found.keys()  # fmt: skip
    assert "royal" in found["audience.segments"]
    assert found["holdout_percent"] == "must be at most 50"


@pytest.mark.parametrize(
    ("content", "field", "reason"),
    [
        ({"template": "nothing_like_it"}, "content.template", "no such template"),
        ({"template": "order_thanks"}, "content.template", "is for transactional messages"),
        ({"template": "winback_30"}, "content.variables.new_url", "is missing"),
        ({**WORDS, "channels": ["whatsapp"]}, "content.channels[0]", "no text for this channel"),
        ({**WORDS, "variables": {"new_url": "not an address"}}, "content.variables.new_url", ""),
        (
            {**WORDS, "variables": {**WORDS["variables"], "price": 3}},
            "content.variables.price",
            "is not a variable of the template",
        ),
    ],
)
def test_r18_words_that_cannot_be_sent_are_refused_before_anything_is(desk, content, field, reason):
    found = wrong(desk, content=content)

    assert reason in found[field]


@pytest.mark.parametrize("words", ["{{ greeting.opening }} ơi, hàng mới đã về.", "Hàng mới: {{ links.new }}"])
def test_r11_words_that_differ_from_person_to_person_are_no_advertisement_by_sms(desk, words):
    template = templates()["winback_30"]
    personal = {"winback_30": template.model_copy(update={"sms_ad": SmsAd(text=Text(vi=words))})}
    writer = Renderer(personal, shop(), sandbox(PLAYBOOK), base="https://nhamay.example", link_key=b"k", stores=())
    token = wiring.install(desk.stack.outside)
    try:
        made = replace(campaigns(desk.now), templates=personal, renderer=writer)
    finally:
        wiring.uninstall(token)

    with pytest.raises(Invalid) as refused:
        made.create({"name": "11.11", "content": {**WORDS, "channels": ["sms_ad"]}}, "marketing", frozenset())

    (wrong,) = refused.value.errors
    assert wrong.field == "content.template"
    assert "the same text for every customer" in wrong.reason


def test_r18_a_campaign_lies_in_the_future_and_ends_after_it_begins(desk):
    then, before = stamp(desk.now + timedelta(days=2)), stamp(desk.now - timedelta(days=2))

    assert wrong(desk, schedule={"send_at": before}) == {"schedule.send_at": "lies in the past"}
    assert wrong(desk, schedule={"until": before}) == {"schedule.until": "lies in the past"}
    for far in ("2029-11-11T02:00:00Z", "9999-12-31T00:00:00Z", "9999-12-30T23:59:59Z"):
        told = wrong(desk, schedule={"send_at": far}), wrong(desk, schedule={"until": far})
        assert [list(fields) for fields in told] == [["schedule.send_at"], ["schedule.until"]]
    assert wrong(desk, schedule={"send_at": then, "until": then}) == {"schedule": "until does not lie after send_at"}
    assert "schedule.per_day" in wrong(desk, most_valuable_first=True)


def test_r18_a_service_campaign_takes_a_service_template_and_no_other(desk):
    survey = {"template": "survey_day7", "variables": {"order_code": "DH1"}, "channels": ["email"]}

    assert "content.template" in wrong(desk, content=survey)
    assert desk.campaign(content=survey, purpose="service")["state"] == "draft"


def test_r18_an_admin_may_approve_what_they_made_for_a_small_shop_has_nobody_else(desk):
    mine = desk.campaign(key="api")["campaign_id"]
    assert desk.post(mine, "approve", key="api")["approved_by"]


def test_r18_who_made_it_may_not_approve_it_and_marketing_approves_nothing(desk):
    desk.new_key("second marketer", "marketing")
    mine = desk.campaign(key="manager")["campaign_id"]
    desk.post(mine, "approve", key="manager", status=403)
    desk.post(mine, "approve", key="second marketer", status=403)
    desk.post(mine, "approve", key="care", status=403)
    assert desk.seen(mine)["state"] == "draft"

    approved = desk.post(mine, "approve", key="api")

    assert (approved["state"], approved["made_by"], approved["approved_by"]) == ("approved", "manager", "test")
    assert desk.post(mine, "approve", key="api")["story"] == approved["story"]  # said twice, done once


def test_r18_nothing_is_sent_before_the_approval_and_before_its_time(desk):
    people = desk.outside_the_holdout(desk.everybody(5))
    draft = desk.campaign()["campaign_id"]
    later = desk.started(schedule={"send_at": stamp(desk.now + timedelta(hours=2))})

    desk.minutes(119)
    assert desk.received() == []

    desk.minutes(2)
    assert sorted(desk.got(later)) == people
    assert desk.got(draft) == []


def test_r18_states_that_do_not_follow_each_other_are_refused(desk):
    campaign = desk.campaign()["campaign_id"]
    desk.post(campaign, "pause", status=409)
    desk.post(campaign, "resume", status=409)
    desk.post(campaign, "cancel")

    assert "cancelled" in desk.post(campaign, "approve", status=409)["detail"]
    assert desk.post("nothing", "approve", status=404)["status"] == 404


def test_r18_a_key_with_stores_stays_within_them(desk):
    desk.new_key("of Q1", "marketing", ("Q1",))
    said = {"name": "11.11", "content": BY_EMAIL}
    for audience in ({}, {"stores": ["Q1", "Q3"]}):
        refusal = desk.call("POST", "/v1/campaigns", {**said, "audience": audience}, key="of Q1", status=400)
        assert refusal["errors"][0]["field"].startswith("audience.stores")
    everywhere = desk.campaign()["campaign_id"]

    own = desk.call("POST", "/v1/campaigns", {**said, "audience": {"stores": ["Q1"]}}, key="of Q1")

    desk.post(own["campaign_id"], "pause", key="of Q1", status=409)
    desk.post(everywhere, "cancel", key="of Q1", status=403)


def test_r18_a_test_goes_to_staff_at_any_hour_and_to_others_under_the_rules_and_is_not_counted(desk):
    desk.later(hours=13)  # eleven at night
    desk.customer(1, consent=False, traits={"name": "Trần Văn Minh", "attributes": {"staff": True}})
    desk.customer(2)
    desk.customer(3)
    desk.customer(4, consent=False)
    campaign = desk.campaign(content=WORDS)["campaign_id"]

    tried = [
        desk.post(campaign, "test", body={"to": {"phone": phone(n)}, "channel": "email"}, status=202) for n in (1, 2, 4)
    ]
    desk.stack.drain()

    fates = [(desk.message(one["message_id"])["status"], desk.message(one["message_id"])["reason"]) for one in tried]
    assert fates[0][0] in ("sent", "delivered")
    assert fates[1:] == [("deferred", "quiet_hours"), ("suppressed", "refused_by_customer")]
    assert sum(desk.seen(campaign)["counts"].values()) == 0


def test_r18_a_test_that_can_reach_nobody_says_why(desk):
    desk.customer(1)
    campaign = desk.campaign(content=WORDS)["campaign_id"]

    def fields(body):
        return [error["field"] for error in desk.post(campaign, "test", body=body, status=400)["errors"]]

    assert fields({"to": {"phone": "12"}, "channel": "fax", "at": "now"}) == ["at", "channel", "to.phone"]
    assert fields({"to": {}}) == ["to"]
    assert fields({}) == ["to"]
    assert fields({"to": {"phone": phone(1)}, "channel": "messenger"}) == ["to"]
    desk.post(campaign, "test", body={"to": {"phone": phone(2)}}, status=404)


def test_r18_all_answers_are_what_the_description_promises(desk):
    desk.everybody(30)
    made = desk.campaign(content=WORDS, schedule={"per_minute": 10, "per_day": 10})
    matches("Campaign").validate(made)
    campaign = made["campaign_id"]
    matches("CampaignPreview").validate(desk.preview(campaign))
    matches("CampaignTested").validate(desk.post(campaign, "test", body={"to": {"phone": phone(1)}}, status=202))
    matches("Campaign").validate(desk.post(campaign, "approve"))
    desk.minutes(2)
    seen = desk.seen(campaign)
    matches("CampaignView").validate(seen)
    assert seen["waits"]["reason"] == "daily_cap"
    for verb in ("pause", "resume", "cancel"):
        matches("Campaign").validate(desk.post(campaign, verb))
    desk.campaign()
    first = desk.stack.http("GET", "/v1/campaigns", "limit=1", {"authorization": desk._keys["marketing"]})
    assert first.status == 200
    listed = desk.call("GET", "/v1/campaigns", key="marketing")
    matches("Campaigns").validate(listed)
    assert [entry["state"] for entry in listed["items"]] == ["draft", "cancelled"]
