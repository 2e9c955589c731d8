"""The demo's input and its picture: people made up once and for all, and a page that needs nothing but itself."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
import yaml
from rich.console import Console

from infra.local.demo.api_client import BATCH_EVENTS
from infra.local.demo.dataset import ENDINGS, FILLER_NUMBERS, days, events_of, invoices, person
from infra.local.demo.html_report import page
from infra.local.demo.message_results import messages
from infra.local.demo.phone_view import SHOWN_OF_PHONE
from infra.local.demo.results import Picture
from infra.local.demo.run import open_shop, opening, run
from infra.local.demo.terminal_report import show
from infra.local.demo.texts import ended, outcome, reason
from infra.local.errors import Trouble
from shared.domain.customers.phone import BadPhone, parse_phone
from shared.domain.events.segment_protocol import MAX_BATCH_BYTES, MAX_CALL_BYTES
from shared.domain.facts.layout import RAW
from shared.domain.facts.schema import KINDS, columns
from shared.domain.messaging.message import PROGRESS
from shared.domain.messaging.policy import in_holdout
from shared.domain.tasks.task import OUTCOMES, WITHDRAWN
from shared.domain.vietnam_time import moment
from shared.ports import ObjectStore
from shared.runtime.playbook.loader import PLAYBOOK
from shared.runtime.playbook.rules import sending_rules
from shared.use_cases.facts.fetch import all_names
from tests.reports.brute_force import BRUTE, Period
from tests.reports.lake_of_facts import Lake

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


def test_some_birthdays_are_of_the_kinds_that_are_easy_to_get_wrong():
    people = {invoice.customer: person(invoice.customer) for invoice in SHOP if invoice.customer}.values()
    days = [who.birthday[5:] for who in people if who.birthday]
    assert len(days) > 500
    assert days.count("02-29") > 2
    assert 30 < days.count("01-01") < 120
    assert sum("birthday_confirmed" in who.extras for who in people) > 2
    assert sum("birthday_calendar" in who.extras for who in people) > 20
    assert all(who.email for who in people if "email" in who.agrees)
    assert 0.4 < sum(bool(who.agrees) for who in people) / len(people) < 0.7


class Taken(NamedTuple):
    """A picture with what it was taken of: all messages, who may not get marketing, every fact of the lake, and the
    KPIs as the door tells them."""

    picture: Picture
    messages: list[dict[str, Any]]
    held_out: set[str]
    facts: Lake
    kpis: dict[str, Any]


def taken(shop):
    replay = open_shop(shop=shop)
    try:
        picture, rules = run(replay, lambda _: None), sending_rules()
        sent = messages(replay.stack)
        everybody = {one["customer_id"] for one in sent}
        held_out = {who for who in everybody if in_holdout(who, "*", rules.holdout_percent)}
        told = replay.doors.get("/v1/reports/kpis", f"from={picture.first}&to={picture.last}")["kpis"]
        return Taken(picture, sent, held_out, facts_of(replay.stack.outside.lake), told)
    finally:
        replay.stack.close()


@pytest.fixture(scope="module")
def picture():
    return taken(opening(45)).picture


@pytest.fixture(scope="module")
def year():
    """The whole year of every ninth customer, who stay in order because their numbers have nothing to do with them."""
    return taken([invoice for invoice in SHOP if invoice.customer and int(invoice.customer) % 9 == 0])


def test_the_demo_is_the_same_every_time():
    assert replace(taken(opening(12)).picture, seconds=0.0) == replace(taken(opening(12)).picture, seconds=0.0)


def facts_of(store: ObjectStore) -> Lake:
    """Every fact that was told, in all its versions."""
    lake = Lake()
    for kind in KINDS:
        for name in all_names(store, f"{RAW}/{kind}/"):
            stored = store.get(name)
            assert stored is not None
            for line in gzip.decompress(stored.body).splitlines():
                lake.told[kind].append(dict.fromkeys(columns(kind)) | json.loads(line))
    return lake


def test_k1_k18_every_kpi_of_the_year_equals_a_computation_by_hand_over_its_facts(year):
    period = Period(year.facts, year.picture.first, year.picture.last)
    shown = 0
    for name, by_hand in BRUTE.items():
        told = year.kpis[name]
        assert (told["numerator"], told["denominator"]) == by_hand(period), name
        shown += told["value"] is not None
    assert shown > 20


def test_x22_no_fact_of_the_year_names_a_customer(year):
    said = json.dumps(year.facts.told, ensure_ascii=False)
    for invoice in SHOP[::40]:
        if invoice.customer:
            who = person(invoice.customer)
            assert who.phone not in said
            assert who.phone[1:] not in said
            assert who.name not in said


def test_issue4_what_entered_a_journey_is_over_or_inside_still(year):
    assert len(year.picture.journeys) > 25
    for row in year.picture.journeys:
        came = row.live.entered + row.holdout.entered
        assert came == sum(row.live.ended.values()) + sum(row.holdout.ended.values()) + row.inside, row.journey
        assert row.live.converted <= row.live.entered
        assert row.inside >= 0, row.journey
        assert row.aimed or not row.live.converted, row.journey
    assert sum(row.live.converted for row in year.picture.journeys) > 50


def test_K8_journeys_and_the_campaign_cost_what_the_messages_cost(year):
    picture = year.picture
    told = sum(row.cost for row in picture.journeys) + (picture.campaign.real["cost"] if picture.campaign else 0)
    told += sum(message["cost"] for message in year.messages if message["journey"] == "ticket")
    assert told == picture.message_cost == sum(message["cost"] for message in year.messages)
    counted = sum(row.sent + row.unsent for row in picture.journeys)
    counted += sum(message["journey"] in ("campaign", "ticket") for message in year.messages)
    assert counted == picture.message_count == len(year.messages)


def test_R21_no_more_vouchers_are_redeemed_than_issued(year):
    for row in year.picture.vouchers:
        assert row.issued == row.redeemed + row.expired + row.open, row.offer
        assert (row.given > 0) == (row.redeemed > 0), row.offer
        assert (row.liability > 0) == (row.open > 0), row.offer
    assert sum(row.redeemed for row in year.picture.vouchers) > 3


def test_X16_every_task_is_open_or_has_an_outcome(year):
    assert sum(row.opened for row in year.picture.tasks) > 50
    for row in year.picture.tasks:
        assert row.opened == row.open + sum(row.outcomes.values()), row.title


def test_R18_the_campaign_costs_what_its_preview_said(year):
    figures = {name: (promised, real) for name, promised, real in year.picture.campaign.figures}
    assert figures["recipients"][0] == figures["recipients"][1] > 0
    # A preview names those who have to wait for their turn; who waits past the campaign's end costs nothing.
    waiting = sum(row["people"] for row in year.picture.campaign.preview["waits"])
    unreached = figures["reached_count"][0] - figures["reached_count"][1]
    assert 0 <= unreached <= waiting
    dearest = max(row["cost"] // row["people"] for row in year.picture.campaign.preview["channels"])
    assert 0 <= figures["spent"][0] - figures["spent"][1] <= unreached * dearest
    assert figures["spent"][1] > 0
    assert figures["held_back"][0] == figures["held_back"][1]


def test_R26_nobody_in_the_hold_out_gets_marketing(year):
    assert year.held_out
    for message in year.messages:
        if message["purpose"] == "marketing" and message["customer_id"] in year.held_out:
            assert message["status"] == "suppressed", message
    assert any(message["reason"] == "holdout" for message in year.messages)


def test_R17_nobody_gets_two_advertisements_in_a_week_nor_three_services_a_day_all_year(year):
    for purpose, cap in sending_rules().caps.items():
        if cap is None:
            continue
        got = defaultdict(set)
        for message in year.messages:
            if message["purpose"] == purpose and message["status"] in PROGRESS:
                # Further channels of one message are still one message to the person (A13).
                first = next(at for at, status, *_ in message["log"] if status == "sent")
                got[message["customer_id"]].add((moment(first), message["message_id"]))
        assert sum(map(len, got.values())) > 100
        for times in got.values():
            ordered = sorted(at for at, _ in times)
            for one, other in zip(ordered, ordered[cap.messages :], strict=False):
                assert other - one >= timedelta(days=cap.days), (purpose, one, other)


def test_every_reason_why_a_journey_ends_and_every_outcome_has_words():
    whys = {"goal", "done", "time_is_up", "no_longer_true", "no_date", "step_gone", "too_many_steps", "too_many_rounds"}
    for file in (PLAYBOOK / "journeys").glob("*.yaml"):
        journey = yaml.safe_load(file.read_text(encoding="utf-8"))
        whys |= {step["end"] for step in journey["steps"] if "end" in step}
        whys |= {leaving["because"] for leaving in journey.get("exits", ())}
    assert all(ended(why).vi for why in whys)
    assert all(outcome(name).vi for name in (*OUTCOMES, WITHDRAWN))


def test_X7_every_message_has_one_outcome_with_a_reason_in_words(picture):
    outcomes = [(tally.channel, tally.status, tally.reason) for tally in picture.messages]
    assert len(set(outcomes)) == len(outcomes)
    assert picture.message_count > 500
    words = {reason(tally.reason).vi for tally in picture.messages} | {reason(turn.reason).vi for turn in picture.turns}
    assert all(word in page(picture) for word in words)


def test_A14_who_has_no_zalo_and_whom_an_outage_hits_is_reached_on_another_channel(picture):
    delivered = {tally.channel: tally for tally in picture.messages if tally.status == "delivered"}
    assert delivered.keys() >= {"zns", "sms_care", "email"}
    assert {turn.reason for turn in picture.turns} >= {"unreachable", "refused", "provider_trouble"}


def test_K8_what_the_messages_cost_is_what_the_providers_charge(picture):
    least = {"zns": 300, "sms_care": 700, "email": 3}
    for tally in picture.messages:
        if tally.status in PROGRESS:
            assert tally.cost >= tally.messages * least.get(tally.channel, 0)
    assert picture.message_cost == sum(tally.cost for tally in picture.messages)
    assert round(picture.messages_per_thousand()) == round(picture.message_cost * 1000 / picture.customers)


def test_issue4_the_phone_on_show_has_a_rich_year_in_order(year):
    phone = year.picture.phone
    got = [bubble for bubble in phone.bubbles if bubble.text]
    assert len({bubble.journey for bubble in got}) > 4
    assert any(bubble.voucher for bubble in got)
    assert [one.at for one in phone.shown] == sorted(one.at for one in phone.shown)
    assert all(bubble.text or bubble.status not in PROGRESS for bubble in phone.bubbles)
    html = page(year.picture)
    assert html.count('class="bubble ') == len(phone.bubbles) <= SHOWN_OF_PHONE
    assert html.count('class="deed"') == len(phone.shown) - len(phone.bubbles) > 0


def test_the_page_needs_no_other_file_and_no_script(picture):
    html = page(picture)
    assert not re.search(r"<script|<link|<img|@import|url\(|src=|href=", html)
    assert html.count("<svg") == 6
    assert 'lang="vi"' in html


def test_the_terminal_shows_the_picture_on_a_narrow_screen_too(picture):
    for width in (80, 150):
        out = io.StringIO()
        show(picture, Console(file=out, width=width))
        assert max(map(len, out.getvalue().splitlines())) <= width
        assert "Danh sách gọi lại" in out.getvalue()
        for title in ("Một năm trên điện thoại", "Kịch bản chăm sóc", "Phiếu ưu đãi", "Việc của nhân viên"):
            assert title in out.getvalue()


def test_a_folder_with_another_past_is_not_overwritten(tmp_path):
    replay = open_shop(tmp_path)
    replay.stack.advance(replay.stack.now + timedelta(days=1))
    replay.stack.close()
    with pytest.raises(Trouble, match="another past"):
        open_shop(tmp_path)
