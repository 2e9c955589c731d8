"""The playbook as journeys use it: journeys, templates, offers, trusted link hosts and modes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from shared.domain.journeys.definition import Journey
from shared.domain.journeys.engine import Signal
from shared.domain.journeys.vocabulary import SIGNALS
from shared.domain.messaging.template import Template
from shared.domain.messaging.tracked_links import leads_to
from shared.domain.vouchers.offer import Book

# Properties of signals that are as long as an order.
LONG_LISTS = ("items",)


class Mode(NamedTuple):
    """For whom a journey is live (R27): "shadow" nobody, "staff", one "store", or "all"."""

    mode: str
    store: str = ""


@dataclass(frozen=True)
class JourneyPlaybook:
    """The playbook as journeys use it. `pages` are addresses of the shop by name, `link_hosts` where messages may lead;
    `script` writes what a template says in a call, from its variables; `live` says what a journey's mode is until
    a mode is set."""

    journeys: Mapping[str, Journey]
    templates: Mapping[str, Template]
    offers: Book
    pages: Mapping[str, str]
    link_hosts: frozenset[str]
    script: Callable[[str, Mapping[str, Any]], str]
    live: bool

    @cached_property
    def _heard(self) -> frozenset[str]:
        rare = SIGNALS.keys() - {"Product Viewed"}
        return frozenset(rare).union(*(journey.hears for journey in self.journeys.values()))

    @cached_property
    def goals(self) -> frozenset[str]:
        """The signals that are the goal of some journey."""
        aims = [journey.goal for journey in self.journeys.values() if journey.goal and not journey.goal.same]
        return frozenset(name for goal in aims for name in goal.event)

    def trusted(self, signal: Signal) -> Signal:
        """The signal without URLs to unknown hosts: the write key of events is public in every browser, and a message
        in the shop's name must not link elsewhere."""
        properties = signal.properties
        strange = [
            name
            for name, value in properties.items()
            if name.endswith("_url") and not leads_to(str(value), self.link_hosts)
        ]
        return (
            signal._replace(properties={k: v for k, v in properties.items() if k not in strange}) if strange else signal
        )

    def remembered(self, journey: Journey, properties: Mapping[str, Any]) -> dict[str, Any]:
        """The properties of the starting signal that a run keeps: all but long lists that the journey never uses.

        A frequent buyer has many runs, and every step of one writes all of them.
        """
        return {
            name: value
            for name, value in properties.items()
            if name not in LONG_LISTS or name in self._shown[journey.id]
        }

    @cached_property
    def _shown(self) -> dict[str, frozenset[str]]:
        """By journey, the long lists that its messages, conditions or texts use."""
        shown = {}
        for journey in self.journeys.values():
            sends = [step.send or step.survey for step in journey.steps]
            words = {name for send in sends if send for name in self.templates[send.template].variables}
            text = journey.model_dump_json()
            shown[journey.id] = frozenset(name for name in LONG_LISTS if name in words or f"event.{name}" in text)
        return shown

    def heard(self, name: str) -> bool:
        """Whether journeys handle this signal. Almost all are handled, because older versions with runs may listen to
        others than the shipped ones; page views only where a shipped journey listens."""
        return name in self._heard
