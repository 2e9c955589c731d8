"""Reads the playbook's offers; a wrong file is named with line and field."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from shared.domain.vouchers.voucher import Book, warnings
from shared.runtime.playbook.loader import PLAYBOOK
from shared.runtime.playbook.yaml_source import Mistake, load, read

FILE = "offers.yaml"


def load_offers(folder: Path) -> Book:
    """The offers of a playbook folder; raises PlaybookError with the first thing wrong."""
    return load(folder / FILE, Book)


@cache
def offers() -> Book:
    """The offers that ship with this deployment."""
    return load_offers(PLAYBOOK)


def check(folder: Path) -> list[Mistake]:
    """Everything wrong with the offers of a playbook folder."""
    return read(folder / FILE, Book)[2]


def cautions(folder: Path) -> list[Mistake]:
    """What somebody should look at twice in offers that can be read; none of it stops them."""
    book, marks, _ = read(folder / FILE, Book)
    if book is None or marks is None:
        return []
    found = []
    for offer_id, offer in book.offers.items():
        for warning in warnings(offer):
            name, _, reason = warning.partition(": ")
            found.append(marks.mistake(FILE, ("offers", offer_id, name), reason))
    return found
