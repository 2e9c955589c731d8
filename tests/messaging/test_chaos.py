"""Show 2: the sender killed after every step of its way, in turn, and every message accounted for.

`kq chaos` does the same a hundred thousand times.
"""

from __future__ import annotations

import pytest

from infra.local.measuring.chaos import Chaos

# Every step between a planned message and its outcome, at the sender.
STEPS = {
    "lease moved", "timer claimed", "tokens drawn", "written down as sending", "the provider was called",
    "written down as sent", "written down as deferred", "written down as suppressed", "written down as expired",
    "taken off the queue",
}  # fmt: skip


@pytest.mark.parametrize(("seed", "longest"), [(1, 7), (2, 13), (3, 29)])
def test_nothing_is_lost_and_no_advertisement_reaches_a_provider_twice(seed, longest):
    report = Chaos(320, seed=seed, longest=longest).run()
    assert report.broken == []
    assert sum(report.outcomes.values()) == 320
    assert sum(report.kills.values()) > 30
    assert max(report.deliveries) >= 5
    statuses = {status for _, status, _ in report.outcomes}
    assert {"sent", "delivered", "suppressed", "expired"} <= statuses


def test_every_step_of_the_way_is_one_the_sender_died_after():
    kills = sum((Chaos(160, seed=seed, longest=5).run().kills for seed in range(6)), start=Chaos(1).run().kills)
    assert kills.keys() >= STEPS
