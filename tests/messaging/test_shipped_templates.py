"""Every shipped template on every channel: complete with its samples, clean to the lint, and in retail's own words."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from shared.domain.inbox.purchase_intent import Topic
from shared.domain.messaging.promotional_words import promotional_words
from shared.domain.messaging.sms_encoding import advertisement_errors, measured
from shared.domain.messaging.template import BLOCKS, CUSTOMER, Zns
from shared.ports import Rendered
from shared.runtime.playbook.check import check
from shared.runtime.playbook.loader import PLAYBOOK
from shared.runtime.playbook.rules import sending_rules
from shared.runtime.playbook.shop import shop
from shared.runtime.playbook.templates import FILES, SAMPLE_CUSTOMER, preview, sandbox, templates

TEMPLATES = templates()
MESSAGES = [(template, channel) for template in TEMPLATES.values() for channel in template.channels]
IDS = [f"{template.id}-{channel}" for template, channel in MESSAGES]
SANDBOX = sandbox(PLAYBOOK)
KNOWN, NOBODY = SAMPLE_CUSTOMER, dict[str, str]()
# What somebody typed goes out as it is; they know whom they write to.
TYPED = {"ticket_reply"}
# What staff say is read to them from a task and sent to nobody.
SCRIPTS = {name for name, template in TEMPLATES.items() if template.channels == ("call",)}


def written(template_id: str, channel: str, customer: dict[str, str], lang: str = "vi") -> Rendered:
    template = TEMPLATES[template_id]
    return preview(template, channel, {**template.samples, CUSTOMER: customer}, shop(), SANDBOX, lang)  # type: ignore[arg-type]


def test_r27_every_moment_of_a_customers_life_has_its_template():
    fifteen = {
        "order_thanks", "receipt", "shipping_update", "delivered", "guide_day3", "survey_day7", "suggestion_day14",
        "birthday_voucher", "cart_reminder", "winback_30", "winback_60", "winback_90", "points_expiring", "apology",
        "appointment_reminder",
    }  # fmt: skip
    more = {
        "out_for_delivery", "first_visit", "trial_guide", "vip_welcome", "vip_wishes", "maintenance_reminder",
        "warranty_ending", "repurchase_reminder", "replacement_notice", "post_purchase_offer", "feedback_thanks",
        "referral", "winback_reminder", "winback_nurture", "reactivation", "chat_cart", "nps_survey",
    }  # fmt: skip
    assert set(TEMPLATES) >= fifteen | more


def test_what_staff_say_on_the_phone_is_a_template_of_its_own():
    assert {"call_high_value_order", "call_winback", "call_low_rating", "call_delivery_check"} <= SCRIPTS


def test_r12_no_two_templates_are_one_at_zalo():
    ids = [template.zns.template_id for template in TEMPLATES.values() if template.zns]
    assert len(set(ids)) == len(ids)


def test_a12_thanks_and_wishes_sell_nothing_on_any_channel():
    for template_id in ("feedback_thanks", "vip_wishes", "trial_guide", "nps_survey", "warranty_ending"):
        for channel in TEMPLATES[template_id].channels:
            assert promotional_words(written(template_id, channel, KNOWN).text) == []


def test_r19_what_was_asked_in_a_chat_is_answered_in_the_chat_only():
    assert set(TEMPLATES["chat_cart"].channels) == {"zalo", "messenger"}
    said = {
        topic: [
            preview(TEMPLATES["chat_cart"], channel, {CUSTOMER: KNOWN, "topic": topic}, shop(), SANDBOX).text
            for channel in ("zalo", "messenger")
        ]
        for topic in get_args(Topic)
    }
    for words, topic in (("giá", "price"), ("cỡ", "size"), ("hàng còn hay hết", "stock"), ("giao hàng", "shipping")):
        assert all(f"có hỏi tiệm về {words}" in text for text in said[topic])
    assert all("có hỏi tiệm về" not in text and "có hỏi tiệm" in text for text in said[""])


@pytest.mark.parametrize("template_id", ["out_for_delivery", "chat_cart", "call_winback", "call_low_rating"])
def test_a_message_is_whole_without_what_nobody_knows(template_id: str):
    template = TEMPLATES[template_id]
    least = {name: value for name, value in template.samples.items() if template.variables[name].required}
    for channel in template.channels:
        text = preview(template, channel, {**least, CUSTOMER: KNOWN}, shop(), SANDBOX).text
        assert not re.search(r"{%|None|  | [.,?]|\(\)", text)


def test_the_shipped_playbook_has_nothing_to_mend():
    assert [str(mistake) for mistake in check(PLAYBOOK, FILES)] == []


@pytest.mark.parametrize(("template", "channel"), MESSAGES, ids=IDS)
def test_a_message_is_whole_for_anybody_in_both_languages(template, channel):
    for customer in (KNOWN, NOBODY):
        for lang in ("vi", "en"):
            message = written(template.id, channel, customer, lang)
            assert message.text
            for shown in (message.text, message.subject, message.html, *message.parameters.values()):
                assert not re.search(r"{{|{%|}}|%}|\bNone\b|Undefined|<[a-z]+_[a-z_]+>|  ", shown.replace("\n", "¶"))
            assert "Quý khách Lan" not in message.text


@pytest.mark.parametrize("template_id", sorted(TEMPLATES.keys() - TYPED))
def test_u6_who_has_a_clean_name_is_greeted_by_it_and_nobody_by_a_guess(template_id: str):
    for channel in {"zalo", "email"}.intersection(TEMPLATES[template_id].channels):
        known, nobody = (written(template_id, channel, customer) for customer in (KNOWN, NOBODY))
        assert "chị" in known.text.casefold()
        assert "quý khách" not in known.text.casefold()
        assert "quý khách" in nobody.text.casefold()
        assert not re.search(r"\b(anh|chị)\b", nobody.text.casefold())


@pytest.mark.parametrize("template_id", [name for name, template in TEMPLATES.items() if template.zns])
def test_r12_the_title_of_a_zns_stands_in_its_fixed_text(template_id: str):
    block = TEMPLATES[template_id].zns
    assert isinstance(block, Zns)
    assert any("Anh/Chị <customer_name>" in text for text in block.fixed_texts)
    assert "Anh/Chị Lan" in written(template_id, "zns", KNOWN).text
    assert "Anh/Chị thân mến" in written(template_id, "zns", NOBODY).text


def test_r12_tags_follow_purposes_and_service_templates_promise_nothing():
    for template in TEMPLATES.values():
        if template.zns:
            expected = {"marketing": {3}, "service": {2}, "transactional": {1}}[template.purpose]
            assert template.zns.tag in expected
            if template.zns.tag != 3:
                assert promotional_words(written(template.id, "zns", KNOWN).text) == []


def test_r11_a_personal_reminder_is_no_advertising_sms_and_no_care_either():
    cart = TEMPLATES["cart_reminder"]
    assert {"zns", "sms_care", "sms_ad"}.isdisjoint(cart.channels)
    for template in TEMPLATES.values():
        if template.purpose == "marketing":
            assert template.sms_care is None
        if template.sms_ad:
            assert written(template.id, "sms_ad", KNOWN).text == written(template.id, "sms_ad", NOBODY).text


def test_x10_a_shipped_sms_is_one_part_of_plain_letters():
    for template, channel in MESSAGES:
        if channel in ("sms_care", "sms_ad"):
            sms = measured(written(template.id, channel, KNOWN).text)
            assert (sms.encoding, sms.parts) == ("GSM-7", 1)


def test_an_address_in_a_message_ends_where_it_ends():
    """What follows it at once would become a part of it on many phones."""
    for template, channel in MESSAGES:
        for lang in ("vi", "en"):
            assert not re.search(r"/[rs]/[^\s]*[.,;)](\s|$)", written(template.id, channel, KNOWN, lang).text)


def test_advertisements_are_labelled_and_say_how_to_refuse():
    for template in TEMPLATES.values():
        if template.sms_ad:
            assert advertisement_errors(written(template.id, "sms_ad", KNOWN).text) == []
        if template.purpose != "marketing" or not template.email:
            continue
        mail = written(template.id, "email", KNOWN)
        assert mail.subject.startswith("[QC] ")
        assert mail.unsubscribe
        assert mail.unsubscribe in mail.text
        assert mail.unsubscribe in mail.html
    for template, channel in MESSAGES:
        if template.purpose == "marketing" and channel in ("zalo", "messenger"):
            assert "Nhắn TC" in written(template.id, channel, KNOWN).text


def test_transactional_and_service_mails_carry_no_label_and_nothing_to_refuse():
    for template in TEMPLATES.values():
        if template.purpose != "marketing" and template.email:
            mail = written(template.id, "email", KNOWN)
            assert "[QC]" not in mail.subject
            assert mail.unsubscribe == ""
            assert "/u/" not in mail.text + mail.html


def test_r20_a_receipt_is_a_bien_nhan_and_the_invoice_has_a_place_to_be_looked_up():
    receipt = TEMPLATES["receipt"]
    assert "Biên nhận" in written("receipt", "zalo", KNOWN).text
    without = {name: value for name, value in receipt.samples.items() if name != "invoice_url"}
    for channel in receipt.channels:
        text = preview(receipt, channel, without, shop(), SANDBOX).text.replace("không thay hoá đơn", "")
        assert "hoá đơn" not in text.casefold()
    assert "Tra cứu hoá đơn điện tử: https://" in written("receipt", "email", KNOWN).text


def test_a_mail_stands_alone_and_fits_a_phone():
    for template in TEMPLATES.values():
        if template.email is None:
            assert template.id in SCRIPTS | {"chat_cart", "comment_reply"}
            continue
        html = written(template.id, "email", KNOWN).html
        assert "<img" not in html
        assert "<link" not in html
        assert "<script" not in html
        assert "@import" not in html
        assert "width=device-width" in html
        assert len(html.encode()) < 20_000  # Gmail cuts at 102 KB, a phone's patience earlier


def test_every_purpose_has_words_on_the_channels_it_is_sent_on():
    for order in sending_rules().orders:
        for template in TEMPLATES.values():
            # A comment is answered where it stands.
            if template.purpose == order.purpose and template.id not in SCRIPTS | {"comment_reply"}:
                assert set(template.usable) & set(order.channels), (template.id, order)
    assert {channel for template in TEMPLATES.values() for channel in template.channels} == set(BLOCKS)
