"""What one process keeps of its table between calls: one short-lived, bounded cache per use.

| cache             | holds                                             | seconds |
|-------------------|---------------------------------------------------|---------|
| `api_keys`        | callers by the hash of their key; None: refused   | 60      |
| `server_keys`     | the server keys in use, by which a user is proven | 60      |
| `cutoffs`         | the segment cut-offs in force                     | 60      |
| `absences`        | the last day of each person's leave               | 60      |
| `journey_modes`   | for whom each journey is live                     | 60      |
| `template_states` | a provider's templates and their state, by channel| 60      |
| `circuits`        | until when a channel is left alone, or ""         | 10      |
| `products`        | products by SKU; None: there is none              | 600     |
| `shelves`         | categories and the products on show in each       | 600     |
| `co_purchase`     | what is bought together with a product, by SKU    | 600     |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from cachetools import TTLCache

from shared.domain.catalogue.product import Product
from shared.domain.common.playbook_rules import BgNbdRules, CutOffs
from shared.domain.journeys.definition import Journey
from shared.domain.recommendations.recommendation import Counts
from shared.ports import Clock, Key
from shared.repositories.api_keys import Caller

K = TypeVar("K")
V = TypeVar("V")


class ProcessMemory:
    """The caches of one process and one table, and what it counts by itself until it ends."""

    def __init__(self, clock: Clock) -> None:
        def cache(size: int, seconds: int) -> TTLCache[Any, Any]:
            return TTLCache(size, seconds, timer=lambda: clock().timestamp())

        # An attacker who tries keys evicts other guesses and does not fill the memory.
        self.api_keys: TTLCache[str, Caller | None] = cache(1000, 60)
        self.server_keys: TTLCache[str, Sequence[bytes]] = cache(1, 60)
        self.cutoffs: TTLCache[Key, tuple[CutOffs, BgNbdRules | None]] = cache(1, 60)
        self.absences: TTLCache[Key, dict[str, str]] = cache(1, 60)
        self.journey_modes: TTLCache[Key, dict[str, list[Any]]] = cache(1, 60)
        self.template_states: TTLCache[str, dict[str, str]] = cache(20, 60)
        self.circuits: TTLCache[str, str] = cache(20, 10)
        self.products: TTLCache[str, Product | None] = cache(5000, 600)
        self.shelves: TTLCache[str, Any] = cache(500, 600)
        self.co_purchase: TTLCache[str, Counts] = cache(2000, 600)

        # A channel's tokens and places drawn in blocks: (minute, left), see `rate_limits`.
        self.tokens: dict[str, tuple[str, int]] = {}
        self.places: dict[str, tuple[datetime, int]] = {}
        # Failures in a row of each channel.
        self.failures: Counter[str] = Counter()
        # Messages of browsers that were set aside, by minute.
        self.browser_letters: Counter[str] = Counter()
        # The minute in which a channel's quota was last written, and the day on which a source of events was.
        self.quota_noted: dict[str, str] = {}
        self.sources_noted: dict[str, str] = {}
        # A version of a journey never changes.
        self.journey_versions: dict[tuple[str, str], Journey] = {}
        self.journeys_published: set[tuple[str, str]] = set()
        # Clients of providers: name → (the secrets it was made from, the client).
        self.clients: dict[str, tuple[Any, Any]] = {}

    def client(self, name: str, secrets: Any, make: Callable[[], V]) -> V:
        """A client that is made once, and made again when the secrets it was made from have changed."""
        if name not in self.clients or self.clients[name][0] != secrets:
            self.clients[name] = (secrets, make())
        found: V = self.clients[name][1]
        return found


def cached(cache: MutableMapping[K, V], key: K, read: Callable[[], V]) -> V:
    """The cached value of a key, read and kept where there is none."""
    with suppress(KeyError):
        return cache[key]
    value = cache[key] = read()
    return value


def known(cache: MutableMapping[K, V], keys: Iterable[K]) -> dict[K, V]:
    """The cached values among these keys, all taken at once: a value may expire between two looks."""
    found = {}
    for key in keys:
        with suppress(KeyError):
            found[key] = cache[key]
    return found
