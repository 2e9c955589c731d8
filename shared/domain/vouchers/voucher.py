"""Offers and vouchers: what is promised, on which conditions, and whether a code is good for an order (R21, W5).

A voucher keeps the terms it was issued on, whatever becomes of its offer. Who has used it is the set of its claims, by
order: orders arrive late, twice and cancelled, and whichever way they come the same one of them holds the voucher.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, Self, get_args

from pydantic import Field, model_validator

from shared.domain.common.localized_text import Text
from shared.domain.common.money import vnd
from shared.domain.common.strict_model import StrictModel
from shared.domain.errors import ExpiredCode, Refused, UnknownCode
from shared.domain.vietnam_time import VIETNAM, day_start, local_day, moment, stamp

Kind = Literal["amount", "percent", "gift"]
Reason = Literal[
    "unknown", "used", "expired", "not_yet", "foreign", "phone_needed", "below_minimum", "wrong_store", "wrong_goods",
    "order_cancelled",
]  # fmt: skip

# Nobody mistakes one of these for another; 0, O, 1, I and L are left out.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 8
MISREAD = str.maketrans("OIL", "011")
_CODE = re.compile(rf"[0-9A-Z]{{2,4}}[{ALPHABET}]{{{LENGTH}}}")
# Above it a promotion is more than the law lets a shop give on most goods (Decree 81/2018, article 6).
DEEP_PERCENT = 50
# So far may the clocks of an offline till and ours be apart.
CLOCKS_APART = timedelta(hours=1)
# Of the orders that came with one code, those are kept that would hold it first.
CLAIMS_KEPT = 20


class Terms(StrictModel):
    """What is given and on which conditions. `value` is VND or percent, of a gift what it costs the shop.

    `max_value` is the most a percentage may come to. `bearer`: whichever customer shows the code, no
    phone is asked for. `categories` and `stores` limit it to some, empty: to none in particular.
    """

    kind: Kind
    value: int = Field(ge=0)
    max_value: int = Field(default=0, ge=0)
    min_order: int = Field(default=0, ge=0)
    categories: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    bearer: bool = False

    @property
    def most(self) -> int:
        """What it may cost the shop at most, in VND."""
        return self.max_value if self.kind == "percent" else self.value

    def worth(self, order_total: int) -> int:
        """What it takes off an order of this total, in VND; a gift takes nothing off."""
        if self.kind == "gift":
            return 0
        off = order_total * self.value // 100 if self.kind == "percent" else self.value
        return max(0, min(off, self.most, order_total))


class Offer(Terms):
    """An offer of the playbook. `gift` is how messages name it, made from kind and value where it is left out.

    `valid` counts from the issue: 14d ends with the fourteenth day after it, 48h to the minute.
    """

    title: Text
    gift: Text | None = None
    prefix: str
    valid: str

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not re.fullmatch("[A-Z]{2,4}", self.prefix):
            raise ValueError("prefix: must be two to four capital letters such as SN")
        if not re.fullmatch("[1-9][0-9]{0,2}[hd]", self.valid):
            raise ValueError("valid: must be days or hours such as 14d or 48h")
        if self.kind == "percent" and not 1 <= self.value <= 100:
            raise ValueError("value: must be 1 to 100 percent")
        if self.kind == "percent" and not self.max_value:
            raise ValueError("max_value: is needed, the most that the percentage may come to in VND")
        if self.kind != "percent" and self.max_value:
            raise ValueError("max_value: is for percentages only")
        if self.kind == "amount" and not self.value:
            raise ValueError("value: must be more than 0 VND")
        if self.kind == "gift" and not self.gift:
            raise ValueError("gift: is needed, the words for what is given")
        return self

    @property
    def terms(self) -> dict[str, object]:
        """The conditions a voucher takes over from it."""
        return {name: getattr(self, name) for name in Terms.model_fields}

    def ends(self, issued: datetime) -> datetime:
        """The moment from which a voucher issued now is no good any more, in UTC."""
        number = int(self.valid[:-1])
        if self.valid.endswith("h"):
            return issued + timedelta(hours=number)
        # Messages say a day, and it is good until that day is over.
        return day_start(local_day(issued) + timedelta(days=number + 1))


class Book(StrictModel):
    """The playbook's offers, and the words about them: `offers.yaml`.

    `gifts` name a value: {value} stands where an amount or a percentage goes, {most} for the most it may come to.
    `reasons` tell a cashier why a code is refused, with what is known of it: {code} {at} {store} {order_id} {amount}.
    """

    gifts: dict[Kind, Text]
    reasons: dict[Reason, Text]
    offers: dict[str, Offer]

    @model_validator(mode="after")
    def _says_everything(self) -> Self:
        for kind in ("amount", "percent"):
            if kind not in self.gifts:
                raise ValueError(f"gifts.{kind}: is needed")
        for reason in get_args(Reason):
            if reason not in self.reasons:
                raise ValueError(f"reasons.{reason}: is needed")
        for path, text, known in (
            *((f"gifts.{kind}", text, _IN_A_GIFT) for kind, text in self.gifts.items()),
            *((f"reasons.{reason}", text, _IN_A_REASON) for reason, text in self.reasons.items()),
        ):
            for said in (text.vi, text.en):
                try:
                    said.format(**dict.fromkeys(known, "?"))
                except (LookupError, ValueError, AttributeError):
                    names = ", ".join(f"{{{name}}}" for name in known)
                    raise ValueError(f"{path}: may fill in {names} and nothing else") from None
        return self

    def gift(self, offer: Offer) -> Text:
        """The gift as messages name it, such as "giảm 100.000 ₫"."""
        if offer.gift:
            return offer.gift
        value = f"{offer.value} %" if offer.kind == "percent" else vnd(offer.value)
        said = self.gifts[offer.kind]
        return Text(
            **{lang: said.in_language(lang).format(value=value, most=vnd(offer.max_value)) for lang in ("vi", "en")}
        )


_IN_A_GIFT = ("value", "most")
_IN_A_REASON = ("code", "at", "store", "order_id", "amount")


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
    facts, content = order["facts"], order["content"]
    if "cancelled" in facts or "returned" in facts:
        return True
    if "failed" in facts and "delivered" not in facts and content.get("payment") == "cod":
        return True
    total: int = content.get("total", 0)
    back: int = sum(total if amount is None else amount for _, amount in facts.get("refunded", {}).values())
    return 0 < total <= back


def words(book: Book, reason: Reason, voucher: Voucher | None, code: str) -> Refused:
    """A refusal in the playbook's words."""
    known = dict.fromkeys(_IN_A_REASON, "") | {"code": code}
    if voucher:
        holder = voucher.redeemed
        at = holder.at if holder and reason == "used" else voucher.issued_at
        at = voucher.valid_until if reason == "expired" else at
        known |= {
            "code": voucher.code,
            "at": clock(at),
            "store": (holder.store if holder and reason == "used" else ", ".join(voucher.stores)) or "?",
            "order_id": holder.order_id if holder else "",
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


def warnings(offer: Offer) -> tuple[str, ...]:
    """What a marketer should look at twice before an offer goes live; nothing that stops it."""
    if offer.kind == "percent" and offer.value > DEEP_PERCENT:
        return (f"value: {offer.value} % is more than {DEEP_PERCENT} %, the most that the law allows for most goods",)
    if offer.kind == "amount" and offer.value * 100 > offer.min_order * DEEP_PERCENT:
        least = vnd(offer.value * 100 // DEEP_PERCENT)
        return (
            f"min_order: {vnd(offer.value)} is more than {DEEP_PERCENT} % of the smallest order it may be used on; "
            f"from {least} on it is not",
        )
    return ()
