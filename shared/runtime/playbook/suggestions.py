"""The playbook of suggestions."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from shared.domain.recommendations.rules import SuggestionRules
from shared.runtime.playbook.loader import PLAYBOOK, PlaybookError
from shared.runtime.playbook.offers import load_offers
from shared.runtime.playbook.yaml_source import Mistake, load, read

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
