"""The time machine: the same seed gives the same forecast, and its figures agree with each other (X6)."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from infra.local.cli import app
from infra.local.errors import Trouble
from infra.local.measuring import synthetic_shop, truth
from infra.local.measuring.simulate import (
    FIRST,
    Bought,
    Forecast,
    Nature,
    effects_from,
    show,
    simulate,
    write_rows,
)  # fmt: skip
from infra.local.measuring.synthetic_shop import MadeUpShop
from infra.local.measuring.truth import Effects

CUSTOMERS, DAYS = 50, 6


@pytest.fixture(scope="module")
def forecast() -> Forecast:
    return simulate(CUSTOMERS, DAYS, 1)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("house")


@pytest.fixture(scope="module")
def busy(house: Path) -> Forecast:
    """A shop to which everybody writes and answers, and whose messages do nothing but annoy, from the first one on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthetic_shop, "WRITES", 100)
        for band, taste in truth.TASTES.items():
            patch.setitem(truth.TASTES, band, dict.fromkeys(taste, 9.0))
        patch.setattr(truth, "MOST_LIKED", 0)
        patch.setattr(truth, "STOPS", 1.0)
        return simulate(CUSTOMERS, DAYS, 4, house, effects=Effects(0))


def stored(house: Path, kind: str) -> list[dict[str, Any]]:
    """The house's items whose sort key begins so."""
    with closing(sqlite3.connect(house / "khach-quen.sqlite")) as db:
        return [json.loads(body) for (body,) in db.execute("SELECT body FROM items WHERE sk GLOB ?", (f"{kind}*",))]


def test_x6_the_same_seed_gives_the_same_forecast_and_another_seed_another(forecast: Forecast):
    answer = CliRunner().invoke(app, ["simulate", "--customers", str(CUSTOMERS), "--days", str(DAYS), "--json"])
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout) == json.loads(forecast.as_json())
    other = MadeUpShop(CUSTOMERS, 2, FIRST)
    assert list(other.past()) != list(MadeUpShop(CUSTOMERS, 1, FIRST).past())


def test_x6_every_figure_agrees_with_the_others(forecast: Forecast):
    assert len(forecast.daily) == DAYS
    for name, rows in (("messages", forecast.sent), ("tasks", forecast.tasks)):
        by_day = sum(sum(getattr(day, name).values()) for day in forecast.daily)
        assert by_day == sum(getattr(row, name) for row in rows), name
    assert sum(day.cost for day in forecast.daily) == sum(row.cost for row in forecast.sent) > 0
    assert forecast.orders > 0
    assert forecast.vouchers["open"] + forecast.vouchers["expired"] == forecast.vouchers["issued"]


def test_x6_about_two_in_a_hundred_buy_a_day_with_three_other_events_each():
    shop = MadeUpShop(1000, 3, FIRST)
    assert len({who.phone for who in shop.people}) == 1000
    past = [event for event in shop.past() if event["type"] == "track"]
    days = [shop.day(FIRST + timedelta(days=number)) for number in range(90)]
    orders = [event for day in days for event in day if event["event"] == "Order Completed"]
    assert len(orders) == pytest.approx(90 * 20, rel=0.1)
    others = sum(len(day) for day in days) - len(orders)
    assert 2.9 < others / len(orders) <= 3  # the last parcels are still on their way
    for day in days:
        assert day == sorted(day, key=lambda event: event["timestamp"])
    told = Counter((event["userId"], event["properties"]["total"]) for event in (*past, *orders))
    assert told == Counter((who.phone, order.amount) for who in shop.people for order in who.life.orders)


def test_x23_what_messages_do_to_one_customer_changes_no_other_life():
    plain, treated = MadeUpShop(100, 3, FIRST), MadeUpShop(100, 3, FIRST)
    for shop in (plain, treated):
        list(shop.past())
    for who in treated.people[:50]:
        who.life.reads("birthday", FIRST, Effects(3.0, days=40), Random(1))
    for number in range(40):
        for shop in (plain, treated):
            shop.day(FIRST + timedelta(days=number))
    bought = [[who.life.orders for who in shop.people] for shop in (plain, treated)]
    assert bought[0][50:] == bought[1][50:]
    assert sum(map(len, bought[1][:50])) > 1.3 * sum(map(len, bought[0][:50]))


