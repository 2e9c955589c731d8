"""What an operator does about sending: the red button, the do-not-call list, the Official Account, the accounts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from infra.local.cli import app
from infra.local.commands.ops import connect_zalo, import_do_not_call, zalo_state
from infra.local.errors import Trouble
from infra.local.measuring.synthetic_shop import phone
from infra.local.stack.clock import LocalClock
from infra.local.stack.local_stack import LocalStack
from infra.local.stack.session import place
from shared.domain.messaging.policy import in_holdout
from shared.domain.vietnam_time import local_day, stamp
from shared.repositories import marketing_halt, table_keys
from shared.runtime.factories.channels import account_states
from shared.use_cases.messaging.do_not_call_list import DoNotCall
from tests.support.messaging import Care

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


@pytest.fixture
def care():
    with Care(START) as care:
        care.know_the_do_not_call_list()
        yield care


def asked(care: Care, number: int, city: str = "Huế") -> str:
    """Somebody who wants advertising and is not in the hold-out."""
    customer = care.customer(number, traits={"name": "Nguyễn Thị Lan", "city": city})
    assert not in_holdout(customer, "*", care.rules.holdout_percent)
    return customer


def fate(care: Care, message: str) -> tuple[str, str]:
    care.stack.drain()
    kept = care.message(message)
    return kept["status"], kept["reason"]


# ---- the red button ----


def test_R15_the_red_button_stops_what_is_dispatched_from_now_on_and_nothing_but_marketing(care):
    customer = asked(care, 1)
    advert, receipt = care.plan(customer, "marketing"), care.plan(customer, "transactional")

    assert marketing_halt.halt(care.stack.table, [], care.now) == ["*"]

    assert fate(care, advert) == ("suppressed", "halted")
    assert fate(care, receipt)[0] == "sent"
    assert care.received(advert) == []


def test_R15_a_province_is_halted_however_it_is_written_and_the_others_go_on(care):
    there, elsewhere = asked(care, 1, "Đà Nẵng"), asked(care, 2, "Huế")

    assert marketing_halt.halt(care.stack.table, ["  ĐÀ  NẴNG "], care.now) == ["đà nẵng"]

    assert fate(care, care.plan(there, "marketing")) == ("suppressed", "halted")
    assert fate(care, care.plan(elsewhere, "marketing"))[0] == "sent"


def test_provinces_add_up_until_marketing_is_resumed(care):
    marketing_halt.halt(care.stack.table, ["Huế"], care.now)
    assert marketing_halt.halt(care.stack.table, ["Hà Nội"], care.now) == ["huế", "hà nội"]

    assert marketing_halt.resume(care.stack.table) == ["huế", "hà nội"]

    assert marketing_halt.halted(care.stack.table) == []
    assert fate(care, care.plan(asked(care, 1), "marketing"))[0] == "sent"


def test_a_province_without_a_name_is_refused(care):
    with pytest.raises(ValueError, match="name"):
        marketing_halt.halt(care.stack.table, [" "], care.now)


# ---- the do-not-call list ----


def listing(care: Care) -> DoNotCall:
    return DoNotCall(care.stack.table, care.stack.outside.identity_key)


def flagged(care: Care, customer: str) -> bool:
    return bool((care.stack.table.get(table_keys.profile(customer)) or {}).get("do_not_call"))


def test_R17_who_is_on_the_list_gets_no_advertising_by_phone_and_still_gets_an_e_mail(care):
    customer = asked(care, 1)

    done = listing(care).take([f"+84{phone(1)[1:]}", "+84909999123"], care.now)

    assert (done.numbers, done.customers) == (2, 1)
    message = care.plan(customer, "marketing")
    assert fate(care, message)[0] == "sent"
    assert {one.channel for one in care.received(message)} == {"email"}
    by_phone = care.plan(asked(care, 1, "Huế"), "marketing", "2", channels=("zns",), journey="birthday")
    assert fate(care, by_phone) == ("suppressed", "do_not_call")


def test_R17_somebody_who_becomes_a_customer_after_the_import_is_on_the_list_too(care):
    listing(care).take([f"+84{phone(1)[1:]}"], care.now)
    customer = asked(care, 1)

    message = care.plan(customer, "marketing", channels=("zns",))

    assert fate(care, message) == ("suppressed", "do_not_call")
    assert flagged(care, customer)


def test_R17_a_full_list_takes_off_who_is_no_longer_on_it_but_not_who_has_another_number_there(care):
    one, two = asked(care, 1), asked(care, 2)
    care.call("PUT", "/v1/customers", {"identities": {"phone": phone(2), "loyalty_id": "T2"}})
    care.call("PUT", "/v1/customers", {"identities": {"loyalty_id": "T2", "phone": phone(3)}})
    numbers = [f"+84{phone(n)[1:]}" for n in (1, 2, 3)]
    listing(care).take(numbers, care.now)
    care.later(days=1)

    listing(care).take(numbers[2:], care.now)
    assert listing(care).clear_all_but(care.now) == 2

    assert (flagged(care, one), flagged(care, two)) == (False, True)


def test_the_list_holds_no_number(care):
    listing(care).take([f"+84{phone(1)[1:]}"], care.now)
    bodies = [body for (body,) in care.stack.store.db.execute("SELECT body FROM items WHERE pk LIKE 'DNC#%'")]
    assert len(bodies) == 1
    assert phone(1)[1:] not in bodies[0]


@pytest.fixture
def folder(tmp_path):
    """A shop's data folder with one customer."""
    data = tmp_path / "data"
    stack = LocalStack(data, LocalClock(START, frozen=True))
    stack.close()
    return data


