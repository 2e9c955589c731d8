"""What the shop knows of its goods, and what it may offer to a customer who bought some of them (R9, A16, U1–U3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict


class Product(BaseModel):
    """One product of the catalogue. Amounts are VND per piece, times are days; None or empty is not known.

    `margin` is what a piece leaves after its cost. `complements` and `replaced_by` are SKUs, which need not be in the
    catalogue. `stock` is pieces by store and size: "" for a store is the shop as a whole, "" for a size is all of them.
    """

    model_config = ConfigDict(frozen=True)

    sku: str
    name: str
    category: str = ""
    price: int | None = None
    margin: int | None = None
    url: str = ""
    guide_url: str = ""
    lifespan_days: int | None = None
    maintain_every_days: int | None = None
    warranty_days: int | None = None
    repurchase_days: int | None = None
    complements: tuple[str, ...] = ()
    replaced_by: str = ""
    stock: Mapping[str, Mapping[str, int]] = {}

    def in_stock(self, store: str) -> bool:
        """Whether a store is known to have a piece; tills let stock fall below zero."""
        return any(pieces > 0 for pieces in self.stock.get(store, {}).values())


class Suggestion(NamedTuple):
    """A product to offer, its page, why, and the name of the purchase it is offered for."""

    sku: str
    name: str
    url: str
    reason_kind: Literal["complement", "replacement"]
    bought: str


def suggest(
    bought: Iterable[Mapping[str, Any]],
    products: Mapping[str, Product],
    owned: Collection[str] = (),
    store: str = "",
    sensitive: Collection[str] = (),
) -> Suggestion | None:
    """The complement to offer for lines {"sku", "name", "category"}, or None; `owned` are SKUs never to offer.

    What the store has goes before what is not counted by store, and that before what only other stores have. Phones
    are shared in families, so a purchase of a sensitive category is neither named nor used, nor is such a product
    offered (R6).
    """
    lines = list(bought)
    hidden = {word.casefold() for word in sensitive}
    had = {*owned, *(line.get("sku") for line in lines)}
    best: tuple[int, Suggestion] | None = None
    for line in lines:
        product = products.get(str(line.get("sku")))
        if product is None or _is_in(hidden, product.category) or _is_in(hidden, str(line.get("category", ""))):
            continue
        for sku in product.complements:
            other = products.get(sku)
            if other is None or sku in had or _is_in(hidden, other.category):
                continue
            rank = _rank(other, store)
            if rank is not None and (best is None or rank < best[0]):
                name = str(line.get("name") or product.name)
                best = rank, Suggestion(sku, other.name, other.url, "complement", name)
    return best[1] if best else None


def replacement(
    sku: str, products: Mapping[str, Product], owned: Collection[str] = (), sensitive: Collection[str] = ()
) -> Suggestion | None:
    """What the catalogue names in place of a product: the last of the chain that it knows, while any is in stock."""
    hidden = {word.casefold() for word in sensitive}
    chain = [sku]
    while (known := products.get(chain[-1])) and known.replaced_by in products and known.replaced_by not in chain:
        chain.append(known.replaced_by)
    new = products[chain[-1]] if len(chain) > 1 else None
    if new is None or new.sku in owned or _is_in(hidden, products[sku].category) or _is_in(hidden, new.category):
        return None
    if _rank(new, "") is None:
        return None
    return Suggestion(new.sku, new.name, new.url, "replacement", products[sku].name)


def _is_in(hidden: Collection[str], category: str) -> bool:
    return category.strip().casefold() in hidden


def _rank(product: Product, store: str) -> int | None:
    """How near a piece is, the smaller the nearer; None when every store is known to have none."""
    if store and product.in_stock(store):
        return 0
    if not product.stock or product.in_stock(""):
        return 1
    return 2 if any(product.in_stock(other) for other in product.stock) else None
