"""K1-K18, X21: every KPI equals a computation by hand over the facts, in any period and cut; its facts add up to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random

import duckdb
import pytest
import sqlglot

from shared.analytics import kpis as runner
from shared.analytics.lake import open_lake
from shared.domain.reports.kpi import figure
from shared.runtime.kpi_files import kpis, outcome_queries
from tests.reports.brute_force import BRUTE, Period
from tests.reports.lake_of_facts import DAYS, FIRST, Lake, made_up

KPIS = sorted(kpis())
SEEDS = range(4)


@pytest.fixture(scope="module", params=SEEDS)
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Lake, duckdb.DuckDBPyConnection]]:
    lake = made_up(request.param)
    with open_lake(lake.files(tmp_path_factory.mktemp("lake"), Random(request.param))) as db:
        yield lake, db


def periods(seed: int) -> list[tuple[date, date]]:
    random = Random(seed)
    found = [(FIRST, FIRST + timedelta(days=DAYS)), (FIRST + timedelta(days=20), FIRST + timedelta(days=20))]
    for _ in range(3):
        first = random.randrange(DAYS)
        found.append((FIRST + timedelta(days=first), FIRST + timedelta(days=first + random.randrange(DAYS - first))))
    return found


def test_every_kpi_has_a_computation_by_hand():
    assert BRUTE.keys() == kpis().keys()


@pytest.mark.parametrize("name", KPIS)
def test_a_kpi_equals_the_computation_by_hand(name: str, world: tuple[Lake, duckdb.DuckDBPyConnection]):
    lake, db = world
    kpi = kpis()[name]
    something = False
    for first, last in periods(7):
        found = figure(kpi, runner.rows_by_day(db, kpi, first, last), first, last)
        assert (found["numerator"], found["denominator"]) == BRUTE[name](Period(lake, first, last)), (first, last)
        something = something or found["numerator"] != 0
    assert something, "the made-up shop shows nothing of this"


@pytest.mark.parametrize("name", KPIS)
def test_x21_the_facts_behind_a_figure_add_up_to_it(name: str, world: tuple[Lake, duckdb.DuckDBPyConnection]):
    _, db = world
    kpi, first, last = kpis()[name], FIRST + timedelta(days=10), FIRST + timedelta(days=40)
    rows = runner.rows_by_day(db, kpi, first, last)
    for cut in ({}, {"store": "Q1"}, {"segment": "vip"}):
        mine = [row for row in rows if all(getattr(row, key) == value for key, value in cut.items())]
        found = figure(kpi, mine, first, last)
        facts = []
        while page := runner.contributions(db, kpi, first, last, cut, limit=37, after=len(facts)):
            facts += page
        assert sum(fact["numerator"] for fact in facts) == found["numerator"]
        assert sum(fact["denominator"] for fact in facts) == found["denominator"]
        assert all(fact["fact_id"] for fact in facts)


@pytest.mark.parametrize("name", KPIS)
def test_figures_of_cuts_add_up_to_the_whole(name: str, world: tuple[Lake, duckdb.DuckDBPyConnection]):
    _, db = world
    kpi, last = kpis()[name], FIRST + timedelta(days=DAYS)
    rows = runner.rows_by_day(db, kpi, FIRST, last)
    whole = figure(kpi, rows, FIRST, last)
    for cut in ("store", "channel", "segment"):
        parts = [
            figure(kpi, [row for row in rows if getattr(row, cut) == value], FIRST, last)
            for value in {getattr(row, cut) for row in rows}
        ]
        assert sum(part["numerator"] for part in parts) == whole["numerator"]
        assert sum(part["denominator"] for part in parts) == whole["denominator"]


@pytest.mark.parametrize("dialect", ["duckdb", "trino", "athena"])
@pytest.mark.parametrize("name", [*KPIS, *sorted(outcome_queries())])
def test_one_folder_of_sql_is_read_by_duckdb_and_by_athena(name: str, dialect: str):
    sql = kpis()[name].sql if name in kpis() else outcome_queries()[name]

    (statement,) = sqlglot.parse(sql, dialect=dialect)
    assert statement is not None


def test_an_empty_lake_has_no_figures_and_no_errors(tmp_path: Path):
    del tmp_path
    with open_lake({}) as db:
        for kpi in kpis().values():
            rows = runner.rows_by_day(db, kpi, FIRST, FIRST + timedelta(days=3))
            assert figure(kpi, rows, FIRST, FIRST + timedelta(days=3))["numerator"] == 0
        for sql in outcome_queries().values():
            assert runner.outcome_rows(db, sql) == []
