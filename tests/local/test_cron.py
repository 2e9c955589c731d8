"""EventBridge cron expressions, in the shop's local time."""

from datetime import datetime

import pytest

from infra.catalogue import DOORS, Schedule
from infra.local.stack.cron import Cron
from shared.domain.vietnam_time import VIETNAM


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


@pytest.mark.parametrize(
    ("expression", "moment", "expected"),
    [
        ("0 6 * * ? *", "2026-11-21 05:59:59", "2026-11-21 06:00"),
        ("0 6 * * ? *", "2026-11-21 06:00:00", "2026-11-22 06:00"),  # strictly after
        ("* * * * ? *", "2026-11-21 06:00:00.000001", "2026-11-21 06:01"),
        ("* * * * ? *", "2026-12-31 23:59:30", "2027-01-01 00:00"),  # year end
        ("0/15 0-5 * * ? *", "2026-11-21 05:45:00", "2026-11-22 00:00"),
        ("0/15 0-5 * * ? *", "2026-11-21 03:16:00", "2026-11-21 03:30"),
        ("0 4 ? * SUN *", "2026-11-21 12:00:00", "2026-11-22 04:00"),  # a Saturday noon
        ("0 4 ? * 1 *", "2026-11-22 04:00:00", "2026-11-29 04:00"),  # Sunday is 1
        ("30 8 ? * MON-FRI *", "2026-11-20 09:00:00", "2026-11-23 08:30"),  # Friday to Monday
        ("0 0 31 * ? *", "2026-11-01 00:00:00", "2026-12-31 00:00"),  # November has no 31st
        ("0 0 29 2 ? *", "2026-11-01 00:00:00", "2028-02-29 00:00"),  # leap years
        ("0 0 1 JAN,jul ? *", "2026-07-01 00:00:00", "2027-01-01 00:00"),
        ("0 0 1 1 ? 2030-2031", "2026-07-01 00:00:00", "2030-01-01 00:00"),
        ("5,10-12 23 * * ? *", "2026-02-28 23:12:00", "2026-03-01 23:05"),  # month end
        ("10-30/10 0 * * ? *", "2026-02-28 00:10:00", "2026-02-28 00:20"),
        ("*/20 12 * * ? *", "2026-02-28 12:20:00", "2026-02-28 12:40"),
    ],
)
def test_the_next_firing(expression, moment, expected):
    assert Cron(expression).after(local(moment)) == local(expected)


@pytest.mark.parametrize("expression", ["0 0 1 1 ? 2020", "0 0 30 2 ? *"])
def test_a_schedule_that_never_fires_again(expression):
    assert Cron(expression).after(local("2026-11-21 00:00:00")) is None


@pytest.mark.parametrize(
    "expression",
    [
        "0 6 * * ?",  # five fields
        "0 6 * * * *",  # both days given
        "0 6 ? * ? *",  # neither given
        "60 6 * * ? *",
        "0 24 * * ? *",
        "0 0 L * ? *",
        "0 0 ? * MON#2 *",
        "0 0 ? * FRI-MON *",
        "0/0 0 * * ? *",
        "-5 0 * * ? *",
        "0 0 ? * 0 *",
    ],
)
def test_what_is_not_understood_is_refused(expression):
    with pytest.raises(ValueError, match="cron"):
        Cron(expression)


def test_every_schedule_of_the_catalogue_is_understood():
    for door in DOORS:
        if isinstance(door.trigger, Schedule):
            for tick in door.trigger.ticks:
                assert Cron(tick.cron).after(local("2026-11-21 00:00:00"))
