"""Product recommendations for agents, each with its reason: from the customer's purchases, in-stock products first,
none where they would be tactless (U1–U4, X14, R6, R9).

Candidates come from the catalogue's complements, from co-purchase counts with enough orders, from the playbook's rules
for kinds of goods, from newer versions, and from repurchases. They are ranked by margin times acceptance.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from math import isqrt
from typing import Any, NamedTuple

from shared.domain.catalogue.product import Product
from shared.domain.recommendations.purchase_history import Focus, Line, Purchases
from shared.domain.recommendations.rules import Kind, SuggestionRules

# Limits: co-purchased products per purchase, over all purchases, together with complements; stock rows shown.
TOGETHER_SEEN, ALONG_SEEN, SEEN, PLACES_SHOWN = 8, 12, 40, 6
# A repurchase is offered from this share of its usual interval on, in percent.
NEARLY = 80


class Matter(NamedTuple):
    """The customer's current matter; `intent` is "" without a request, as on a call."""

    intent: str = ""
    severity: str = "normal"
    sentiment: str = "neutral"
    text: str = ""
    order_id: str = ""
    sku: str = ""
    store: str = ""


class Candidate(NamedTuple):
    """A product, the kind of reason, its purchase, and how often it is accepted, in percent."""

    product: Product
    kind: Kind
    line: Line
    chance: int
    orders: int = 0
    of_kind: str = ""
    bought_kind: str = ""


class Suggestion(NamedTuple):
    """A recommendation as staff see it. `sku` is "" for a kind of goods in a shop without a catalogue. `size` is the
    one the customer needs, "" if none matters; `stock` are rows {"store", "size", "pieces"}, the customer's own store
    first; empty means unknown."""

    sku: str
    name: str
    url: str
    price: int | None
    kind: Kind
    reason: str
    reason_en: str
    size: str
    stock: tuple[dict[str, Any], ...]


class Counts(NamedTuple):
    """The number of orders with a product, and of those with each other product. `sold` is the product as it was last
    sold, all a shop without a catalogue knows of it; None if its name is unknown."""

    orders: int
    together: Mapping[str, int]
    sold: Product | None = None


def suppressed(rules: SuggestionRules, matter: Matter, tags: Collection[str], *, complains: bool) -> bool:
    """Whether recommendations are suppressed: severity, an angry customer, an open complaint, intent or a tag."""
    quiet = rules.silent
    angry = matter.sentiment == "negative" and matter.severity in quiet.angry
    wrong = matter.severity in quiet.severities or matter.intent in quiet.intents
    return angry or wrong or complains or bool(set(tags) & set(quiet.tags))


def skus_to_load(
    focus: Focus, products: Mapping[str, Product], counts: Mapping[str, Counts], rules: SuggestionRules
) -> tuple[list[str], list[str]]:
    """The SKUs `choose` needs besides the purchases, and those of them whose counts it needs; the most promising first,
    no more than one request reads."""
    along: dict[str, int] = {}
    for line in focus.lines:
        for sku, percent in _together(counts.get(line.sku), rules).items():
            along[sku] = max(percent, along.get(sku, 0))
    often = sorted(along, key=lambda sku: (-along[sku], sku))[:ALONG_SEEN]
    known = [product for line in focus.lines if (product := products.get(line.sku))]
    others = [product.replaced_by for product in known] + [sku for product in known for sku in product.complements]
    return [sku for sku in dict.fromkeys((*often, *others)) if sku][:SEEN], often


def kinds_to_offer(focus: Focus, rules: SuggestionRules) -> tuple[str, ...]:
    """The kinds of goods that the rules offer with the purchases."""
    kinds = (rules.kind_of(line.name, line.category) for line in focus.lines)
    return tuple(dict.fromkeys(other for kind in kinds if kind for other in rules.offered_with(kind)))


