"""The marketing halt: no marketing is dispatched, everywhere or by province (mourning, a storm; R15)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime

from shared.domain.vietnam_time import stamp
from shared.ports import Delete, Put, Table
from shared.repositories import table_keys

EVERYWHERE = "*"


def halt(table: Table, provinces: Iterable[str], now: datetime) -> list[str]:
    """Halt marketing in these provinces, in addition to those halted before; without any, everywhere.

    Returns all halted provinces. A province is written as customers' cities are, in upper or lower case. Messages due
    during the halt are suppressed and not sent later.
    """
    named = {_province(name) for name in provinces} or {EVERYWHERE}
    if "" in named:
        raise ValueError("a province needs a name")
    everything = sorted(named.union(halted(table)))
    table.write(Put({"pk": table_keys.HALT.pk, "sk": table_keys.HALT.sk, "provinces": everything, "at": stamp(now)}))
    return everything


def resume(table: Table) -> list[str]:
    """End the halt everywhere; returns the provinces that were halted."""
    before = halted(table)
    table.write(Delete(table_keys.HALT))
    return before


def halted(table: Table) -> list[str]:
    """The provinces where marketing is halted; "*" means all."""
    return list((table.get(table_keys.HALT) or {}).get("provinces", ()))


def _province(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split()).lower()
