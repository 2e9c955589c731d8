"""Reads the playbook of suggestions and holds its offers to those there are."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from shared.domain.recommendations.rules import SuggestionRules
from shared.domain.vouchers.offer import Book as Offers
from shared.runtime.playbook.loader import PLAYBOOK, Book, Mistake, load
from shared.runtime.playbook.offers import FILE as OFFERS

FILE = "suggestions.yaml"


@cache
def suggestion_rules() -> SuggestionRules:
    """The rules that ship with this deployment; raises PlaybookError with the first thing wrong."""
    return load(PLAYBOOK, FILE, SuggestionRules)


def lint(book: Book) -> Iterator[Mistake]:
    """Offers that are suggested and do not exist."""
    rules, known = book.get(FILE, SuggestionRules), book.get(OFFERS, Offers)
    if rules and known:
        for number, one in enumerate(rules.offers.first_of):
            if one.offer not in known.offers:
                at = ("offers", "first_of", str(number), "offer")
                yield book.marks(FILE).mistake(at, f"{one.offer} is no offer of offers.yaml")
