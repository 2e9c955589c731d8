"""An event as an entry of the customer's timeline."""

from __future__ import annotations

from typing import TypedDict

from shared.domain.common.playbook_rules import Rules
from shared.domain.events.event import Event


class TimelineEntry(TypedDict, total=False):
    """`at` is a stamp, `by` the kind of the event's strongest identity, `stage` that of the customer journey (D17);
    `properties` is JSON text."""

    at: str
    type: str
    name: str
    properties: str
    stage: str
    by: str
    source: str
    backfill: bool
    order_id: str


def timeline_entry(event: Event, rules: Rules) -> TimelineEntry:
    entry = TimelineEntry(
        at=event.at, type=event.type, name=event.name, properties=event.properties, stage=stage_of(event, rules)
    )
    if event.identities:
        entry["by"] = min(event.identities, key=lambda i: i.strength).kind
    if event.source:
        entry["source"] = event.source
    if event.backfill:
        entry["backfill"] = True
    if event.order:
        entry["order_id"] = event.order.order
    return entry


def stage_of(event: Event, rules: Rules) -> str:
    """The stage of the customer journey an event belongs to (D17)."""
    return rules.stages.get(event.name if event.type == "track" else event.type, "engagement")
