"""Offers: what the playbook gives, on which conditions, and the words for a code that is refused (R21, W5)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from shared.domain.common.localized_text import Text
from shared.domain.common.money import vnd
from shared.domain.common.strict_model import StrictModel
from shared.domain.vietnam_time import day_start, local_day

Kind = Literal["amount", "percent", "gift"]


Reason = Literal[
    "unknown", "used", "expired", "not_yet", "foreign", "phone_needed", "below_minimum", "wrong_store", "wrong_goods",
    "order_cancelled",
]  # fmt: skip


# Above it a promotion is more than the law lets a shop give on most goods (Decree 81/2018, article 6).
DEEP_PERCENT = 50


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
            *((f"reasons.{reason}", text, IN_A_REASON) for reason, text in self.reasons.items()),
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


IN_A_REASON = ("code", "at", "store", "order_id", "amount")


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
