"""Durations as the playbook writes them: 30m, 2h, 3d."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer


def parse_span(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    units = {"m": 60, "h": 3600, "d": 86400}
    if isinstance(value, str) and value[:-1].isascii() and value[:-1].isdigit() and value[-1] in units:
        return timedelta(seconds=int(value[:-1]) * units[value[-1]])
    raise ValueError("must be a span such as 30m, 12h or 2d")


def span_text(span: timedelta) -> str:
    """A span as the playbook writes it, in the largest unit that tells it whole."""
    minutes = int(span.total_seconds()) // 60
    for size, unit in ((1440, "d"), (60, "h")):
        if minutes and minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"


Span = Annotated[timedelta, BeforeValidator(parse_span), PlainSerializer(span_text)]
