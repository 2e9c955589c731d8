"""The plan, the doors and the settings are three views of one thing."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.catalogue import DOORS, QUEUES, Door, FromQueue, FromStream, Http, Schedule
from shared.repositories import table_keys
from shared.runtime.auth import TRACKING

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"
SUFFIX = {Http: "_api", FromQueue: "_worker", Schedule: "_schedule", FromStream: "_stream"}


def by_name(door: Door) -> str:
    return door.name


def test_every_door_is_on_the_plan_and_every_row_has_its_door():
    files = {path.stem for path in FUNCTIONS.glob("*.py") if path.stem != "__init__"}

    assert files == {door.name for door in DOORS}


@pytest.mark.parametrize("door", DOORS, ids=by_name)
def test_the_suffix_of_a_door_names_its_trigger(door: Door):
    assert door.name.endswith(SUFFIX[type(door.trigger)])


def test_a_v1_route_lives_in_the_file_its_first_segment_names():
    # The Segment protocol's verbs belong to events, and two read-only lists of customers to customers.
    elsewhere = dict.fromkeys((*TRACKING, "{call}"), "events")
    elsewhere |= {"segments": "customers", "churn-risk": "customers"}
    for door in DOORS:
        if isinstance(door.trigger, Http):
            for route in door.trigger.routes:
                segments = route.split("/")
                if segments[1] == "v1":
                    assert door.name == f"{elsewhere.get(segments[2], segments[2])}_api", route


def test_no_route_tick_or_queue_is_planned_twice():
    routes = [route for door in DOORS if isinstance(door.trigger, Http) for route in door.trigger.routes]
    ticks = [tick.name for door in DOORS if isinstance(door.trigger, Schedule) for tick in door.trigger.ticks]
    queues = [queue.name for queue in QUEUES]

    for names in (routes, ticks, queues):
        assert len(names) == len(set(names))


def test_every_queue_is_read_by_exactly_one_door():
    read = [name for door in DOORS if isinstance(door.trigger, FromQueue) for name in door.trigger.queues]

    assert sorted(read) == sorted(queue.name for queue in QUEUES)


@pytest.mark.parametrize("door", DOORS, ids=by_name)
def test_a_door_may_reach_what_its_settings_name_and_nothing_else(door: Door):
    named = {
        "table": {"table"},
        "events": {"queue:events"},
        "events_dlq": {"dlq:events"},
        "tickets": {"queue:tickets"},
        "tickets_dlq": {"dlq:tickets"},
        "messages": {f"queue:messages-{purpose}" for purpose in ("transactional", "service", "marketing")},
        "messages_dlq": {"dlq:messages-transactional"},
        "identity": {"secret:identity"},
        "channels": {"secret:channels"},
        "public": set(),
        "lake": {"lake"},
        "second_opinion": {"model:second_opinion"},
        "content_help": {"model:content_help"},
        "stage": set(),
    }
    supplied = set().union(*(named[group.name] for group in door.settings))

    # Senders are named in the accounts of the channels.
    senders = {"sender:email", "sender:sms", "sender:whatsapp"} if "secret:channels" in supplied else set()
    granted = {grant.resource for grant in door.grants} - {"due_index"}
    # The lake is granted folder by folder.
    granted = {"lake" if resource.startswith("lake:") else resource for resource in granted}
    assert granted - senders == supplied


def test_the_stream_brings_exactly_the_items_that_may_carry_news():
    (stream,) = [door.trigger for door in DOORS if isinstance(door.trigger, FromStream)]

    assert stream.partitions == table_keys.STREAMED_PARTITIONS
    assert stream.items == table_keys.STREAMED_ITEMS
    assert stream.kinds == table_keys.STREAMED_KINDS
