"""Filling templates in: complete and within limits, or not at all."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from shared.adapters.jinja_sandbox import InvalidValue, Sandbox, cut
from shared.adapters.template_rendering import LIMITS, Renderer, limited
from shared.domain.messaging.channel_errors import ContentError
from shared.domain.messaging.template import CannotRender, Template
from shared.domain.messaging.tracked_links import link_key, read
from shared.ports import Rendered
from shared.runtime.playbook.loader import PLAYBOOK
from shared.runtime.playbook.shop import shop
from shared.runtime.playbook.templates import renderer, templates

KEY = link_key(b"secret")
MESSAGE = "a" * 24 + "0" * 20
LAN = {"name": "Nguyễn Thị Lan", "gender": "female"}
ORDER = {"order_code": "DH1", "total": 1_250_000, "ordered_on": "2026-11-21", "customer": LAN}


def shipped(template: str, channel: str, **variables: Any) -> Rendered:
    return renderer("https://kq.example", KEY).render(template, channel, variables, message_id=MESSAGE)


def filled(text: str, variables: dict[str, Any], **kinds: Any) -> str:
    """A Zalo message of that text."""
    made = Template.model_validate(
        {
            "id": "test", "purpose": "service", "title": "x", "zalo": {"text": text},
            "variables": {name: {"sample": "x"} | (kind if isinstance(kind, dict) else {"kind": kind})
                          for name, kind in kinds.items()},
        }
    )  # fmt: skip
    one = Renderer(
        {"test": made}, shop(), Sandbox(PLAYBOOK / "pages"), base="https://kq.example", link_key=KEY, stores=("Quận 1",)
    )
    return one.render("test", "zalo", variables, message_id=MESSAGE).text


# ---- complete or not at all ----


@pytest.mark.parametrize("value", [None, "", "  ", "\u0000\n"])
def test_a_missing_variable_is_an_error_before_anything_is_sent(value: Any):
    with pytest.raises(CannotRender) as wrong:
        shipped("order_thanks", "zns", **ORDER | {"order_code": value})

    assert str(wrong.value) == "template order_thanks, channel zns, order_code: is missing"
    assert isinstance(wrong.value, ContentError)


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("total", "1250000", "no amount in whole VND"),
        ("total", True, "no amount in whole VND"),
        ("total", 12.5, "no amount in whole VND"),
        ("ordered_on", "21/11/2026", "neither a date nor a moment"),
        ("ordered_on", "2026-11-21T10:00:00", "neither a date nor a moment"),  # no time zone
        ("order_code", ["DH1"], "no text"),
        ("order_code", "D" * 65, "no code"),
    ],
)
def test_a_wrong_variable_is_one_too(variable: str, value: Any, reason: str):
    with pytest.raises(CannotRender, match=reason) as wrong:
        shipped("order_thanks", "email", **ORDER | {variable: value})
    assert wrong.value.variable == variable


def test_what_is_not_declared_is_missing_even_when_it_is_given():
    with pytest.raises(CannotRender, match="name: is missing"):
        filled("{{ name }}", {"name": "Lan"})
    with pytest.raises(CannotRender, match="fax: is missing"):
        filled("{{ shop.fax }}", {})
    with pytest.raises(CannotRender, match="nowhere: is missing"):
        filled("{{ links.nowhere }}", {})


def test_there_is_no_such_template_and_no_such_channel():
    with pytest.raises(CannotRender, match="no such template"):
        shipped("nothing", "zns")
    with pytest.raises(CannotRender, match="says nothing on this channel"):
        shipped("cart_reminder", "zns")
    assert renderer("", KEY).channels("nothing") == frozenset()
    assert "zns" in renderer("", KEY).channels("order_thanks")


def test_a_text_of_which_nothing_is_left_is_not_sent():
    with pytest.raises(CannotRender, match="nothing is left to say"):
        filled("{% if x %}Dạ{% endif %}", {}, x={"kind": "text", "required": False})


# ---- the sandbox ----


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ shop.__init__.__globals__ }}",
        "{{ x.__class__.__base__.__subclasses__() }}",
        "{% for i in range(10**9) %}x{% endfor %}",
    ],
)
def test_a_template_reaches_nothing_outside(text: str):
    with pytest.raises(CannotRender):
        filled(text, {"x": "a"}, x="text")


def test_what_a_customer_typed_is_never_a_template_and_never_html():
    typed = "{{ shop.hotline }}<script>alert(1)</script>"
    assert typed in filled("{{ x }}", {"x": typed}, x={"kind": "text", "ours": True})
    assert "hotline" not in filled("{{ x }}", {"x": typed}, x="text")
    html = shipped("receipt", "email", order_code="DH1", total=1, bought_on="2026-11-21", paid_by=typed).html
    assert "<script" not in html
    assert "&lt;script&gt;" in html


# ---- how things are written ----


def test_money_days_and_times_are_vietnamese():
    text = filled(
        "{{ m | vnd }} {{ d | date }} {{ t | time }} {{ t | date }}",
        {"m": 1_250_000, "d": "2026-11-21", "t": "2026-11-21T17:30:00Z"}, m="money", d="date", t="date",
    )  # fmt: skip
    assert text == "1.250.000 ₫ 21/11/2026 00:30 22/11/2026"  # by the shop's clock


def test_a_day_has_no_time():
    with pytest.raises(CannotRender, match="a day without a time"):
        filled("{{ d | time }}", {"d": "2026-11-21"}, d="date")


def test_brands_keep_their_spelling_at_the_beginning_of_a_sentence():
    assert filled("{{ x | capitalize }}", {"x": "quần Levi's 501 THẬT"}, x="text") == "Quần Levi's 501 THẬT"


def test_texts_come_out_composed_and_short_ones_are_cut_between_words():
    decomposed = unicodedata.normalize("NFD", "Nguyễn Thị Hồng Ánh")
    assert filled("{{ x }}", {"x": decomposed}, x="text") == "Nguyễn Thị Hồng Ánh"
    assert filled("{{ x | short(12) }}", {"x": decomposed}, x="text") == "Nguyễn Thị…"


# ---- ZNS ----


def test_r12_parameters_are_strings_within_zalos_limits():
    message = shipped("order_thanks", "zns", **ORDER)

    assert message.template == templates()["order_thanks"].zns.template_id  # type: ignore[union-attr]
    assert message.parameters == {
        "customer_name": "Lan", "order_code": "DH1", "total": "1250000", "ordered_on": "21/11/2026",
    }  # fmt: skip
    assert "Tổng tiền: 1.250.000 ₫" in message.text


def test_r12_names_are_cut_between_words_where_that_is_harmless():
    long = "Áo khoác dạ dáng dài cổ bẻ hai hàng cúc " * 6
    product = limited("product", long)
    assert len(product) <= 200
    assert long.startswith(product)
    assert product[-1] != " "
    assert long[len(product)] == " "
    assert limited("customer_name", unicodedata.normalize("NFD", "Công Tằng Tôn Nữ Thị Hồng Nhung")) == (
        "Công Tằng Tôn Nữ Thị Hồng"
    )
    assert cut("Mộtchữrấtdàikhôngcókhoảngtrắng", 5) == "Mộtch"


@pytest.mark.parametrize("kind", sorted(set(LIMITS) - {"customer_name", "product", "vnd", "date"}))
def test_r12_everything_else_that_is_too_long_is_an_error(kind: Any):
    assert limited(kind, "x" * LIMITS[kind])
    with pytest.raises(InvalidValue, match=f"at most {LIMITS[kind]}"):
        limited(kind, "x" * (LIMITS[kind] + 1))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("vnd", "0"), ("vnd", "-5"), ("vnd", "1.250.000"), ("vnd", "1250000 ₫"), ("date", "2026-11-21"),
        ("date", "24 tháng 11"), ("code", " "),
    ],
)  # fmt: skip
def test_r12_what_zalo_would_refuse_is_refused_here(kind: Any, value: str):
    with pytest.raises(InvalidValue):
        limited(kind, value)


@pytest.mark.parametrize(
    "value", ["14:30:05", "14:30", "14:30 24/11/2026", "14:30:05 24/11/2026", "24/11/2026", "11/2026"]
)
def test_r12_dates_as_zalo_takes_them(value: str):
    assert limited("date", value) == value


# ---- SMS ----


def test_x10_an_sms_loses_its_marks_and_keeps_its_words():
    message = shipped("order_thanks", "sms_care", **ORDER)
    assert message.text == (
        "NHAMAY: Cam on chi Lan da dat hang. Don DH1, tong 1.250.000 d, dang duoc chuan bi. Ho tro: 1900 0000"
    )


def test_x10_an_sms_over_its_parts_is_refused():
    care = {"registered": True, "text": "{{ a }}"}
    declared = {"a": {"kind": "text", "sample": "x", "ours": True}}
    long = Template.model_validate(
        {"id": "long", "purpose": "service", "title": "x", "sms_care": care, "variables": declared}
    )
    one = Renderer(
        {"long": long}, shop(), Sandbox(PLAYBOOK / "pages"), base="https://kq.example", link_key=KEY, stores=()
    )
    with pytest.raises(CannotRender, match="SMS parts"):
        one.render("long", "sms_care", {"a": "Tiệm " * 200}, message_id=MESSAGE)


# ---- links ----


def test_links_go_out_tracked_and_their_targets_are_kept():
    message = shipped("winback_60", "zalo", voucher="QL1", gift="giảm 15%", valid_until="2026-12-01",
                      offer_url="https://nhamay.example/uu-dai?màu=đỏ", customer=LAN)  # fmt: skip

    assert message.links == ("https://nhamay.example/uu-dai?m%C3%A0u=%C4%91%E1%BB%8F",)
    assert "nhamay.example/uu-dai" not in message.text
    sent = message.text.partition("https://kq.example/r/")[2].split()[0]
    assert read(sent, "click", KEY) == (MESSAGE, 0)


def test_a_link_that_is_not_there_this_time_leaves_no_button_and_keeps_its_number():
    parcel = {"order_code": "DH1", "status": "Đang giao", "carrier": "GHN", "tracking_code": "G1",
              "expected_on": "2026-11-24"}  # fmt: skip
    without, with_link = (
        shipped("shipping_update", "email", **parcel),
        shipped("shipping_update", "email", **parcel, tracking_url="https://ghn.example/G1"),
    )
    assert without.links == ("",)
    assert "Theo dõi" not in without.text + without.html
    assert "Theo dõi đơn hàng: https://kq.example/r/" in with_link.text


@pytest.mark.parametrize("url", ["javascript:alert(1)", "/uu-dai", "https://nhamay.example@evil.example/"])
def test_a_link_leads_to_a_plain_web_address_or_nothing_is_sent(url: str):
    with pytest.raises(CannotRender, match="offer_url: is not"):
        shipped("winback_60", "zalo", voucher="QL1", gift="x", valid_until="2026-12-01", offer_url=url)


# ---- languages ----


def test_a_customer_may_want_english():
    message = shipped("order_thanks", "email", **ORDER | {"customer": LAN | {"@language": "en"}})

    assert message.text.startswith("Dear Lan,")
    assert 'lang="en"' in message.html
