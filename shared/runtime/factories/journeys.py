"""The journeys of this deployment, for a door: the playbook around them, and what they reach."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from urllib.parse import urlsplit

from shared.runtime import wiring
from shared.runtime.factories.roster import roster_of
from shared.runtime.factories.rules_today import rules_today
from shared.runtime.playbook import journeys as journey_files
from shared.runtime.playbook.offers import offers
from shared.runtime.playbook.rules import sending_rules
from shared.runtime.playbook.shop import shop
from shared.runtime.playbook.templates import script, templates
from shared.use_cases.events.ingest_events import EventIngestion
from shared.use_cases.journeys.context import JourneyContext
from shared.use_cases.journeys.definitions import JourneyPlaybook


@cache
def journey_playbook(shadow_first: bool) -> JourneyPlaybook:
    """The playbook as journeys use it."""
    facts = shop()
    pages = {"website": facts.website, "hotline": facts.hotline, **facts.pages}
    hosts = frozenset((urlsplit(facts.website).hostname or "", *facts.link_hosts))
    return JourneyPlaybook(journey_files.journeys(), templates(), offers(), pages, hosts, script, live=not shadow_first)


def journeys(now: datetime) -> JourneyContext:
    """The context in which signals are handled and due runs advance."""
    outside = wiring.outside()
    return JourneyContext(
        table=outside.table,
        playbook=journey_playbook(outside.shadow_first),
        rules_today=rules_today(now),
        sending=sending_rules(),
        new_id=outside.new_id,
        public_url=lambda: outside.public_url,
        now=now,
        memory=outside.memory,
        roster=lambda: roster_of(outside.table, outside.memory, now),
    )


def event_ingestion(now: datetime) -> EventIngestion:
    """What takes events in at this moment."""
    outside = wiring.outside()
    return EventIngestion(outside.table, outside.identity_key, outside.new_id, rules_today(now), now, journeys(now))
