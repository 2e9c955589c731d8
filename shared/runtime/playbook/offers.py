"""Reads the playbook's offers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from shared.domain.vouchers.offer import Book as Offers
from shared.domain.vouchers.offer import warnings
from shared.runtime.playbook.loader import PLAYBOOK, Book, Mistake, load

FILE = "offers.yaml"


def load_offers(folder: Path) -> Offers:
    """The offers of a playbook folder; raises PlaybookError with the first thing wrong."""
    return load(folder, FILE, Offers)


@cache
def offers() -> Offers:
    """The offers that ship with this deployment."""
    return load_offers(PLAYBOOK)


def cautions(book: Book) -> Iterator[Mistake]:
    """Offers that are valid, but worth a second look."""
    found = book.get(FILE, Offers)
    for offer_id, offer in found.offers.items() if found else ():
        for warning in warnings(offer):
            name, _, reason = warning.partition(": ")
            yield book.marks(FILE).mistake(("offers", offer_id, name), reason)