def choose(
    focus: Focus,
    bought: Purchases,
    products: Mapping[str, Product],
    counts: Mapping[str, Counts],
    rules: SuggestionRules,
    matter: Matter,
    today: date,
    *,
    sensitive: Collection[str] = (),
    margin_percent: int = 30,
) -> list[Suggestion]:
    """At most `rules.at_most` suggestions, the best first, each of another kind of goods."""
    hidden = {word.strip().casefold() for word in sensitive}
    kinds_owned = {rules.kind_of(line.name, line.category) for line in bought.lines}
    best: dict[str, tuple[tuple[int, int, str], Candidate]] = {}
    for one in _candidates(focus, bought, products, counts, rules, matter):
        categories = {one.product.category, one.line.category}
        source = products.get(one.line.sku)
        categories |= {source.category} if source else set()
        if any(category.strip().casefold() in hidden for category in categories):
            continue  # families share phones
        if not _may_have(one.product, bought, today) or (not one.product.sku and one.of_kind in kinds_owned):
            continue
        place = _place(one.product, matter, one.line)
        if place is None:
            continue
        rank = (place, -_margin(one.product, margin_percent) * one.chance, one.product.sku)
        name = one.product.sku or one.of_kind
        if name not in best or rank < best[name][0]:
            best[name] = rank, one
    chosen: list[Suggestion] = []
    seen: set[str] = set()
    for _, one in sorted(best.values(), key=lambda entry: entry[0]):
        group = rules.kind_of(one.product.name, one.product.category) or one.product.category.casefold()
        if (group and group in seen) or len(chosen) == rules.at_most:
            continue
        seen.add(group)
        chosen.append(_with_reason(one, focus, rules, matter, today))
    return chosen


# ---- candidates ----


def _candidates(
    focus: Focus,
    bought: Purchases,
    products: Mapping[str, Product],
    counts: Mapping[str, Counts],
    rules: SuggestionRules,
    matter: Matter,
) -> Iterator[Candidate]:
    by_kind: dict[str, list[Product]] = {}
    for product in products.values():
        if kind := rules.kind_of(product.name, product.category):
            by_kind.setdefault(kind, []).append(product)
    selling = not matter.intent or matter.intent in rules.upgrade_for
    for line in focus.lines:
        known, mine = products.get(line.sku), counts.get(line.sku)
        own = rules.kind_of(line.name, line.category)
        for sku, percent in _together(mine, rules).items():
            other = products.get(sku)
            if mine is None or other is None or not _alike(mine, counts.get(sku), sku, rules):
                continue
            if matter.intent != "return_exchange" or not _same_goods(other, line, known, own, rules):
                yield Candidate(other, "together", line, percent, mine.orders)
        for sku in known.complements if known else ():
            if sku in products:
                yield Candidate(products[sku], "complement", line, rules.chances["complement"])
        for kind in rules.offered_with(own) if own else ():
            for other in by_kind.get(kind, ()):
                yield Candidate(other, "rule", line, rules.chances["rule"], of_kind=kind, bought_kind=own)
        if selling and (newer := _newest(line.sku, products)):
            yield Candidate(newer, "upgrade", line, rules.chances["upgrade"])
    for line in bought.lines if selling else ():
        if line.sku in products:
            yield Candidate(products[line.sku], "again", line, rules.chances["again"])


