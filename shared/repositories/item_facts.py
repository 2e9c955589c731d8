"""What a change of an item is as facts of the lake, without personal data (X21, X22).

A fact is a plain dict: `kind` and the columns of `domain.facts.schema`. Most facts are the state of one item; what no
item keeps, such as the steps of a journey, comes as news with the item whose commit told it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple, cast

from shared.domain.campaigns.campaign import JOURNEY as CAMPAIGN
from shared.domain.catalogue.product import Product
from shared.domain.common.channels import consent_channel
from shared.domain.common.outgoing_values import is_code, is_plain
from shared.domain.common.playbook_rules import OrderRules
from shared.domain.customers.profile import Profile, caring_store
from shared.domain.facts.schema import Kind, columns
from shared.domain.messaging.message import Message
from shared.domain.messaging.policy import in_holdout
from shared.domain.orders.cart import lines as cart_lines
from shared.domain.orders.order import OrderState, read, refunded
from shared.domain.tickets.rules import TicketRules
from shared.domain.tickets.ticket import Ticket, is_complaint
from shared.domain.vietnam_time import local_day, moment
from shared.ports import Item, Key
from shared.repositories import table_keys
from shared.repositories.co_purchase import basket
from shared.repositories.news import events
from shared.repositories.profiles import addresses

Fact = dict[str, Any]

# Who is young, middle-aged and older, as channels are chosen by (U9).
AGE_BANDS = ((30, "under_30"), (45, "30_to_44"))
OLDER = "45_and_over"
# The arms of a campaign by the names that journeys have for theirs; `global` is the hold-out of all marketing.
ARMS = {"campaign": "live", "held_out": "holdout", "held_out_of_all": "global"}
# Names of stores, channels and events are short; longer ones are texts.
LONGEST_WORD = 40


class Change(NamedTuple):
    """A change of one item as the stream of the table tells it; `at` is a stamp, `seq` sorts within a shard."""

    key: Key
    old: Item | None
    new: Item | None
    at: str
    seq: str

    @property
    def version(self) -> str:
        """Sorts the states of one item: of two in the same second, by their place in the shard."""
        return f"{self.at}#{int(self.seq):025d}"


def needs_old(key: Key) -> bool:
    """Whether facts of an item are about what changed, beside its `version`."""
    return key.sk == "P"


@dataclass(frozen=True)
class ItemFacts:
    """Makes facts of changes. `products` gives what is known of these SKUs; `unrewarded` are intents of tickets that
    earn no credit for later orders, `holdout_percent` is the global hold-out."""

    orders: OrderRules
    tickets: TicketRules
    unrewarded: frozenset[str]
    holdout_percent: int
    products: Callable[[Iterable[str]], Mapping[str, Product]]

    def of(self, change: Change) -> list[Fact]:
        """The facts that a change tells; none for what is no fact, and for items that only went away."""
        sk, new = change.key.sk, change.new
        found = list(self._told(change))
        if new is None:
            return found
        if change.key.pk.startswith(table_keys.ORDERS):
            found += self._order(change, new)
        elif sk == "P":
            found += self._customer(change, new)
        elif sk == "K":
            found.append(self._cart(change, new))
        elif sk.startswith("X#"):
            found += self._message(change, new)
        elif sk.startswith(("OS#", "TS#")):
            found += self._ticket(change, new)
        elif sk.startswith(("OT#", "DT#")):
            found.append(self._task(change, new))
        elif sk.startswith("E#"):
            found.append(self._entry(change, new))
        elif sk.startswith("P#") and change.key.pk.startswith("CAMPAIGN#"):
            found.append(self._targeted(change, new))
        elif change.key.pk.startswith("SPEND#"):
            found.append(self._spend(change, new))
        return found

    # ---- by kind ----

    def _order(self, change: Change, item: Item) -> Iterator[Fact]:
        order_id = change.key.pk.removeprefix(table_keys.ORDERS)
        state = cast(OrderState, item)
        row = read(order_id, state, date.fromisoformat(item["as_of"]), self.orders.cod_matures_days)
        if row is None:
            return
        content = state["content"]
        yield _fact(
            "order", change, _digest(order_id), row.placed_at,
            order_id=_code(order_id), customer_id=state.get("home"), store=_word(content.get("store")),
            channel=_word(content.get("channel")), cashier=_word(content.get("cashier")),
            total=row.total, kept=row.kept, discount=content.get("discount", 0), refunded=refunded(state),
            margin=self._margin(content.get("lines", ()), row.total, row.kept), promo=row.promo,
            payment=_word(content.get("payment")), status=row.status, counts=row.counts,
            exchange=bool(content.get("exchange_of")),
            bad_phone=bool(state.get("bad_phone")), backfill=bool(state.get("backfill")),
            skus=",".join(sorted(sku for sku in basket(row, content, self.orders) if is_code(sku))) or None,
        )  # fmt: skip

    def _margin(self, lines: Iterable[Mapping[str, Any]], total: int, kept: int) -> int | None:
        """What is left of the kept revenue after the cost of its goods; None unless the cost of every line is known."""
        sold = list(lines)
        if not sold or total <= 0 or not all("sku" in line for line in sold):
            return None
        known = self.products(line["sku"] for line in sold)
        cost = 0
        for line in sold:
            product = known.get(line["sku"])
            if product is None or product.price is None or product.margin is None:
                return None
            cost += (product.price - product.margin) * line.get("quantity", 1)
        return kept - cost * kept // total

    def _customer(self, change: Change, item: Item) -> Iterator[Fact]:
        profile, before = cast(Profile, item), cast(Profile, change.old or {})
        about = self._standing(profile, change)
        if change.old is None or about != self._standing(before, change):
            yield _fact("customer", change, profile["customer_id"], profile["created_at"], **about)
        labels, had = profile.get("labels", []), before.get("labels", [])
        if labels and labels != had:
            yield _fact(
                "segment", change, f"{profile['customer_id']}#{item['version']}", change.at,
                customer_id=profile["customer_id"], lifecycle=labels[0], value=labels[1],
                lifecycle_before=had[0] if had else None, value_before=had[1] if had else None,
                tags=",".join(sorted(labels[2:])) or None,
            )  # fmt: skip

    def _standing(self, profile: Profile, change: Change) -> Fact:
        labels = profile.get("labels", [])
        reached = addresses([profile]) if "identities" in profile else {}
        open_to = {name for name in reached if name not in profile.get("closed", {})}
        consent = profile.get("consent", {})
        agreed = {
            name for name in open_to if consent.get(f"{consent_channel(name)}:marketing", {}).get("granted") is True
        }
        traits = profile.get("traits", {})
        return {
            "customer_id": profile.get("customer_id"),
            "lead": profile.get("merged_into", {}).get("customer_id") or profile.get("customer_id"),
            "store": _word(caring_store(profile)) if "traits" in profile else None,
            "lifecycle": labels[0] if labels else None,
            "value": labels[1] if labels else None,
            "tags": ",".join(sorted(labels[2:])) or None,
            "age_band": _age_band(traits.get("birthday"), local_day(moment(change.at))),
            "source": _word(traits.get("@source")),
            "reach": ",".join(sorted(open_to)) or None,
            "consented": ",".join(sorted(agreed)) or None,
            "held_out": in_holdout(str(profile.get("customer_id")), "*", self.holdout_percent),
        }

    def _cart(self, change: Change, item: Item) -> Fact:
        inside = cart_lines(item)
        customer_id = _customer_of(change.key)
        return _fact(
            "cart", change, f"{customer_id}#{item['version']}", item["changed_at"], customer_id=customer_id,
            lines=len(inside), value=sum(line.get("price", 0) * line["quantity"] for line in inside),
        )  # fmt: skip

    def _message(self, change: Change, item: Item) -> Iterator[Fact]:
        message = cast(Message, item)
        reached: dict[str, str] = {}
        for at, status, _, _ in message["log"]:
            reached.setdefault(status, at)
        about = {name: message.get(name) or None for name in ("journey", "step", "purpose", "template", "channel")}
        common = {**about, "customer_id": message["customer_id"], "run": _code(message["run"])}
        first = {f"{name}_at": reached.get(name) for name in ("sent", "delivered", "opened", "clicked", "replied")}
        first["sent_at"] = min((at for at in first.values() if at), default=None)
        yield _fact(
            "message", change, message["message_id"], message["created_at"], **common, **first,
            status=message["status"], reason=message["reason"], cost=message["cost"],
        )  # fmt: skip
        answer = message.get("answer")
        about_ticket = message["run"] if len(message["run"]) == table_keys.TICKET_ID else None
        if answer and not (about_ticket and answer.get("survey") == "csat"):  # that one is the ticket's rating
            yield _fact(
                "survey", change, message["message_id"], answer["at"], customer_id=message["customer_id"],
                survey=answer.get("survey", "csat"), score=answer["score"], ticket_id=about_ticket,
                journey=about["journey"], step=about["step"], channel=about["channel"],
            )  # fmt: skip

    def _ticket(self, change: Change, item: Item) -> Iterator[Fact]:
        ticket = cast(Ticket, item)
        same = (
            "channel", "store", "intent", "severity", "sentiment", "queue", "priority", "status", "first_response_at",
            "first_response_seconds", "bot_first_response_at", "bot_first_response_seconds", "served_at", "resolved_at",
            "handled_seconds",
        )  # fmt: skip
        yield _fact(
            "ticket", change, ticket["ticket_id"], ticket["opened_at"], customer_id=ticket["customer_id"],
            **{name: ticket.get(name, None) for name in same}, misses=ticket.get("misses", 0),
            reopened=ticket.get("reopened", 0), complaint=_is_about_a_complaint(ticket, self.tickets),
            our_fault=bool(ticket.get("our_fault")), credit_excluded=ticket["intent"] in self.unrewarded,
        )  # fmt: skip
        if rating := ticket.get("rating"):
            yield _fact(
                "survey", change, f"ticket:{ticket['ticket_id']}", rating["at"], customer_id=ticket["customer_id"],
                survey="csat", score=rating["score"], ticket_id=ticket["ticket_id"], channel=ticket["channel"],
                store=ticket.get("store") or None,
            )  # fmt: skip

    def _task(self, change: Change, item: Item) -> Fact:
        same = ("kind", "journey", "step", "store", "role", "due_at", "done_at", "outcome")
        about = {name: item.get(name) or None for name in same}
        about["task_kind"] = about.pop("kind")
        return _fact(
            "task", change, item["task_id"], item["at"], customer_id=item["customer_id"], sells=bool(item.get("sells")),
            **about,
        )  # fmt: skip

    def _entry(self, change: Change, item: Item) -> Fact:
        customer_id = _customer_of(change.key)
        fact_id = f"{customer_id}#{_digest(change.key.sk)}"
        if item["type"] == "consent":
            said = item["consent"]
            return _fact(
                "consent", change, fact_id, item["at"], customer_id=customer_id, channel=said["channel"],
                purpose=said["purpose"], granted=said["granted"], source=_word(said.get("source")),
            )  # fmt: skip
        return _fact(
            "engagement", change, fact_id, item["at"], customer_id=customer_id, type=item["type"],
            name=_word(item["name"]), stage=item.get("stage"), source=_word(item.get("source")),
            backfill=bool(item.get("backfill")),
        )  # fmt: skip

    def _targeted(self, change: Change, item: Item) -> Fact:
        """A campaign took a customer in, or into its hold-out."""
        campaign, customer_id = change.key.pk.removeprefix("CAMPAIGN#"), change.key.sk.removeprefix("P#")
        return _fact(
            "journey_step", change, f"{campaign}#{customer_id}", item["at"], customer_id=customer_id, journey=CAMPAIGN,
            run=campaign, campaign=campaign, arm=ARMS.get(item["arm"], item["arm"]), event="entered",
        )  # fmt: skip

    def _spend(self, change: Change, item: Item) -> Fact:
        same = {name: item.get(name) or None for name in ("purpose", "channel", "campaign")}
        return _fact("spend", change, _digest("/".join(change.key)), item["at"], amount=item["amount"], **same)

    def _told(self, change: Change) -> Iterator[Fact]:
        """Facts of events that came with the item."""
        for number, event in enumerate(events(change.old, change.new)):
            assert change.new is not None
            yield _fact(
                "journey_step", change, f"{_customer_of(change.key)}#{change.key.sk}#{change.new['version']}#{number}",
                event["at"], customer_id=event["customer_id"], journey=event["journey"],
                journey_version=event["version"], run=_code(event["run"]), arm=event["arm"],
                variant=event["variant"] or None, event=event["event"], step=event["step"], why=event["why"] or None,
            )  # fmt: skip


def _fact(kind: Kind, change: Change, fact_id: str, at: str, **values: Any) -> Fact:
    """A fact with every column of its kind; those not given are null."""
    fact: Fact = dict.fromkeys(columns(kind))
    fact |= {"fact_id": fact_id, "version": change.version, "deleted": False, "at": at}
    fact["day"] = local_day(moment(at)).isoformat()
    return {"kind": kind, **fact, **values}


def _is_about_a_complaint(ticket: Ticket, rules: TicketRules) -> bool:
    return is_complaint(cast(Ticket, {**ticket, "status": "open"}), rules)


def _customer_of(key: Key) -> str:
    return key.pk.removeprefix("C#")


def _digest(text: str) -> str:
    """24 hexadecimal digits: what a sender wrote as an id may be anything."""
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@lru_cache(maxsize=4096)
def _code(value: Any) -> str | None:
    """A value that a sender wrote, where it is a code; None for what could be a person's number or address (X22)."""
    text = str(value) if value else ""
    return text if is_code(text) else None


# A shop has few stores, channels and kinds of events.
@lru_cache(maxsize=4096)
def _word(value: Any) -> str | None:
    """The short name of a store, a channel or an event; None for what could be a number, an address or a text."""
    text = str(value) if value else ""
    return text if len(text) <= LONGEST_WORD and is_plain(text) else None


def _age_band(birthday: Any, today: date) -> str | None:
    """The age band of a birthday, a local day as text; None where the year is unknown."""
    try:
        born = date.fromisoformat(str(birthday))
    except ValueError:
        return None
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return next((name for below, name in AGE_BANDS if age < below), OLDER)
