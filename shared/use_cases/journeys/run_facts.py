"""What a journey may ask about the customer who is in it, read only when it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

from shared.domain.catalogue.product import Product, replacement, suggest
from shared.domain.common.lunar_calendar import new_year, rest_until
from shared.domain.customers.profile import Profile, fold_members
from shared.domain.customers.salutation import products_named
from shared.domain.journeys.engine import Run
from shared.domain.messaging.message import WAITING
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.orders import cart as carts
from shared.domain.orders.order import read
from shared.domain.segments.segmentation import silence
from shared.domain.vietnam_time import local_day, moment
from shared.ports import Item
from shared.repositories import table_keys
from shared.repositories.orders import find_order
from shared.repositories.policy_facts import person
from shared.repositories.products import Products
from shared.repositories.profiles import RulesToday, addresses, age, metrics_of
from shared.repositories.unit_of_work import UnitOfWork

# What is the same for every run of one customer at one moment.
_OF_ALL_RUNS = ("customer", "cart", "shop", "owned")
# From which day on a product's own clock runs is the day its buyer got it.
_CLOCKS = {
    "maintain_on": "maintain_every_days",
    "warranty_ends_on": "warranty_days",
    "repurchase_on": "repurchase_days",
    "lifespan_ends_on": "lifespan_days",
}


@dataclass
class RunFacts:
    """Answers `facts("subject.name")` for one run of one customer; see `vocabulary.FACTS`.

    `signal` are the properties of the signal being handled; they replace what the run keeps of its trigger. `pages`
    are addresses of the shop. `of_all` keeps what was read for any of the customer's runs.
    """

    uow: UnitOfWork
    members: list[Profile]
    run: Run
    rules_today: RulesToday
    sending: SendingRules
    products: Products
    pages: Mapping[str, str]
    now: datetime
    signal: Mapping[str, Any] | None
    of_all: dict[str, Any]
    _seen: dict[str, Any] = field(default_factory=dict)

    def __call__(self, path: str) -> Any:
        subject, _, name = path.partition(".")
        if subject == "event":
            return (self.run["vars"] if self.signal is None else self.signal).get(name)
        if subject in ("message", "answer"):
            message = self._message(name)
            return _came(message) if subject == "message" else message.get("answer", {}).get("score")
        if subject == "task":
            return self.run.get("outcomes", {}).get(name)
        if subject == "round":
            return self.run["rounds"].get(name, 0)
        return self._know(subject).get(name)

    def _know(self, subject: str) -> Any:
        seen = self.of_all if subject in _OF_ALL_RUNS else self._seen
        if subject not in seen:
            seen[subject] = getattr(self, f"_{subject}")()
        return seen[subject]

    def _message(self, step: str) -> Item:
        message_id = self.run.get("messages", {}).get(step)
        return (self.uow.get(table_keys.message(message_id)) if message_id else None) or {}

    def _customer(self) -> dict[str, Any]:
        lead, view = self.members[0], fold_members(self.members)
        m = metrics_of(lead)
        traits = view["traits"]
        labels = list(lead.get("labels", ())) or ["prospect", "none"]
        windows = person(self.members, {}, "", self.now).windows
        return {
            "lifecycle": labels[0],
            "value": labels[1],
            "tags": (*labels[2:], *(mark for member in self.members for mark in member.get("marks", ()))),
            "orders": m.orders,
            "visits": m.visits,
            "revenue": m.revenue,
            "spend_365d": m.window_spend,
            "days_silent": silence(m, self.rules_today.today, self.rules_today.rules),
            "last_order_on": m.last_day or None,
            "city": traits.get("city"),
            "gender": traits.get("gender"),
            "age": age(self.members, self.rules_today.today),
            "home_store": traits.get("home_store"),
            "points": traits.get("@points"),
            "tier": traits.get("@tier"),
            "channels": tuple(sorted(addresses(self.members))),
            "open_windows": tuple(sorted(channel for channel, until in windows.items() if until > self.now)),
            "refusals": m.refusals,
            "days_since_contact": self._days_since_contact(m.last_day),
        }

    def _days_since_contact(self, last_order_on: str) -> int | None:
        """Days since the customer bought, wrote to us or was spoken with; None: never."""
        days = [last_order_on, *(str(member.get("talked_on", "")) for member in self.members)]
        days += [local_day(moment(at)).isoformat() for m in self.members for at in m.get("inbound", {}).values()]
        last = max(days)
        return (self.rules_today.today - date.fromisoformat(last)).days if last else None

    def _cart(self) -> dict[str, Any]:
        found = [cart for m in self.members if (cart := self.uow.get(table_keys.cart(m["customer_id"])))]
        latest = max(found, key=lambda cart: cart["changed_at"], default=None)
        lines = carts.lines(latest) if latest else []
        return {
            "items": sum(line["quantity"] for line in lines),
            "total": sum(line["quantity"] * line.get("price", 0) for line in lines),
            "product": products_named(lines, self.sending.sensitive_categories) if lines else None,
            "sku": next((line["sku"] for line in lines if "sku" in line), None),
            "url": self.pages.get("cart_url"),
        }

    def _order(self) -> dict[str, Any]:
        order_id = self.run["vars"].get("order_id")
        order = find_order(self.uow, order_id) if order_id else None
        row = (
            read(order_id, order, self.rules_today.today, self.rules_today.rules.orders.cod_matures_days)
            if order_id and order
            else None
        )
        if order is None or row is None:
            return {}
        facts = order["facts"]
        return {
            "status": row.status,
            "total": row.total,
            "kept": row.kept,
            "delivered": "delivered" in facts,
            "returned": row.status in ("returned", "refunded", "cancelled", "delivery_failed"),
        }

    def _bought(self) -> dict[str, Any]:
        order_id = self.run["vars"].get("order_id")
        order = self.uow.get(table_keys.order(order_id)) if order_id else None
        lines = (order or {}).get("content", {}).get("lines", [])
        known = self.products.around([line.get("sku", "") for line in lines])
        hidden = self.sending.sensitive_categories
        values: dict[str, Any] = {"in_catalogue": any(line.get("sku") in known for line in lines)}
        if guided := dearest_with("guide_url", lines, known, hidden):
            values |= {"guide_for": guided.name, "guide_url": guided.guide_url}
        if also := suggest(lines, known, self._know("owned"), self.run["vars"].get("store", ""), hidden):
            values |= {"suggestion_for": also.bought, "suggestion": also.name, "suggestion_url": also.url}
        return values

    def _product(self) -> dict[str, Any]:
        known = self.products.around([self.run["vars"].get("sku", "")])
        product = known.get(self.run["vars"].get("sku", ""))
        hidden = self.sending.sensitive_categories
        # Phones are shared in families: what was bought of a sensitive category is neither named nor used (R6).
        if product is None or product.category.casefold() in hidden:
            return {}
        got = local_day(moment(self.run["anchor"]))
        days = {name: getattr(product, source) for name, source in _CLOCKS.items()}
        names = ("sku", "name", "category", "url", "guide_url")
        values: dict[str, Any] = {name: getattr(product, name) for name in names}
        values |= {name: (got + timedelta(days=span)).isoformat() for name, span in days.items() if span}
        if every := product.maintain_every_days:
            values["maintain_on"] = _next_round(got, every, local_day(self.now)).isoformat()
        line = {"sku": product.sku, "name": product.name, "category": product.category}
        owned = self._know("owned")
        if also := suggest([line], known, owned, self.run["vars"].get("store", ""), hidden):
            values |= {"suggestion": also.name, "suggestion_url": also.url}
        if new := replacement(product.sku, known, owned, hidden):
            values |= {"replacement": new.name, "replacement_url": new.url}
        return {name: value for name, value in values.items() if value}

    def _owned(self) -> set[str]:
        """What the customer bought lately, so that nobody is offered what they have."""
        low, high = table_keys.ORDER_ROWS
        rows = [
            row
            for member in self.members
            for row in self.uow.collection(table_keys.profile(member["customer_id"]).pk, low, high)
        ]
        return {line["sku"] for row in rows for line in row.get("lines", ()) if "sku" in line}

    def _offer(self) -> dict[str, Any]:
        names = ("voucher", "gift", "valid_until", "offer_ends", "offer_url")
        values = {name: self.run["vars"].get(name) for name in names}
        ends = values["offer_ends"]
        return {**values, "url": values["offer_url"], "open": bool(ends) and moment(ends) > self.now}

    def _run(self) -> dict[str, Any]:
        entered = local_day(moment(self.run["anchor"]))
        tet = next(day for year in count(entered.year) if (day := new_year(year)) >= entered)
        values: dict[str, Any] = {name: self.run[name] for name in ("variant", "deal", "anchor")}
        values |= {"entered_on": entered.isoformat(), "tet_on": tet.isoformat()}
        return values | {"days": (local_day(self.now) - entered).days}

    def _shop(self) -> dict[str, Any]:
        floor = self.rules_today.rules.tags.high_value_order_floor_vnd
        resting = rest_until(local_day(self.now), self.sending.tet_rests) is not None
        return {
            **self.pages,
            "high_value_order": max(self.rules_today.cutoffs.order_p95, floor),
            "resting": resting,
        }


def _came(message: Item) -> str | None:
    """How far a message came; one that waits for its next channel as far as on the last one."""
    status: str | None = message.get("status")
    waits = status in WAITING or status == "sending"
    return str(message["reached"][0]) if waits and "reached" in message else status


def _next_round(first: date, every: int, today: date) -> date:
    """Maintenance comes round again: the first of its days that is not past."""
    return first + timedelta(days=every * max(1, -((first - today).days // every)))


def dearest_with(
    field_name: str, lines: Sequence[Mapping[str, Any]], products: Mapping[str, Product], sensitive: Sequence[str]
) -> Product | None:
    """The dearest product of an order that has this field in the catalogue; none of a sensitive category (R6)."""
    hidden = {word.casefold() for word in sensitive}
    found = [
        (line.get("price") or 0, product)
        for line in lines
        if (product := products.get(line.get("sku", ""))) and getattr(product, field_name)
        if not {product.category.casefold(), str(line.get("category", "")).casefold()} & hidden
    ]
    return max(found, key=lambda one: (one[0], one[1].sku))[1] if found else None
