"""Vouchers: a code with the terms it was issued on, and whether it is good for an order (R21, W5).

A voucher keeps the terms it was issued on, whatever becomes of its offer. Who has used it is the set of its claims, by
order: orders arrive late, twice and cancelled, and whichever way they come the same one of them holds the voucher.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from pydantic import Field

from shared.domain.common.localized_text import Text
from shared.domain.common.money import vnd
from shared.domain.common.strict_model import StrictModel
from shared.domain.errors import ExpiredCode, Refused, UnknownCode
from shared.domain.orders.order import in_effect, refunded
from shared.domain.vietnam_time import VIETNAM, moment, stamp
from shared.domain.vouchers.offer import IN_A_REASON, Book, Reason, Terms

# Nobody mistakes one of these for another; 0, O, 1, I and L are left out.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 8
MISREAD = str.maketrans("OIL", "011")
_CODE = re.compile(rf"[0-9A-Z]{{2,4}}[{ALPHABET}]{{{LENGTH}}}")
# So far may the clocks of an offline till and ours be apart.
CLOCKS_APART = timedelta(hours=1)
# Of the orders that came with one code, those are kept that would hold it first.
CLAIMS_KEPT = 20


class Said(StrictModel):
    """What a till or an event reported of an order: when, where, its total before the discount (VND; None: unknown)."""

    at: str
    store: str = ""
    total: int | None = None


class Claim(StrictModel):
    """An order that came with the code.

    `told`: a cashier asked and got a yes. `carried`: the order itself names the code; `customer_id` is whose
    timeline tells of it, "" for nobody's. `void`: the order was cancelled or came back whole.
    """

    told: Said | None = None
    carried: Said | None = None
    customer_id: str = ""
    void: bool = False

    @property
    def said(self) -> Said:
        """A cashier's answer stays as it was given; only a total that was not named there comes from the order."""
        if self.told is None or self.carried is None:
            return self.told or self.carried or Said(at="")
        return self.told if self.told.total is not None else self.told.model_copy(update={"total": self.carried.total})

    @property
    def rank(self) -> tuple[bool, str]:
        """An order with a cashier's yes goes first, then the earliest."""
        return (self.told is None, self.said.at)


class Redemption(NamedTuple):
    """Which order used a voucher, where, when, and for how much (VND; None while the order's total is not known)."""

    order_id: str
    store: str
    at: str
    value: int | None


class Voucher(Terms):
    """One code, bound to one customer. Moments are stamps; `redeemed` follows from the claims, by order."""

    code: str
    offer: str
    gift: Text
    customer_id: str
    issued_at: str
    valid_until: str
    journey: str
    run: str
    step: str
    claims: dict[str, Claim] = Field(default_factory=dict)

    @property
    def redeemed(self) -> Redemption | None:
        """The order that holds the voucher: the one a till got a yes for, else the earliest that carries it."""
        live = [(*claim.rank, order_id) for order_id, claim in self.claims.items() if not claim.void]
        if not live:
            return None
        order_id = min(live)[-1]
        said = self.claims[order_id].said
        value = self.worth(said.total) if said.total is not None else self.value if self.kind == "amount" else None
        return Redemption(order_id, said.store, said.at, value)

    def claimed(self, order_id: str, claim: Claim) -> Voucher:
        """The voucher with what is known of one order now."""
        others = {name: known for name, known in self.claims.items() if name != order_id}
        if claim.told or claim.carried:
            others[order_id] = claim
        first = sorted(others, key=lambda name: (*others[name].rank, name))[:CLAIMS_KEPT]
        return self.model_copy(update={"claims": {name: others[name] for name in sorted(first)}})


class Use(NamedTuple):
    """An order that wants a voucher's value. `total` is before the discount; None: not known.

    `members` are the ids of the customer who shows the code, merged ones among them; None: nobody knows who it is.
    """

    order_id: str
    at: datetime
    store: str
    total: int | None = None
    categories: frozenset[str] | None = None
    members: frozenset[str] | None = None


