"""The shape of a template: what it may say, on which channels it can go today, and until when it is of use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.messaging.template import CannotRender, Template

ZNS = {
    "template_id": "1", "name": "Xác nhận đơn", "tag": 1, "status": "enabled", "price_vnd": 300,
    "title": "Đơn hàng đã nhận", "paragraphs": ["Xin chào Anh/Chị"],
}  # fmt: skip


def template(**parts: Any) -> Template:
    return Template.model_validate(
        {"id": "thanks", "purpose": "service", "title": "Cảm ơn", "zalo": {"text": "Dạ"}} | parts
    )


def test_a_bare_text_is_vietnamese_and_english_falls_back_on_it():
    text = template().zalo.text  # type: ignore[union-attr]

    assert (text.in_language("vi"), text.in_language("en")) == ("Dạ", "Dạ")
    both = template(zalo={"text": {"vi": "Dạ", "en": "Yes"}}).zalo.text  # type: ignore[union-attr]
    assert (both.in_language("vi"), both.in_language("en")) == ("Dạ", "Yes")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"zalo": {"text": {"en": "Yes"}}}, "vi"),  # Vietnamese first
        ({"zalo": {"text": ""}}, "at least 1 character"),
        ({"zalo": None}, "says nothing"),
        ({"purpose": "spam"}, "purpose"),
        ({"id": "Thanks!"}, "pattern"),
        ({"colour": "red"}, "colour"),
        ({"variables": {"shop": {"kind": "text", "sample": "x"}}}, "variables.shop: is given"),
        ({"variables": {"customer": {"kind": "text", "sample": "x"}}}, "variables.customer: is given"),
        ({"links": {"survey": "https://a.example"}}, "links.survey"),
        ({"send_before": "soon"}, "30m, 12h or 2d"),
        ({"send_before": 12}, "30m, 12h or 2d"),
        ({"zns": ZNS | {"tag": 4}}, "tag"),
        ({"messenger": {}}, "either a text or a template"),
        ({"messenger": {"text": "x", "template": {"name": "x", "body": "x"}}}, "either a text or a template"),
    ],
)
def test_what_a_template_cannot_be(wrong: dict[str, Any], words: str):
    with pytest.raises(ValidationError, match=words):
        template(**wrong)


def test_r12_what_is_not_approved_falls_back():
    sms = {"text": "NHAMAY", "registered": False}
    for status in ("pending", "rejected", "disabled"):
        waiting = template(zns=ZNS | {"status": status}, sms_care=sms)
        assert waiting.channels == ("zns", "zalo", "sms_care")
        assert waiting.usable == ("zalo",)
    assert template(zns=ZNS, sms_care=sms | {"registered": True}).usable == ("zns", "zalo", "sms_care")


def test_r14_a_message_knows_when_it_is_of_no_use_any_more():
    nine = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)  # 09:00 in Vietnam

    assert template().too_late_from(nine) is None
    assert template(send_before="12h").too_late_from(nine) == nine + timedelta(hours=12)
    assert template(send_before="30m").too_late_from(nine) == nine + timedelta(minutes=30)
    # A birthday wish ends with the local day.
    assert template(send_before="day_end").too_late_from(nine) == datetime(2026, 11, 21, 17, 0, tzinfo=UTC)


def test_an_error_of_content_names_template_channel_and_variable():
    error = CannotRender("receipt", "zns", "total", "is missing")

    assert str(error) == "template receipt, channel zns, total: is missing"
