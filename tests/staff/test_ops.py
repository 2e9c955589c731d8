"""`kq ops staff`: who is there now, leave that tickets respect, and keys that are somebody's."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from typer.testing import CliRunner

from infra.local.cli import app
from infra.local.commands.staff import doubts
from infra.local.errors import Trouble
from infra.local.stack import clock
from infra.local.stack.clock import LocalClock
from infra.local.stack.local_stack import LocalStack
from shared.adapters.local.sqlite_table import SqliteTable
from shared.repositories.cached import ProcessMemory
from shared.repositories.staff_absence import away, end_absence, start_absence

MONDAY = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)  # ten o'clock


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data folder, and commands typed on it at ten o'clock of a Monday."""
    monkeypatch.setattr(clock, "present", lambda: MONDAY)
    LocalStack(tmp_path, LocalClock(MONDAY, frozen=True)).close()
    return str(tmp_path)


def kq(*words: str) -> str:
    answer = CliRunner().invoke(app, ["ops", *words])
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer.output


def row(listed: str, person: str) -> str:
    return next(line for line in listed.splitlines() if line.split()[:1] == [person])


def test_the_list_says_who_is_there_now(folder):
    listed = kq("staff", "--data", folder)
    assert "on duty" in row(listed, "care_1")
    assert "off duty" in row(listed, "care_2")
    assert "manager, senior" in row(listed, "senior_1")


def test_who_is_away_is_listed_so_until_they_are_back(folder):
    said = json.loads(kq("staff", "away", "care_1", "--until", "2026-11-25", "--data", folder))
    assert said == {"person": "care_1", "away_until": "2026-11-25"}
    assert "away until 2026-11-25" in row(kq("staff", "--data", folder), "care_1")
    kq("staff", "back", "care_1", "--data", folder)
    assert "on duty" in row(kq("staff", "--data", folder), "care_1")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("away", "care_11", "--until", "2026-11-25"), "did you mean care_1"),
        (("away", "care_1", "--until", "tomorrow"), "is no day"),
        (("away", "care_1", "--until", "2026-11-22"), "is over already"),
        (("back", "nobody"), "there is no nobody"),
    ],
)
def test_what_cannot_be_is_said(folder, words, why):
    with pytest.raises(Trouble, match=why):
        kq("staff", *words, "--data", folder)


def test_leave_includes_its_last_day_and_ends_by_itself():
    table, memory = SqliteTable(clock=lambda: MONDAY), ProcessMemory(lambda: MONDAY)
    start_absence(table, "care_1", date(2026, 11, 23))
    start_absence(table, "care_2", date(2026, 11, 24))
    assert away(table, memory, MONDAY) == {"care_1", "care_2"}
    assert away(table, memory, MONDAY + timedelta(hours=13, minutes=59)) == {"care_1", "care_2"}
    assert away(table, memory, MONDAY + timedelta(hours=14)) == {"care_2"}
    assert away(table, memory, MONDAY + timedelta(days=3)) == frozenset()


def test_who_is_away_is_looked_up_once_a_minute():
    now = MONDAY
    table, memory = SqliteTable(clock=lambda: MONDAY), ProcessMemory(lambda: now)
    assert away(table, memory, now) == frozenset()
    start_absence(table, "care_1", date(2026, 11, 30))
    now = MONDAY + timedelta(seconds=59)
    assert away(table, memory, now) == frozenset()
    now = MONDAY + timedelta(seconds=60)
    assert away(table, memory, now) == {"care_1"}
    end_absence(table, "care_1")
    end_absence(table, "care_1")
    assert away(table, ProcessMemory(lambda: MONDAY), MONDAY) == frozenset()


def test_a_key_with_a_person_s_name_is_that_person_s_and_a_strange_one_is_doubted(folder):
    assert doubts("care_1", ["care"]) == ""
    assert doubts("till 3", ["pos"]) == ""
    assert "did you mean care_1" in doubts("care1", ["care"])
    assert "is care in staff.yaml" in doubts("care_1", ["sales"])
    issued = CliRunner().invoke(app, ["ops", "key", "issue", "--name", "care1", "--role", "care", "--data", folder])
    assert issued.exit_code == 0
    assert "did you mean care_1" in issued.stderr
    assert json.loads(issued.stdout)["key"].startswith("kq_api_")
    assert "care_1" in kq("key", "issue", "--help")
