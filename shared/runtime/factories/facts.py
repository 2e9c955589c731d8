"""Factory: what reads the table's stream and writes facts."""

from __future__ import annotations

from datetime import datetime

from shared.repositories.cached import ProcessMemory
from shared.repositories.item_facts import Change, ItemFacts
from shared.repositories.products import Products
from shared.runtime import wiring
from shared.runtime.logs import logger
from shared.runtime.playbook.rules import rules, sending_rules
from shared.runtime.playbook.suggestions import suggestion_rules
from shared.runtime.playbook.tickets import ticket_rules
from shared.use_cases.facts.apply_changes import StreamReader


def stream_reader(now: datetime) -> StreamReader:
    outside = wiring.outside()
    return StreamReader(outside.table, outside.lake, item_facts(now), now, _log)


def item_facts(now: datetime) -> ItemFacts:
    outside = wiring.outside()
    # Of its own: that a product is not known yet must not be what other doors of this process remember.
    products = Products(outside.table, ProcessMemory(outside.clock), now)
    unrewarded = frozenset(suggestion_rules().credit.not_after)
    holdout = sending_rules().holdout_percent
    return ItemFacts(rules().orders, ticket_rules(), unrewarded, holdout, lambda skus: products.load(list(skus)))


def _log(change: Change, error: Exception) -> None:
    """Names the item's kind and what is wrong, and nothing of its content."""
    kind = f"{change.key.pk.partition('#')[0]}#{change.key.sk.partition('#')[0]}"
    logger.error("a change cannot be read", kind=kind, seq=change.seq, error=type(error).__name__)
