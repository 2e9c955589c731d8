"""Split a batch of events into groups that share no identity, customer or order, each to be committed on its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from shared.domain.events.event import Event
from shared.ports import Item, Key
from shared.repositories import table_keys


def group_events(
    events: Sequence[Event], links: Mapping[str, Iterable[Key]], known: Mapping[Key, Item | None]
) -> list[list[Event]]:
    """The groups, by union-find over what each event names; `links` are the link keys by event id, `known` the items
    read so far."""
    parent: dict[str, str] = {}

    def find(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for event in events:
        root = find(f"event {event.id}")
        for name in _names(event, links[event.id], known):
            parent[find(name)] = root
    groups: dict[str, list[Event]] = {}
    for event in events:
        groups.setdefault(find(f"event {event.id}"), []).append(event)
    return list(groups.values())


def _names(event: Event, links: Iterable[Key], known: Mapping[Key, Item | None]) -> Iterator[str]:
    """The identities, customers and the order that an event touches, each under a name of its own."""
    homes = []
    for key in links:
        yield key.pk
        if link := known.get(key):
            homes.append(link["customer"])
    if event.order:
        yield f"order {event.order.order}"
        order = known.get(table_keys.order(event.order.order))
        if order and order.get("home"):
            homes.append(order["home"])
    for home in homes:
        yield f"customer {home}"
        profile = known.get(table_keys.profile(home))
        if profile and "merged_into" in profile:
            yield f"customer {profile['merged_into']['customer_id']}"
