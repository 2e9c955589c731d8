"""W10, «Ads remarketing»: a segment as the custom audience of an advertising platform: hashes of who agreed to it."""

from __future__ import annotations

import csv
import hashlib
import re
import stat
from datetime import UTC, date, datetime

import pytest
from typer.testing import CliRunner

from infra.local.cli import app
from infra.local.commands.ops import write_audience
from infra.local.errors import Trouble
from infra.local.measuring.synthetic_shop import phone
from infra.local.stack.clock import LocalClock
from infra.local.stack.local_stack import LocalStack
from infra.local.stack.session import place
from shared.domain.errors import NotFound
from shared.domain.messaging.policy import in_holdout
from shared.domain.vietnam_time import stamp
from shared.ports import Put
from shared.repositories import marketing_halt, table_keys
from shared.runtime.playbook.rules import sending_rules
from shared.use_cases.messaging.do_not_call_list import DoNotCall
from shared.use_cases.segments.export_ads_audience import AdsAudience, expected, row
from tests.support.messaging import Care

MORNING = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
SINCE = date(2026, 1, 1)


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def digits(number):
    """A customer's number as platforms want it: digits alone, the country code first."""
    return "84" + phone(number).removeprefix("+84").removeprefix("0")


@pytest.fixture
def care():
    with Care(MORNING) as stack:
        yield stack


def somebody(care, numbers, *, ask=True, **more):
    """A customer who is in no hold-out; their number. With `ask`, they were asked about advertising."""
    for number in numbers:
        who = {"identities": {"phone": phone(number)}, "source": "pos"}
        made = care.customer(number, **more) if ask else care.call("PUT", "/v1/customers", who)["customer_id"]
        if not in_holdout(made, "*", care.rules.holdout_percent):
            return number
    raise AssertionError


def consents(care, number, *said, at=MORNING):
    """What somebody says about advertising: channel and whether they agree."""
    told = [{"channel": c, "purpose": "marketing", "granted": yes, "at": stamp(at), "proof": "QR"} for c, yes in said]
    care.call("PUT", "/v1/customers", {"identities": {"phone": phone(number)}, "consent": told, "source": "pos"})


def audience(care, label="prospect", platform="meta", since=SINCE):
    care.stack.drain()
    rule = AdsAudience(care.stack.table, care.stack.outside.identity_key, care.rules.holdout_percent, since)
    return rule.of(label, platform, lambda _: None)


def test_w10_a_segment_leaves_as_hashes_of_the_number_and_the_address(care):
    numbers = iter(range(1, 90))
    lan, minh = somebody(care, numbers), somebody(care, numbers, email="Khach2@Example.VN")
    found = audience(care)

    assert (sha(f"khach{lan}@example.vn"), sha(digits(lan))) in found.rows
    assert (sha("khach2@example.vn"), "") in found.rows
    assert minh != lan
    assert all(re.fullmatch("[0-9a-f]{64}|", text) for hashes in found.rows for text in hashes)


@pytest.mark.parametrize(
    ("platform", "expected_row"),
    [
        ("meta", (sha("lan@gmail.com"), sha("84901234567"))),
        ("google", (sha("lan@gmail.com"), sha("+84901234567"))),
        ("zalo", (sha("84901234567"),)),
    ],
)
def test_w10_every_platform_gets_its_own_spelling(platform, expected_row):
    assert row({"zns": "+84901234567", "email": "lan@gmail.com"}, platform) == expected_row


def test_w10_who_did_not_agree_refused_or_may_not_be_called_stays_here(care):
    numbers = iter(range(1, 200))
    agreed, took_back, said_no, complains, listed = (somebody(care, numbers, consent=n != 2) for n in range(5))
    consents(care, took_back, ("email", False))
    never_asked = somebody(care, numbers, ask=False)
    complain(care, care.call("POST", "/v1/customers/search", {"phone": phone(complains)})["customer_id"])
    DoNotCall(care.stack.table, care.stack.outside.identity_key).take(["+" + digits(listed)], care.now)
    found = audience(care)

    everybody = (agreed, took_back, said_no, complains, listed, never_asked)
    got = {hashes[1] for hashes in found.rows}
    assert [number for number in everybody if sha(digits(number)) in got] == [agreed]
    reasons = ("refused_by_customer", "complaint_open", "do_not_call", "no_consent")
    assert [found.left_out[reason] for reason in reasons] == [2, 1, 1, 1]
    assert found.members == len(found.rows) + found.left_out.total()


def complain(care, customer_id):
    """Somebody's open complaint, as the profile bears it."""
    item = care.stack.table.get(table_keys.profile(customer_id))
    care.stack.table.write(Put({**item, "complaints": ["T1"]}))


def test_w10_the_hold_out_sees_no_advertisement_anywhere(care):
    held = next(n for n in range(1, 300) if in_holdout(care.customer(n), "*", care.rules.holdout_percent))
    found = audience(care)
    assert sha(digits(held)) not in {hashes[1] for hashes in found.rows}
    assert found.left_out["holdout"] >= 1


def test_w10_r10_a_consent_counts_from_the_day_its_text_names_platforms(care):
    somebody(care, iter(range(1, 90)))
    assert audience(care, since=date(2026, 3, 2)).rows != []
    later = audience(care, since=date(2026, 3, 3))
    assert later.rows == []
    assert later.left_out["consent_too_old"] >= 1


def test_w10_the_red_button_stops_this_as_well(care):
    somebody(care, iter(range(1, 90)), traits={"name": "Lan", "city": "Huế"})
    marketing_halt.halt(care.stack.table, ["huế"], care.now)
    found = audience(care)
    assert (found.rows, found.left_out["halted"]) == ([], found.members)


def test_w10_more_people_than_a_page_come_each_once(care):
    for number in range(1, 131):
        care.customer(number)
    found = audience(care)
    assert found.members == expected(care.stack.table, "prospect") == 130
    assert len(set(found.rows)) == len(found.rows) == 130 - found.left_out.total()


def test_w10_there_is_no_audience_of_what_is_no_segment(care):
    with pytest.raises(NotFound):
        audience(care, "everybody")


# ---- the command ----


@pytest.fixture
def folder(tmp_path):
    stack = LocalStack(tmp_path / "data", LocalClock(MORNING, frozen=True))
    stack.close()
    return tmp_path / "data"


def test_w10_nobody_is_uploaded_before_the_playbook_says_that_the_consent_names_platforms(folder, tmp_path):
    assert sending_rules().ads_consent_since is None
    out = tmp_path / "vip.csv"
    said = CliRunner().invoke(app, ["ops", "audience", "vip", "--out", str(out), "--data", str(folder)])
    assert said.exit_code != 0
    assert isinstance(said.exception, Trouble)
    assert "ads_consent_since" in str(said.exception)
    assert not out.exists()


def test_w10_the_file_is_its_owners_alone_and_has_the_platforms_columns(folder, tmp_path):
    rules = sending_rules().model_copy(update={"ads_consent_since": SINCE})
    out = tmp_path / "vip.csv"
    with place(folder, None) as where:
        found = write_audience(where, rules, "vip", "google", out, lambda _: None)
        with pytest.raises(Trouble, match="lapsed_60"):
            write_audience(where, rules, "everybody", "google", out, lambda _: None)
    assert found.members == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    with out.open(encoding="utf-8", newline="") as lines:
        assert list(csv.reader(lines)) == [["Email", "Phone"]]
