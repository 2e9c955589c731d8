"""Product recommendations for the agent of a customer: on tickets, tasks and in the 360° view (U1–U5, R9, R23).

Customers in the marketing hold-out get recommendations too: they began the conversation, and this is service. Offers
are left out then, so that the hold-out stays without marketing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.domain.catalogue.product import Product
from shared.domain.customers.profile import Profile, caring_store, fold_members
from shared.domain.messaging.policy import in_holdout
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.recommendations.purchase_history import Focus, Purchases, focus, purchases
from shared.domain.recommendations.recommendation import (
    Counts,
    Matter,
    Suggestion,
    choose,
    kinds_to_offer,
    skus_to_load,
    stock_rows,
    suppressed,
)
from shared.domain.recommendations.rules import SuggestionRules
from shared.domain.vouchers.offer import Book
from shared.ports import Item, Table
from shared.repositories import co_purchase, table_keys
from shared.repositories.co_purchase import CoPurchase
from shared.repositories.policy_facts import UNHAPPY
from shared.repositories.products import Products

# The latest orders that are read, and the maximum number of their products looked up.
ORDERS_SEEN, GOODS_SEEN = 20, 10
# Maximum products looked up per kind of goods.
OF_A_KIND = 5


@dataclass(frozen=True)
class Suggester:
    """Recommends products on one day."""

    table: Table
    products: Products
    together: CoPurchase
    rules: SuggestionRules
    book: Book
    sending: SendingRules
    today: date

    def suggest_for(
        self,
        members: Sequence[Profile],
        matter: Matter,
        *,
        ticket_id: str = "",
        rows: Iterable[Item] | None = None,
        by_rules: bool = True,
    ) -> list[dict[str, Any]]:
        """At most three products as the API shows them; none where suppressed (U4).

        `members` are the customer's profiles, `rows` their latest order rows if the caller read them already,
        `ticket_id` the ticket this is for: its own complaint is judged by `matter`. Without `by_rules` only purchases
        and their co-purchases are read: at most two requests, none if cached (a third for a shop without a catalogue if
        nothing else is found).
        """
        lead, view = members[0], fold_members(list(members))
        tags = [*lead.get("labels", ())[2:], *(mark for member in members for mark in member.get("marks", ()))]
        others = {one for member in members for one in member.get("complaints", ())} - {ticket_id}
        if suppressed(self.rules, matter, tags, complains=bool(others) or UNHAPPY in tags):
            return []
        bought = purchases(self._rows(members) if rows is None else rows)
        if not bought.lines:
            return []
        matter = matter._replace(store=matter.store or caring_store(view))
        meant = focus(bought, self.rules, text=matter.text, order_id=matter.order_id, sku=matter.sku)
        found, offer = self._chosen(meant, bought, matter, by_rules), self._offer(lead, tags)
        return [self._shown(one, offer) for one in found]

    def for_calls(self, people: Sequence[Sequence[Profile]]) -> list[list[dict[str, Any]]]:
        """Recommendations for several customers to be called: one query per customer, and all products and counts in a
        few requests."""
        rows = [self._rows(members) for members in people]
        meant = [focus(bought, self.rules, text="") for one in rows if (bought := purchases(one)).lines]
        mine = [line.sku for one in meant for line in one.lines]
        products, counts = self._known(mine, mine)
        more = [skus_to_load(one, products, counts, self.rules) for one in meant]
        self._known([sku for goods, _ in more for sku in goods], [sku for _, along in more for sku in along])
        return [self.suggest_for(members, Matter(), rows=own) for members, own in zip(people, rows, strict=True)]

    def still(self, ticket: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A ticket's stored recommendations, none if its current labels suppress them."""
        now = Matter(ticket["intent"], ticket["severity"], ticket["sentiment"])
        return [] if suppressed(self.rules, now, (), complains=False) else list(ticket.get("suggestions", ()))

    def in_stock(self, shown: Iterable[dict[str, Any]], store: str) -> list[dict[str, Any]]:
        """Earlier recommendations with current stock, without sold-out ones; at most one request."""
        found = list(shown)
        products = self.products.load(one["sku"] for one in found)
        fresh = []
        for one in found:
            product = products.get(one["sku"])
            stock = stock_rows(product, store, one["size"]) if product else ()
            if stock or not (product and product.stock):
                fresh.append({**one, "stock": list(stock)})
        return fresh

    def _rows(self, members: Sequence[Profile]) -> list[Item]:
        """The latest order rows, one query per profile."""
        low, high = table_keys.ORDER_ROWS
        found = []
        for member in members:
            pk = table_keys.profile(member["customer_id"]).pk
            page = self.table.query(
                pk, low=low, high=high, descending=True, limit=ORDERS_SEEN, consistent=False
            )  # fmt: skip
            found += page.items
        return found

    def _chosen(self, meant: Focus, bought: Purchases, matter: Matter, by_rules: bool) -> list[Suggestion]:
        mine = [line.sku for line in meant.lines][:GOODS_SEEN]
        had = list(dict.fromkeys((*mine, *(line.sku for line in bought.lines))))[:GOODS_SEEN]
        products, counts = self._known(had, mine)
        more, more_counts = self._known(*skus_to_load(meant, products, counts, self.rules))
        products, counts = products | more, counts | more_counts
        found = self._choice(meant, bought, products, counts, matter)
        kinds = kinds_to_offer(meant, self.rules)
        if kinds and (not found or (by_rules and len(found) < self.rules.at_most)):
            of_kinds = self._of_kinds(kinds, by_rules)
            if of_kinds.keys() - products.keys():
                found = self._choice(meant, bought, products | of_kinds, counts, matter)
        return found

    def _of_kinds(self, kinds: Sequence[str], by_rules: bool) -> dict[str, Product]:
        """Products of these kinds of goods; the kinds themselves where the shop has no catalogue."""
        if not self.products.categories():
            return {f"={kind}": self.rules.kind_as_product(kind) for kind in kinds}
        return self.products.load(sorted(self._on_shelves(kinds))) if by_rules else {}

    def _known(self, skus: Sequence[str], counted: Sequence[str]) -> tuple[dict[str, Product], dict[str, Counts]]:
        """Products and counts, in one request if anything has to be read."""
        goods, counts = self.products.known(skus), self.together.known(counted)
        unread = [sku for sku in dict.fromkeys(skus) if sku and sku not in goods]
        uncounted = [sku for sku in dict.fromkeys(counted) if sku not in counts]
        keys = [*map(table_keys.product, unread), *co_purchase.keys(uncounted)]
        items = self.table.batch_get(keys, consistent=False) if keys else {}
        goods |= self.products.learn(unread, items)
        counts |= self.together.learn(uncounted, items)
        products = {sku: product for sku, product in goods.items() if product}
        sold = {sku: one.sold for sku, one in counts.items() if one.sold and sku not in products}
        return products | sold, counts

    def _choice(
        self,
        meant: Focus,
        bought: Purchases,
        products: dict[str, Product],
        counts: dict[str, Counts],
        matter: Matter,
    ) -> list[Suggestion]:
        return choose(
            meant, bought, products, counts, self.rules, matter, self.today,
            sensitive=self.sending.sensitive_categories, margin_percent=self.sending.margin_percent,
        )  # fmt: skip

    def _on_shelves(self, kinds: Sequence[str]) -> set[str]:
        """Products of these kinds of goods, from categories of that name and from mixed ones."""
        found: set[str] = set()
        for shelf, category in self.products.categories().items():
            if self.rules.kind_of(category) in kinds or self.rules.is_mixed(category):
                names = self.products.shelf(shelf).items()
                of_kind = [sku for sku, name in names if self.rules.kind_of(name, category) in kinds]
                found |= set(of_kind[:OF_A_KIND])
        return found

    # ---- the personal offer (U5) ----

    def _offer(self, lead: Profile, tags: Sequence[str]) -> str:
        """The offer of the customer's segment, or ""."""
        offers = self.rules.offers
        labels = [*lead.get("labels", ()), "", ""]
        if set(tags) & set(offers.none_for):
            return ""
        if in_holdout(lead["customer_id"], "*", self.sending.holdout_percent):
            return ""
        for one in offers.first_of:
            if (not one.lifecycle or labels[0] in one.lifecycle) and (not one.value or labels[1] in one.value):
                return one.offer
        return ""

    def _shown(self, one: Suggestion, offer_id: str) -> dict[str, Any]:
        shown: dict[str, Any] = {**one._asdict(), "stock": list(one.stock)}
        offer = self.book.offers.get(offer_id)
        if offer and not offer.categories:
            gift = self.book.gift(offer)
            texts = {lang: f"{offer.title.in_language(lang)}: {gift.in_language(lang)}" for lang in ("vi", "en")}
            shown["offer"] = {"offer": offer_id, "text": texts["vi"], "text_en": texts["en"]}
        return shown
