"""The demo's input and its picture: people made up once and for all, and a page that needs nothing but itself."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.console import Console

from infra.local.demo import BATCH_EVENTS, SHOWN_OF_PHONE, open_shop, run
from infra.local.demo_report import page
from infra.local.demo_terminal import show
from infra.local.demo_words import reason
from infra.local.shop_history import ENDINGS, FILLER_NUMBERS, days, events_of, invoices, person
from infra.local.trouble import Trouble
from shared.domain.phone import BadPhone, parse_phone
from shared.domain.segment_protocol import MAX_BATCH_BYTES, MAX_CALL_BYTES

SHOP = invoices()
CUSTOMER_OF = {f"invoice-{invoice.number}": invoice.customer for invoice in SHOP}


def reported():
    registered: set[str] = set()
    for _, day in days(SHOP):
        yield from events_of(day, registered).values()


def test_the_slice_is_the_one_its_provenance_describes():
    assert len(SHOP) == 8513
    assert sum(len(invoice.lines) for invoice in SHOP) == 161_537
    assert len({invoice.customer for invoice in SHOP if invoice.customer}) == 1202
    assert sum(not invoice.customer for invoice in SHOP) == 1414


def test_D3_every_way_a_till_writes_a_number_is_the_persons_number():
    ways = set()
    for report in reported():
        for event in report:
            phone = (event.get("traits") or event["context"].get("traits", {})).get("phone")
            customer = CUSTOMER_OF.get(event["messageId"]) or event["messageId"].removeprefix("registration-")
            if phone in FILLER_NUMBERS:
                with pytest.raises(BadPhone):
                    parse_phone(phone)
            elif phone:
                assert parse_phone(phone).e164 == f"+84{person(customer).phone}"
                ways.add(re.sub(r"\d", "9", phone))
    assert len(ways) >= 8


def test_D3_no_two_customers_share_a_phone():
    people = [person(invoice.customer) for invoice in SHOP if invoice.customer]
    assert len({who.phone for who in people}) == len({who.number for who in people}) == 1202


def test_G13_what_the_tills_report_fits_the_protocol():
    for report in reported():
        for event in report:
            assert len(json.dumps(event, ensure_ascii=False).encode()) < MAX_CALL_BYTES
        batch = sorted((len(json.dumps(event, ensure_ascii=False).encode()) for event in report), reverse=True)
        assert sum(batch[:BATCH_EVENTS]) + BATCH_EVENTS < MAX_BATCH_BYTES


def test_some_customers_have_no_zalo_and_some_of_those_an_e_mail():
    endings = {invoice.customer: person(invoice.customer) for invoice in SHOP if invoice.customer}
    without = [who for who in endings.values() if who.phone.endswith(tuple(ENDINGS))]
    assert 80 < len(without) < 160
    assert 10 < sum(who.email is not None for who in without) < len(without)


@pytest.fixture(scope="module")
def picture():
    return taken(45)


def taken(open_days):
    shop = [invoice for invoice in SHOP if invoice.day < SHOP[0].day + timedelta(days=open_days)]
    replay = open_shop(shop=shop)
    try:
        return run(replay, lambda _: None)
    finally:
        replay.house.close()


def test_the_demo_is_the_same_every_time(picture):
    assert replace(taken(45), seconds=0.0) == replace(picture, seconds=0.0)


def test_X7_every_message_has_one_outcome_with_a_reason_in_words(picture):
    outcomes = [(tally.channel, tally.status, tally.reason) for tally in picture.messages]
    assert len(set(outcomes)) == len(outcomes)
    assert picture.message_count > 500
    words = {reason(tally.reason).vi for tally in picture.messages} | {reason(turn.reason).vi for turn in picture.turns}
    assert all(word in page(picture) for word in words)


def test_A14_who_has_no_zalo_and_whom_an_outage_hits_is_reached_on_another_channel(picture):
    delivered = {tally.channel: tally for tally in picture.messages if tally.status == "delivered"}
    assert delivered.keys() == {"zns", "sms_care", "email"}
    assert {turn.reason for turn in picture.turns} >= {"unreachable", "refused", "provider_trouble"}
    assert {turn.channel for turn in picture.turns} == {"zns"}


def test_K8_what_the_messages_cost_is_what_the_providers_charge(picture):
    for tally in picture.messages:
        assert tally.cost >= tally.messages * {"zns": 300, "sms_care": 700, "email": 3}[tally.channel]
    assert picture.message_cost == sum(tally.cost for tally in picture.messages)
    assert round(picture.messages_per_thousand()) == round(picture.message_cost * 1000 / picture.customers)


def test_the_phone_on_show_has_messages_of_several_channels_as_they_arrived(picture):
    bubbles = picture.phone.bubbles
    assert len({bubble.channel for bubble in bubbles}) > 1
    assert [bubble.at for bubble in bubbles] == sorted(bubble.at for bubble in bubbles)
    assert all(bubble.text for bubble in bubbles)
    assert page(picture).count('class="bubble ') == len(bubbles) <= SHOWN_OF_PHONE


def test_the_page_needs_no_other_file_and_no_script(picture):
    html = page(picture)
    assert not re.search(r"<script|<link|<img|@import|url\(|src=|https?://", html)
    assert html.count("<svg") == 6
    assert 'lang="vi"' in html


def test_the_terminal_shows_the_picture_on_a_narrow_screen_too(picture):
    for width in (80, 150):
        out = io.StringIO()
        show(picture, Console(file=out, width=width))
        assert max(map(len, out.getvalue().splitlines())) <= width
        assert "Danh sách gọi lại" in out.getvalue()
        assert "Điện thoại của một khách" in out.getvalue()


def test_a_folder_with_another_past_is_not_overwritten(tmp_path):
    replay = open_shop(tmp_path)
    replay.house.advance(replay.house.now + timedelta(days=1))
    replay.house.close()
    with pytest.raises(Trouble, match="another past"):
        open_shop(tmp_path)
