"""The rules of product recommendations: goods, pairs, offers, texts. `suggestions.yaml` (U1–U5, X14)."""

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
# Shorter than this, with the spaces around it, a word without diacritics is ambiguous.
SHORT = 4
WORD = r"\w+"
# The placeholders of a reason's text.
_IN_A_REASON = ("name", "bought", "percent", "orders", "goods", "for_goods", "days", "every")


class Goods(StrictModel):
    """A kind of goods: its title, and the words that identify it in a category, a product's name or a message."""

    title: Text
    words: tuple[str, ...] = Field(min_length=1)


class GoesWith(StrictModel):
    """The kinds of goods offered with a kind that was bought."""

    bought: str
    offer: tuple[str, ...] = Field(min_length=1)


class Suppression(StrictModel):
    """When nothing is recommended (U4, X14). `angry`: these severities together with a negative sentiment."""

    severities: tuple[Severity, ...] = ("critical",)
    angry: tuple[Severity, ...] = ("high",)
    intents: tuple[Intent, ...] = ()
    tags: tuple[str, ...] = ()


class Known(StrictModel):
    """The least support of co-purchase counts: orders with the product, orders with both, their share in percent, and
    the similarity of the two products' orders (0 to 100; the cosine, which popularity of one does not raise)."""

    orders: PositiveInt = 20
    together: PositiveInt = 5
    percent: int = Field(default=5, ge=1, le=100)
    alike: int = Field(default=10, ge=0, le=100)


class OfferFor(StrictModel):
    """The offer for customers in one of these lifecycle stages and value tiers; empty means any."""

    offer: str
    lifecycle: tuple[str, ...] = ()
    value: tuple[str, ...] = ()


class Offers(StrictModel):
    """The offer that comes with recommendations: the first that fits; none for customers with a tag of `none_for`."""

    none_for: tuple[str, ...] = ()
    first_of: tuple[OfferFor, ...] = ()


class Contexts(StrictModel):
    """The beginnings of a reason. `lately` and `bought` apply if the message names no purchase."""

    intents: dict[Intent, Text]
    size: Text
    lately: Text
    bought: Text


class Credit(StrictModel):
    """The attribution of orders to tickets (K6): those placed within `days` after the first response."""

    days: PositiveInt = 7
    not_after: tuple[Intent, ...] = ("other", "opt_out")


class SuggestionRules(StrictModel):
    """Everything in `suggestions.yaml`. `chances` are assumed acceptance rates in percent by kind of reason."""

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
        texts = [(f"reasons.{kind}", text) for kind, text in self.reasons.items()]
        texts += [(f"contexts.intents.{intent}", text) for intent, text in self.contexts.intents.items()]
        texts += [(f"contexts.{name}", getattr(self.contexts, name)) for name in ("size", "lately", "bought")]
        for path, text in texts:
            for wording in (text.vi, text.en):
                try:
                    wording.format(**dict.fromkeys(_IN_A_REASON, "?"))
                except (LookupError, ValueError, AttributeError):
                    names = ", ".join(f"{{{name}}}" for name in _IN_A_REASON)
                    raise ValueError(f"{path}: may fill in {names} and nothing else") from None
        return self

    @cached_property
    def _words(self) -> list[tuple[str, str, str]]:
        """Every word with its kind, as written and without diacritics, the longest first."""
        words = [(kind, *_forms(word)) for kind, goods in self.goods.items() for word in goods.words]
        return sorted(words, key=lambda one: -len(one[1]))

    def kind_of(self, *texts: str) -> str:
        """The kind of goods that texts name, by the longest of its words; "" for none."""
        forms = [_forms(text) for text in texts]
        for kind, written, bare in self._words:
            if any(_says(form, written, bare) for form in forms):
                return kind
        return ""

    def offered_with(self, kind: str) -> tuple[str, ...]:
        """The kinds of goods that go with one, the best first."""
        return tuple(dict.fromkeys(other for rule in self.rules if rule.bought == kind for other in rule.offer))

    def kind_as_product(self, kind: str) -> Product:
        """A kind of goods as a product, for a shop without a catalogue."""
        goods = self.goods[kind]
        return Product(sku="", name=goods.title.vi, category=goods.words[0])

    def is_mixed(self, category: str) -> bool:
        """Whether a category is mixed, so that only a product's name gives its kind."""
        form = _forms(category)
        return not category.strip() or any(_says(form, *_forms(word)) for word in self.mixed)

    def about_size(self, text: str) -> bool:
        """Whether a message is about a size."""
        form = _forms(text)
        return any(_says(form, *_forms(word)) for word in self.sizes)


def _forms(text: str) -> tuple[str, str]:
    """A text's words between single spaces, as written and without diacritics."""
    written = f" {' '.join(re.findall(WORD, unicodedata.normalize('NFC', text).casefold()))} "
    return written, f" {fold(written)} "


def _says(text: tuple[str, str], written: str, bare: str) -> bool:
    """Whether a text has these words. A text without diacritics is compared without them; words that are ambiguous then
    ("cỡ" and "có" are both "co") do not count."""
    return written in text[0] or (text[0] == text[1] and len(bare) > SHORT and bare in text[1])