def run(*words: object) -> str:
    answer = CliRunner().invoke(app, ["ops", *map(str, words)], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def test_a_file_is_read_whatever_it_looks_like_and_what_is_no_number_is_put_aside(folder, tmp_path):
    file = tmp_path / "dnc.csv"
    lines = [
        "Số thuê bao,Ngày",
        "0901234567,01/03/2026",
        "+84 912 345 678,",
        "",
        '"84.987.123.456",x',
        "12345,y",
        "tên,z",
    ]
    file.write_text("\n".join(lines), encoding="utf-8-sig")

    said = json.loads(run("dnc", file, "--data", folder))

    assert (said["numbers"], said["customers"], said["refused"]) == (3, 0, 2)
    rejects = (tmp_path / "dnc.rejects.csv").read_text(encoding="utf-8").splitlines()
    assert rejects == ["line,text,reason", '6,"12345,y",has too few digits', '7,"tên,z",is not a phone number']
    with place(folder, None) as where:
        state = where.table.get(table_keys.DO_NOT_CALL_STATE)
        assert state is not None
        assert state["checked_on"] == local_day(where.now).isoformat()


def test_a_full_list_by_file_is_safe_to_repeat(folder, tmp_path):
    file = tmp_path / "dnc.txt"
    file.write_text("0901234567\n0912345678\n")
    run("dnc", file, "--full", "--data", folder)
    assert json.loads(run("dnc", file, "--full", "--data", folder))["cleared"] == 0
    file.write_text("0901234567\n")
    assert json.loads(run("dnc", file, "--full", "--data", folder))["cleared"] == 1


def test_a_file_without_numbers_is_the_wrong_file_and_clears_nobody(folder, tmp_path):
    good, wrong = tmp_path / "good.txt", tmp_path / "wrong.txt"
    good.write_text("0901234567\n")
    wrong.write_text("name\nLan\n")
    run("dnc", good, "--full", "--data", folder)
    with place(folder, None) as where:
        with pytest.raises(Trouble, match="no phone number"):
            import_do_not_call(where, wrong, full=True, on_line=lambda _: None)
        number = DoNotCall(where.table, where.identity_key())
        assert number.clear_all_but(where.now + timedelta(days=1)) == 1


# ---- the commands ----


def test_the_red_button_by_command(folder):
    assert json.loads(run("halt", "--province", "Huế", "--data", folder)) == {"halted": ["huế"]}
    assert json.loads(run("halt", "--data", folder)) == {"halted": ["*", "huế"]}
    assert json.loads(run("resume", "--data", folder)) == {"resumed": ["*", "huế"]}


def test_the_official_account_is_connected_by_its_administrators_code(folder):
    with place(folder, None) as where:
        seen: list[str] = []

        def administrator(link: str) -> str:
            seen.append(link)
            assert where.administrator
            return where.administrator(link)

        assert connect_zalo(where._replace(administrator=None), "https://shop.example/zalo", administrator) == "ok"
        assert "code_challenge=" in seen[0]
        assert zalo_state(where) == "ok"
        with pytest.raises(Trouble, match="did not connect"):
            connect_zalo(where._replace(administrator=None), "https://shop.example/zalo", lambda _: "stale code")


def test_accounts_say_which_channels_are_open_and_what_is_missing(folder):
    by_name = {state["account"]: state for state in json.loads(run("accounts", "check", "--data", folder))}
    assert by_name["zalo"] == {"account": "zalo", "channels": ["zns", "zalo"], "configured": True, "missing": []}
    assert by_name["aws_sms"]["configured"] is False

    half = account_states({"esms": {"api_key": "k", "secret_key": "s", "brandname": ""}})
    (esms,) = [state for state in half if state.account == "esms"]
    assert (esms.configured, esms.missing) == (False, ("brandname", "callback_token"))


def test_an_account_that_is_not_in_the_secret_cannot_be_connected(folder):
    with place(folder, None) as where, pytest.raises(Trouble, match=r"zalo\.app_id"):
        zalo_state(where._replace(accounts=dict))


def test_times_are_told_as_stamps(care):
    marketing_halt.halt(care.stack.table, [], care.now)
    assert (care.stack.table.get(table_keys.HALT) or {})["at"] == stamp(START)
