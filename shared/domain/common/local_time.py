"""Times of day as the playbook writes them: HH:MM in Vietnam."""

from __future__ import annotations

from datetime import time
from typing import Annotated

from pydantic import AfterValidator


def _local(clock: time) -> time:
    # Without quotes YAML reads 19:30 as a number, which becomes a time in UTC.
    if clock.tzinfo is not None:
        raise ValueError('must be a local time in quotes, such as "09:00"')
    return clock


LocalTime = Annotated[time, AfterValidator(_local)]
