"""The time machine: the same seed gives the same forecast, and its figures agree with each other (X6)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from rich.console import Console
from typer.testing import CliRunner

from infra.local.cli import app
from infra.local.errors import Trouble
from infra.local.measuring.simulate import FIRST, Forecast, show, simulate
from infra.local.measuring.synthetic_shop import MadeUpShop

CUSTOMERS, DAYS = 50, 6


@pytest.fixture(scope="module")
def forecast() -> Forecast:
    return simulate(CUSTOMERS, DAYS, 1)


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
    assert forecast.orders == DAYS * max(1, CUSTOMERS * 2 // 100)
    assert forecast.vouchers["open"] + forecast.vouchers["expired"] == forecast.vouchers["issued"]


def test_x6_two_in_a_hundred_buy_a_day_with_three_other_events_each():
    shop = MadeUpShop(1000, 3, FIRST)
    assert len({who.phone for who in shop.people}) == 1000
    days = [shop.day(FIRST + timedelta(days=number)) for number in range(60)]
    orders = [event for day in days for event in day if event["event"] == "Order Completed"]
    assert len(orders) == 60 * 20
    others = sum(len(day) for day in days) - len(orders)
    assert 2.9 < others / len(orders) <= 3  # the last parcels are still on their way
    for day in days:
        assert day == sorted(day, key=lambda event: event["timestamp"])


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
