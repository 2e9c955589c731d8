"""The signals that a change of a customer's labels sends to journeys."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.journeys.engine import Signal
from shared.domain.vietnam_time import local_day, moment


def label_signals(before: Sequence[str], after: Sequence[str], at: str) -> list[Signal]:
    """What changed about a customer's labels (lifecycle, value, tags), as signals; first labels are no change."""
    if not before or not after:
        return []
    on = {"on": local_day(moment(at)).isoformat()}
    signals = []
    for name, place in (("Lifecycle Changed", 0), ("Value Changed", 1)):
        if before[place] != after[place]:
            signals.append(Signal(name, at, {"to": after[place], "was": before[place], **on}))
    return signals + [Signal("Tag Added", at, {"tag": tag, **on}) for tag in after[2:] if tag not in before[2:]]
