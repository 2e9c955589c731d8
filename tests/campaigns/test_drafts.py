"""A model drafts the words of a campaign; nothing it invents gets through, and a person has the last word (N17, U6, U7,
X27)."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from infra.local.measuring.synthetic_shop import phone
from shared.domain.catalogue.product import Product
from shared.domain.messaging.wording import Wording
from shared.domain.vietnam_time import stamp
from shared.ports import Copy, CopyBrief, Put
from shared.repositories import table_keys
from shared.repositories.products import Products
from shared.runtime import wiring
from shared.runtime.factories.campaigns import campaigns, draft_content
from shared.runtime.playbook.content_help import content_help
from tests.support.campaigns import WORDS, Desk
from tests.support.content_help import MODEL, PATH, name_a_model
from tests.support.openapi import matches

BY_CHAT = {**WORDS, "channels": ["zalo"]}
BRIEF = {
    "goal": "Mời khách lâu chưa ghé xem hàng mới",
    "products": ["AD1", "KL2"],
    "offer": "Giảm 10% áo dài lụa",
    "offer_ends": "2026-03-15T17:00:00Z",
    "must_say": ["Giảm 10% áo dài lụa đến hết 15/03."],
}
LIES = {
    "price_not_given": "Áo dài lụa chỉ 999.000đ.",
    "promise": "Tiệm cam kết hoàn tiền 100%.",
    "link": "Xem tại nhamay-sale.com nhé.",
    "statistic": "9/10 khách hàng chọn mẫu này.",
}


@pytest.fixture
def helped(desk: Desk) -> Desk:
    """The desk of a stage that names a model, and a catalogue of two products."""
    name_a_model(desk.stack)
    goods = Product(sku="AD1", name="Áo dài lụa", price=1_250_000), Product(sku="KL2", name="Khăn lụa", price=290_000)
    Products(desk.stack.table, desk.stack.outside.memory, desk.now).put(goods)
    return desk


def made(desk: Desk, **body: Any) -> str:
    return str(desk.campaign(**{"content": BY_CHAT, **body})["campaign_id"])


def drafts(desk: Desk, campaign_id: str, *, status: int = 200, brief: Any = None, **body: Any) -> Any:
    asked = {"channel": "zalo", "brief": {**BRIEF, **(brief or {})}, **body}
    return desk.post(campaign_id, "drafts", body=asked, status=status)


def approve(
    desk: Desk, campaign_id: str, draft_id: str, *, status: int = 200, key: str = "marketing", **body: Any
) -> Any:
    return desk.post(campaign_id, f"drafts/{draft_id}/approve", key=key, body=body, status=status)


def says(desk: Desk, *texts: str) -> None:
    """From now on the model says this, whatever it is asked."""
    answer = json.dumps({"drafts": [{"text": text} for text in texts]}, ensure_ascii=False)
    desk.providers.aws.model = lambda _: answer


def codes(draft: Any) -> set[str]:
    return {problem["code"] for problem in draft["problems"]}


def test_n17_it_is_off_until_a_stage_names_a_model_and_says_what_to_set(desk: Desk):
    told = drafts(desk, made(desk), status=409)

    assert "content_help_model" in told["detail"]
    assert desk.providers.aws.asked == []


def test_n17_a_model_drafts_within_the_brief_and_a_person_puts_one_draft_into_the_campaign(helped: Desk):
    campaign_id = made(helped)

    answer = drafts(helped, campaign_id, count=2)

    matches("CampaignDrafts").validate(answer)
    assert [(draft["usable"], draft["problems"]) for draft in answer["drafts"]] == [(True, []), (True, [])]
    assert answer["model"] == MODEL
    assert answer["tokens"]["input"] > 100
    chosen = answer["drafts"][1]
    shown = approve(helped, campaign_id, chosen["draft_id"])
    matches("Campaign").validate(shown)
    (words,) = shown["words"]
    assert (words["text"], words["approved_by"], words["approved_at"]) == (
        chosen["text"],
        "marketing",
        stamp(helped.now),
    )
    assert not words["edited"]


def test_u6_u7_the_approved_words_go_out_with_name_subject_greeting_button_and_links(helped: Desk):
    helped.customer(1, traits={"name": "Nguyễn Thị Lan", "gender": "female"})
    campaign_id = made(helped, content={**WORDS, "channels": ["email"]})
    draft = drafts(helped, campaign_id, channel="email")["drafts"][0]
    approve(helped, campaign_id, draft["draft_id"], subject="{{ greeting.opening }} ơi, hàng mới đã về")

    helped.post(campaign_id, "approve")
    helped.minutes(2)

    (sent,) = [message for message in helped.received() if message.channel == "email"]
    assert sent.detail["subject"] == "[QC] Chị Lan ơi, hàng mới đã về"
    assert "Thân chào," in sent.text
    assert "Chị Lan ơi, hàng mới đã về, mời ghé xem. Giảm 10% áo dài lụa đến hết 15/03." in sent.text
    assert "https://nhamay.example/r/" in sent.text
    assert "Xem ngay" in sent.text
    assert helped.got(campaign_id) == [sent.tracking_id[:24]]


def test_u6_words_are_for_their_channel_and_language_and_the_others_keep_the_templates(helped: Desk):
    token = wiring.install(helped.stack.outside)
    try:
        write = campaigns(helped.now).renderer.render
    finally:
        wiring.uninstall(token)

    def text(channel: str, **traits: str) -> str:
        words = {"zalo": {"text": "{{ greeting.called }} ghé tiệm nhé"}}
        variables = {**WORDS["variables"], "words": words, "customer": {"name": "Nguyễn Thị Lan", **traits}}
        return write("winback_30", channel, variables, message_id="0" * 44).text

    assert text("zalo", gender="female").startswith("chị Lan ghé tiệm nhé\n\nNhắn TC")
    assert "ghé tiệm nhé" not in text("messenger")
    assert "ghé tiệm nhé" not in text("zalo", **{"@language": "en"})


@pytest.mark.parametrize(("code", "lie"), LIES.items())
def test_x27_what_a_model_invents_is_shown_with_its_problem_and_cannot_be_approved(helped: Desk, code: str, lie: str):
    campaign_id = made(helped)
    says(helped, f"Tiệm mời ghé xem hàng mới. {lie} {BRIEF['must_say'][0]}", BRIEF["must_say"][0])

    invented, honest = drafts(helped, campaign_id)["drafts"]

    assert (honest["usable"], invented["usable"]) == (True, False)
    assert code in codes(invented)
    assert all(problem["why"] and problem["why_en"] for problem in invented["problems"])
    refused = approve(helped, campaign_id, invented["draft_id"], status=400)
    assert any(f"({code})" in error["reason"] for error in refused["errors"])
    # Nobody answers for words they did not write.
    approve(helped, campaign_id, invented["draft_id"], facts_confirmed=True, status=400)
    assert helped.seen(campaign_id)["words"] == []


def test_x27_a_person_answers_by_name_for_the_facts_of_a_text_they_edited_but_not_for_its_form(helped: Desk):
    campaign_id = made(helped)
    draft = drafts(helped, campaign_id)["drafts"][0]
    text = f"{BRIEF['must_say'][0]} Tiệm bảo hành 12 tháng."

    refused = approve(helped, campaign_id, draft["draft_id"], text=text, status=400)
    assert "(promise)" in json.dumps(refused)
    link = f"{text} nhamay-sale.com"
    refused = approve(helped, campaign_id, draft["draft_id"], text=link, facts_confirmed=True, status=400)
    assert {error["reason"].rpartition("(")[2] for error in refused["errors"]} == {"link)"}
    (words,) = approve(helped, campaign_id, draft["draft_id"], text=text, facts_confirmed=True)["words"]

    assert (words["text"], words["edited"], words["confirmed"]) == (text, True, ["promise"])
    assert words["approved_by"] == "marketing"


def test_x27_the_checks_run_again_on_approval_with_the_catalogue_of_then(helped: Desk):
    campaign_id = made(helped)
    says(helped, f"Khăn lụa 290.000đ. {BRIEF['must_say'][0]}")
    (draft,) = drafts(helped, campaign_id)["drafts"]
    assert draft["usable"]

    dearer = Product(sku="KL2", name="Khăn lụa", price=320_000)
    Products(helped.stack.table, helped.stack.outside.memory, helped.now).put([dearer])

    assert "(price_not_given)" in json.dumps(approve(helped, campaign_id, draft["draft_id"], status=400))


def test_the_same_request_is_paid_for_once_and_another_round_asks_again(helped: Desk):
    campaign_id = made(helped)

    first = drafts(helped, campaign_id)
    assert drafts(helped, campaign_id) == first
    assert len(helped.providers.aws.asked) == 1
    other = drafts(helped, campaign_id, round=2)
    assert len(helped.providers.aws.asked) == 2
    assert other["drafts"][0]["draft_id"] != first["drafts"][0]["draft_id"]


def test_approving_the_same_draft_twice_changes_nothing(helped: Desk):
    campaign_id = made(helped)
    draft_id = drafts(helped, campaign_id)["drafts"][0]["draft_id"]

    first = approve(helped, campaign_id, draft_id)
    helped.later(minutes=5)

    assert approve(helped, campaign_id, draft_id) == first


def test_r18_who_approved_the_words_may_not_approve_the_campaign(helped: Desk):
    campaign_id = made(helped)
    helped.new_key("second manager", "manager")
    draft_id = drafts(helped, campaign_id)["drafts"][0]["draft_id"]
    approve(helped, campaign_id, draft_id, key="manager")

    helped.post(campaign_id, "approve", key="manager", status=403)
    assert helped.post(campaign_id, "approve", key="second manager")["state"] == "approved"


def test_r18_words_change_only_while_the_campaign_is_a_draft(helped: Desk):
    campaign_id = made(helped)
    draft_id = drafts(helped, campaign_id)["drafts"][0]["draft_id"]
    helped.post(campaign_id, "approve")

    approve(helped, campaign_id, draft_id, status=409)
    drafts(helped, campaign_id, round=2, status=409)


def test_r11_an_advertising_sms_is_previewed_and_sent_with_the_approved_words(helped: Desk):
    helped.everybody(40)
    campaign_id = made(helped, content={**WORDS, "channels": ["sms_ad"]})
    (before,) = helped.preview(campaign_id)["channels"]
    long = (
        "Tiệm Nhà Mây mời quý khách ghé xem hàng mới đã về tại cửa hàng, chọn món hợp ý. "
        "Tiệm rất mong được đón quý khách sớm."
    )
    says(helped, long)
    (draft,) = drafts(helped, campaign_id, channel="sms_ad", brief={"must_say": []})["drafts"]
    assert draft["usable"], draft

    approve(helped, campaign_id, draft["draft_id"])
    (after,) = helped.preview(campaign_id)["channels"]
    helped.post(campaign_id, "approve")
    helped.minutes(10)

    assert (after["people"], after["parts"]) == (before["people"], 2 * before["people"])
    assert before["parts"] == before["people"]
    texts = {message.text for message in helped.received() if message.channel == "sms_ad"}
    assert texts == {
        "[QC] Tiem Nha May moi quy khach ghe xem hang moi da ve tai cua hang, chon mon hop y. "
        "Tiem rat mong duoc don quy khach som. "
        "Tu choi: soan TC gui 8088 hoac goi 19000000"
    }


def test_two_requests_at_once_end_in_the_same_drafts(helped: Desk):
    body = {"channel": "zalo", "brief": BRIEF}
    token = wiring.install(helped.stack.outside)
    try:
        content, row = draft_content(helped.now), campaigns(helped.now).row(made(helped))
    finally:
        wiring.uninstall(token)
    answers = []

    class Slow:
        """While it writes, somebody else asks the same."""

        def draft(self, _brief: CopyBrief) -> Copy:
            answers.append(content.draft(row, body, "faster"))
            return Copy([Wording(text="Lời khác hẳn.")], "slow", 1, 1)

    answers.append(replace(content, writer=Slow()).draft(row, body, "slower"))

    assert answers[0] == answers[1]
    assert answers[1]["made_by"] == "faster"


def test_a_preview_of_the_words_before_is_gone(helped: Desk):
    campaign_id = made(helped)
    helped.preview(campaign_id)

    approve(helped, campaign_id, drafts(helped, campaign_id)["drafts"][0]["draft_id"])

    assert helped.seen(campaign_id)["preview"] is None


def test_a_day_has_its_budget_and_a_failed_call_is_paid_for(helped: Desk):
    campaign_id, budget = made(helped), content_help().calls_a_day
    helped.providers.aws.model = lambda _: "no"
    drafts(helped, campaign_id, status=503)
    row = helped.stack.table.get(table_keys.budget("2026-03-02", "content_help"))
    assert row is not None
    assert row["calls"] == 1
    helped.stack.table.write(Put({**row, "calls": budget}))

    told = drafts(helped, campaign_id, round=2, status=409)

    assert f"Today's {budget} questions" in told["detail"]
    assert len(helped.providers.aws.asked) == 1
    helped.later(days=1)
    helped.providers.aws.model = lambda _: json.dumps({"drafts": [{"text": BRIEF["must_say"][0]}]})
    drafts(helped, campaign_id, round=2)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("I would rather not", "no JSON"),
        ('{"drafts": [{"text": "Hàng mới', "no JSON"),
        ('{"texts": []}', "no drafts"),
        ('{"drafts": []}', "no drafts"),
        ('{"drafts": [{"words": "x"}]}', "other parts"),
        ('{"drafts": ["Hàng mới"]}', "other parts"),
        ('{"drafts": [{"text": ""}]}', "other parts"),
    ],
)
def test_an_answer_that_is_none_is_told_and_may_be_asked_again(
    helped: Desk, caplog: pytest.LogCaptureFixture, said: str, reason: str
):
    campaign_id = made(helped)
    helped.providers.aws.model = lambda _: said
    with caplog.at_level(logging.WARNING):
        told = drafts(helped, campaign_id, status=503)

    assert reason in told["detail"]
    assert reason in caplog.text
    assert BRIEF["goal"] not in caplog.text


@pytest.mark.parametrize(
    ("fault", "reason"), [("rate_limit", "ThrottlingException"), ("error", "ServiceUnavailable"), ("timeout", "")]
)
def test_a_model_that_is_busy_or_gone_is_asked_once_and_told(helped: Desk, fault: Any, reason: str):
    campaign_id = made(helped)
    helped.providers.aws.set_fault(fault, on=PATH)

    assert reason in drafts(helped, campaign_id, status=503)["detail"]
    helped.providers.aws.set_fault("off", on=PATH)
    assert drafts(helped, campaign_id)["drafts"]


def test_a_model_that_hangs_is_waited_for_within_the_limit(helped: Desk):
    campaign_id, over = made(helped), threading.Event()
    name_a_model(helped.stack, read_seconds=0.2)
    helped.providers.aws.model = lambda _: str(over.wait(20))
    try:
        assert "ReadTimeout" in drafts(helped, campaign_id, status=503)["detail"]
    finally:
        over.set()


def test_privacy_the_model_is_told_of_segments_and_products_and_of_no_person(helped: Desk):
    helped.customer(1, traits={"name": "Nguyễn Thị Lan", "city": "Đà Lạt"}, zalo_user_id="z1", email="lan@example.vn")
    campaign_id = made(helped, audience={"segments": ["lapsed_30"], "tags": {"any": ["ban-cua-chi-Lan"]}})
    drafts(helped, campaign_id)

    ((path, asked),) = helped.providers.aws.asked
    assert path == PATH
    told = json.loads(asked["messages"][0]["content"][0]["text"])
    assert told["who"] == ["khách hơn một tháng chưa quay lại"]
    assert told["products"][0] == {"name": "Áo dài lụa", "category": "", "price": "1.250.000 ₫"}
    assert told["offer_ends"] == "23:59 15/03/2026"
    sent = json.dumps(asked, ensure_ascii=False)
    assert not any(word in sent for word in ("Lan", phone(1).lstrip("+84"), "lan@example", "z1", "Đà Lạt", "marketing"))


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("goal", "Mời chị Nguyễn Thị Lan ghé tiệm"),
        ("goal", "Gọi 0936 845 127 cho khách"),
        ("offer", "Gửi ưu đãi cho lan.nguyen@example.vn"),
    ],
)
def test_privacy_a_brief_that_names_a_person_or_a_number_stays_here(helped: Desk, field: str, text: str):
    told = drafts(helped, made(helped), brief={field: text}, status=400)

    assert [error["field"] for error in told["errors"]] == [f"brief.{field}"]
    assert helped.providers.aws.asked == []


def test_a_place_and_the_shops_own_names_are_no_person(helped: Desk):
    goal = "Khai trương Tiệm Nhà Mây tại TP. Hồ Chí Minh, mời xem Áo dài lụa"

    assert drafts(helped, made(helped), brief={"goal": goal})["drafts"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"channel": "zns"}, "channel"),
        ({"channel": "email"}, "channel"),
        ({"count": 6}, "count"),
        ({"brief": {"products": ["AD1", "NO"]}}, "brief.products[1]"),
        ({"brief": {"goal": ""}}, "brief.goal"),
        ({"brief": {"tone": "loud"}}, "brief.tone"),
    ],
)
def test_every_wrong_field_of_a_request_is_named(helped: Desk, body: Any, field: str):
    told = drafts(helped, made(helped), status=400, **body)

    assert field in [error["field"] for error in told["errors"]]
    assert helped.providers.aws.asked == []


def test_r6_a_product_that_no_message_may_name_is_not_written_about(helped: Desk):
    hidden = Product(sku="DL1", name="Bộ đồ lót ren", category="đồ lót", price=200_000)
    dialled = Product(sku="XX1", name="Áo, gọi 0909 123 456", price=200_000)
    Products(helped.stack.table, helped.stack.outside.memory, helped.now).put([hidden, dialled])

    told = drafts(helped, made(helped), brief={"products": ["AD1", "DL1", "XX1"]}, status=400)

    assert [error["field"] for error in told["errors"]] == ["brief.products[1]", "brief.products[2]"]
    assert helped.providers.aws.asked == []


def test_a_draft_there_is_not_is_not_found(helped: Desk):
    campaign_id, other = made(helped), made(helped)
    draft_id = drafts(helped, campaign_id)["drafts"][0]["draft_id"]

    for wrong in ("nothing", f"{draft_id[:-1]}9", f"{draft_id[:-1]}0"):
        approve(helped, campaign_id, wrong, status=404)
    approve(helped, other, draft_id, status=404)


def test_drafts_are_forgotten_after_three_months(helped: Desk):
    campaign_id = made(helped)
    request_id = drafts(helped, campaign_id)["drafts"][0]["draft_id"].partition("-")[0]

    row = helped.stack.table.get(table_keys.campaign_drafts(campaign_id, request_id))

    assert row is not None
    assert row["ttl"] == int((helped.now + timedelta(days=90)).timestamp())
