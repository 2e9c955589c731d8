"""Provider back-off: how long a provider in trouble is left alone before the next try."""

from __future__ import annotations

from datetime import timedelta

from shared.domain.common.backoff import equal_jitter, exponential

# The back-off after every provider's error: it doubles from the first pause to the longest one, with jitter so that a
# recovering provider is not hit by all at once.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=30)


def provider_pause(tries: int, chance: float) -> timedelta:
    """How long to leave a provider alone after `tries` failed tries of the same thing; `chance` is from 0 to 1."""
    return equal_jitter(exponential(FIRST_PAUSE, LONGEST_PAUSE, tries), chance)