def test_x23_with_an_effect_of_zero_everybody_buys_as_if_nothing_had_been_sent(busy: Forecast):
    silent = MadeUpShop(CUSTOMERS, 4, FIRST)
    list(silent.past())
    for number in range(DAYS):
        silent.day(FIRST + timedelta(days=number))
    orders = sorted((day.isoformat(), amount) for who in silent.people for day, amount in who.life.orders)
    assert sorted((row.date, row.amount) for row in busy.bought) == orders
    assert sum(row.treated for row in busy.truth) > 0
    for row in busy.truth:
        assert (row.effect, row.conversion_with, row.revenue_with) == (0, row.conversion_without, row.revenue_without)


def test_x6_whoever_is_annoyed_unsubscribes_and_the_house_knows(busy: Forecast, house: Path):
    refused = {
        profile["customer_id"]
        for profile in stored(house, "P")
        if any(not said["granted"] for said in profile.get("consent", {}).values())
    }
    assert refused == {row.customer_id for row in busy.natures if row.opted_out}
    assert refused


def test_u9_customers_answer_messages_and_pick_up_or_not(busy: Forecast, house: Path):
    statuses = Counter(message["status"] for message in stored(house, "X#"))
    assert statuses["clicked"] > 0
    outcomes = Counter(task["outcome"] for task in stored(house, "DT#"))
    assert outcomes["reached"] > outcomes["no_answer"]


def test_x6_customers_write_tickets_and_care_answers_within_the_day(busy: Forecast):
    tickets = busy.tickets
    assert tickets.opened >= tickets.answered > 0
    assert tickets.resolved > 0
    assert 0 < tickets.in_minutes < 24 * 60


def test_x11_truth_and_orders_are_of_the_same_customers_and_repeat(tmp_path, forecast: Forecast):
    files = [tmp_path / name for name in ("truth.csv", "orders.csv", "truth2.csv", "orders2.csv")]
    command = ["simulate", "--customers", str(CUSTOMERS), "--days", str(DAYS), "--json"]
    answer = CliRunner().invoke(app, [*command, "--truth", str(files[0]), "--orders", str(files[1])])
    assert answer.exit_code == 0, answer.output
    write_rows(files[2], Nature, forecast.natures)
    write_rows(files[3], Bought, forecast.bought)
    truth, orders = ([*csv.DictReader(file.open(encoding="utf-8"))] for file in files[:2])
    assert [file.read_bytes() for file in files[:2]] == [file.read_bytes() for file in files[2:]]
    assert len({row["customer_id"] for row in truth}) == len(truth) == CUSTOMERS
    assert list(orders[0]) == ["customer_id", "date", "amount"]
    number = Counter(row["customer_id"] for row in orders)
    assert number == Counter({row["customer_id"]: int(row["orders"]) for row in truth if row["orders"] != "0"})
    live = [row for row in orders if row["date"] >= FIRST.isoformat()]
    assert (len(live), sum(int(row["amount"]) for row in live)) == (forecast.orders, forecast.revenue)
    for row in truth:
        assert 0 <= float(row["p_alive"]) <= 1
        assert float(row["expected_30"]) <= float(row["expected_90"])


@pytest.mark.parametrize("said", ["-1", "eleven", "nan", "no_such_journey=0.2", "birthday=", "=0.2"])
def test_x6_an_effect_that_makes_no_sense_is_refused(said: str):
    with pytest.raises(Trouble, match="--effect"):
        effects_from([said])


def test_x6_effects_are_given_for_all_journeys_or_for_one():
    effects = effects_from(["0.2", "birthday=0"])
    assert (effects.of("winback_30"), effects.of("birthday")) == (0.2, 0)
    assert effects_from([]) == Effects()


def test_x6_the_forecast_is_shown(forecast: Forecast):
    console = Console(record=True, width=160)
    show(forecast, console)
    said = console.export_text()
    for row in forecast.sent:
        assert row.journey in said


def test_x6_a_folder_with_a_past_of_its_own_is_left_alone(tmp_path):
    simulate(50, 1, 1, tmp_path)
    with pytest.raises(Trouble, match="another past"):
        simulate(50, 1, 1, tmp_path)
