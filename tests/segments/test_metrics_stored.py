"""How metrics are stored on a profile: by name, readable from every earlier release and from a newer one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.segments.metrics import STORED_AS, Metrics, from_stored, to_stored
from shared.ports import Put
from shared.repositories.profiles import metrics_of
from tests.support.engine import START, Engine, on, sale

WRITTEN = Metrics(
    orders=3,
    revenue=1_450_000,
    visits=2,
    first_day="2026-01-05",
    last_day="2026-03-01",
    first_order_at="2026-01-05T03:00:00.000Z",
    last_order_at="2026-03-01T05:30:00.000Z",
    window_spend=1_450_000,
    window_visits=2,
    window_from="2026-01-05",
    year_spend=1_450_000,
    year_from="2026-01-05",
    promo_orders=1,
    refusals=0,
    largest_order=900_000,
    last_day_orders=2,
    busiest_day_orders=2,
    matures="",
    promo_from_percent=30,
)
# As the releases until November 2026 wrote it: by position.
BY_POSITION = [
    3, 1_450_000, 2, "2026-01-05", "2026-03-01", "2026-01-05T03:00:00.000Z", "2026-03-01T05:30:00.000Z", 1_450_000, 2,
    "2026-01-05", 1_450_000, "2026-01-05", 1, 0, 900_000, 2, 2, "", 30,
]  # fmt: skip
BY_NAME = {
    "o": 3, "r": 1_450_000, "v": 2, "fd": "2026-01-05", "ld": "2026-03-01", "fo": "2026-01-05T03:00:00.000Z",
    "lo": "2026-03-01T05:30:00.000Z", "ws": 1_450_000, "wv": 2, "wf": "2026-01-05", "ys": 1_450_000,
    "yf": "2026-01-05", "po": 1, "xo": 900_000, "lc": 2, "bc": 2, "pf": 30,
}  # fmt: skip


def test_metrics_are_written_by_name_without_what_is_0_or_empty():
    assert to_stored(WRITTEN) == BY_NAME
    assert to_stored(Metrics()) == {}


@pytest.mark.parametrize("stored", [BY_NAME, BY_POSITION, BY_NAME | {"zz": 7}], ids=["named", "positional", "newer"])
def test_every_stored_form_reads_as_the_same_metrics(stored):
    assert from_stored(stored) == WRITTEN
    assert metrics_of({"metrics": stored}) == WRITTEN


def test_a_shorter_list_of_a_still_older_release_reads_with_defaults():
    assert from_stored(BY_POSITION[:12]) == WRITTEN._replace(
        promo_orders=0, largest_order=0, last_day_orders=0, busiest_day_orders=0, promo_from_percent=0
    )


def test_a_profile_without_metrics_reads_as_nothing_bought():
    assert metrics_of({}) == Metrics()


def test_a_list_that_no_release_wrote_is_refused():
    with pytest.raises(TypeError):
        from_stored([*BY_POSITION, 1])


def test_every_field_has_a_stored_name_of_its_own():
    assert tuple(STORED_AS) == Metrics._fields
    assert len(set(STORED_AS.values())) == len(STORED_AS)


def test_a_profile_of_the_older_form_is_carried_on_by_the_next_order():
    engine = Engine(START + timedelta(days=2))
    engine.take(sale("HD1", on(0), "0901234567", total=300_000))
    [lead] = engine.leads()
    older = list(metrics_of(lead))
    engine.table.write(Put({**lead, "metrics": older}))
    engine.take(sale("HD2", on(1), "0901234567", total=200_000))
    [lead] = engine.leads()
    assert lead["metrics"]["o"] == 2
    assert metrics_of(lead).revenue == 500_000
    engine.check_lists()
