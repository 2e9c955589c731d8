"""Reads what the shop suggests to whom; a wrong file is named with line and field."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path

from shared.domain.recommendations.rules import SuggestionRules
from shared.domain.vietnam_time import local_day
from shared.repositories.co_purchase import CoPurchase
from shared.repositories.products import Products
from shared.runtime import wiring
from shared.runtime.playbook.loader import PLAYBOOK, PlaybookError, sending_rules
from shared.runtime.playbook.offers import load_offers, offers
from shared.runtime.playbook.yaml_source import Mistake, load, read
from shared.use_cases.recommendations.suggest_products import Suggester

FILE = "suggestions.yaml"


@cache
def suggestion_rules() -> SuggestionRules:
    """The rules that ship with this deployment; raises PlaybookError with the first thing wrong."""
    return load(PLAYBOOK / FILE, SuggestionRules)


def check(folder: Path) -> list[Mistake]:
    """Everything wrong with the suggestions of a playbook folder."""
    rules, marks, mistakes = read(folder / FILE, SuggestionRules)
    if rules is None or marks is None:
        return mistakes
    try:
        known = load_offers(folder).offers
    except PlaybookError:
        return mistakes  # what is wrong with offers.yaml is told of that file
    for number, one in enumerate(rules.offers.first_of):
        if one.offer not in known:
            at = ("offers", "first_of", str(number), "offer")
            mistakes.append(marks.mistake(FILE, at, f"{one.offer} is no offer of offers.yaml"))
    return mistakes


def suggester(now: datetime) -> Suggester:
    """What suggests at this moment."""
    outside = wiring.outside()
    table, memory = outside.table, outside.memory
    return Suggester(
        table=table,
        products=Products(table, memory, now),
        together=CoPurchase(table, memory, now),
        rules=suggestion_rules(),
        book=offers(),
        sending=sending_rules(),
        today=local_day(now),
    )
