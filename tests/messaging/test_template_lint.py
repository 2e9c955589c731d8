"""Mistakes in templates, each with the file, the line, the field, and what was expected."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.local.cli import app
from shared.runtime.playbook.check import check
from shared.runtime.playbook.loader import PLAYBOOK, PlaybookError
from shared.runtime.playbook.templates import FILES, load_templates, templates

GOOD = """\
id: points
purpose: service
title: {vi: Điểm, en: Points}
variables:
  points: {kind: text, sample: "1.200"}
  day: {kind: date, sample: "2026-12-21"}
  page: {kind: url, sample: "https://nhamay.example/diem"}
  product: {kind: text, sample: Áo thun, sensitive: true, required: false}
links:
  page: "{{ page }}"
zns:
  template_id: "1"
  name: Thông báo điểm
  tag: 2
  status: enabled
  price_vnd: 300
  title: Điểm sắp hết hạn
  paragraphs:
    - Xin chào Anh/Chị <customer_name>, điểm sắp hết hạn.
  rows: {Số điểm: <points>}
  button: {title: Xem điểm, url: <page>}
  parameters:
    customer_name: {kind: customer_name, text: "{{ greeting.zns_name }}"}
    points: {kind: amount, text: "{{ points }}"}
    page: {kind: url, text: "{{ links.page }}"}
zalo:
  text: "Dạ {{ greeting.called }} còn {{ points }} điểm đến {{ day | date }} ạ. {{ product }}"
sms_care:
  registered: true
  text: "NHAMAY: Còn {{ points }} điểm"
email:
  subject: "{{ points }} điểm sắp hết hạn"
  body: "Còn {{ points }} điểm."
  cta: {text: Xem điểm, link: page}
web:
  title: Điểm của bạn
  text: "Còn {{ points }} điểm."
messenger:
  template:
    name: points
    body: "Còn {points} điểm."
    parameters: {points: "{{ points }}"}
"""
AD = """\
id: sale
purpose: marketing
title: Quảng cáo
variables:
  gift: {kind: text, sample: giảm 10%, same_for_all: true}
  voucher: {kind: code, sample: QL1}
sms_ad:
  text: "NHAMAY: {{ gift }}"
email:
  subject: Quà cho bạn
  body: "Mã {{ voucher }}"
