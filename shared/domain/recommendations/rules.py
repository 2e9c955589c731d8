"""What the shop offers beside what somebody bought, to whom, and in which words: `suggestions.yaml` (U1–U5, X14)."""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property
from typing import Literal, Self, get_args

from pydantic import Field, PositiveInt, model_validator

from shared.domain.catalogue.product import Product
from shared.domain.common.localized_text import Text
from shared.domain.common.strict_model import StrictModel
from shared.domain.common.text_folding import fold
from shared.domain.triage.labels import Intent, Severity

Kind = Literal["complement", "together", "rule", "upgrade", "again"]
# Shorter than this, with the spaces around it, a word without marks may be any.
SHORT = 4
WORD = r"\w+"
# What the words of a reason may fill in.
_IN_A_REASON = ("name", "bought", "percent", "orders", "goods", "for_goods", "days", "every")


class Goods(StrictModel):
    """A kind of goods: what it is called, and the words that tell it in a category, a product's name or a message."""

    title: Text
    words: tuple[str, ...] = Field(min_length=1)


class GoesWith(StrictModel):
    """Whoever bought this kind of goods is offered those kinds."""

    bought: str
    offer: tuple[str, ...] = Field(min_length=1)


class Suppression(StrictModel):
    """When nothing is suggested at all (U4, X14). `angry`: this severity and a negative sentiment together."""

    severities: tuple[Severity, ...] = ("critical",)
    angry: tuple[Severity, ...] = ("high",)
    intents: tuple[Intent, ...] = ()
    tags: tuple[str, ...] = ()


class Known(StrictModel):
    """From when on the counts of what is bought together say something: the orders a product was in, those with both
    products, their share, and how much alike the orders of the two are (0 to 100; the cosine of the two, which does not
    rise because everybody buys one of them)."""

    orders: PositiveInt = 20
    together: PositiveInt = 5
    percent: int = Field(default=5, ge=1, le=100)
    alike: int = Field(default=10, ge=0, le=100)


class OfferFor(StrictModel):
    """The offer of somebody in one of these lifecycle stages and one of these value tiers; empty: in any."""

    offer: str
    lifecycle: tuple[str, ...] = ()
    value: tuple[str, ...] = ()


class Offers(StrictModel):
    """Who gets which offer with a suggestion; the first that fits. Nobody with one of these tags gets any."""

    none_for: tuple[str, ...] = ()
    first_of: tuple[OfferFor, ...] = ()


class Contexts(StrictModel):
    """How a reason begins. `lately` and `bought` where a matter names no purchase."""

    intents: dict[Intent, Text]
    size: Text
    lately: Text
    bought: Text


class Credit(StrictModel):
    """Whose orders a ticket is credited with (K6): those placed within `days` after its first answer."""

    days: PositiveInt = 7
    not_after: tuple[Intent, ...] = ("other", "opt_out")


class SuggestionRules(StrictModel):
    """All of it. `chances` say in percent how often somebody takes what is offered, until the shop knows better."""

    at_most: int = Field(default=3, ge=1, le=5)
    lately_days: PositiveInt = 7
    upgrade_for: tuple[Intent, ...] = ()
    silent: Suppression
    known: Known
    chances: dict[Kind, int]
    goods: dict[str, Goods]
    rules: tuple[GoesWith, ...]
    offers: Offers
    contexts: Contexts
    reasons: dict[Kind, Text]
    sizes: tuple[str, ...] = Field(min_length=1)
    mixed: tuple[str, ...] = ()
    credit: Credit

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for number, rule in enumerate(self.rules):
            for field, kinds in (("bought", (rule.bought,)), ("offer", rule.offer)):
                for kind in kinds:
                    if kind not in self.goods:
                        raise ValueError(f"rules.{number}.{field}: {kind} is no kind under goods")
        for field in ("chances", "reasons"):
            for kind in get_args(Kind):
                if kind not in getattr(self, field):
                    raise ValueError(f"{field}.{kind}: is needed")
        told = [(f"reasons.{kind}", text) for kind, text in self.reasons.items()]
        told += [(f"contexts.intents.{intent}", text) for intent, text in self.contexts.intents.items()]
        told += [(f"contexts.{name}", getattr(self.contexts, name)) for name in ("size", "lately", "bought")]
        for path, text in told:
            for said in (text.vi, text.en):
                try:
                    said.format(**dict.fromkeys(_IN_A_REASON, "?"))
                except (LookupError, ValueError, AttributeError):
                    names = ", ".join(f"{{{name}}}" for name in _IN_A_REASON)
                    raise ValueError(f"{path}: may fill in {names} and nothing else") from None
        return self

    @cached_property
    def _words(self) -> list[tuple[str, str, str]]:
        """Every word with its kind, as it is said and without marks, the longest first."""
        told = [(kind, *_forms(word)) for kind, goods in self.goods.items() for word in goods.words]
        return sorted(told, key=lambda one: -len(one[1]))

    def kind_of(self, *texts: str) -> str:
        """The kind of goods that texts name, by the longest of its words; "" for none."""
        forms = [_forms(text) for text in texts]
        for kind, said, bare in self._words:
            if any(_says(form, said, bare) for form in forms):
                return kind
        return ""

    def offered_with(self, kind: str) -> tuple[str, ...]:
        """The kinds of goods that go with one, the best first."""
        return tuple(dict.fromkeys(other for rule in self.rules if rule.bought == kind for other in rule.offer))

    def kind_as_product(self, kind: str) -> Product:
        """A kind of goods to name where no catalogue names any product of it."""
        goods = self.goods[kind]
        return Product(sku="", name=goods.title.vi, category=goods.words[0])

    def is_mixed(self, category: str) -> bool:
        """Whether a category holds all sorts of goods, so that only a product's name tells its kind."""
        form = _forms(category)
        return not category.strip() or any(_says(form, *_forms(word)) for word in self.mixed)

    def about_size(self, text: str) -> bool:
        """Whether a message is about a size."""
        form = _forms(text)
        return any(_says(form, *_forms(word)) for word in self.sizes)


def _forms(text: str) -> tuple[str, str]:
    """Words between single spaces as they are said, and without marks."""
    said = f" {' '.join(re.findall(WORD, unicodedata.normalize('NFC', text).casefold()))} "
    return said, f" {fold(said)} "


def _says(text: tuple[str, str], said: str, bare: str) -> bool:
    """Whether a text has these words. One that is written without marks is read without them, too; words that are
    too short then for saying anything ("cỡ" and "có" are both "co") do not count."""
    return said in text[0] or (text[0] == text[1] and len(bare) > SHORT and bare in text[1])
