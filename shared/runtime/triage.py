"""The reader of customers' messages, made once per process."""

from __future__ import annotations

from functools import cache

from shared.domain.triage import Triager


@cache
def triager() -> Triager:
    return Triager()
