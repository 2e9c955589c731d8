"""`kq up --demo`: the demo's year inside, once, and never on top of another past."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.commands.up import opened_with_demo
from infra.local.demo import dataset
from infra.local.errors import Trouble
from infra.local.stack.clock import LocalClock
from infra.local.stack.local_stack import LocalStack


@pytest.fixture(autouse=True)
def few_sales(monkeypatch):
    """The shop's first sales stand for its year."""
    few = list(dataset.invoices())[:40]
    monkeypatch.setattr(dataset, "invoices", lambda: few)


def customers(stack):
    return sum(len(stack.table.query(f"S#{label}").items) for label in ("new", "active", "prospect"))


def test_the_year_is_replayed_once_and_is_still_there_after_a_restart(tmp_path):
    with opened_with_demo(tmp_path, None, threading.Event()) as stack:
        there, ended = customers(stack), stack.now
        assert there > 10
    with opened_with_demo(tmp_path, ended + timedelta(hours=1), threading.Event()) as stack:
        assert customers(stack) == there
        assert stack.now == ended + timedelta(hours=1)


def test_a_folder_with_another_past_is_left_alone(tmp_path):
    LocalStack(tmp_path, LocalClock(datetime(2026, 1, 1, tzinfo=UTC), frozen=True)).close()
    with pytest.raises(Trouble, match="another past"), opened_with_demo(tmp_path, None, threading.Event()):
        pass


def test_it_cannot_open_before_the_year_is_over(tmp_path):
    start = datetime(2000, 1, 1, tzinfo=UTC)
    with pytest.raises(Trouble, match="--now"), opened_with_demo(tmp_path, start, threading.Event()):
        pass


def test_who_ends_it_does_not_wait_for_the_year(tmp_path):
    ended = threading.Event()
    ended.set()
    with opened_with_demo(tmp_path, None, ended) as stack:
        assert customers(stack) == 0
    assert not (tmp_path / "demo").exists()