def refusal(voucher: Voucher, use: Use, *, nobody_may: bool = False) -> Reason | None:
    """Why a voucher is not good for an order, or None. An order that holds it already keeps it.

    `nobody_may`: an order without a customer passes, as for one that was rung up before its event arrived.
    """
    holder = voucher.redeemed
    if holder and holder.order_id == use.order_id:
        return None
    if not voucher.bearer:
        if use.members is None and not nobody_may:
            return "phone_needed"
        if use.members is not None and voucher.customer_id not in use.members:
            return "foreign"
    if holder:
        return "used"
    return unfit(voucher, use)


def unfit(voucher: Voucher, use: Use) -> Reason | None:
    """Which of the voucher's own conditions an order does not meet, apart from other uses; None: it meets all."""
    if use.at >= moment(voucher.valid_until):
        return "expired"
    if use.at < moment(voucher.issued_at) - CLOCKS_APART:
        return "not_yet"
    if voucher.stores and use.store not in voucher.stores:
        return "wrong_store"
    if use.total is not None and use.total < voucher.min_order:
        return "below_minimum"
    if voucher.categories and use.categories is not None and not use.categories & set(voucher.categories):
        return "wrong_goods"
    return None


def came_back(order: Mapping[str, Any]) -> bool:
    """Whether nothing of an order's sale stands any more, by its facts: then a voucher was not used by it."""
    facts, content = in_effect(order), order["content"]
    if "cancelled" in facts or "returned" in facts:
        return True
    if "failed" in facts and "delivered" not in facts and content.get("payment") == "cod":
        return True
    total: int = content.get("total", 0)
    return 0 < total <= refunded(order)


def words(book: Book, reason: Reason, voucher: Voucher | None, code: str, *, tells_use: bool = True) -> Refused:
    """A refusal in the playbook's words; without `tells_use` not with the store and the order that used the code."""
    known = dict.fromkeys(IN_A_REASON, "") | {"code": code}
    if voucher:
        holder = voucher.redeemed
        at = holder.at if holder and reason == "used" else voucher.issued_at
        at = voucher.valid_until if reason == "expired" else at
        place = holder.store if holder and tells_use else ""
        known |= {
            "code": voucher.code,
            "at": clock(at),
            "store": (place if reason == "used" else ", ".join(voucher.stores)) or "?",
            "order_id": (holder.order_id if tells_use else "?") if holder else "",
            "amount": vnd(voucher.min_order),
        }
    said = book.reasons[reason]
    kind = {"unknown": UnknownCode, "expired": ExpiredCode}.get(reason, Refused)
    return kind(reason, said.in_language("vi").format(**known), said.in_language("en").format(**known))


def clock(at: str) -> str:
    """A stamp as people read it in Vietnam: 14:30 24/11/2026."""
    return moment(at).astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")


def new_code(prefix: str, randomness: str) -> str:
    """A code nobody can guess from another: `PREFIX-XXXXXXXX` from a random text of at least 60 bits."""
    number = int.from_bytes(hashlib.sha256(randomness.encode()).digest(), "big")
    letters = []
    for _ in range(LENGTH):
        number, rest = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[rest])
    return f"{prefix}-{''.join(letters)}"


def read_code(raw: str) -> str | None:
    """The one way of writing a code that its key is made of, however a cashier typed it; None: it can be no code."""
    plain = unicodedata.normalize("NFKC", raw).upper()
    tight = "".join(char for char in plain if char.isalnum()).translate(MISREAD)
    return tight if _CODE.fullmatch(tight) else None


def status(voucher: Voucher, now: datetime) -> Literal["open", "redeemed", "expired"]:
    """What has become of a voucher."""
    if voucher.redeemed:
        return "redeemed"
    return "expired" if now >= moment(voucher.valid_until) else "open"


def issued(book: Book, offer_id: str, customer_id: str, code: str, at: datetime, **of: str) -> Voucher:
    """A new voucher on the offer's terms of today; `of` names journey, run and step. KeyError: no such offer."""
    offer = book.offers[offer_id]
    return Voucher.model_validate(
        {
            **offer.terms,
            **of,
            "code": code,
            "offer": offer_id,
            "gift": book.gift(offer),
            "customer_id": customer_id,
            "issued_at": stamp(at),
            "valid_until": stamp(offer.ends(at)),
        }
    )