"""


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    shutil.copytree(PLAYBOOK / "pages", tmp_path / "pages")
    shutil.copy(PLAYBOOK / "shop.yaml", tmp_path)
    return tmp_path


@pytest.fixture
def mistakes(playbook: Path) -> Callable[[str], list[str]]:
    """Write a template file and answer with what is wrong with it."""

    def of(text: str, name: str = "x.yaml") -> list[str]:
        (playbook / "templates" / name).write_text(text, encoding="utf-8")
        return [str(mistake) for mistake in check(playbook, FILES)]

    return of


def test_the_examples_themselves_are_clean(mistakes: Callable[..., list[str]]):
    assert mistakes(GOOD) == []
    assert mistakes(AD, "y.yaml") == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        # variables
        ("còn {{ points }} điểm đến", "còn {{ pionts }} điểm đến",
         "zalo.text.vi: pionts is not among the variables; did you mean points?"),
        ("{{ day | date }}", "mai", "variables.day: is used nowhere; take it out or say it"),
        ("{{ points }} điểm đến", "{{ points }} điểm {{ đến", "zalo.text.vi: cannot be read: expected token"),
        ('sample: "2026-12-21"', "sample: ngày mai",
         "variables.day.sample: is neither a date nor a moment with its time zone"),
        ("{{ day | date }}", "{{ day | vnd }}", "zalo: is no amount in whole VND"),
        ("greeting.called", "greeting.callde", "zalo: callde is missing"),
        # ZNS: names, titles, limits, tags, parameters
        ("name: Thông báo điểm", "name: Điểm", "zns.name: has 4 characters, must have 10 to 60"),
        ("title: Điểm sắp hết hạn", "title: " + "Điểm " * 20, "zns.title: has 99 characters, must have 9 to 65"),
        ("title: Xem điểm", "title: Xem", "zns.button.title: has 3 characters, must have 5 to 30"),
        ("- Xin chào Anh/Chị <customer_name>, điểm sắp hết hạn.", "- Chào <customer_name>.\n    - Chào!",
         "zns.paragraphs.1: has 5 characters, must have 9 to 400"),
        ("tag: 2", "tag: 3", "zns.tag: is 3; a service message goes under tag 1 or 2"),
        ("điểm sắp hết hạn.\n", "ưu đãi cho điểm.\n",
         "zns.paragraphs.0: “ưu đãi” is a word of promotion, refused under tag 2; it belongs under 3"),
        ("Xem điểm, url", "Săn deal, url", "zns.button.title: “săn” is a word of promotion"),
        ("{Số điểm: <points>}", "{Số điểm: <point>}", "zns.parameters: the text has <point>"),
        ("{Số điểm: <points>}", "{}", "zns.parameters.points: is sent but stands nowhere"),
        ("{{ greeting.zns_name }}", "{{ greeting.called }}",
         'zns.parameters.customer_name.text: a title belongs in the fixed text ("Anh/Chị <name>")'),
        ('{kind: amount, text: "{{ points }}"}', '{kind: amount, text: "{{ points }} điểm tích luỹ tại cửa hàng"}',
         "zns.parameters.points: has 32 characters, kind amount has at most 20"),
        ("url: <page>", "url: https://nhamay.example", "zns.button.url: must be a parameter of kind url"),
        ('text: "{{ links.page }}"', 'text: "{{ page }}"',
         "zns.parameters.page.text: an address that nobody follows; name it under links and use {{ links.name }}"),
        # links
        ("điểm đến", "điểm, xem https://nhamay.example, đến", "zalo.text.vi: an address that nobody follows"),
        ("điểm đến", "điểm, xem {{ shop.website }}, đến", "zalo.text.vi: an address that nobody follows"),
        ("điểm đến", "điểm {{ page }} đến", "zalo.text.vi: page goes out untracked; put it under links"),
        ("điểm đến", "điểm {{ links.pgae }} đến", "zalo.text.vi: there is no link pgae; links are page"),
        ("điểm đến", "điểm {{ links.survey }} đến", "zalo.text.vi: there is no link survey; links are page"),
        ("link: page}", "link: diem}", "email.cta.link: there is no link diem; links are page"),
        ('  page: "{{ page }}"', '  page: "{{ page }}"\n  other: "https://nhamay.example/x"',
         "links.other: leads from nowhere; use it or take it out"),
        ('page: "{{ page }}"', 'page: "{{ page }}?ten={{ points }}"',
         "links.page: points is a text; an address carries only url and code"),
        ('page: "{{ page }}"', 'page: "nhamay.example/{{ page }}"', "links.page: is not an absolute web address"),
        # SMS
        ("NHAMAY: Còn", "NHAMAY: Ưu đãi, còn", "sms_care.text.vi: “ưu đãi” is a word of promotion, refused"),
        ("NHAMAY: Còn", "NHAMAY: " + "rất nhiều lời " * 30 + "còn", "sms_care: The SMS is too long. text: takes 3"),
        ("purpose: service", "purpose: marketing", "sms_care: an advertisement does not go as a care SMS"),
        # discretion
        ('subject: "{{ points }} điểm sắp hết hạn"', 'subject: "{{ product or points }}"',
         "email.subject.vi: product is sensitive and would show on a locked screen (R6)"),
        ("NHAMAY: Còn", "NHAMAY: {{ product }} còn", "sms_care.text.vi: product is sensitive"),
        ("title: Điểm của bạn", 'title: "{{ product or points }}"', "web.title.vi: product is sensitive"),
        # words, subjects, providers' templates
        ('body: "Còn {{ points }} điểm."', 'body: "Hoá đơn của bạn còn {{ points }} điểm."',
         "email.body.vi: “hoá đơn” without a link to look it up; say biên nhận, or use {{ links.invoice }} (R20)"),
        ("điểm sắp hết hạn\"\n  body", "điểm " + "sắp hết hạn " * 10 + "\"\n  body",
         "email.subject: has 130 characters, must have at most 100"),
        ('body: "Còn {points} điểm."', 'body: "Còn {diem} điểm."',
         "messenger.template.body: has {diem}, but there is no such parameter"),
        ('body: "Còn {points} điểm."', 'body: "Ưu đãi: {points} điểm."',
         "messenger.template.body: “ưu đãi” is a word of promotion, refused in a utility template"),
        # the shape of the file
        ("kind: date,", "kind: day,", "variables.day.kind: must be 'text', 'money', 'date'"),
        ("registered: true", "registred: true", "sms_care.registred: there is no such field; did you mean registered? Fields are text"),  # noqa: E501
        ("purpose: service", "purpose: service\ncolour: red", "colour: there is no such field; fields are id, purpose"),
        ("  points: {kind: text", "  shop: {kind: text", "variables.shop: is given to every template"),
        ("zalo:\n", "zalo:\n  text: Dạ\n", "zalo.text: stands here a second time"),
        ("id: points", "id: points\nsend_before: soon", "send_before: must be a span such as 30m, 12h or 2d"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(mistakes: Callable[..., list[str]], before: str, after: str, told: str):
    spoiled = GOOD.replace(before, after, 1)
    assert spoiled != GOOD
    found = mistakes(spoiled)
    hits = [mistake for mistake in found if told in mistake]
    assert hits, found
    file, line, field, _ = hits[0].split(":", 3)
    assert file == "templates/x.yaml"
    # The line shows the field's own name, or the words for a field of a list.
    key = [step for step in field.strip().split(".") if not step.isdigit() and step not in ("vi", "en")][-1]
    at = spoiled.splitlines()[int(line) - 1]
    assert key in at or at.strip().startswith("- "), (line, at, field)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("{{ gift }}", "{{ gift }} mã {{ voucher }}",
         "templates/x.yaml:8: sms_ad.text.vi: voucher differs from person to person; an advertising SMS is one text"),
        ("{{ gift }}", "{{ greeting.called }} {{ gift }}",
         "templates/x.yaml:8: sms_ad.text.vi: greeting differs from person"),
        ("purpose: marketing", "purpose: service", "templates/x.yaml:7: sms_ad: a service message is no advertisement"),
    ],
)  # fmt: skip
def test_r11_an_advertising_sms_is_one_text_for_all(
    mistakes: Callable[..., list[str]], before: str, after: str, told: str
):
    assert any(mistake.startswith(told) for mistake in mistakes(AD.replace(before, after, 1)))


def test_an_advertising_sms_without_a_lawful_way_to_refuse_is_a_mistake(
    playbook: Path, mistakes: Callable[..., list[str]]
):
    shop = (playbook / "shop.yaml").read_text()
    (playbook / "shop.yaml").write_text(
        shop.replace("Từ chối: soạn TC gửi 8088 hoặc gọi 19000000", "Từ chối tại https://nhamay.example/tc")
    )
    (found, *_) = mistakes(AD)

    assert found.startswith("templates/x.yaml:7: sms_ad: ")
    assert "ends with how to refuse it by SMS or by call" in found


@pytest.mark.parametrize("page", ["email.html", "email.txt"])
def test_a_marketing_mail_without_unsubscribe_is_a_mistake(
    playbook: Path, mistakes: Callable[..., list[str]], page: str
):
    file = playbook / "pages" / page
    file.write_text(file.read_text().replace("{% if unsubscribe %}", "{% if false %}"))

    assert any(
        mistake.startswith("templates/x.yaml:9: email: marketing without a way to unsubscribe")
        for mistake in mistakes(AD)
    )


def test_two_templates_of_one_id_are_a_mistake(mistakes: Callable[..., list[str]]):
    mistakes(AD, "a.yaml")

    assert mistakes(AD, "b.yaml") == ["templates/b.yaml:1: id: is taken by templates/a.yaml"]


def test_what_is_no_yaml_says_where(mistakes: Callable[..., list[str]], playbook: Path):
    (found,) = mistakes("id: x\ntitle: {vi: a\nzalo: b\n")
    assert found.startswith("templates/x.yaml:3: is no YAML: ")
    with pytest.raises(PlaybookError, match=r"x\.yaml:3"):
        load_templates(playbook)


# ---- the command line ----


def test_the_command_names_every_mistake_and_fails(playbook: Path, mistakes: Callable[..., list[str]]):
    mistakes(AD.replace("{{ gift }}", "{{ gfit }}"))
    ran = CliRunner().invoke(app, ["templates", "check", "--playbook", str(playbook)])

    assert ran.exit_code == 1
    assert "templates/x.yaml:8: sms_ad.text.vi: gfit is not among the variables; did you mean gift?" in ran.output


def test_the_command_is_content_with_what_ships():
    ran = CliRunner().invoke(app, ["templates", "check"])

    assert (ran.exit_code, ran.output) == (0, f"{len(templates())} templates, nothing to mend\n")


def test_u7_the_preview_shows_sender_words_parts_and_price():
    ran = CliRunner().invoke(app, ["templates", "preview", "survey_day7"])

    assert ran.exit_code == 0
    for shown in ("Zalo · Tiệm Nhà Mây", "SMS · NHAMAY", "1 (GSM-7, 145 places)", "3 (UCS-2), 2100 VND", "700 VND",
                  "300206, tag 2, enabled", "[ Gửi đánh giá ]", "chị Lan"):  # fmt: skip
        assert shown in ran.output


def test_the_preview_knows_nobody_and_english():
    ran = CliRunner().invoke(app, ["templates", "preview", "order_thanks", "--channel", "email", "--nobody"])
    assert "Quý khách thân mến," in ran.output
    ran = CliRunner().invoke(app, ["templates", "preview", "order_thanks", "--channel", "email", "--lang", "en"])
    assert "Dear Lan," in ran.output
