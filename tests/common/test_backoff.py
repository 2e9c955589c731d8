"""Back-off: doubles from the first pause to the longest, and jitter only ever shortens a pause."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.common.backoff import equal_jitter, exponential, full_jitter

FIRST, LONGEST = timedelta(seconds=30), timedelta(minutes=10)


def test_the_pause_doubles_per_try_up_to_the_longest():
    pauses = [exponential(FIRST, LONGEST, tries).total_seconds() for tries in range(7)]

    assert pauses == [30, 60, 120, 240, 480, 600, 600]


def test_a_thousand_tries_are_no_overflow():
    assert exponential(FIRST, LONGEST, 1000) == LONGEST


@given(st.integers(0, 50), st.floats(0, 1))
def test_jitter_stays_within_its_bounds(tries: int, chance: float):
    pause = exponential(FIRST, LONGEST, tries)

    assert pause / 2 <= equal_jitter(pause, chance) <= pause
    assert timedelta(0) <= full_jitter(pause, chance) <= pause