def _together(mine: Counts | None, rules: SuggestionRules) -> dict[str, int]:
    """The products bought together often enough, in percent of the orders, the most frequent first."""
    known = rules.known
    if mine is None or mine.orders < known.orders:
        return {}
    often = [(number, sku) for sku, number in mine.together.items() if number >= known.together]
    shares = {sku: min(100, 100 * number // mine.orders) for number, sku in sorted(often, reverse=True)}
    return {sku: share for sku, share in list(shares.items())[:TOGETHER_SEEN] if share >= known.percent}


def _alike(mine: Counts, other: Counts | None, sku: str, rules: SuggestionRules) -> bool:
    """Whether two products are in the same orders for more than one's popularity: the cosine of their orders, which
    unlike the lift needs no count of all orders."""
    if other is None or not other.orders:
        return False
    return 100 * mine.together.get(sku, 0) >= rules.known.alike * isqrt(mine.orders * other.orders)


def _same_goods(other: Product, line: Line, product: Product | None, own: str, rules: SuggestionRules) -> bool:
    """Whether a product is of the kind that is being exchanged: another pair of shoes beside the pair that pinches."""
    category = (product.category if product else "") or line.category
    same_category = bool(category) and other.category.casefold() == category.casefold()
    return same_category or (bool(own) and rules.kind_of(other.name, other.category) == own)


def _newest(sku: str, products: Mapping[str, Product]) -> Product | None:
    """The catalogue's replacement of a product, to the end of the chain."""
    chain = [sku]
    while (known := products.get(chain[-1])) and known.replaced_by in products and known.replaced_by not in chain:
        chain.append(known.replaced_by)
    return products[chain[-1]] if len(chain) > 1 else None


def _may_have(product: Product, bought: Purchases, today: date) -> bool:
    """Whether a product may be offered: not returned, and not owned unless a repurchase is nearly due."""
    if product.sku in bought.given_back:
        return False
    had, span = bought.owned.get(product.sku), product.repurchase_days
    return had is None or bool(span and 100 * (today - had).days >= NEARLY * span)


# ---- margin and stock ----


def _margin(product: Product, margin_percent: int) -> int:
    """The margin of a piece in VND; by the shop's usual margin if unknown."""
    return product.margin if product.margin is not None else (product.price or 0) * margin_percent // 100


def _place(product: Product, matter: Matter, line: Line) -> int | None:
    """The rank of the stock: 0 in the customer's store, 1 in the shop as a whole or unknown, 2 in other stores; None:
    none."""
    if not product.stock:
        return 1
    size = size_of(product, matter, line)
    stores = {store for store, sizes in product.stock.items() if _pieces(sizes, size) > 0}
    if matter.store and matter.store in stores:
        return 0
    return 1 if "" in stores else 2 if stores else None


def _pieces(sizes: Mapping[str, int], size: str) -> int:
    """The pieces of a size, or of all if no size matters; pieces counted without a size may be any."""
    if not size:
        return max(0, sum(pieces for pieces in sizes.values() if pieces > 0))
    return sizes.get(size, 0) + max(0, sizes.get("", 0))


def size_of(product: Product, matter: Matter, line: Line) -> str:
    """The size the customer needs of a product: one their message names last, else the one they bought; "" if the
    product is not counted in it."""
    sizes = {size.upper(): size for by_size in product.stock.values() for size in by_size if size}
    for text in (matter.text, line.size):
        found = [word for word in re.findall(r"\w+(?:[.,]\w+)?", text.upper()) if word in sizes]
        if found:
            return sizes[found[-1]]
    return ""


def stock_rows(product: Product, store: str, size: str) -> tuple[dict[str, Any], ...]:
    """The stock of a product, in a size or in any: rows {"store", "size", "pieces"}, the named store first."""
    rows = [
        {"store": at, "size": of, "pieces": pieces}
        for at, sizes in product.stock.items()
        for of, pieces in sizes.items()
        if pieces > 0 and of in ((size, "") if size else (of,))
    ]
    rows.sort(key=lambda row: (row["store"] != store, row["store"], row["size"]))
    return tuple(rows[:PLACES_SHOWN])


# ---- texts ----


def _with_reason(one: Candidate, focus: Focus, rules: SuggestionRules, matter: Matter, today: date) -> Suggestion:
    product, line = one.product, one.line
    title = {kind: goods.title for kind, goods in rules.goods.items()}
    if focus.named and rules.about_size(matter.text) and matter.intent == "return_exchange":
        begins = rules.contexts.size
    elif focus.named and matter.intent in rules.contexts.intents:
        begins = rules.contexts.intents[matter.intent]
    else:
        lately = (today - line.on).days <= rules.lately_days
        begins = rules.contexts.lately if lately else rules.contexts.bought
    texts = {}
    for lang in ("vi", "en"):
        known = {
            "name": _inside(product.name),
            "bought": _inside(line.name or line.sku),
            "percent": one.chance,
            "orders": one.orders,
            "goods": title[one.of_kind].in_language(lang) if one.of_kind else "",
            "for_goods": title[one.bought_kind].in_language(lang) if one.bought_kind else "",
            "days": (today - line.on).days,
            "every": product.repurchase_days or 0,
        }
        texts[lang] = (
            f"{begins.in_language(lang).format(**known)}; {rules.reasons[one.kind].in_language(lang).format(**known)}"
        )
    size = size_of(product, matter, line)
    return Suggestion(
        product.sku, product.name, product.url, product.price, one.kind, texts["vi"], texts["en"], size,
        stock_rows(product, matter.store, size),
    )  # fmt: skip


def _inside(name: str) -> str:
    """A name inside a sentence: "Giày Chạy Bộ" → "giày Chạy Bộ"; an abbreviation stays as it is."""
    first = name.split(" ", 1)[0]
    return name if first.isupper() and len(first) > 1 else name[:1].lower() + name[1:]
