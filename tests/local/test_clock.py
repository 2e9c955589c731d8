"""The laptop's clock: frozen or running, forward only."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from infra.local.stack.clock import LocalClock, present

START = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


def test_a_frozen_clock_stands_still_until_it_is_set():
    clock = LocalClock(START, frozen=True)
    assert clock.now() == clock.now() == START
    clock.set(START + timedelta(days=30))
    assert clock.now() == START + timedelta(days=30)


def test_a_running_clock_runs_on_from_where_it_was_set():
    clock = LocalClock(START)
    assert START <= clock.now() < START + timedelta(seconds=30)
    clock.set(START + timedelta(days=1))
    assert START + timedelta(days=1) <= clock.now() < START + timedelta(days=1, seconds=30)


@pytest.mark.parametrize("frozen", [True, False])
def test_it_never_goes_back(frozen):
    clock = LocalClock(START, frozen=frozen)
    with pytest.raises(ValueError, match="never goes back"):
        clock.set(START - timedelta(milliseconds=1))
    assert clock.now() >= START


def test_it_tells_the_time_in_utc_whatever_it_was_given():
    clock = LocalClock(datetime(2026, 11, 21, 12, 0, tzinfo=timezone(timedelta(hours=7))), frozen=True)
    assert clock.now().isoformat() == "2026-11-21T05:00:00+00:00"


def test_without_a_start_it_shows_the_present():
    assert abs(LocalClock().now() - present()) < timedelta(seconds=30)


def test_it_ticks_in_milliseconds():
    assert LocalClock(START.replace(microsecond=1999), frozen=True).now() == START.replace(microsecond=1000)
    assert LocalClock().now().microsecond % 1000 == 0


def test_a_frozen_clock_can_be_let_run():
    clock = LocalClock(START, frozen=True)
    clock.run()
    assert not clock.frozen
    before = clock.now()
    clock.run()
    assert START <= before <= clock.now() < START + timedelta(seconds=30)
